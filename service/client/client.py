"""The operations of the service as typed methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote, urlencode
from uuid import uuid4

import orjson
from pydantic import BaseModel, TypeAdapter

from search_rerank.rules.rule_set import AnyRule, RuleSet
from service.client.transport import Json, Transport
from service.openapi import answers, hits

M = TypeVar("M", bound=BaseModel)
_RULE: TypeAdapter[AnyRule] = TypeAdapter(AnyRule)


class Client:
    """Asks one service; any number of threads may share it.

    What fails in a way that may pass is tried again: a connection that breaks, 429, 502, 503 and
    504, as `Retry-After` says or with growing pauses. Nothing counts twice by that: an event is
    given an id before it is first sent. A removal that is repeated may find nothing left (404), and
    a change of rules its own tag replaced (412).

    Parameters
    ----------
    address
        Such as `http://127.0.0.1:8000`.
    key
        API key, where the service asks for one.
    timeout_s
        Of each attempt.
    attempts
        Of each request, at least 1.
    """

    def __init__(
        self, address: str, key: str | None = None, *, timeout_s: float = 5.0, attempts: int = 3
    ) -> None:
        self._transport = Transport(address, key, timeout_s=timeout_s, attempts=attempts)

    def search(self, query: str = "", **asked: Any) -> hits.Answered:
        """Search; `asked` holds further fields of `POST /search`, `from_` for `from`."""
        return self._told(hits.Answered, "POST", "/search", {"query": query, **_fields(asked)})

    def recommend(self, scope: str = "personal", **asked: Any) -> hits.Answered:
        """Ask for items for a page without a query, as `POST /recommend` does."""
        return self._told(hits.Answered, "POST", "/recommend", {"scope": scope, **_fields(asked)})

    def pages(
        self, first: hits.Answered, of: Literal["search", "recommend"] = "search"
    ) -> Iterator[hits.Answered]:  # noqa: E501
        """Yield an answer and the pages that follow it, each asked for when it is wanted."""
        page = first
        yield page
        while page.cursor is not None:
            page = self._told(hits.Answered, "POST", f"/{of}", {"cursor": page.cursor})
            yield page

    def rerank(self, items: Sequence[str], **asked: Any) -> hits.Reranked:
        """Rank the caller's own candidates."""
        return self._told(hits.Reranked, "POST", "/rerank", {"items": list(items), **asked})

    def suggest(self, typed: str, **asked: Any) -> answers.Suggestions:
        """Return how what is being typed may go on."""
        return self._told(answers.Suggestions, "GET", _query("/suggest", {"q": typed, **asked}))

    def similar(self, item: str, size: int = 10) -> hits.Similar:
        """Return the items most like one."""
        address = _query(f"/items/{_part(item)}/similar", {"size": size})
        return self._told(hits.Similar, "GET", address)

    def events(self, rows: Sequence[Json]) -> answers.EventsTold:
        """Tell what shoppers did, and what they were shown; an event without an id gets one."""
        named = [{"id": uuid4().hex, **row} for row in rows]
        return self._told(answers.EventsTold, "POST", "/events", named)

    def item(self, item: str) -> hits.ItemBody:
        """Read an item."""
        return self._told(hits.ItemBody, "GET", f"/items/{_part(item)}")

    def put_item(self, item: str, fields: Json) -> answers.ItemTold:
        """Write a whole item."""
        return self._told(answers.ItemTold, "PUT", f"/items/{_part(item)}", fields)

    def patch_item(self, item: str, fields: Json) -> answers.ItemTold:
        """Change some fields of an item."""
        return self._told(answers.ItemTold, "PATCH", f"/items/{_part(item)}", fields)

    def delete_item(self, item: str) -> answers.ItemTold:
        """Remove an item."""
        return self._told(answers.ItemTold, "DELETE", f"/items/{_part(item)}")

    def put_items(self, items: Sequence[Json]) -> answers.ItemsTold:
        """Write 1 to 1,000 whole items."""
        return self._told(answers.ItemsTold, "POST", "/items", list(items))

    def rules(self) -> tuple[RuleSet, str]:
        """Return all rules, and the tag that a change of them must name."""
        body, headers = self._transport.ask("GET", "/rules")
        return RuleSet.model_validate_json(body), headers.get("ETag", "*")

    def put_rules(self, rules: Json, tag: str) -> answers.RulesSaved:
        """Replace all rules; `*` for `tag` whatever they are."""
        return self._told(answers.RulesSaved, "PUT", "/rules", rules, {"If-Match": tag})

    def rule(self, rule: str) -> AnyRule:
        """Read a rule."""
        return _RULE.validate_json(self._transport.ask("GET", f"/rules/{_part(rule)}")[0])

    def put_rule(self, rule: str, fields: Json, tag: str) -> answers.RulesSaved:
        """Write a rule; `tag` as for `put_rules`."""
        address = f"/rules/{_part(rule)}"
        return self._told(answers.RulesSaved, "PUT", address, fields, {"If-Match": tag})

    def delete_rule(self, rule: str, tag: str) -> answers.RulesSaved:
        """Remove a rule; `tag` as for `put_rules`."""
        address = f"/rules/{_part(rule)}"
        return self._told(answers.RulesSaved, "DELETE", address, None, {"If-Match": tag})

    def try_rules(self, search: Json, rules: Json | None = None) -> answers.DryRunTold:
        """Return what rules would make of a search, those in use where left out; nothing stays."""
        body = {"search": search} | ({} if rules is None else {"rules": rules["rules"]})
        return self._told(answers.DryRunTold, "POST", "/rules/dry-run", body)

    def export_user(self, user: str) -> list[dict[str, Any]]:
        """Return everything that is stored of a user."""
        body, _ = self._transport.ask("GET", f"/users/{_part(user)}/export")
        return [orjson.loads(line) for line in body.splitlines()]

    def forget_user(self, user: str) -> answers.Receipt:
        """Remove everything of a user."""
        return self._told(answers.Receipt, "DELETE", f"/users/{_part(user)}")

    def opt_out(self, user: str, out: bool = True) -> answers.OptOut:
        """Read and store nothing of a user from now on, or again."""
        method = "PUT" if out else "DELETE"
        return self._told(answers.OptOut, method, f"/users/{_part(user)}/opt-out")

    def bundles(self) -> answers.BundlesTold:
        """Return all bundles, and what each worker ranks with."""
        return self._told(answers.BundlesTold, "GET", "/bundles")

    def load_bundle(self, version: str) -> answers.BundlesTold:
        """Make a bundle live."""
        return self._told(answers.BundlesTold, "POST", f"/bundles/{_part(version)}/load")

    def rollback(self) -> answers.BundlesTold:
        """Make the bundle live that was live before; never sent twice, for each goes one back."""
        body, _ = self._transport.ask("POST", "/bundles/rollback", repeat=False)
        return answers.BundlesTold.model_validate_json(body)

    def ready(self) -> answers.Ready:
        """Return whether a search can be answered; `ClientError` 503 where it cannot."""
        return self._told(answers.Ready, "GET", "/readyz")

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _told(
        self,
        model: type[M],
        method: str,
        path: str,
        body: object = None,
        headers: Json | None = None,
    ) -> M:
        return model.model_validate_json(self._transport.ask(method, path, body, headers)[0])


def _fields(asked: Json) -> dict[str, Any]:
    return {name.rstrip("_"): value for name, value in asked.items()}


def _part(text: str) -> str:
    return quote(text, safe="")


def _query(path: str, asked: Json) -> str:
    flat = {k: str(v).lower() if isinstance(v, bool) else v for k, v in asked.items()}
    return f"{path}?{urlencode({k: v for k, v in flat.items() if v is not None})}"
