"""The generated shop: its form, and that its log holds what the truth says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from search_rerank.commands.shop import shop as shop_command
from search_rerank.data.event import Interaction, Ranking, parse_event
from search_rerank.data.item import parse_item
from search_rerank.data.layouts import load_dataset
from search_rerank.data.refused import Refused
from search_rerank.data.shop import (
    DAYS,
    END_MS,
    Shop,
    event_json,
    generate,
    read_truth,
    write_shop,
)
from search_rerank.data.shop.catalogue import DAY_MS
from search_rerank.data.shop.clicks import attraction
from search_rerank.errors import DataError


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(seed=3, products=1500, shoppers=500, events=60_000)


@pytest.fixture(scope="module")
def small() -> Shop:
    return generate(seed=1, products=200, shoppers=40, events=2_000)


def _rankings(shop: Shop) -> list[Ranking]:
    return [event for event in shop.events if isinstance(event, Ranking)]


def _interactions(shop: Shop) -> list[Interaction]:
    return [event for event in shop.events if isinstance(event, Interaction)]


def _written(shop: Shop, folder: Path) -> dict[str, bytes]:
    write_shop(shop, folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_seed_same_bytes_and_another_seed_others(small: Shop, tmp_path: Path) -> None:
    first = _written(small, tmp_path / "a")
    again = generate(seed=1, products=200, shoppers=40, events=2_000)
    assert _written(again, tmp_path / "b") == first
    other = generate(seed=2, products=200, shoppers=40, events=2_000)
    assert _written(other, tmp_path / "c")["events.jsonl"] != first["events.jsonl"]


def test_every_item_is_valid_and_distinct(shop: Shop) -> None:
    assert [parse_item(orjson.loads(item.to_json())) for item in shop.items] == list(shop.items)
    assert len({item.id for item in shop.items}) == 1500
    assert len({item.title for item in shop.items}) == 1500
    assert all(len(item.image_url or "") < 2_048 for item in shop.items)
    assert 6 <= len({item.category[0] for item in shop.items}) <= 9


def test_variants_differ_in_colour_only(shop: Shop) -> None:
    groups: dict[str, list[str]] = {}
    for item in shop.items:
        groups.setdefault(item.group_id or "", []).append(item.title)
    assert max(len(titles) for titles in groups.values()) > 1
    assert all(len({t.rsplit(",", 1)[0] for t in titles}) == 1 for titles in groups.values())


def test_every_event_is_valid_and_in_order(shop: Shop) -> None:
    sample = [*shop.events[:300], *shop.events[::50]]
    assert [parse_event(orjson.loads(event_json(event))) for event in sample] == sample
    times = [event.time_ms for event in shop.events]
    assert times == sorted(times)
    assert END_MS - DAYS * DAY_MS <= times[0] and times[-1] <= END_MS
    assert times[-1] - times[0] > 0.95 * DAYS * DAY_MS
    assert 60_000 <= len(shop.events) < 60_100
    assert len({event.id for event in shop.events}) == len(shop.events)


def test_interactions_follow_a_ranking_that_showed_the_item(shop: Shop) -> None:
    by_id = {ranking.id: ranking for ranking in _rankings(shop)}
    without = 0
    for event in _interactions(shop):
        if event.ranking is None:
            without += 1
            assert event.type == "purchase" and event.user is not None
            continue
        ranking = by_id[event.ranking]
        assert event.item in ranking.items
        assert (event.user, event.session) == (ranking.user, ranking.session)
        assert event.time_ms > ranking.time_ms
    assert 0.1 < without / sum(event.type == "purchase" for event in _interactions(shop)) < 0.3
    assert {event.type for event in _interactions(shop)} == {"click", "cart", "purchase"}


def test_some_visitors_have_no_account(shop: Shop) -> None:
    assert 0.05 <= np.mean([event.user is None for event in shop.events]) <= 0.10


def test_queries_are_heavy_tailed(shop: Shop) -> None:
    counts = sorted(Counter(r.query for r in _rankings(shop)).values(), reverse=True)
    assert sum(counts[: len(counts) // 20]) > 0.5 * sum(counts)


def test_nothing_happens_before_a_product_or_shopper_came(shop: Shop) -> None:
    truth = shop.truth
    first_item = dict(zip(truth.item_ids.tolist(), truth.item_first_ms.tolist(), strict=True))
    first_user = dict(zip(truth.user_ids.tolist(), truth.user_first_ms.tolist(), strict=True))
    late = {item for item, time in first_item.items() if time > END_MS - DAYS * DAY_MS}
    assert 0.05 < len(late) / len(first_item) < 0.15
    seen: set[str] = set()
    for ranking in _rankings(shop):
        assert all(first_item[item] <= ranking.time_ms for item in ranking.items)
        seen.update(ranking.items)
    assert len(seen & late) > 0.5 * len(late)
    for event in shop.events:
        assert event.user is None or first_user[event.user] <= event.time_ms


def _clicked(shop: Shop) -> dict[str, set[str]]:
    clicked: dict[str, set[str]] = {}
    for event in _interactions(shop):
        if event.type == "click" and event.ranking:
            clicked.setdefault(event.ranking, set()).add(event.item)
    return clicked


def test_click_rate_is_examination_times_attraction(shop: Shop) -> None:
    numbers = {id_: n for n, id_ in enumerate(shop.truth.item_ids.tolist())}
    clicked = _clicked(shop)
    clicks, attracted = np.zeros(24), np.zeros(24)
    for ranking in _rankings(shop):
        if ranking.user is None:
            continue
        worth = shop.truth.utility(ranking.user)[[numbers[item] for item in ranking.items]]
        attracted[: len(worth)] += attraction(worth.astype(float))
        for place, item in enumerate(ranking.items):
            clicks[place] += item in clicked.get(ranking.id, ())
    rate = clicks / attracted
    # The slow trend, which `utility` leaves out, moves all places alike.
    assert rate[:12] / rate[0] == pytest.approx((1 / np.arange(1, 13)) ** 0.5, rel=0.12)
    assert shop.truth.examination == pytest.approx((1 / np.arange(1, 25)) ** 0.5)


@pytest.mark.parametrize("place", [2, 4])
def test_position_bias_can_be_recovered_from_the_log_alone(shop: Shop, place: int) -> None:
    # Agarwal et al. (2019): the same query and item, seen now at place 1, now at another.
    clicked = _clicked(shop)
    seen: dict[tuple[str | None, str], list[int]] = {}
    for ranking in _rankings(shop):
        for at in (1, place):
            if len(ranking.items) >= at:
                item = ranking.items[at - 1]
                row = seen.setdefault((ranking.query, item), [0, 0, 0, 0])
                row[0 if at == 1 else 2] += 1
                row[1 if at == 1 else 3] += item in clicked.get(ranking.id, ())
    table = np.array([row for row in seen.values() if row[0] and row[2]], dtype=float)
    weight = table[:, 0] * table[:, 2] / (table[:, 0] + table[:, 2])
    first = (weight * table[:, 1] / table[:, 0]).sum()
    other = (weight * table[:, 3] / table[:, 2]).sum()
    assert other / first == pytest.approx((1 / place) ** 0.5, rel=0.12)


def test_shoppers_buy_the_brands_they_like(shop: Shop) -> None:
    brand_of = {item.id: item.brand for item in shop.items}
    brands = {name: n for n, name in enumerate(shop.truth.brands.tolist())}
    liked = {
        user: row > 0
        for user, row in zip(shop.truth.user_ids.tolist(), shop.truth.brand_taste, strict=True)
    }
    shown, bought = [], []
    for event in shop.events:
        if event.user is None:
            continue
        mine = liked[event.user]
        if isinstance(event, Ranking):
            shown += [mine[brands[brand_of[item] or ""]] for item in event.items]
        elif event.type == "purchase":
            bought.append(mine[brands[brand_of[event.item] or ""]])
    assert np.mean(bought) > 1.8 * np.mean(shown)


def test_taste_beats_popularity_on_later_clicks(shop: Shop) -> None:
    numbers = {id_: n for n, id_ in enumerate(shop.truth.item_ids.tolist())}
    cut = shop.events[int(0.8 * len(shop.events))].time_ms
    popular = Counter(e.item for e in _interactions(shop) if e.time_ms < cut)
    clicked = _clicked(shop)
    mine, everybody = [], []
    for ranking in _rankings(shop):
        hits = clicked.get(ranking.id)
        if ranking.user is None or ranking.time_ms < cut or not hits:
            continue
        worth = shop.truth.utility(ranking.user)
        wants = {item: worth[numbers[item]] for item in ranking.items}
        mine.append(_ndcg(sorted(ranking.items, key=lambda item: -wants[item]), hits))
        everybody.append(_ndcg(sorted(ranking.items, key=lambda item: -popular[item]), hits))
    assert np.mean(mine) > np.mean(everybody) + 0.12


def _ndcg(order: list[str], hits: set[str]) -> float:
    discount = 1 / np.log2(np.arange(2, 12))
    gains = np.array([item in hits for item in order[:10]], dtype=float)
    return float(gains @ discount[: len(gains)] / discount[: min(len(hits), 10)].sum())


def test_shoppers_have_histories(shop: Shop) -> None:
    counts = Counter(e.user for e in _interactions(shop) if e.user is not None)
    assert np.median(list(counts.values())) >= 15


def test_opposites_differ_and_have_rich_histories(shop: Shop) -> None:
    a, b, query = shop.truth.opposites.tolist()
    shoes = [item.id for item in shop.items if item.category[0].lower() == query]
    correlation = np.corrcoef(shop.truth.utility(a, shoes), shop.truth.utility(b, shoes))[0, 1]
    assert correlation < -0.3
    counts = Counter(event.user for event in _interactions(shop))
    assert min(counts[a], counts[b]) >= 50
    assert query in {ranking.query for ranking in _rankings(shop)}


def test_a_written_shop_is_read_without_a_refusal(small: Shop, tmp_path: Path) -> None:
    write_shop(small, tmp_path / "shop")
    refused = Refused()
    dataset = load_dataset(tmp_path / "shop", END_MS, refused)
    assert not len(refused) and not refused.notes
    assert list(dataset.items) == list(small.items) == list(small.dataset().items)
    assert list(dataset.events) == list(small.events)
    truth = read_truth(tmp_path / "shop")
    assert truth.utility("u00003").tolist() == small.truth.utility("u00003").tolist()
    assert truth.utility("u00003", ["p00007"]) == [small.truth.utility("u00003")[7]]


def test_truth_refuses_what_it_does_not_know(small: Shop, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected one of this shop's shoppers, found 'nobody'"):
        small.truth.utility("nobody")
    with pytest.raises(DataError, match="expected one of this shop's items, found 'p99999'"):
        small.truth.utility("u00000", ["p99999"])
    with pytest.raises(DataError, match="found nothing there"):
        read_truth(tmp_path)
    (tmp_path / "truth.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="write it again"):
        read_truth(tmp_path)


def test_too_small_a_shop_is_refused() -> None:
    with pytest.raises(DataError, match="products: expected at least 50, found 3"):
        generate(products=3)


def test_the_command_writes_a_shop(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    options = [str(folder), "--products", "100", "--shoppers", "20", "--events", "500"]
    result = CliRunner().invoke(shop_command, options)
    assert result.exit_code == 0, result.output
    assert "100 products and 5" in result.output
    assert {p.name for p in folder.iterdir()} == {"catalogue.jsonl", "events.jsonl", "truth.npz"}
