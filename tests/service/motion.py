"""A shopper who pages through a list while the shop changes: what must come, and what came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient

from search_rerank.bundles import live_bundle, promote_bundle
from search_rerank.engines.base import Document, Engine, Retrieve, live_version
from search_rerank.pipeline import Pipeline
from search_rerank.query import Candidates
from service.schemas import parse_search
from tests.service.test_pages import ask, ids

CHANGES = ("put", "patch", "sell_out", "delete", "event", "index", "bundle")


@dataclass
class Motion:
    """One walk.

    Parameters
    ----------
    client, body
        The service, and the request whose pages are asked for.
    bundles
        Versions of bundles that may go live.
    """

    client: FlaskClient
    body: dict[str, Any]
    bundles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        size, page = self.body["size"], ask(self.client, self.body)
        whole = ask(self.client, self.body | {"size": 100})
        self.window = ids(whole)
        assert ids(page) == self.window[:size]
        self.found, self.cursor = ids(page), page["cursor"]
        self.always = self.matching()
        self.there = set(self.window) & {item for item in self.window if self.stored(item)}
        self.n = 0

    def matching(self) -> set[str]:
        """Return the items that match the words and the filters now."""
        query = parse_search(self.body).to_query(1000, 0)
        found = self.engine.retrieve(Retrieve(query.text, filters=query.filters, k=1000))
        return {id_ for id_, hit in zip(found.ids, self.hit(found), strict=True) if hit}

    def hit(self, found: Candidates) -> list[bool]:
        browsing = not self.body.get("query")
        return [browsing or score > 0 for score in found.lexical.tolist()]

    def stored(self, id_: str) -> bool:
        return self.engine.lookup([id_])[0] is not None

    @property
    def pipeline(self) -> Pipeline:
        with self.client.application.extensions["search_rerank"].pipeline() as pipeline:
            found: Pipeline = pipeline
            return found

    @property
    def engine(self) -> Engine:
        return self.pipeline.engine

    def page(self, size: int) -> None:
        """Ask for the next page."""
        if self.cursor is None:
            return
        page = ask(self.client, {"cursor": self.cursor, "size": size})
        assert page["degraded"] == []
        if self.body.get("filters"):  # all of them ask for what is in stock
            assert all(hit["item"].get("in_stock", True) for hit in page["hits"])
        assert len(page["hits"]) == size or page["cursor"] is None
        assert [hit["rank"] for hit in page["hits"]] == list(
            range(len(self.found), len(self.found) + len(page["hits"]))
        )
        self.found += ids(page)
        self.cursor = page["cursor"]

    def change(self, what: str, n: int) -> None:
        """Change something, by a number that says which."""
        near = [id_ for id_ in self.window if id_ in self.always]
        items = near if near and n % 2 else sorted(self.always)
        item = items[n % len(items)] if items else "none"
        self.n += 1
        if what == "put":
            title = {"title": f"New {self.body.get('query', 'thing')} {n}", "price": n}
            self.client.put(f"/items/new-{self.n}-{n}", json=title)
        elif what == "patch":
            self.client.patch(f"/items/{item}", json={"price": n + 1, "rating_count": n})
        elif what == "sell_out":
            self.client.patch(f"/items/{item}", json={"in_stock": False})
        elif what == "delete":
            self.client.delete(f"/items/{item}")
        elif what == "event":
            row = {"item": item, "type": "purchase", "user": self.body.get("user", "someone")}
            self.client.post("/events", json=[row] * 3)
        elif what == "index":
            self.another_index(n)
        elif self.bundles:
            self.another_bundle(n)
        self.always &= self.matching()
        self.there &= {id_ for id_ in self.there if self.stored(id_)}

    def another_index(self, n: int) -> None:
        """Make a version of the index in which the same items are in other demand."""
        engine = self.engine
        live = live_version(engine)
        assert live is not None
        held = engine.retrieve(Retrieve("", k=10_000)).ids
        stored = [one for one in engine.lookup(held) if one is not None]
        version = engine.create(live.schema)
        engine.write(
            version,
            [Document(s.item, s.vector, 1 + (k * 7 + n) % 11 / 10) for k, s in enumerate(stored)],
        )
        engine.seal(version)
        engine.promote(version)
        engine.drop(live.name)

    def another_bundle(self, n: int) -> None:
        """Let a bundle go live."""
        folder = self.pipeline.config.home / "bundles"
        promote_bundle(folder, self.bundles[n % len(self.bundles)])
        assert live_bundle(folder) is not None
        self.pipeline.reload_if_changed()

    def end(self) -> None:
        """Page to the end, and compare what came with what had to."""
        while self.cursor is not None:
            self.page(9)
        found = self.found
        assert len(set(found)) == len(found)
        assert self.always <= set(found)
        size = self.body["size"]
        filtered = self.always if self.body.get("filters") else self.there
        still = [id_ for n, id_ in enumerate(self.window) if n < size or id_ in filtered]
        assert [id_ for id_ in found if id_ in still] == still
        last = found.index(still[-1]) if still else -1
        assert set(found[: last + 1]) <= set(self.window)
