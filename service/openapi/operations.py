"""The table of operations: what each takes, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from search_rerank.data.item import Item
from search_rerank.rules.rule_set import AnyRule, RuleSet
from service.openapi import answers, hits, requests
from service.schemas import RecommendRequest, RerankRequest, SearchRequest
from service.suggest import SuggestRequest

NDJSON = "application/x-ndjson"
Schema = type[BaseModel] | Any
"""A model, or a type that pydantic can describe."""


@dataclass(frozen=True)
class Operation:
    """What one method of one address does.

    Parameters
    ----------
    rule, method
        As the blueprint has them.
    tag, summary
        Where it stands in the document, and what it does.
    answers
        Status to what its body is: a model, or None for another type than JSON.
    query
        What the parameters of the address may be, a model whose fields they are.
    body, lines
        What the body must be, and whether it may also be JSON lines of that.
    filters
        Whether the parameters may be filters, too.
    example
        Of the body.
    headers
        That must be sent, with an example.
    refusals
        Statuses of problems beside those that every operation may answer.
    """

    rule: str
    method: str
    tag: str
    summary: str
    answers: Mapping[int, Schema | None]
    query: type[BaseModel] | None = None
    body: Schema | None = None
    lines: bool = False
    filters: bool = False
    example: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()


_ITEM = {"title": "Enamel kettle", "brand": "Harrow", "category": ["Kettles"], "price": 24.5}
_EVENT = {"item": "p00001", "type": "click", "session": "visit-1", "query": "shoes"}
_RULE = {"kind": "bury", "where": {"terms": {"brand": ["Harrow"]}}}
_IF_MATCH = {"If-Match": "*"}
_RANKED = (410,)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/search", "GET", "search", "Search by the parameters of the address",
        {200: hits.Answered}, query=SearchRequest, filters=True, refusals=_RANKED,
    ),
    Operation(
        "/search", "POST", "search", "Search",
        {200: hits.Answered}, body=SearchRequest, refusals=_RANKED,
        example={"query": "shoes", "user": "u00001", "size": 5, "reasons": True},
    ),
    Operation(
        "/recommend", "GET", "search", "Items for a page without a query, by the address",
        {200: hits.Answered}, query=RecommendRequest, filters=True, refusals=(404, *_RANKED),
    ),
    Operation(
        "/recommend", "POST", "search", "Items for a page without a query",
        {200: hits.Answered}, body=RecommendRequest, refusals=(404, *_RANKED),
        example={"scope": "personal", "user": "u00001", "size": 5},
    ),
    Operation(
        "/rerank", "POST", "search", "Rank the caller's own candidates",
        {200: hits.Reranked}, body=RerankRequest,
        example={"items": ["p00001", "p00002", "p00003"], "user": "u00001", "query": "shoes"},
    ),
    Operation(
        "/suggest", "GET", "search", "How what is being typed may go on",
        {200: answers.Suggestions}, query=SuggestRequest,
    ),
    Operation(
        "/items/<path:item_id>/similar", "GET", "items", "The items most like one",
        {200: hits.Similar}, query=requests.SimilarRequest, refusals=(404,),
    ),
    Operation(
        "/items/<path:item_id>", "GET", "items", "Read an item",
        {200: hits.ItemBody}, refusals=(404,),
    ),
    Operation(
        "/items/<path:item_id>", "PUT", "items", "Write a whole item",
        {200: answers.ItemTold, 201: answers.ItemTold}, body=requests.WholeItem, example=_ITEM,
        refusals=(409, 422),
    ),
    Operation(
        "/items/<path:item_id>", "PATCH", "items", "Change some fields of an item",
        {200: answers.ItemTold}, body=requests.ItemChange, example={"price": 19.9},
        refusals=(404, 409, 422),
    ),
    Operation(
        "/items/<path:item_id>", "DELETE", "items", "Remove an item",
        {200: answers.ItemTold}, refusals=(404, 409),
    ),
    Operation(
        "/items", "POST", "items", "Write many whole items",
        {200: answers.ItemsTold}, body=Item | requests.Items, lines=True,
        example=[{"id": "p1", **_ITEM}], refusals=(422,),
    ),
    Operation(
        "/events", "POST", "events", "Tell what shoppers did, and what they were shown",
        {202: answers.EventsTold}, body=requests.Row | requests.Rows, lines=True, example=_EVENT,
    ),
    Operation(
        "/rules", "GET", "rules", "Read all rules",
        {200: RuleSet},
    ),
    Operation(
        "/rules", "PUT", "rules", "Replace all rules",
        {200: answers.RulesSaved}, body=RuleSet, example={"rules": [{"id": "r1", **_RULE}]},
        headers=_IF_MATCH, refusals=(409, 412, 422, 428),
    ),
    Operation(
        "/rules/<rule_id>", "GET", "rules", "Read a rule",
        {200: AnyRule}, refusals=(404,),
    ),
    Operation(
        "/rules/<rule_id>", "PUT", "rules", "Write a rule",
        {200: answers.RulesSaved}, body=AnyRule, example=_RULE,
        headers=_IF_MATCH, refusals=(409, 412, 422, 428),
    ),
    Operation(
        "/rules/<rule_id>", "DELETE", "rules", "Remove a rule",
        {200: answers.RulesSaved}, headers=_IF_MATCH, refusals=(404, 409, 412, 422, 428),
    ),
    Operation(
        "/rules/dry-run", "POST", "rules", "Try rules on a search",
        {200: answers.DryRunTold}, body=requests.DryRunRequest,
        example={"search": {"query": "shoes"}, "rules": [{"id": "r1", **_RULE}]}, refusals=(422,),
    ),
    Operation(
        "/users/<path:user>/export", "GET", "users", "Everything that is stored of a user",
        {200: None},
    ),
    Operation(
        "/users/<path:user>", "DELETE", "users", "Remove everything of a user",
        {200: answers.Receipt},
    ),
    Operation(
        "/users/<path:user>/opt-out", "GET", "users", "Whether a user opted out",
        {200: answers.OptOut},
    ),
    Operation(
        "/users/<path:user>/opt-out", "PUT", "users", "Read and store nothing of a user",
        {200: answers.OptOut},
    ),
    Operation(
        "/users/<path:user>/opt-out", "DELETE", "users", "Personalise for a user again",
        {200: answers.OptOut},
    ),
    Operation(
        "/bundles", "GET", "bundles", "All bundles, and what each worker ranks with",
        {200: answers.BundlesTold},
    ),
    Operation(
        "/bundles/<version>/load", "POST", "bundles", "Make a bundle live",
        {200: answers.BundlesTold}, refusals=(404, 409),
    ),
    Operation(
        "/bundles/rollback", "POST", "bundles", "Make the bundle before the live one live again",
        {200: answers.BundlesTold}, refusals=(409,),
    ),
    Operation("/healthz", "GET", "watching", "Whether the process answers", {200: answers.Health}),
    Operation(
        "/readyz", "GET", "watching", "Whether a search can be answered", {200: answers.Ready},
    ),
    Operation("/metrics", "GET", "watching", "Numbers for Prometheus", {200: None}),
    Operation("/openapi.json", "GET", "watching", "This document", {200: dict[str, Any]}),
)  # fmt: skip
"""Every address of the interface; the shop's page and this document's own page are for people."""
