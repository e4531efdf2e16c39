"""Searches that an experiment ranks, as the service answers them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from search_rerank.config import ExperimentConfig, parse_config
from search_rerank.errors import ConfigError
from search_rerank.experiments.assignment import Experiment
from search_rerank.hits import make_hits
from search_rerank.query import Candidates
from service.app import create_app
from tests.service.conftest import World

USERS = [f"u{n:05d}" for n in range(12)]


@contextmanager
def service(world: World, **settings: Any) -> Iterator[FlaskClient]:
    asked = ExperimentConfig(name="ranker", **settings)
    config = world.config.model_copy(update={"experiment": asked})
    app = create_app(config, clock=lambda: world.now_ms)
    try:
        yield app.test_client()
    finally:
        app.extensions["search_rerank"].close()


def ask(client: FlaskClient, user: str = "", **fields: Any) -> dict[str, Any]:
    found = client.post("/search", json={"user": user or None, "size": 30} | fields).get_json()
    assert isinstance(found, dict)
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    """Return the items that rankers placed: exploration moves new ones."""
    return [hit["id"] for hit in answer["hits"] if not hit["explored"]]


def test_without_an_experiment_nothing_is_said(client: FlaskClient) -> None:
    found = ask(client, "u00001")
    assert found["experiment"] is None
    assert {hit["team"] for hit in found["hits"]} == {None}


def test_each_shopper_sees_the_variant_that_the_hash_says(world: World) -> None:
    halves = Experiment("ranker", {"weighted": 0.5, "cascade": 0.5})
    with service(world) as client:
        found = {user: ask(client, user)["experiment"] for user in USERS}
    expected = {user: {"name": "ranker", "variant": halves.variant(user)} for user in USERS}
    assert found == expected
    assert {one["variant"] for one in expected.values()} == {"weighted", "cascade"}


def alone(world: World, fusion: str, user: str) -> list[str]:
    """Return what one fusion answers a user, found by a salt that assigns it to them."""
    both = {"weighted": 0.5, "cascade": 0.5}
    salts = (str(n) for n in range(100))
    salt = next(s for s in salts if Experiment("ranker", both, s).variant(user) == fusion)
    with service(world, salt=salt) as client:
        found = ask(client, user, size=100)
    assert found["experiment"]["variant"] == fusion
    scores = [hit["score"] for hit in found["hits"] if not hit["explored"]]
    assert scores == sorted(scores, reverse=True)
    return ids(found)


def test_interleaved_lists_hold_the_choices_of_both(world: World) -> None:
    with service(world, mode="interleave") as client:
        for user in USERS[:3]:
            found = ask(client, user)
            assert found["experiment"] == {"name": "ranker", "variant": "interleaved"}
            lists = {team: alone(world, name, user) for team, name in TEAMS.items()}
            assert lists["a"] != lists["b"]
            for team, whole in lists.items():
                chosen = [hit["id"] for hit in found["hits"] if hit["team"] == team]
                assert chosen
                assert chosen == [id_ for id_ in whole if id_ in chosen]
            assert ids(ask(client, user)) == ids(found)


TEAMS = {"a": "cascade", "b": "weighted"}


@pytest.mark.parametrize(
    "fields", [{"personalise": False, "user": "u00001"}, {"sort": "-price", "user": "u00001"}, {}]
)
def test_who_cannot_take_part_is_in_none(world: World, fields: dict[str, Any]) -> None:
    with service(world) as client:
        assert client.post("/search", json=fields).get_json()["experiment"] is None


def test_a_small_share_leaves_the_others_as_they_are(world: World, client: FlaskClient) -> None:
    with service(world, share=0.000001) as few:
        found = ask(few, "u00001")
        assert found["experiment"] is None
        assert ids(found) == ids(ask(client, "u00001"))


def test_a_fusion_that_the_bundle_has_not_costs_no_answer(
    world: World, client: FlaskClient
) -> None:
    with service(world, mode="interleave", control="cascde") as wrong:
        found = ask(wrong, "u00001")
        assert ids(found) == ids(ask(client, "u00001"))
        assert found["experiment"] is None
        (part,) = found["degraded"]
        assert part["stage"] == "experiment"
        assert "'cascde' (did you mean 'cascade'?)" in part["reason"]


def test_one_fusion_is_no_experiment() -> None:
    with pytest.raises(ConfigError, match="expected two fusions to compare, found 'vote' twice"):
        parse_config({"experiment": {"name": "x", "control": "vote", "treatment": "vote"}})


def test_a_hit_that_exploration_moved_is_nobodys_choice() -> None:
    none = np.full(2, np.nan, dtype=np.float32)
    found = Candidates(["x", "y"], none, none, np.ones(2, dtype=np.float32), total=2)
    hits = make_hits(found, np.ones(2), np.arange(2), None, {1}, {0: "a", 1: "b"})
    assert [hit.team for hit in hits] == ["a", None]
