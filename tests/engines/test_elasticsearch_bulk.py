import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import elasticsearch as es
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.config import EngineConfig, LoadConfig
from search_rerank.engines.elasticsearch import bulk as bulk_module
from search_rerank.engines.elasticsearch.bulk import ATTEMPTS, Bulk, Overloaded, Result
from search_rerank.engines.elasticsearch.connection import VersionGone, connect, errors_of
from search_rerank.engines.elasticsearch.pace import MOST, SLOW_S, Chunks, Operation, Pace
from search_rerank.errors import EngineUnavailable
from tests.engines.stub_server import Answer, stub_server

pytestmark = pytest.mark.slow  # real waiting and real processes

Judge = Callable[[list[str], bytes], Answer | dict[str, int]]
"""The ids of a request, its body: an answer, or the status of each id that is not 201."""


def operation(id_: str, size: int = 10) -> Operation:
    return Operation(id_, json.dumps({"create": {"_id": id_}}).encode(), b"x" * size)


def operations(count: int, size: int = 10) -> list[Operation]:
    return [operation(f"i{n}", size) for n in range(count)]


@contextmanager
def bulk_at(judge: Judge, **load: int) -> Iterator[tuple[Bulk, list[list[str]]]]:
    """A server that judges each request, and what it accepted by request."""
    accepted: list[list[str]] = []

    def answering(method: str, path: str, body: bytes) -> Answer:
        ids = [json.loads(line)["create"]["_id"] for line in body.splitlines()[::2]]
        judged = judge(ids, body)
        if not isinstance(judged, dict):
            return judged
        accepted.append([id_ for id_ in ids if judged.get(id_, 201) == 201])
        items = []
        for id_ in ids:
            status = judged.get(id_, 201)
            error = {"error": {"type": "some_exception", "reason": f"told of {id_}"}}
            items.append({"create": {"status": status, **(error if status > 299 else {})}})
        return 200, {"errors": bool(judged), "items": items}

    with stub_server(answering) as stub:
        client = connect(EngineConfig(url=stub.url, timeout_s=5))
        yield Bulk(client, LoadConfig(**load), wait_s=0.001), accepted  # type: ignore[arg-type]
        client.close()


def test_each_operation_is_carried_out_once() -> None:
    with bulk_at(lambda ids, body: {}) as (bulk, accepted):
        results = bulk.send("x", iter(operations(1234)), 1234)
    assert results == {f"i{n}": Result(201) for n in range(1234)}
    assert Counter(id_ for ids in accepted for id_ in ids) == Counter(list(results))
    assert max(map(len, accepted)) <= MOST


def test_several_requests_are_on_their_way_at_a_time() -> None:
    together, guard = threading.Barrier(3, timeout=5), threading.Lock()
    flying, most, count = 0, 0, 0

    def judge(ids: list[str], body: bytes) -> dict[str, int]:
        nonlocal flying, most, count
        with guard:
            flying, count = flying + 1, count + 1
            most, first = max(most, flying), count <= 3
        if first:
            together.wait()
        with guard:
            flying -= 1
        return {}

    with bulk_at(judge, threads=3) as (bulk, accepted):
        bulk.send("x", operations(400), 400)
    assert most == 3
    assert [len(ids) for ids in accepted] == [100] * 4


def test_operations_are_made_when_a_request_needs_them() -> None:
    made = 0
    most = 0
    done: list[int] = []

    def making() -> Iterator[Operation]:
        nonlocal made, most
        for one in operations(5000):
            made += 1
            most = max(most, made - sum(done))
            yield one

    def judge(ids: list[str], body: bytes) -> dict[str, int]:
        done.append(len(ids))
        return {}

    with bulk_at(judge, threads=2) as (bulk, _):
        bulk.send("x", making(), 5000)
    assert most <= 3 * MOST + 1


def test_a_request_too_large_is_halved_and_one_document_too_large_is_refused() -> None:
    limit = 20_000
    sizes: list[int] = []

    def judge(ids: list[str], body: bytes) -> Answer | dict[str, int]:
        sizes.append(len(body))
        return (413, {"error": "too large"}) if len(body) > limit else {}

    ours = operations(100, 1000)
    ours[37] = operation("huge", 30_000)
    with bulk_at(judge, threads=1) as (bulk, accepted):
        results = bulk.send("x", ours, 100)
        refused = results.pop("huge")
        assert set(results.values()) == {Result(201)}
        assert (refused.status, len(results)) == (413, 99)
        assert "server accepts, found 30,0" in (refused.reason or "")
        first = len(sizes)
        bulk.send("x", operations(100, 1000), 100)
    assert max(sizes[:first]) > 2 * limit
    assert max(sizes[first:]) < 2 * limit  # what was refused is not tried again


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_for_less(status: int) -> None:
    asked: list[int] = []

    def judge(ids: list[str], body: bytes) -> Answer | dict[str, int]:
        asked.append(len(ids))
        return (status, {"error": "busy"}) if len(asked) <= 2 else {}

    with bulk_at(judge, threads=1) as (bulk, accepted):
        results = bulk.send("x", operations(3 * MOST), 3 * MOST)
        assert {result.status for result in results.values()} == {201}
        assert len(results) == 3 * MOST
        assert min(asked) < MOST / 2
        calm = len(asked)
        bulk.send("x", operations(20 * MOST), 20 * MOST)
    assert max(asked[calm:]) == MOST
    repeated = sum(result.repeated for result in results.values())
    assert (repeated > 0) == (status != 429)


