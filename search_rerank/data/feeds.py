"""What the feeds of other systems have in common: prices, HTML, values kept as attributes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser

from search_rerank.errors import DataError

MAX_VALUE = 500
"""Characters that an attribute's value may have."""
_NUMBER = r"\d+(?:\.\d+)?|\d{1,3}(?:,\d{3})+\.\d+"
_PRICE = re.compile(rf"(?:([A-Za-z]{{3}})\s*)?({_NUMBER})|({_NUMBER})\s*([A-Za-z]{{3}})")
_MARKUP = re.compile(r"<[A-Za-z/!]|&#?\w+;")
_BREAKS = frozenset(
    "address article aside blockquote br dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 "
    "h6 header hr li main nav ol p pre section table td th tr ul".split()
)
_HIDDEN = frozenset({"script", "style", "template"})


def parse_price(text: str) -> tuple[float, str | None]:
    """Return amount and currency of `15.00 USD`, `USD 15.00` or `15.00` (no currency).

    Raises
    ------
    DataError
        Where it is none of these; a comma before the cents is refused, for it may mean thousands.
    """
    found = _PRICE.fullmatch(text.strip())
    if found is None:
        raise DataError(
            f"expected a number with a point, and a currency of three letters, such as 15.00 USD, "
            f"found {text!r:.60}"
        )
    before, amount, other, after = found.groups()
    currency = before or after
    return float((amount or other).replace(",", "")), currency.upper() if currency else None


def path_of(text: str) -> list[str]:
    """Return the levels of a category written `A > B > C`."""
    return [level for level in (part.strip() for part in text.split(">")) if level]


def attribute_name(text: str) -> str:
    """Return a column's or an option's name as an attribute: lower case, `_` between words."""
    return re.sub(r"[\s_-]+", "_", text.strip().lower()).strip("_")


def attribute_value(values: Sequence[str], note: Callable[[str], None]) -> str | list[str] | None:
    """Return one text or a list of texts; None where nothing is left.

    What is too long to be an attribute is left out, which `note` is told.
    """
    kept = [value for value in values if len(value) <= MAX_VALUE]
    for _ in range(len(values) - len(kept)):
        note(f"attribute values over {MAX_VALUE} characters left out")
    if not kept:
        return None
    return kept[0] if len(kept) == 1 else kept


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN and self._hidden:
            self._hidden -= 1
        self._break(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)

    def _break(self, tag: str) -> None:
        if tag in _BREAKS:
            self.parts.append(" ")


def plain_text(text: str) -> str:
    """Return the words of HTML, white space collapsed; text without markup is left as it is."""
    if not _MARKUP.search(text):
        return text
    parser = _Text()
    # Marked sections are no HTML, and the parser fails on those it does not know.
    parser.feed(text.replace("<![CDATA[", "").replace("]]>", "").replace("<![", " "))
    parser.close()
    return " ".join("".join(parser.parts).split())
