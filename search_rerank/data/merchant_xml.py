"""A Google Merchant feed in XML (RSS 2.0, Atom 1.0) as rows of a catalogue, read as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import AttributesNSImpl

from defusedxml.common import DefusedXmlException
from defusedxml.sax import make_parser

from search_rerank.data.lines import (
    CHUNK_BYTES,
    DAMAGE,
    MAX_LINE_BYTES,
    ByteStream,
    Problem,
)
from search_rerank.data.merchant import merchant_name, merchant_row
from search_rerank.errors import DataError

_G = "http://base.google.com/ns/1.0"
_ROOTS = {"rss": "item", "feed": "entry"}
_ATOM = {"summary": "description", "content": "description"}
Name = tuple[str | None, str]


def merchant_xml_rows(
    name: str, stream: ByteStream, note: Callable[[str], None]
) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield (line of the entry's start, row of the catalogue or problem) of a feed.

    One entry is held at a time; one over 1 MiB is a problem. XML that is not well formed cannot be
    read on: it is the last problem, and the file counts as cut off.

    Raises
    ------
    DataError
        Where the file is no XML, or no feed.
    """
    parser = make_parser()
    handler = _Feed(name, parser.getLineNumber)
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(handler)
    reason = None
    while reason is None:
        try:
            chunk = stream.read1(CHUNK_BYTES)
            if chunk:
                parser.feed(chunk)
            else:
                parser.close()
        except SAXParseException as error:
            place = f"{error.getMessage()} in line {error.getLineNumber()}"
            reason = f"the file ends early or is no valid XML from here on, found {place}"
        except DefusedXmlException as error:
            reason = f"expected XML that declares no entities, found {error}"
        except DAMAGE as error:
            reason = f"the file is cut off or damaged here, found {error}"
        for line, entry in handler.take():
            yield line, entry.row(note)
        if reason is None and not chunk:
            return
    if handler.root is None:
        raise DataError(f"{name}: expected a Google Merchant feed in XML: {reason}")
    yield parser.getLineNumber(), Problem(reason, cut_off=True)


@dataclass
class _Element:
    """An element of an entry while it is open: what it is called, and what it holds so far."""

    label: str | None
    text: list[str] = field(default_factory=list)
    parts: list[tuple[str | None, str]] = field(default_factory=list)

    def value(self) -> str:
        """Return its text; of an element of elements, `country: US, price: 5 USD`."""
        own = "".join(self.text).strip()
        shown = [text if name is None else f"{name}: {text}" for name, text in self.parts if text]
        return " ".join([own, *shown]).strip() if own else ", ".join(shown)


@dataclass
class _Entry:
    """A product: the values of its elements, those of Google's namespace apart."""

    google: dict[str, list[str]] = field(default_factory=dict)
    plain: dict[str, list[str]] = field(default_factory=dict)
    size: int = 0

    def row(self, note: Callable[[str], None]) -> dict[str, Any] | Problem:
        """Return the row of the catalogue; Google's elements go before others of their name."""
        row = merchant_row(self.plain | self.google, note)
        if self.size <= MAX_LINE_BYTES:
            return row
        limit = f"expected at most {MAX_LINE_BYTES:,} characters in an entry"
        raw = row.raw if isinstance(row, Problem) else row
        return Problem(f"{limit}, found a longer one (the row shown is cut)", raw)


class _Feed(ContentHandler):
    """Collects whole entries while the parser is fed."""

    def __init__(self, name: str, line: Callable[[], int]) -> None:
        super().__init__()
        self._now_at = line
        self.root: str | None = None
        self._name = name
        self._done: list[tuple[int, _Entry]] = []
        self._entry: _Entry | None = None
        self._line = 0
        self._open: list[_Element] = []

    def take(self) -> list[tuple[int, _Entry]]:
        """Return the entries that ended since the last call, each with the line of its start."""
        done, self._done = self._done, []
        return done

    def startElementNS(self, name: Name, qname: str | None, attrs: AttributesNSImpl) -> None:
        space, local = name
        if self.root is None:
            if local not in _ROOTS:
                raise DataError(
                    f"{self._name}: expected a Google Merchant feed (RSS 2.0 or Atom 1.0), "
                    f"found XML that begins with <{local:.60}>"
                )
            self.root = local
        elif self._entry is None:
            if local == _ROOTS[self.root]:
                self._entry = _Entry()
                self._line = self._now_at()
        else:
            self._entry.size += len(local)
            label = merchant_name(local) if space == _G or not self._open else None
            self._open.append(_Element(label))
            link = attrs.get((None, "href"))
            if local == "link" and link and attrs.get((None, "rel"), "alternate") == "alternate":
                self.characters(link)

    def characters(self, content: str) -> None:
        if self._entry is None or not self._open:
            return
        self._entry.size += len(content)
        if self._entry.size <= MAX_LINE_BYTES:
            self._open[-1].text.append(content)

    def endElementNS(self, name: Name, qname: str | None) -> None:
        if self._entry is None:
            return
        if not self._open:
            self._done.append((self._line, self._entry))
            self._entry = None
            return
        element = self._open.pop()
        value = element.value()
        if self._open:
            self._open[-1].parts.append((element.label, value))
        elif value and element.label:
            google = name[0] == _G
            label = element.label if google else _ATOM.get(element.label, element.label)
            fields = self._entry.google if google else self._entry.plain
            fields.setdefault(label, []).append(value)
