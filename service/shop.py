"""The page: a shop whose answers follow the shopper, rendered here and usable without a script."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from search_rerank.data.event import Interaction
from search_rerank.engines.fields import as_text
from search_rerank.filters import RangeModel
from search_rerank.query import MAX_QUERY_CHARACTERS
from service.consent import consented
from service.events import check_events
from service.filters import FacetModel
from service.in_time import look_up
from service.metrics import metrics
from service.price_steps import price_steps
from service.problems import Problem
from service.runtime import runtime
from service.schemas import SearchRequest, parse_address
from service.search import highlights
from service.shop_results import first_results, later_results
from service.shop_view import (
    COLOUR,
    Address,
    cards,
    chips,
    departments,
    facet,
    price_choices,
    summary,
)
from service.shoppers import deeds, shoppers
from service.strips import beside_item, for_shopper

blueprint = Blueprint("shop", __name__)
PER_PAGE = 24
VIEWS = {"you": "For you", "engine": "Engine order", "both": "Side by side"}
SORTS = {
    "": "Relevance",
    "price": "Price, low to high",
    "-price": "Price, high to low",
    "-rating": "Rating",
}
_DEPARTMENTS = 500
_OWN = ("view", "page", "shopper")
_FOLLOWED = 5
_SHORT = 4_000
_EVENT = ("user", "session", "item", "type", "query", "ranking")
_BACK = re.compile(r"/(?![/\\])[^\x00-\x1f\x7f]*")
"""A path of this shop: no other host, and nothing that a header may not hold."""


@blueprint.get("/")
def page() -> str | Response:
    """Show the results of a search, or the shop's shelves for an empty one."""
    begun = time.perf_counter()
    run = runtime()
    asked, shopper = _asked()
    own = consented(run, asked)
    view = _view(asked)
    number = _page_number()
    colour = next((name for name in COLOUR if name.split(".")[1] in run.attributes()), None)
    steps = price_steps(run.prices())
    facets = [FacetModel(field="category", size=_DEPARTMENTS), FacetModel(field="brand")]
    if colour:
        facets.append(FacetModel(field=colour))
    if steps:
        ranges = [RangeModel(gte=step.gte, lte=step.lte) for step in steps]
        facets.append(FacetModel(field="price", kind="ranges", ranges=ranges))
    address = _address(asked, view, number)
    cursor = asked.cursor if view == "you" else None
    if cursor is not None:
        try:
            shown = later_results(run, own, facets)
        except Problem:  # expired, or of another search: it begins anew
            return redirect(address.with_changes({}), 303)
    else:
        more = {"start": (number - 1) * PER_PAGE, "size": PER_PAGE, "facets": facets}
        more |= {"collapse": True, "explain": True, "reasons": True}
        shown = first_results(run, own.model_copy(update=more), both=view != "you")
    answer, items = shown.answer, shown.items
    metrics().answered(answer.timings_ms, answer.basis, answer.degraded)
    with run.pipeline() as pipeline:
        places = highlights(pipeline.engine, asked, answer, list(items))
    counts = answer.facets
    starts = (
        view == "you"
        and number == 1
        and cursor is None
        and not (asked.query or asked.sort or asked.filters.to_filters())
    )
    return render_template(
        "search.html",
        **_frame(asked, own, shopper, address),
        view=view,
        views={} if asked.sort else VIEWS,
        sorts=SORTS,
        sort=_sort(asked),
        cards=cards(shown.hits, items, shown.first, places),
        engine_cards=[
            card
            for hit in (shown.by_engine if view != "you" else ())
            for card in cards([hit], items, shown.place(hit), places)
        ],
        departments=departments(counts.get("category", ()), asked, address),
        brands=facet("brand", counts.get("brand", ()), asked, address),
        colour=colour,
        colours=facet(colour, counts.get(colour, ()), asked, address) if colour else [],
        prices=price_choices(steps, counts.get("price", ()), asked, address),
        chips=chips(asked, address),
        strips=for_shopper(run, own) if starts else [],
        price=asked.filters.ranges.get("price"),
        number=as_text,
        answer=answer,
        summary=summary(answer),
        variants=any(item.group_id for item in items.values()),
        page=number,
        pages=max(1, -(-len(answer.hits) // PER_PAGE)),
        first=shown.first,
        cursor=shown.cursor,
        took_ms=(time.perf_counter() - begun) * 1000,
        back=_here(address, number, cursor),
    )


@blueprint.get("/shop/items/<path:item_id>")
def item_page(item_id: str) -> str:
    """Show one product with those most like it."""
    run = runtime()
    asked, shopper = _asked()
    own = consented(run, asked)
    with run.pipeline() as pipeline:
        found = look_up(pipeline.engine, [item_id])
        if not found:
            raise Problem(404, f"The shop has no product {item_id!r:.60}.")
    address = _address(asked, _view(asked), _page_number())
    return render_template(
        "item.html",
        **_frame(asked, own, shopper, address),
        item=found[item_id],
        strips=beside_item(run, own, item_id),
        back=_here(address, _page_number()),
    )


@blueprint.post("/shop/events")
def post_event() -> Response:
    """Count what a form says the shopper did, then show the product or the results again."""
    form = request.form
    back = form.get("back", "/")
    if not _BACK.fullmatch(back):
        raise Problem(400, f"back: expected an address of this shop, found {back!r:.60}")
    row = {name: form[name] for name in _EVENT if form.get(name)}
    accepted, refused, _ = check_events(runtime(), [row])
    if refused:
        raise Problem(400, refused[0]["reason"])
    runtime().state.append([one for one in accepted if isinstance(one, Interaction)])
    return redirect(back, 303)


def _asked() -> tuple[SearchRequest, dict[str, str | None]]:
    """Return the search and who asks; someone unknown gets a session of their own."""
    args = request.args
    asked = parse_address(args, extra=_OWN)
    switched = args.get("shopper")
    user = (switched or None) if switched is not None else asked.user
    session = asked.session if switched is None else None
    session = session or f"visit-{uuid4().hex[:12]}"
    return asked.model_copy(update={"user": user, "session": session}), {
        "user": user,
        "session": session,
    }


def _view(asked: SearchRequest) -> str:
    """Return the order to show; where the shopper chose one, there is no other beside it."""
    view = request.args.get("view", "you")
    return view if view in VIEWS and not asked.sort else "you"


def _sort(asked: SearchRequest) -> str:
    return ",".join(f"{'-' if one.order == 'desc' else ''}{one.field}" for one in asked.sort)


def _page_number() -> int:
    text = request.args.get("page", "1")
    return (
        min(max(int(text), 1), 100)
        if text.isascii() and text[:6].isdigit() and text == text[:6]
        else 1
    )


def _address(asked: SearchRequest, view: str, number: int) -> Address:
    pairs = [("q", asked.query[:MAX_QUERY_CHARACTERS])] if asked.query else []
    for field, values in asked.filters.terms.items():
        pairs += [(field, value) for value in values]
    for field, bounds in asked.filters.ranges.items():
        ends = (("gte", bounds.gte), ("lte", bounds.lte))
        pairs += [(f"{field}_{end}", as_text(value)) for end, value in ends if value is not None]
    if asked.sort:
        pairs.append(("sort", _sort(asked)))
    if asked.as_typed:
        pairs.append(("as_typed", "true"))
    if view != "you":
        pairs.append(("view", view))
    pairs += [("user", asked.user)] if asked.user else []
    pairs += [("session", asked.session)] if asked.session else []
    return Address(pairs + ([("page", str(number))] if number > 1 else []))


def _here(address: Address, number: int, cursor: str | None = None) -> str:
    """Return the address of a page; each of its forms names it, so that it must not be long."""
    if cursor is not None and len(cursor) <= _SHORT:
        return address.with_changes({"cursor": cursor})
    return address.with_changes({"page": str(number) if number > 1 else None})


def _frame(
    asked: SearchRequest,
    own: SearchRequest,
    shopper: dict[str, str | None],
    address: Address,
) -> dict[str, Any]:
    """Return what every page shows; `own` is the request as its shopper agreed to it."""
    run = runtime()
    return {
        "asked": asked,
        "query": asked.query[:MAX_QUERY_CHARACTERS],
        "shopper": shopper,
        "shoppers": shoppers(run, shopper["user"]),
        "known": own.personalise,
        "deeds": deeds(run, own.user, own.session, _FOLLOWED),
        "address": address,
        "now_ms": run.clock(),
    }
