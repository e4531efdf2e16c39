"""A small shop that is served with a feature log, and asked a few things by a few shoppers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from search_rerank.config import Config
from search_rerank.skew.log import log_folder, read_log
from search_rerank.skew.record import Served
from search_rerank.skew.served import Skew, replay_log
from search_rerank.state.opening import open_event_log
from search_rerank.workspace import Workspace
from service.app import create_app
from tests.service.conftest import World, build


@dataclass(frozen=True)
class Logged:
    """A shop of one test's own, with its settings."""

    world: World
    config: Config

    @contextmanager
    def client(self, **service: object) -> Iterator[FlaskClient]:
        """Serve the shop, its clock a second further at each request."""
        now = iter(range(self.world.now_ms, self.world.now_ms + 10**9, 1000))
        changed = self.config.service.model_copy(update={"feature_log_share": 1.0, **service})
        app = create_app(self.config.model_copy(update={"service": changed}), lambda: next(now))
        try:
            yield app.test_client()
        finally:
            app.extensions["search_rerank"].close()

    def served(self) -> list[Served]:
        return list(read_log(log_folder(self.config)))

    def skew(self, served: Sequence[Served] | None = None) -> Skew:
        workspace = Workspace(self.config)
        with open_event_log(self.config) as log:
            return replay_log(self.served() if served is None else served, workspace.bundle, log)


def shop_around(client: FlaskClient, items: Sequence[str]) -> list[dict[str, Any]]:
    """Ask, click and ask again, as users and visitors do; return the answers that are logged."""
    answers = []
    for n, query in enumerate(("shoes", "blue jacket", "", "shose")):
        who = {"user": f"u{n:05d}"} if n % 2 else {"session": f"visit-{n}"}
        for _ in range(2):
            answer = client.post("/search", json={"query": query, "size": 5, **who}).get_json()
            answers.append(answer)
            ids = [hit["id"] for hit in answer["hits"]]
            hit = ids[1] if ids else items[n]
            page = {"event": "ranking", "id": answer["id"], "items": ids, "query": query, **who}
            assert client.post("/events", json=page).status_code == 202
            click = {"item": hit, "type": "click", "query": query, "ranking": answer["id"], **who}
            assert client.post("/events", json=click).status_code == 202
    # of this one nothing is stored
    assert client.get("/search?query=shoes&user=u00001&personalise=false").status_code == 200
    answers.append(client.get(f"/recommend?scope=similar&item={items[3]}&session=s").get_json())
    answers.append(client.get("/recommend?user=u00002").get_json())
    return answers


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("skew"))


@pytest.fixture
def logged(built: World, tmp_path: Path) -> Logged:
    """Return a copy of the shop, which a test may do with as it likes."""
    home = tmp_path / "home"
    shutil.copytree(built.config.home, home)
    config = built.config.model_copy(update={"home": home})
    return Logged(replace(built, config=config), config)
