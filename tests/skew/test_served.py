"""A shop as it should be shows no difference; skew that is planted is caught by name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient

from search_rerank.errors import DataError
from search_rerank.features import builder
from search_rerank.skew.log import log_folder
from search_rerank.state.counters import Counters
from search_rerank.workspace import Workspace
from tests.skew.conftest import Logged, shop_around
from tests.spine.world import run

pytestmark = pytest.mark.slow


def around(logged: Logged, client: FlaskClient) -> list[dict[str, Any]]:
    return shop_around(client, [item.id for item in logged.world.items])


def test_what_was_ranked_is_logged_under_the_answer_s_id(logged: Logged) -> None:
    with logged.client() as client:
        answers = around(logged, client)
    served = {one.id: one for one in logged.served()}
    assert set(served) == {answer["id"] for answer in answers}
    for answer in answers:
        one = served[answer["id"]]
        shown = [one.candidates.ids[row] for row in one.order.tolist()]
        assert [hit["id"] for hit in answer["hits"]] == shown[: len(answer["hits"])]
        assert one.bundle == answer["bundle"]


def test_the_features_are_those_that_ranked(logged: Logged) -> None:
    with logged.client() as client:
        answer = client.get("/search?query=shoes&user=u00001&explain=true&size=100").get_json()
    (one,) = logged.served()
    row = {id_: n for n, id_ in enumerate(one.candidates.ids)}
    for hit in answer["hits"]:
        told = [np.nan if value is None else value for value in hit["features"].values()]
        np.testing.assert_array_equal(np.float32(told), one.X[row[hit["id"]]])


def test_a_shop_as_it_should_be_shows_no_difference(logged: Logged) -> None:
    with logged.client() as client:
        around(logged, client)
    skew = logged.skew()
    assert skew.compared.same, skew.compared.table("logged", "replayed")
    assert skew.compared.requests == 10 and skew.compared.rows > 300
    assert skew.gone == {}


def test_what_was_told_later_is_not_known_to_the_replay(logged: Logged) -> None:
    """An old interaction that comes late is older than the request, and was not known to it."""
    click = {"item": logged.world.items[0].id, "type": "purchase", "query": "shoes"}
    with logged.client() as client:
        client.get("/search?query=shoes&user=u00001")
        late = {**click, "user": "u00001", "timestamp": logged.world.now_ms - 86_400_000}
        client.post("/events", json=late)
    assert logged.skew().compared.same
    with logged.client() as client:
        client.get("/search?query=shoes&user=u00001")
    before, after = logged.served()
    changed = (before.X != after.X) & ~(np.isnan(before.X) & np.isnan(after.X))
    assert "query.interactions_7d" in np.array(before.names)[changed.any(axis=0)]


def test_a_counter_that_differs_in_service_is_caught(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Counters.item_counts

    def twice(self: Counters, items: Any, now_ms: int) -> Any:
        found = whole(self, items, now_ms)
        found.decayed[:, 1] *= 2
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Counters, "item_counts", twice)
        with logged.client() as client:
            around(logged, client)
    skew = logged.skew()
    named = set(skew.compared.differing)
    assert {"item.demand_7d", "item.trend_week"} <= named
    assert all("7d" in name or "trend" in name for name in named)  # no other half-life


def test_gains_that_differ_in_service_are_caught(logged: Logged) -> None:
    """Trained with one set of gains, served with another: the features are not the same."""
    training = logged.config.training.model_copy(
        update={"gains": {"click": 1.0, "cart": 5.0, "purchase": 9.0}}
    )
    changed = Logged(logged.world, logged.config.model_copy(update={"training": training}))
    with changed.client() as client:
        around(changed, client)
    differing = logged.skew().compared.differing
    assert {"item.demand_30d", "query.interactions_30d"} <= set(differing)
    assert not any(name.startswith("score.") for name in differing)


def test_a_feature_group_that_differs_in_service_is_caught(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = builder.GROUPS["item"]

    def in_cents(moment: Any, catalogue: Any) -> Any:
        found = price(moment, catalogue)
        return found | {"item.price": found["item.price"] + np.log(100)}

    with monkeypatch.context() as patch:
        patch.setitem(builder.GROUPS, "item", in_cents)
        with logged.client() as client:
            around(logged, client)
    found = logged.skew().compared.differing
    assert set(found) == {"item.price"}
    assert found["item.price"].largest == pytest.approx(np.log(100), rel=1e-5)


def test_a_feature_that_only_serving_has_is_named(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logged.client() as client:
        around(logged, client)
    monkeypatch.delitem(builder.GROUPS, "session")
    compared = logged.skew().compared
    assert not compared.same and not compared.differing
    assert compared.only_other == set()
    assert {name.split(".")[0] for name in compared.only_one} == {"session"}


def test_a_scorer_that_failed_in_service_is_left_out(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search_rerank.scorers.content import Content

    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(Content, "score", broken)
        with logged.client() as client:
            around(logged, client)
    assert {one.failed for one in logged.served()} == {("content",)}
    assert logged.skew().compared.same


def test_requests_of_a_bundle_that_is_gone_are_counted(logged: Logged) -> None:
    with logged.client() as client:
        around(logged, client)
    (version,) = {one.bundle for one in logged.served()}
    shutil.rmtree(Workspace(logged.config).bundles / version)
    with pytest.raises(DataError, match=f"found 10 requests of ..{version}.., which are gone"):
        logged.skew()


def test_a_log_of_damaged_lines_is_no_missing_bundle(logged: Logged) -> None:
    with logged.client() as client:
        around(logged, client)
    for segment in log_folder(logged.config).iterdir():
        segment.write_bytes(b"no json\n")
    with pytest.raises(DataError, match="found none that can be read"):
        logged.skew()


def test_nothing_is_written_by_default_and_what_is_not_ranked_never(logged: Logged) -> None:
    folder = logged.config.home / "feature_log"
    with logged.client(feature_log_share=0.0) as client:
        assert client.get("/search?query=shoes").get_json()["id"]
    assert not folder.exists()
    with logged.client() as client:
        assert client.get("/search?query=shoes&sort=price").get_json()["id"]
        client.get("/recommend?scope=recently_viewed&user=u00001")
    assert not folder.exists()


def test_what_was_ranked_while_the_state_grew_is_not_written(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search_rerank.state.sqlite import SqliteState

    marks = iter(range(100))
    monkeypatch.setattr(SqliteState, "mark", lambda self: next(marks))
    with logged.client() as client:
        assert client.get("/search?query=shoes").get_json()["hits"]
    assert not (logged.config.home / "feature_log").exists()


# The command.


def checked(logged: Logged, tmp_path: Path, *more: str) -> Any:
    home = {"home": str(logged.config.home)}
    return run(home, tmp_path, "check", *more)


def test_the_command_passes_a_clean_log(logged: Logged, tmp_path: Path) -> None:
    with logged.client() as client:
        around(logged, client)
    result = checked(logged, tmp_path)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("10 of 10 logged requests replayed")
    assert result.output.endswith("no feature differs\n")
    few = checked(logged, tmp_path, "--sample", "4")
    assert few.output.startswith("4 of 10 logged requests replayed")


def test_the_command_names_what_differs(
    logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logged.client() as client:
        around(logged, client)
    words = builder.GROUPS["query"]

    def one_more(moment: Any, catalogue: Any) -> Any:
        found = words(moment, catalogue)
        return found | {"query.words": found["query.words"] + 1}

    monkeypatch.setitem(builder.GROUPS, "query", one_more)
    table = tmp_path / "found.json"
    result = checked(logged, tmp_path, "--json", str(table))
    assert result.exit_code == 1, result.output
    assert "features that are served otherwise than in training: 1" in result.output
    line = next(line for line in result.output.splitlines() if line.startswith("query.words"))
    assert {"1", "2"} <= set(line.split())
    assert list(orjson.loads(table.read_bytes())["differing"]) == ["query.words"]


def test_the_command_says_what_to_do_without_a_log(logged: Logged, tmp_path: Path) -> None:
    result = checked(logged, tmp_path)
    assert result.exit_code == 1
    assert "set service.feature_log_share" in result.stderr
