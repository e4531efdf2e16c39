"""What is typed is cut and folded as the index is, in every script; an engine's test inherits."""

from pathlib import Path

import pytest

from search_rerank.config import RetrievalConfig
from search_rerank.engines.base import Retrieve
from search_rerank.retriever import Retriever
from tests.engines.contract_search import PLAIN, OpenWith, made, words

TITLES = {
    "ru": "Зимний чай",
    "ko": "한국 김치찌개 세트",
    "no": "Bjørn straße café",
    "ja": "ガラスのコップ",
    "tm": "Gore-Tex™ jacket",
    "nfd": "Ame\u0301lie lamp",
    "ap": "Runner's watch",
    "us": "wh_1000 headset",
}


class ScriptsContract:
    @pytest.mark.parametrize(
        ("typed", "found"),
        [
            ("зимн", "ru"),
            ("김치", "ko"),
            ("bjø", "no"),
            ("bjo", "no"),
            ("straß", "no"),
            ("strasse caf", "no"),
            ("cafe\u0301", "no"),
            ("ガラ", "ja"),
            ("gore-tex", "tm"),
            ("amél", "nfd"),
            ("runner's wa", "ap"),
            ("wh_10", "us"),
        ],
    )
    def test_suggestions(self, open_with: OpenWith, typed: str, found: str) -> None:
        engine = made(open_with(PLAIN), *words(TITLES, "none"))
        assert [s.item for s in engine.suggest(typed, 5)] == [found]

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("зимняй", "зимний"),
            ("зимний", None),
            ("김치찌개", None),
            ("bjørn", None),
            ("Bjørm café", "bjorn café"),
            ("strasse", None),
            ("ガラスのコップ", None),
            ("jackte", "jacket"),
        ],
    )
    def test_spelling(self, open_with: OpenWith, typed: str, meant: str | None) -> None:
        engine = made(open_with(PLAIN), *words(TITLES, "none"))
        assert engine.did_you_mean(typed) == meant

    @pytest.mark.parametrize(
        ("typed", "found"),
        [("cafe\u0301", "no"), ("amélie", "nfd"), ("ame\u0301lie", "nfd"), ("amelie", "nfd")],
    )
    def test_an_accent_may_be_a_character_of_its_own(
        self, open_with: OpenWith, typed: str, found: str
    ) -> None:
        engine = made(open_with(PLAIN), *words(TITLES, "none"))
        assert engine.retrieve(Retrieve(typed)).ids == [found]
        assert engine.highlight("amelie", ["nfd"]) == {"nfd": {"title": [(0, 7)]}}

    def test_a_trade_mark_is_no_letter_of_a_whole_title(self, open_with: OpenWith) -> None:
        titles = {"x": "Gore-Tex™ jacket", "y": "Gore-Tex jacket gore tex jacket"}
        items, schema = words(titles, "none")
        engine = made(open_with(PLAIN), items, schema, {"y": 9.0})
        assert engine.retrieve(Retrieve("gore-tex jacket")).ids[0] == "x"

    def test_a_word_with_a_synonym_is_not_mistyped(
        self, open_with: OpenWith, tmp_path: Path
    ) -> None:
        """No item has `telly`, and `tells` is near: yet it is the television that is meant."""
        file = tmp_path / "synonyms.txt"
        file.write_text("telly => television\n")
        config = RetrievalConfig(synonyms=file)
        titles = {"x": "Television", "y": "He tells stories"}
        engine = made(open_with(config), *words(titles, "none"))
        assert engine.did_you_mean("telly") is None
        assert engine.did_you_mean("telly storeis") == "telly stories"
        assert Retriever(engine, config=config).retrieve(Retrieve("telly")).ids == ["x"]

    def test_what_stands_beside_a_synonym_is_searched_as_typed(
        self, open_with: OpenWith, tmp_path: Path
    ) -> None:
        file = tmp_path / "synonyms.txt"
        file.write_text("耳机, 耳麦\nбольшой, крупный\n")
        engine = open_with(RetrievalConfig(synonyms=file))
        made(engine, *words({"x": "蓝牙耳麦", "y": "耳麦与蓝牙", "z": "крупный чайник"}, "zh"))
        assert engine.retrieve(Retrieve("蓝牙耳机")).ids[0] == "x"
        assert engine.retrieve(Retrieve("большой чайник", every_word=True)).ids == ["z"]
