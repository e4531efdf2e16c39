"""What the embedded engine keeps on disk and in memory: the same whichever way it came there."""

import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.config import Config, IndexConfig
from search_rerank.data.item import parse_item
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, Engine, IndexSchema, Retrieve
from search_rerank.engines.cutting import analyzer, cut
from search_rerank.engines.embedded.columns import read_columns
from search_rerank.engines.embedded.items import ItemFile
from search_rerank.engines.embedded.layout import make_version
from search_rerank.engines.embedded.ledger import Ledger
from search_rerank.engines.embedded.versions import VersionFolder
from search_rerank.errors import EngineError
from search_rerank.languages import LANGUAGES
from search_rerank.query import Filters
from tests.engines.contract import EAST, ITEMS, document, load

DIM = 8
ANY = Filters()
RNG = np.random.default_rng(3)
VECTORS = RNG.normal(size=(3000, DIM)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


def random_document(n: int, revision: int = 0, boost: float | None = None) -> Document:
    brand = "even" if n % 2 == 0 else "odd"
    item = parse_item({"id": f"i{n}", "title": f"cup {n} {revision}", "brand": brand})
    return Document(item, VECTORS[10 * n + revision], boost, revision)


def engine_with(home: Path, quantise_above: int) -> Engine:
    return open_engine(Config(home=home, index=IndexConfig(quantise_above=quantise_above)))


def nearest(engine: Engine, version: str, filters: Filters = ANY) -> list[list[str]]:
    requests = [Retrieve("zzz", VECTORS[n], filters, k=10) for n in range(0, 400, 40)]
    return [list(engine.retrieve(request, version).ids) for request in requests]


def test_a_graph_with_changes_finds_what_comparing_all_finds(tmp_path: Path) -> None:
    """Items that came after the graph are found, those that went or changed are not."""
    engines = [engine_with(tmp_path / str(above), above) for above in (50, 10_000)]
    found = []
    for engine in engines:
        version = engine.create(IndexSchema(DIM, "random"), 200)
        engine.write(version, [random_document(n) for n in range(200)])
        engine.seal(version)
        engine.write(version, [random_document(n, 1) for n in range(0, 60)])
        engine.write(version, [random_document(n) for n in range(200, 230)])
        engine.delete(version, [f"i{n}" for n in range(100, 120)])
        engine.finish(version)
        even = Filters(terms={"brand": ("even",)})
        one = Filters(terms={"id": ("i3",)})
        found.append([nearest(engine, version, filters) for filters in (Filters(), even, one)])
        assert engine.count(version) == 210
        every = engine.retrieve(Retrieve("zzz", VECTORS[0], k=300), version).ids
        assert len(every) == len(set(every)) == 210
    assert list(tmp_path.glob("50/**/graph-*")) and not list(tmp_path.glob("10000/**/graph-*"))
    assert found[0] == found[1]


def test_what_is_mostly_dead_is_compacted_and_answers_alike(tmp_path: Path) -> None:
    engine, other = engine_with(tmp_path, 20), engine_with(tmp_path, 20)
    version = engine.create(IndexSchema(DIM, "random"))
    engine.write(version, [random_document(n) for n in range(40)])
    engine.seal(version)
    folder = tmp_path / "index" / "products" / "v0001"
    sizes = []
    for revision in range(1, 6):
        engine.write(version, [random_document(n, revision) for n in range(35)])
        engine.finish(version)
        sizes.append(sum(path.stat().st_size for path in sorted(folder.glob("vectors-*"))[-1:]))
        expected = np.argsort(
            [-random_document(n, revision).vector @ VECTORS[0] for n in range(35)]
            + [-VECTORS[10 * n] @ VECTORS[0] for n in range(35, 40)]
        )
        for reader in (engine, other):
            assert nearest(reader, version)[0] == [f"i{n}" for n in expected[:10]]
            assert reader.retrieve(Retrieve(f"{revision}", k=50), version).total >= 35
            assert reader.retrieve(Retrieve("cup", k=50), version).total == 40
            stored = reader.lookup(["i3", "i39"], version)
            assert [s and s.item.title for s in stored] == [f"cup 3 {revision}", "cup 39 0"]
    assert max(sizes) <= 2 * 80 * DIM * 4


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(max_size=80)
    | st.text("aZ9 '_-", max_size=30)
    | st.text("a '’é蓝の１\t", max_size=30),
    name=st.sampled_from(sorted(LANGUAGES)),
)
def test_what_is_indexed_and_what_is_typed_are_cut_alike(text: str, name: str) -> None:
    language = LANGUAGES[name]
    if "\0" in text:
        text = text.replace("\0", "")
    whole = analyzer(language).analyze(text)
    assert [
        w for part in cut(text, language).split() for w in analyzer(language).analyze(part)
    ] == (whole)


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, 1.0, 1.5, 3.0])), max_size=4),
        max_size=6,
    )
)
def test_columns_followed_are_columns_read_anew(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[tuple[int, float | None]]]
) -> None:
    """None removes an item; every step is one finished state."""
    folder = tmp_path_factory.mktemp("version")
    make_version(folder, IndexSchema(DIM, "random"))
    ledger, items = Ledger(folder), ItemFile(folder, DIM)
    followed = read_columns(items, None)
    for step in steps:
        state = ledger.state
        for n, boost in step:
            known = ledger.known([f"i{n}"]).get(f"i{n}")
            if known is not None:
                ledger.remove([known.row])
            if boost is not None:
                row, slot = state.next_row, n if n % 3 else None
                ledger.put([(row, f"i{n}", "", b"", boost, 0, slot)])
                state = replace(state, next_row=row + 1)
        ledger.commit(replace(state, number=state.number + 1))
        followed = read_columns(items, followed)
        anew = read_columns(items, None)
        assert followed.ids == anew.ids
        for name in ("rows", "boost", "slots", "browse"):
            np.testing.assert_array_equal(getattr(followed, name), getattr(anew, name))
        asked = [f"i{n}" for n in range(6)]
        np.testing.assert_array_equal(followed.places(asked), anew.places(asked))
        assert [anew.ids[place] for place in anew.places(asked)] == sorted(anew.ids)
        best = sorted(range(len(anew.ids)), key=lambda p: (-anew.boost[p], anew.ids[p]))
        assert anew.browse.tolist() == best
    ledger.close()
    items.close()


