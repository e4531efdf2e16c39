"""What is ranked when a log is replayed: what the engine finds, or what the lists showed."""

from __future__ import annotations

from dataclasses import replace

from search_rerank.training import cuts, tasks
from tests.spine.world import World


def test_a_shop_that_brings_its_candidates_learns_from_the_lists_it_showed(world: World) -> None:
    with world.ready() as shop:
        cut = cuts(shop.events, shop.config.training)
        training = shop.config.training.model_copy(update={"candidates": "shown"})
        config = shop.config.model_copy(update={"training": training})
        found = tasks(replace(shop, config=config), cut.train, cut.test)[""]
        with_list = [one for one in found if one.ranking is not None]
        assert with_list
        assert all(one.asked == one.shown for one in with_list)
        engine = tasks(shop, cut.train, cut.test)[""]
        assert all(one.asked is None for one in engine)
        assert [one.query for one in found] == [one.query for one in engine]
