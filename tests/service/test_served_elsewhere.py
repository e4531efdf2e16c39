"""The service as a shop runs it: beyond the loopback address, keys asked for, workers counted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from search_rerank.cli import main
from tests.service.conftest import World
from tests.service.test_serve import settings, start

pytestmark = pytest.mark.slow


class Served:
    """A service of two workers with one key for all scopes."""

    def __init__(self, config: Path) -> None:
        arguments = ["--config", str(config), "key", "create", "--name", "all"]
        scopes = ["--scope", "search", "--scope", "events", "--scope", "admin"]
        self.token = CliRunner().invoke(main, [*arguments, *scopes]).stdout.strip()
        self.process: subprocess.Popen[str] = start(config, "--port", "0", "--host", "0.0.0.0")
        assert self.process.stdout is not None
        port = self.process.stdout.readline().strip().rstrip("/").rsplit(":", 1)[1]
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, path: str, token: str | None = None) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{self.address}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def workers(self, but: Sequence[int] = ()) -> list[int]:
        """Return the processes of both workers, once they are there and none is one of some."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            told = json.loads(self.ask("/bundles", self.token)[1])["workers"]
            found = [worker["pid"] for worker in told]
            if len(found) == 2 and not set(found) & set(but):
                return found
            time.sleep(0.1)
        raise AssertionError(f"expected two workers, found {told}")

    def read(self) -> dict[tuple[str, ...], float]:
        status, text = self.ask("/metrics", self.token)
        assert status == 200
        return {
            (one.name.removeprefix("search_rerank_"), *sorted(one.labels.values())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("elsewhere")
    home = folder / "home"  # of its own: the tests' process works over the other one
    shutil.copytree(world.config.home, home, ignore=shutil.ignore_patterns("workers"))
    found = Served(settings(home, folder))
    yield found
    found.process.terminate()
    _, errors = found.process.communicate(timeout=30)
    assert found.token not in errors


def test_no_key_no_service(world: World, tmp_path: Path) -> None:
    process = start(settings(tmp_path, tmp_path), "--port", "0", "--host", "0.0.0.0")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "search-rerank key create --scope search --scope events --name shop-web" in errors
    assert "Traceback" not in errors


def test_who_is_let_in(served: Served) -> None:
    assert served.ask("/search?query=shoe")[0] == 401
    assert served.ask("/search?query=shoe", served.token)[0] == 200
    assert served.ask("/healthz")[0] == 200
    assert served.ask("/")[0] == 401


def test_any_worker_tells_of_all(served: Served) -> None:
    served.workers()
    before = served.read()
    for _ in range(12):  # each request is a connection of its own, so that either may answer it
        assert served.ask("/search?query=shoe", served.token)[0] == 200
    counted = ("requests_total", "/search", "200", "GET")
    for _ in range(6):
        found = served.read()
        assert found[counted] - before.get(counted, 0) == 12
        assert found["requests_in_flight",] == 1
    workers = {name: n for name, n in found.items() if name[0] == "bundle_workers"}
    assert sum(workers.values()) == 2


def test_a_killed_worker_is_replaced_and_what_it_counted_stays(served: Served) -> None:
    served.ask("/search?query=shoe", served.token)
    before = served.read()
    killed = served.workers()[0]
    os.kill(killed, signal.SIGKILL)
    served.workers(but=[killed])
    found = served.read()
    counted = ("requests_total", "/search", "200", "GET")
    assert found[counted] == before[counted]
    assert found["requests_in_flight",] == 1