def test_an_unchanged_item_writes_no_words_and_no_vector(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, 1000)
    version = load(engine)
    folder = tmp_path / "index" / "products" / "v0001"
    before = {
        path: path.stat().st_mtime_ns for path in folder.rglob("*") if "sqlite" not in path.name
    }
    later = [replace(document(item), revision=9) for item in ITEMS]
    assert {o.status for o in engine.write(version, later)} == {"unchanged"}
    engine.finish(version)
    after = {
        path: path.stat().st_mtime_ns for path in folder.rglob("*") if "sqlite" not in path.name
    }
    changed = {path.name for path in after if before.get(path) != after[path]}
    assert changed <= {"generation", "lock"}
    assert engine.write(version, [replace(later[0], revision=8)])[0].status == "stale"


def damaged(home: Path, name: str, data: bytes | None) -> tuple[Engine, str]:
    engine = engine_with(home, 1000)
    first, second = load(engine, ITEMS[:1]), load(engine)
    engine.promote(first)
    engine.promote(second)
    engine.close()
    path = home / "index" / "products" / "v0002" / name
    if path.is_dir():
        shutil.rmtree(path)
    elif data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    return engine_with(home, 1000), second


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("items.sqlite", b"no database" * 1000),
        ("items.sqlite", None),
        ("words-000001", None),
        ("vectors-000001.f32", None),
        ("vectors-000001.f32", b"short"),
        ("generation", None),
    ],
)
def test_damaged_files_are_told_and_rolled_back_from(
    tmp_path: Path, name: str, data: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    engine, version = damaged(tmp_path, name, data)
    with pytest.raises(EngineError, match=f"{version} cannot be read or written .*roll back"):
        engine.retrieve(Retrieve("shoes", EAST))
    with caplog.at_level(logging.WARNING):
        assert [found.live for found in engine.versions()] == [True, False]
    engine.rollback()
    assert engine.retrieve(Retrieve("shoes", EAST)).ids == ["a"]
    engine.drop(version)
    engine.close()


def test_a_damaged_version_is_not_written(tmp_path: Path) -> None:
    engine, version = damaged(tmp_path, "items.sqlite", b"no database" * 1000)
    with pytest.raises(EngineError, match=f"{version} cannot be read or written"):
        engine.write(version, [document(ITEMS[1])])
    engine.rollback()
    engine.drop(version)
    engine.close()


def test_a_version_of_another_release_is_told_and_can_go(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, 1000)
    version = load(engine)
    path = tmp_path / "index" / "products" / "v0001" / "schema.json"
    entry = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps({**entry, "format": 1}))
    for call in (
        lambda: engine.retrieve(Retrieve("shoes"), version),
        lambda: engine.write(version, [document(ITEMS[0])]),
    ):
        with pytest.raises(EngineError, match="another release: load the catalogue again"):
            call()
    assert [found.name for found in engine.versions()] == [version]
    engine.drop(version)
    engine.close()


def test_a_version_in_the_making_is_not_listed_and_goes(tmp_path: Path) -> None:
    """A process may be killed while it makes one; its number is not given again."""
    folder = VersionFolder(tmp_path, "shop", 1.0)

    def killed(path: Path, schema: IndexSchema) -> None:
        make_version(path, schema)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.add(IndexSchema(2, "x"), datetime.now(UTC), killed)
    assert folder.names() == []
    assert folder.add(IndexSchema(2, "x"), datetime.now(UTC), make_version) == "shop-v0002"
    assert folder.names() == ["shop-v0002"]
    assert [
        path.name for path in tmp_path.iterdir() if path.is_dir() and "making" in path.name
    ] == []
