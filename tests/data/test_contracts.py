"""Items, events, ids and columns: what every other room builds on."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.config import Config, load_config, parse_config
from search_rerank.data.event import Interaction, Ranking, parse_event, parse_time_ms
from search_rerank.data.events import Events
from search_rerank.data.ids import UNKNOWN, IdMap
from search_rerank.data.item import Item, parse_item
from search_rerank.errors import ConfigError, DataError


def test_an_item_survives_its_json() -> None:
    item = parse_item({"id": 7, "title": " Soap ", "attributes": {"size": 3, "tags": ["a"]}})
    assert (item.id, item.title) == ("7", "Soap")
    assert Item.model_validate_json(item.to_json()) == item


def test_content_hash_is_of_the_content() -> None:
    one = parse_item({"id": "a", "title": "t", "attributes": {"x": 1, "y": 2}})
    same = parse_item({"attributes": {"y": 2, "x": 1}, "title": "t ", "id": "a", "price": None})
    other = parse_item({"id": "a", "title": "t", "attributes": {"x": 1, "y": 3}})
    assert one.content_hash() == same.content_hash() != other.content_hash()


def test_a_changed_copy_has_json_of_its_own() -> None:
    item = parse_item({"id": "a", "title": "t", "price": 1})
    assert (item.to_json(), len(item.content_hash())) == (b'{"id":"a","title":"t","price":1.0}', 32)
    dearer = item.model_copy(update={"price": 2.0})
    assert dearer.to_json() == b'{"id":"a","title":"t","price":2.0}'
    assert dearer.content_hash() != item.content_hash()
    assert item == parse_item({"id": "a", "title": "t", "price": 1}), "what was made is no content"


@given(
    st.fixed_dictionaries(
        {"id": st.text("ab é\U0001f600", min_size=1).filter(str.strip), "title": st.just("t")},
        optional={
            "price": st.floats(0, 1e9),
            "rating_count": st.integers(0, 10**15),
            "in_stock": st.booleans(),
            "category": st.lists(st.just("x"), max_size=3),
            "updated_at": st.datetimes(
                min_value=datetime(1970, 1, 2), timezones=st.sampled_from([UTC, None])
            ),
            "attributes": st.dictionaries(
                st.sampled_from("abc"),
                st.text("1tx", min_size=1)
                | st.booleans()
                | st.floats(allow_nan=False, allow_infinity=False)
                | st.lists(st.just("y")),
            ),
        },
    )
)
def test_every_item_survives_its_json(row: dict[str, object]) -> None:
    item = parse_item(row)
    again = Item.model_validate_json(item.to_json())
    assert again == item == parse_item(orjson.loads(item.to_json()))
    assert again.content_hash() == item.content_hash()


@pytest.mark.parametrize(
    ("attributes", "match"),
    [
        (
            {"a": {"b": 1}},
            r"^attributes\.a: expected a text of 1 to 500 characters, a number, true "
            r"or false, or a list of texts \(give what .* 'size_eu'\), found \{'b': 1\}$",
        ),
        ({"a": None}, r"^attributes\.a: expected a text .* or a list of texts, found None$"),
        ({"a": ["x", 1]}, r"^attributes\.a: .* found \['x', 1\]$"),
        ({"a": ["x", ""]}, r"^attributes\.a: .* found \['x', ''\]$"),
        ({"a": ""}, r"^attributes\.a: .* found ''$"),
        ({"": 1}, r"^attributes: expected names of 1 to 500 characters, found ''$"),
        ({"a": None, "b": {}}, r"^attributes\.a: [^;]*; attributes\.b: [^;]*$"),
        (5, r"^attributes: Input should be a valid dictionary, found 5$"),
    ],
)
def test_a_wrong_attribute_is_told_in_one_sentence(attributes: object, match: str) -> None:
    with pytest.raises(DataError, match=match):
        parse_item({"id": "a", "title": "t", "attributes": attributes})


def test_a_count_beyond_all_shops_is_refused() -> None:
    with pytest.raises(DataError, match="rating_count: .*less than or equal to 1000000000000000"):
        parse_item({"id": "a", "title": "t", "rating_count": 1e16})


def test_several_faults_are_named_in_one_line() -> None:
    with pytest.raises(DataError, match=r"title is missing; price: .*found -1; unknown .*'brand'"):
        parse_item({"id": "a", "price": -1, "brnd": "x"})


@given(st.integers(0, 10**14 - 1))
def test_time_is_read_from_each_form(time_ms: int) -> None:
    assert parse_time_ms(time_ms) == parse_time_ms(str(time_ms)) == time_ms


@pytest.mark.parametrize(
    "text", ["2024-05-01T12:00:00Z", "2024-05-01T14:00:00+02:00", "2024-05-01 12:00"]
)
def test_time_zones(text: str) -> None:
    assert parse_time_ms(text) == datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp() * 1000


@pytest.mark.parametrize(
    "value", [True, None, "", "soon", -1, "-1", float("nan"), 1e14, "0001-01-01", "9" * 5000, "²"]
)
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(ValueError, match="expected ISO 8601"):
        parse_time_ms(value)


@pytest.mark.parametrize("row", [None, [], {"event": ["x"], "id": "a"}, {}])
def test_what_is_no_event(row: object) -> None:
    with pytest.raises(DataError, match="expected"):
        parse_event(row)


def test_id_map_goes_both_ways() -> None:
    ids = IdMap(["b", "a"])
    assert [ids.add("a"), ids.add("c"), len(ids)] == [1, 2, 3]
    assert ids.numbers(["c", "x", "b"]).tolist() == [2, UNKNOWN, 0]
    assert [ids.id(n) for n in range(3)] == ["b", "a", "c"]
    with pytest.raises(IndexError, match="-1 is not the number of an id"):
        ids.id(UNKNOWN)
    with pytest.raises(ValueError, match="ids must be distinct"):
        IdMap(["a", "a"])


def click(id_: str, time_ms: int, item: str, **more: object) -> Interaction:
    row = {"id": id_, "timestamp": time_ms, "item": item, "type": "click", "user": "u"}
    return Interaction.model_validate(row | more)


def test_events_are_sorted_and_clicks_inherit_the_query() -> None:
    shown = Ranking(id="r", timestamp=5, query="soap", items=("b", "x", "a"))
    log = [click("2", 9, "a", ranking="r"), click("1", 6, "b", query="own", ranking="r"), shown]
    log += [click("3", 9, "b", ranking="gone"), click("4", 7, "x")]
    events = Events.from_events(log, IdMap(["a", "b"]))
    assert events.time_ms.tolist() == [6, 9, 9]
    assert events.item.tolist() == [1, 0, 1]
    assert events.ranking.tolist() == [0, 0, UNKNOWN]
    queries = [events.queries.id(n) if n >= 0 else None for n in events.query.tolist()]
    assert queries == ["own", "soap", None]
    assert events.rankings.items(0).tolist() == [1, 0]


def test_events_give_back_what_they_were_built_of() -> None:
    log = [click("x9", 1, "a"), click("x2", 2, "b", session="s", query="q", user=None)]
    assert list(Events.from_events(log, IdMap(["a", "b"])).log) == log


def test_as_many_types_as_a_column_can_number() -> None:
    log = [click(str(n), n, "a", type=f"t{n}") for n in range(128)]
    events = Events.from_events(log[:127], IdMap(["a"]))
    assert [event.type for event in events.log] == [event.type for event in log[:127]]
    with pytest.raises(DataError, match="at most 127 types of interaction in a log, found 128"):
        Events.from_events(log, IdMap(["a"]))


def test_no_events_at_all() -> None:
    events = Events.from_events([], IdMap(["a"]))
    assert len(events) == 0
    assert len(events.rankings) == 0
    assert np.array_equal(events.rankings.offsets, [0])


def test_settings_have_defaults_and_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[engine]\nkind = 'elasticsearch'\n")
    assert load_config(None) == Config()
    assert load_config(path).engine.kind == "elasticsearch"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[engin]\n", r"config\.toml: unknown key 'engin' .did you mean 'engine'"),
        ("[engine]\nknd = 1\n", r"unknown key 'engine\.knd' .did you mean 'kind'"),
        ("[retrieval]\nk = 0\n", r"retrieval\.k: .*greater than or equal to 1, found 0"),
        ("[retrieval]\nwords_weight = nan\n", r"retrieval\.words_weight: "),
        ("engine = ", "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=match):
        load_config(path)


def test_a_missing_config_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "no.toml")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse_config({}).home = Path("x")  # type: ignore[misc]
