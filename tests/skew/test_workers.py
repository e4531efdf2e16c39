"""The real thing: workers under gunicorn write while shoppers act, and all of it replays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.service.test_serve import ask, settings, start
from tests.skew.conftest import Logged

pytestmark = pytest.mark.slow  # real waiting and real processes


def test_what_two_workers_wrote_at_once_replays_without_a_difference(
    logged: Logged, tmp_path: Path
) -> None:
    config = settings(logged.config.home, tmp_path)
    with config.open("a") as file:
        file.write("[service]\nfeature_log_share = 1.0\n")
    server = start(config, "--port", "0")
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]

        def shop(n: int) -> None:
            user = f"u{n % 7:05d}"
            found = ask(f"{address}search", {"query": "shoes", "user": user})
            if n % 4:
                return
            item = found["hits"][n % 5]["id"]  # type: ignore[index]
            ask(f"{address}events", {"item": item, "type": "click", "user": user, "query": "shoes"})

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(shop, range(60)))
    finally:
        server.terminate()
        server.communicate(timeout=30)
    served = logged.served()
    writers = {path.name.split("-")[1] for path in (logged.config.home / "feature_log").iterdir()}
    assert 1 <= len(writers) <= 2
    # A request during whose ranking another shopper's click was stored is not written.
    assert 20 <= len(served) <= 60
    assert len({one.mark for one in served}) > 5
    compared = logged.skew().compared
    assert compared.same, compared.table("logged", "replayed")
    assert compared.requests == len(served)
