"""A load that is cut off goes on, and ends as one that never was."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from index_tools.load import Loaded, load
from search_rerank.config import Config, EncoderConfig, LoadConfig
from search_rerank.data.refused import Refused
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine, Retrieve
from tests.index_tools.conftest import ROWS

pytestmark = pytest.mark.slow

Write = Callable[..., Path]
MANY = [
    row | {"id": f"{row['id']}-{n}", "title": f"{row['title']} {n}"}
    for n in range(5)
    for row in ROWS
]


@pytest.fixture
def often(config: Config) -> Config:
    return config.model_copy(update={"load": LoadConfig(checkpoint=100)})


def cut_off(config: Config, path: Path, engine: Engine, at: int) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what == "write" and done >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(config, path, engine, batch=50, progress=interrupt)


def test_it_goes_on_from_the_last_checkpoint(
    often: Config, engine: Engine, catalogue: Write
) -> None:
    path = catalogue(MANY)
    cut_off(often, path, engine, 250)
    [left] = engine.versions()
    loaded = load(often, path, engine, promote=True, batch=70)
    assert loaded.version == left.name
    assert loaded.resumed == 200
    assert (loaded.written, loaded.encoded) == (300, 250)
    assert engine.count() == 300
    assert "went on from item 201" in loaded.notes[0]
    # It is over: the next load begins anew.
    assert load(often, path, engine).resumed == 0


def test_fresh_drops_what_was_left(often: Config, engine: Engine, catalogue: Write) -> None:
    path = catalogue(MANY)
    cut_off(often, path, engine, 250)
    [left] = engine.versions()
    loaded = load(often, path, engine, fresh=True)
    assert (loaded.resumed, loaded.written) == (0, 300)
    assert [version.name for version in engine.versions()] == [loaded.version] != [left.name]


def test_another_file_or_other_settings_begin_anew(
    often: Config, engine: Engine, catalogue: Write
) -> None:
    cut_off(often, catalogue(MANY), engine, 250)
    assert load(often, catalogue(MANY[:299]), engine).resumed == 0
    path = catalogue(MANY)
    cut_off(often, path, engine, 250)
    assert load(often, path, engine, boosts={"P0-0": 2.0}).resumed == 0


def outcome(config: Config, loaded: Loaded) -> tuple[object, ...]:
    """All that can be seen of a version."""
    engine = open_engine(config)
    ids = [row["id"] for row in MANY]
    found = engine.lookup(ids, loaded.version)
    answers = []
    for text in ("red shoes", "blue boots 3", "lipstick"):
        hits = engine.retrieve(Retrieve(text, k=300), loaded.version)
        answers.append(dict(zip(hits.ids, hits.lexical.round(3).tolist(), strict=True)))
    engine.close()
    return (
        [s and (s.item, s.content_hash) for s in found],
        np.array([s.vector for s in found if s is not None]).tolist(),
        answers,
    )


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_as_one_that_was_not(tmp_path: Path, catalogue: Write) -> None:
    rng, bad = random.Random(7), {"id": "x", "titel": "Cap"}
    path = catalogue([*MANY[:40], bad, *MANY[40:250], bad, *MANY[250:]])
    results = []
    for name, kills in (("whole", 0), ("killed", 6)):
        home, refused = tmp_path / name, tmp_path / f"{name}.jsonl"
        settings = tmp_path / f"{name}.toml"
        settings.write_text(
            f"home = {json.dumps(str(home))}\n[encoder]\ndim = 8\n"
            f"[load]\ncheckpoint = 100\nbatch = 10\n"
        )
        command = [
            sys.executable, "-m", "search_rerank", "--config", str(settings), "index", "load",
            str(path), "--refused", str(refused),
        ]  # fmt: skip
        for _ in range(kills):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
            begun = time.monotonic()
            while not (home / "loads").exists() and time.monotonic() - begun < 60:
                time.sleep(0.02)
            time.sleep(rng.uniform(0.0, 2.0))
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
            if process.returncode == 0:
                break
        subprocess.run(command, check=True, capture_output=True)
        config = Config(home=home, encoder=EncoderConfig(dim=8))
        engine = open_engine(config)
        newest = engine.versions()[0].name
        engine.close()
        loaded = Loaded(newest, False, 0, 0, 0, 0, 0, "")
        results.append((outcome(config, loaded), refused.read_text()))
    (whole, whole_refused), (killed, killed_refused) = results
    for one, other in zip(whole, killed, strict=True):
        assert one == other
    assert whole_refused == killed_refused


def test_refused_rows_are_told_once(
    often: Config, engine: Engine, catalogue: Write, tmp_path: Path
) -> None:
    bad = {"id": "x", "titel": "Cap"}
    path = catalogue([bad, *MANY, bad])
    cut_off(often, path, engine, 250)
    with Refused(tmp_path / "refused.jsonl") as refused:
        loaded = load(often, path, engine, refused=refused)
    assert (loaded.resumed, loaded.refused) == (200, 2)
    lines = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [line["line"] for line in lines] == [1, 302]
