"""Three nodes of which one dies: nothing acknowledged is lost, and no search fails."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import elasticsearch as es
import pytest

from search_rerank.config import Config, EngineConfig
from search_rerank.data.item import parse_item
from search_rerank.engines import open_engine
from search_rerank.engines.base import UNCHANGED, WRITTEN, Document, Engine, Retrieve
from tests.engines.contract_writing import EAST, SCHEMA

pytestmark = pytest.mark.cluster

SCRIPTS = Path(__file__).resolve().parents[1] / "elasticsearch"
FIRST_PORT = "19500"
BATCH, BATCHES = 100, 40


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> None:
        """Start the nodes that are down, and wait for them."""
        command = ["bash", str(SCRIPTS / "start.sh"), str(self.folder), "3"]
        done = subprocess.run(
            command, env=os.environ | {"ES_PORT": FIRST_PORT}, capture_output=True, text=True
        )
        if done.returncode == 2:
            pytest.skip(f"no cluster: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        self.client().cluster.health(wait_for_nodes="3", wait_for_status="green", timeout="120s")

    def stop(self) -> None:
        subprocess.run(["bash", str(SCRIPTS / "stop.sh"), str(self.folder)], check=True)

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(path.read_text().strip() for path in sorted(self.folder.glob("node*/url")))

    def client(self) -> es.Elasticsearch:
        return es.Elasticsearch(list(self.urls), request_timeout=150, max_retries=5)

    def kill_primary(self, version: str) -> None:
        """Kill the node that holds the primary shard: the one that hurts."""
        with self.client() as client:
            shards = client.cat.shards(index=version, h="prirep,node", format="json")
        (node,) = [shard["node"] for shard in shards if shard["prirep"] == "p"]  # type: ignore[index]
        os.kill(int((self.folder / node / "pid").read_text()), signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # The server's own user must be able to read it, as it could not a folder of pytest's.
    folder = Path(tempfile.mkdtemp(prefix="search-rerank-cluster-", dir="/var/tmp"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture
def engine(cluster: Cluster, tmp_path: Path) -> Iterator[Engine]:
    cluster.start()
    index = f"cluster-{uuid.uuid4().hex[:8]}"
    config = EngineConfig(kind="elasticsearch", index=index, url=cluster.urls, timeout_s=10)
    with closing(open_engine(Config(home=tmp_path, engine=config))) as engine:
        yield engine


def batch(n: int, word: str) -> list[Document]:
    rows = [{"id": f"i{n}-{m}", "title": f"{word} cup"} for m in range(BATCH)]
    return [Document(parse_item(row), EAST, revision=n) for row in rows]


def write_all(engine: Engine, version: str, word: str, until: threading.Event | None) -> set[str]:
    """Write batch after batch, as a load does; return the ids that were acknowledged."""
    acknowledged = set()
    for n in range(BATCHES):
        documents = batch(n, word)
        for document, outcome in zip(documents, engine.write(version, documents), strict=True):
            # The server repeats a write of its own accord when a primary dies, and then finds it.
            assert outcome in (WRITTEN, UNCHANGED)
            acknowledged.add(document.item.id)
        if until is not None and n == BATCHES // 4:
            until.set()
    return acknowledged


def test_a_node_dies_during_a_load(cluster: Cluster, engine: Engine) -> None:
    version = engine.create(SCHEMA, BATCH * BATCHES)
    with cluster.client() as client:
        client.cluster.health(index=version, wait_for_status="green", timeout="60s")
    under_way = threading.Event()

    def killing() -> None:
        assert under_way.wait(120)
        cluster.kill_primary(version)

    killer = threading.Thread(target=killing)
    killer.start()
    start = time.monotonic()
    try:
        acknowledged = write_all(engine, version, "red", under_way)
    finally:
        under_way.set()
        killer.join()
    print(f"{len(acknowledged)} documents in {time.monotonic() - start:.1f} s")  # noqa: T201
    engine.seal(version)
    assert engine.count(version) == len(acknowledged) == BATCH * BATCHES
    assert None not in engine.lookup(sorted(acknowledged), version)
    cluster.start()
    assert engine.count(version) == len(acknowledged)


def test_a_node_dies_during_searches(cluster: Cluster, engine: Engine) -> None:
    version = engine.create(SCHEMA, BATCH * BATCHES)
    acknowledged = write_all(engine, version, "red", None)
    engine.seal(version)
    engine.promote(version)
    with cluster.client() as client:
        client.cluster.health(index=version, wait_for_status="green", timeout="60s")
    done = threading.Event()
    failures: list[BaseException] = []
    times: list[float] = []

    def searching() -> None:
        while not done.is_set():
            start = time.monotonic()
            try:
                found = engine.retrieve(Retrieve("red", EAST, k=10))
                assert (len(found), found.total, found.degraded) == (10, len(acknowledged), ())
            except BaseException as error:
                failures.append(error)
            times.append(time.monotonic() - start)

    searchers = [threading.Thread(target=searching) for _ in range(2)]
    for searcher in searchers:
        searcher.start()
    try:
        time.sleep(2)
        cluster.kill_primary(version)
        time.sleep(15)
        cluster.start()
        time.sleep(2)
    finally:
        done.set()
        for searcher in searchers:
            searcher.join()
    print(f"{len(times)} searches, the slowest {max(times):.1f} s")  # noqa: T201
    assert not failures, failures[:3]
    assert engine.count() == len(acknowledged)