def test_only_what_was_not_carried_out_is_repeated() -> None:
    tries = Counter[str]()

    def judge(ids: list[str], body: bytes) -> dict[str, int]:
        tries.update(ids)
        return {id_: 429 for id_ in ids if id_ in ("i3", "i4") and tries[id_] < 4} | (
            {"i5": 400} if "i5" in ids else {}
        )

    with bulk_at(judge) as (bulk, accepted):
        results = bulk.send("x", operations(10), 10)
    assert {id_: tries[id_] for id_ in ("i2", "i3", "i4", "i5")} == dict(i2=1, i3=4, i4=4, i5=1)
    assert results.pop("i5") == Result(400, "told of i5")
    assert {result.status for result in results.values()} == {201}


def test_an_answer_that_was_lost_is_told() -> None:
    lost = iter([True, False])

    def judge(ids: list[str], body: bytes) -> Answer | dict[str, int]:
        return None if next(lost) else {}

    with bulk_at(judge) as (bulk, accepted):
        assert bulk.send("x", operations(2), 2) == {
            "i0": Result(201, repeated=True),
            "i1": Result(201, repeated=True),
        }


@pytest.mark.parametrize("status", [429, 503])
def test_an_item_that_failed_may_have_been_carried_out(status: int) -> None:
    tries = Counter[str]()

    def judge(ids: list[str], body: bytes) -> dict[str, int]:
        tries.update(ids)
        return {"i1": status} if tries["i1"] == 1 else {}

    with bulk_at(judge) as (bulk, accepted):
        results = bulk.send("x", operations(2), 2)
    assert results == {"i0": Result(201), "i1": Result(201, repeated=status == 503)}


@pytest.mark.parametrize("answer", [(429, {"error": "busy"}), None])
def test_attempts_are_bounded(answer: Answer) -> None:
    tries = []

    def judge(ids: list[str], body: bytes) -> Answer:
        tries.append(1)
        return answer

    with bulk_at(judge) as (bulk, _), pytest.raises(EngineUnavailable, match="at URL"):
        with errors_of("URL"):
            bulk.send("x", operations(2), 2)
    assert len(tries) == ATTEMPTS


def test_items_refused_all_the_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "ATTEMPTS", 3)
    with bulk_at(lambda ids, body: dict.fromkeys(ids, 503)) as (bulk, accepted):
        with pytest.raises(Overloaded, match="overloaded: told of i1"):
            bulk.send("x", operations(2), 2)
    assert accepted == [[]] * 3


def test_one_request_that_fails_ends_the_others() -> None:
    asked = []

    def judge(ids: list[str], body: bytes) -> Answer | dict[str, int]:
        asked.append(ids)
        return (400, {"error": "broken"}) if "i0" in ids else {}

    with bulk_at(judge, threads=2) as (bulk, _), pytest.raises(es.BadRequestError):
        bulk.send("x", operations(20 * MOST), 20 * MOST)
    assert len(asked) < 20


def test_a_version_that_is_gone() -> None:
    item = {"create": {"status": 404, "error": {"type": "index_not_found_exception"}}}
    with stub_server(lambda *_: (200, {"errors": True, "items": [item]})) as stub:
        bulk = Bulk(connect(EngineConfig(url=stub.url)), LoadConfig())
        with pytest.raises(VersionGone, match="no version behind 'x'"):
            bulk.send("x", operations(1), 1)


@given(st.lists(st.integers(0, 2000), max_size=80), st.integers(100, 3000), st.integers(1, 9))
def test_chunks_hold_every_operation_in_order(sizes: list[int], limit: int, most: int) -> None:
    ours = [operation(str(n), size) for n, size in enumerate(sizes)]
    chunks = Chunks(iter(ours), Pace(limit), most)
    taken = []
    while chunk := chunks.take():
        assert len(chunk) <= most
        assert len(chunk) == 1 or sum(one.size for one in chunk) <= limit
        taken += chunk
    assert taken == ours


def test_slow_answers_make_requests_smaller() -> None:
    pace = Pace(1000)
    pace.answered(SLOW_S + 1)
    assert pace.limits == (500, MOST // 2)
    pace.answered(SLOW_S - 1)  # neither
    assert pace.limits == (500, MOST // 2)
    for _ in range(4):
        pace.answered(0.1)
    assert pace.limits == (1000, MOST)
    for _ in range(20):
        pace.slower()
    assert pace.limits == (1, 1)
