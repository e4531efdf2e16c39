import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import index_tools.load as load_module
from index_tools.load import load
from index_tools.popularity import popularity_boosts
from index_tools.verify import VerificationError
from index_tools.versions import promote
from search_rerank.config import Config, EncoderConfig, LoadConfig
from search_rerank.data.refused import Refused
from search_rerank.encoders import fit_encoder
from search_rerank.engines.base import Engine, Retrieve
from search_rerank.errors import BundleError, ConfigError, DataError, EngineError
from search_rerank.query import Filters
from tests.index_tools.conftest import ROWS

pytestmark = pytest.mark.slow

Write = Callable[..., Path]


def live(engine: Engine) -> list[str]:
    return [version.name for version in engine.versions() if version.live]


def test_a_catalogue_is_loaded_and_found(config: Config, engine: Engine, catalogue: Write) -> None:
    loaded = load(config, catalogue(), engine, promote=True)
    assert (loaded.written, loaded.unchanged, loaded.refused, loaded.encoded) == (60, 0, 0, 60)
    assert live(engine) == [loaded.version]
    assert engine.count() == 60
    assert engine.retrieve(Retrieve("red running shoes model 0")).ids[0] == "P0"


def test_attributes_of_the_last_item_can_be_filtered_on(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    load(config, catalogue(), engine, promote=True)
    request = Retrieve("", filters=Filters(terms={"attributes.late": ("true",)}))
    assert list(engine.retrieve(request).ids) == ["P59"]


def test_loading_it_again_encodes_nothing(config: Config, engine: Engine, catalogue: Write) -> None:
    first = load(config, catalogue(), engine, promote=True)
    second = load(config, catalogue(), engine, promote=True)
    assert (second.written, second.unchanged, second.encoded) == (0, 60, 0)
    assert second.version != first.version
    assert second.encoder == first.encoder


def test_only_what_changed_is_encoded(config: Config, engine: Engine, catalogue: Write) -> None:
    load(config, catalogue(), engine, promote=True)
    cheaper = ROWS[0] | {"price": 1.0}
    renamed = ROWS[1] | {"title": "green hat"}
    loaded = load(config, catalogue([cheaper, renamed, *ROWS[2:]]), engine)
    # A price is no text: the item is another, its vector is the same.
    assert (loaded.written, loaded.unchanged, loaded.encoded) == (2, 58, 1)


def test_without_promote_the_live_version_stays(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    first = load(config, catalogue(), engine, promote=True)
    second = load(config, catalogue(ROWS[:40]), engine)
    assert not second.live
    assert live(engine) == [first.version]


def test_another_batch_size_gives_the_same_index(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    ids = [row["id"] for row in ROWS]
    stored = [
        engine.lookup(ids, load(config, catalogue(), engine, batch=size).version)
        for size in (7, 500)
    ]
    for one, other in zip(*stored, strict=True):
        assert one is not None and other is not None
        assert one.item == other.item
        np.testing.assert_array_equal(one.vector, other.vector)


def test_standard_input_is_read(
    config: Config, engine: Engine, catalogue: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = catalogue().read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert load(config, Path("-"), engine).written == 60


def test_progress_reaches_the_end(config: Config, engine: Engine, catalogue: Write) -> None:
    seen: list[tuple[str, int, int]] = []
    load(config, catalogue(), engine, batch=25, progress=lambda *step: seen.append(step))
    assert seen == [("write", 25, 60), ("write", 50, 60), ("write", 60, 60), ("verify", 0, 0)]


# bad input

BAD: list[tuple[Any, str]] = [
    ({"id": "x1", "title": "Cap", "colour": "red"}, "unknown field 'colour'"),
    ({"id": "x2", "titel": "Cap"}, "did you mean 'title'"),
    ({"id": "x3", "title": 7}, "title: Input should be a valid string"),
    ({"id": "x4", "title": "Cap", "price": "cheap"}, "price: "),
    ({"id": "P0", "title": "Cap"}, "id: expected each once"),
    ('{"id": "x6", "title": "Cap", "price": NaN}', "NaN and Infinity are no JSON"),
    ({"id": "x7", "title": "Cap", "price": -1}, "price: "),
    ({"id": "x8", "title": ""}, "title: String should have at least 1 character"),
    ({"id": "x9", "title": "  "}, "title: String should have at least 1 character"),
    ({"id": "x10", "title": "a" * 1_000_000}, "title: String should have at most 2000 characters"),
    ({"id": "x11", "title": "a" * 1_100_000}, "expected at most 1,048,576 bytes in a line"),
    ('{"id": "x12", "title": "Ca', "not valid JSON"),
    ("[1, 2]", "expected an object"),
    ({"title": "Cap"}, "id is missing"),
    ({"id": "ü" * 300, "title": "Cap"}, "id: expected at most 512 bytes, found 600"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_wrong_row_is_refused_by_line_and_loses_no_neighbour(
    config: Config, engine: Engine, catalogue: Write, tmp_path: Path, bad: Any, reason: str
) -> None:
    with Refused(tmp_path / "refused.jsonl") as refused:
        loaded = load(config, catalogue([*ROWS[:30], bad, *ROWS[30:]]), engine, refused=refused)
    assert (loaded.written, loaded.refused) == (60, 1)
    assert all(engine.lookup([row["id"] for row in ROWS], loaded.version))
    (line,) = (tmp_path / "refused.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["file"], entry["line"]) == ("catalogue.jsonl", 31)
    assert reason in entry["reason"]


def test_all_of_them_at_once_and_corrected(
    config: Config, engine: Engine, catalogue: Write, tmp_path: Path
) -> None:
    wrong = [row for row, _ in BAD]
    mixed = [row for pair in zip(ROWS, wrong, strict=False) for row in pair]
    with Refused(tmp_path / "refused.jsonl") as refused:
        lenient = config.model_copy(update={"load": LoadConfig(max_refused=0.5)})
        loaded = load(lenient, catalogue([*mixed, *ROWS[len(wrong) :]]), engine, refused=refused)
    assert (loaded.written, loaded.refused) == (60, len(BAD))
    entries = map(json.loads, (tmp_path / "refused.jsonl").read_text().splitlines())
    rows = [entry["row"] for entry in entries if isinstance(entry["row"], dict)]
    corrected = [row | {"title": "Cap", "price": 5} for row in rows if row.get("id") == "x4"]
    assert load(config, catalogue([*ROWS, *corrected]), engine).written == 61


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "x", "titel": "Cap"}], "expected items, found none: catalogue.jsonl:1: title is"),
        (["", ""], "expected rows, found none"),
    ],
)
def test_a_file_without_any_item_is_an_error(
    config: Config, engine: Engine, catalogue: Write, rows: list[Any], message: str
) -> None:
    first = load(config, catalogue(), engine, promote=True)
    with pytest.raises(DataError, match=message):
        load(config, catalogue(rows), engine, promote=True)
    assert [version.name for version in engine.versions()] == [first.version]


def test_a_missing_file_is_an_error(config: Config, engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        load(config, tmp_path / "none.jsonl", engine)


def test_an_interrupted_load_leaves_the_live_version_alone(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    first = load(config, catalogue(), engine, promote=True)

    def interrupt(what: str, done: int, total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(config, catalogue(ROWS[:40]), engine, promote=True, batch=10, progress=interrupt)
    assert [version.name for version in engine.versions()] == [first.version]
    assert engine.count() == 60
    # Nothing is left locked or half done.
    assert load(config, catalogue(ROWS[:40]), engine, promote=True).unchanged == 40


@pytest.mark.parametrize(
    ("method", "answer", "message"),
    [
        ("count", lambda version=None: 59, "60 items were written, it holds 59"),
        (
            "lookup",
            lambda ids, version=None: [None] * len(ids),
            "is missing: load the catalogue again .* and 45 more",
        ),
    ],
)
def test_a_version_that_differs_stays_and_is_not_promoted(
    config: Config,
    engine: Engine,
    catalogue: Write,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    answer: Callable[..., Any],
    message: str,
) -> None:
    first = load(config, catalogue(), engine, promote=True)
    monkeypatch.setattr(engine, method, answer)
    with pytest.raises(VerificationError, match=message):
        load(config, catalogue(), engine, promote=True)
    monkeypatch.undo()
    assert live(engine) == [first.version]
    new = engine.versions()[0].name
    with pytest.raises(EngineError, match=f"{new} was not verified"):
        promote(config, engine, new)
    assert promote(config, engine, new, force=True) == new


def test_titles_that_do_not_find_their_items_fail_the_verification(
    config: Config, engine: Engine, catalogue: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = engine.retrieve

    def upside_down(request: Retrieve, version: str | None = None) -> Any:
        found = honest(Retrieve(request.text, request.vector, k=60), version)
        return found.take(np.arange(len(found))[::-1][:1])

    monkeypatch.setattr(engine, "retrieve", upside_down)
    with pytest.raises(VerificationError, match="not among the first 10 for its title"):
        load(config, catalogue(), engine)


def test_a_hundred_products_of_one_title_pass(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    rows = [{"id": f"S{n}", "title": "Soap bar"} for n in range(100)]
    assert load(config, catalogue(rows), engine).written == 100


# encoders


def test_an_encoder_is_refitted_only_when_asked(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    first = load(config, catalogue(), engine, promote=True)
    other = catalogue([row | {"title": f"{row['title']} new"} for row in ROWS])
    assert load(config, other, engine).encoder == first.encoder
    refitted = load(config, other, engine, refit_encoder=True)
    assert refitted.encoder != first.encoder
    assert refitted.encoded == 60


def test_a_saved_encoder_is_used(
    config: Config, engine: Engine, catalogue: Write, tmp_path: Path
) -> None:
    saved = fit_encoder(EncoderConfig(dim=4), [row["title"] for row in ROWS])
    saved.save(tmp_path / "saved")
    loaded = load(config, catalogue(), engine, encoder_from=tmp_path / "saved", promote=True)
    assert loaded.encoder == saved.fingerprint
    assert engine.versions()[0].schema.dim == 4
    # It is kept, so the next load goes on with it.
    assert load(config, catalogue(), engine).encoder == saved.fingerprint
    with pytest.raises(BundleError, match="expected an encoder's description"):
        load(config, catalogue(), engine, encoder_from=tmp_path)
    with pytest.raises(ConfigError, match="found both"):
        load(config, catalogue(), engine, encoder_from=tmp_path / "saved", refit_encoder=True)


def test_settings_that_changed_since_are_refused(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    load(config, catalogue(), engine, promote=True)
    smaller = config.model_copy(update={"encoder": EncoderConfig(dim=4)})
    with pytest.raises(ConfigError, match=r"dim 4.*found .* dim 8: pass --refit-encoder"):
        load(smaller, catalogue(), engine)
    assert load(smaller, catalogue(), engine, refit_encoder=True).encoded == 60


class Wrong:
    """Says it makes vectors of one length and makes others."""

    dim = 8
    fingerprint = "hashing-wrong"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.float32([0.6, 0.8]), (len(texts), 1))

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def test_a_query_of_another_encoders_dimension_is_refused(
    config: Config, engine: Engine, catalogue: Write
) -> None:
    load(config, catalogue(), engine, promote=True)
    other = fit_encoder(EncoderConfig(dim=4), [row["title"] for row in ROWS])
    with pytest.raises(EngineError, match="expected a query vector of 8 numbers.*found 4"):
        engine.retrieve(Retrieve("red", other.encode(["red"])[0]))


def test_vectors_of_another_dimension_are_refused(
    config: Config, engine: Engine, catalogue: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "choose_encoder", lambda *_: (Wrong(), None))
    with pytest.raises(DataError, match="expected vectors of 8 numbers.*found shape"):
        load(config, catalogue(), engine)
    assert list(engine.versions()) == []


# popularity


def test_demand_lifts_an_item(config: Config, engine: Engine, catalogue: Write) -> None:
    day = 86_400_000
    now = 1_700_000_000_000
    clicks = [
        {"event": "interaction", "id": f"e{n}", "timestamp": now - at, "user": "u",
         "type": kind, "item": item}
        for n, (item, kind, at) in enumerate(
            [("P7", "purchase", 0), ("P7", "click", 30 * day), ("P8", "view", 0)]
        )
    ]  # fmt: skip
    future = clicks[0] | {"id": "late", "timestamp": now + day}
    refused = Refused()
    boosts = popularity_boosts(config, catalogue([*clicks, future], "log.jsonl"), now, refused)
    # A purchase counts 3, a click 1, halved by 30 days; a view has no gain.
    assert boosts["P7"] == pytest.approx(1 + 0.1 * np.log1p(3 + 0.5), rel=1e-5)
    assert boosts["P8"] == 1
    assert len(refused) == 1
    load(config, catalogue(), engine, boosts=boosts, promote=True)
    assert engine.retrieve(Retrieve("")).ids[0] == "P7"
