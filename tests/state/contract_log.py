"""What every implementation of `Log` must do, whatever the state is kept in."""

from __future__ import annotations

from collections.abc import Callable

from search_rerank.data.learnt import LearntFrom
from search_rerank.state.base import State
from search_rerank.state.log import Log
from tests.state.contract import did, page

Open = Callable[[], Log]


def ids(open_log: Open, learnt: LearntFrom, items: tuple[str, ...] = ()) -> list[str]:
    with open_log() as log:
        return [event.id for event in log.new(learnt, items)]


class LogContract:
    """Inherit, and give fixtures `state`, an empty one, and `open_log`, which opens its log."""

    def test_interactions_come_back_as_they_were_told(self, state: State, open_log: Open) -> None:
        told = [
            did("2", time_ms=20, session="s", type="purchase", query="red shoes"),
            did("1", "b", time_ms=10, user=None, session="s"),
        ]
        state.append(told)
        with open_log() as log:
            assert [row._asdict() for row in log.all()] == [
                event.model_dump(exclude={"event"}) for event in (told[1], told[0])
            ]
            assert log.items() == {"a", "b"}
            assert (log.count_before(20), log.count_before(21)) == (1, 2)

    def test_pages_come_back_as_they_were_told(self, state: State, open_log: Open) -> None:
        told = [page("2", "a", "b", time_ms=20, session="s"), page("1", "c", time_ms=10)]
        state.show(told)
        with open_log() as log:
            assert list(log.pages()) == told[::-1]
            assert list(log.shown(0, log.mark)) == told

    def test_what_lies_between_two_marks(self, state: State, open_log: Open) -> None:
        marks = []
        for n in range(3):
            state.append([did(f"{n}.{time_ms}", time_ms=time_ms) for time_ms in (9, 1)])
            state.show([page(str(n), "a")])
            marks.append(state.mark())
        with open_log() as log:
            between = [event.id for event in log.appended(marks[0], marks[1])]
            assert between == ["1.9", "1.1"]
            assert [one.id for one in log.shown(marks[0], marks[2])] == ["1", "2"]
            assert [one.id for one in log.shown(0, marks[0] - 1)] == []

    def test_new_is_what_came_later_by_number_or_by_time(
        self, state: State, open_log: Open
    ) -> None:
        state.append([did("old", time_ms=10), did("meanwhile", time_ms=30)])
        with open_log() as log:
            learnt = LearntFrom(until_ms=20, interactions=1, mark=log.mark)
        state.append([did("late", time_ms=5), did("after", time_ms=40)])
        assert ids(open_log, learnt) == ["late", "meanwhile", "after"]
        assert ids(open_log, LearntFrom(20, 1, mark=None)) == ["meanwhile", "after"]

    def test_all_of_an_unknown_item_is_new(self, state: State, open_log: Open) -> None:
        state.append([did(item, item, time_ms) for item, time_ms in (("a", 10), ("b", 11))])
        state.append([did("a again", "a", time_ms=12)])
        with open_log() as log:
            learnt = LearntFrom(until_ms=20, interactions=3, mark=log.mark)
        assert ids(open_log, learnt) == []
        assert ids(open_log, learnt, ("b", "never")) == ["b"]

    def test_a_visit_that_became_a_users_is_told_as_it_was(
        self, state: State, open_log: Open
    ) -> None:
        state.append(
            [
                did("1", user="u", time_ms=1),
                did("2", user=None, session="s", time_ms=2),
                did("3", user="v", session="s", time_ms=3),
                did("4", user="w", time_ms=4),
            ]
        )
        with open_log() as log:
            assert [event.id for event in log.of({"u"}, {"s"})] == ["1", "2"]
            assert [event.id for event in log.of({"v", "w"}, set())] == ["3", "4"]

    def test_what_is_told_while_it_is_read_comes_next_time(
        self, state: State, open_log: Open
    ) -> None:
        state.append([did("1", time_ms=1)])
        with open_log() as log:
            state.append([did("2", time_ms=2)])
            assert [event.id for event in log.all()] == ["1"]
            learnt = LearntFrom(until_ms=2, interactions=1, mark=log.mark)
        assert ids(open_log, learnt) == ["2"]

    def test_an_empty_state_has_no_log(self, state: State, open_log: Open) -> None:
        with open_log() as log:
            assert (log.mark, list(log.all()), log.items()) == (0, [], set())

    def test_what_left_the_histories_is_told(self, state: State, open_log: Open) -> None:
        state.append([did("1", time_ms=1), did("2", user="v", time_ms=9)])
        state.show([page("1", "a", time_ms=1)])
        assert state.expire(5) == 2
        with open_log() as log:
            assert [event.id for event in log.all()] == ["1", "2"]
            assert len(list(log.pages())) == 1
            assert (log.count_before(5), log.count_before(10)) == (1, 2)

    def test_nothing_is_told_of_a_forgotten_user(self, state: State, open_log: Open) -> None:
        state.append([did("1", user="u"), did("2", user="v")])
        state.show([page("1", "a", user="u")])
        state.forget("u", 5)
        with open_log() as log:
            assert [event.id for event in log.all()] == ["2"]
            assert list(log.pages()) == list(log.of({"u"}, ())) == []
