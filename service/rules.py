"""`/rules`: the shop's rules read, checked, replaced, and tried on a search."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import orjson
from flask import Blueprint, Response, request

from search_rerank.errors import DataError, EngineError, SearchRerankError, nearest
from search_rerank.replacing import changing, replace_file
from search_rerank.rules.conflicts import Conflict, conflicts, told
from search_rerank.rules.dry_run import compare
from search_rerank.rules.indexed import UNKNOWN, look_up
from search_rerank.rules.keeping import read_rules, rules_path
from search_rerank.rules.reading import parse_rule, parse_rules
from search_rerank.rules.rule_set import NO_RULES, RuleSet
from service.bodies import read_json
from service.problems import Problem
from service.runtime import Runtime, runtime
from service.schemas import parse_search
from service.search import check_fields, rule_json

logger = logging.getLogger(__name__)
blueprint = Blueprint("rules", __name__)
Change = Callable[[RuleSet], RuleSet]


@blueprint.get("/rules")
def get_rules() -> Response:
    """Return all rules, with an `ETag` that a change must name."""
    rules = _stored(runtime())
    return _json(orjson.loads(rules.to_json()), rules)


@blueprint.put("/rules")
def put_rules() -> Response:
    """Replace all rules: 412 where others did since, 422 where nothing decides a conflict."""
    rules = parse_body(read_json())
    return _save(lambda _: rules, mends=True)


@blueprint.get("/rules/<rule_id>")
def get_rule(rule_id: str) -> Response:
    """Return one rule; 404 where there is none of that id."""
    rules = _stored(runtime())
    _require(rules, rule_id)
    rows = orjson.loads(rules.to_json())["rules"]
    return _json(next(row for row in rows if row["id"] == rule_id), rules)


@blueprint.put("/rules/<rule_id>")
def put_rule(rule_id: str) -> Response:
    """Write one rule, in the place of that of its id or at the end."""
    try:
        rule = parse_rule(read_json(), rule_id)
    except DataError as error:
        raise Problem(422, str(error)) from None
    return _save(lambda rules: rules.with_rule(rule))


@blueprint.delete("/rules/<rule_id>")
def delete_rule(rule_id: str) -> Response:
    """Remove one rule; 404 where there is none of that id."""

    def without(rules: RuleSet) -> RuleSet:
        _require(rules, rule_id)
        return rules.without(rule_id)

    return _save(without)


@blueprint.post("/rules/dry-run")
def dry_run() -> Response:
    """Return what rules, those of the body or the stored ones, do to a search; stores nothing."""
    body = read_json()
    if not isinstance(body, dict) or "search" not in body:
        raise Problem(400, f"expected an object such as {{'search': {{}}}}, found {body!r:.60}")
    for name in body.keys() - {"search", "rules"}:
        raise Problem(400, f"unknown field {name[:60]!r}{nearest(name[:60], ['search', 'rules'])}")
    run = runtime()
    asked = parse_search(body["search"])
    rules = parse_body(body["rules"]) if "rules" in body else _stored(run)
    query = asked.to_query(run.config.retrieval.k, run.clock())
    found = _conflicts(run, rules)
    with run.pipeline() as pipeline:
        try:
            before, after = (
                pipeline.search(query, personalise=asked.personalise, rules=one)
                for one in (NO_RULES, rules)
            )
        except EngineError:
            check_fields(pipeline.engine, query)
            raise
    tried = compare(before, after, asked.size)
    return _json(
        asdict(tried)
        | {
            "rules": [rule_json(use) for use in tried.rules],
            "conflicts": [asdict(one) for one in found],
        }
    )


def parse_body(body: object) -> RuleSet:
    """Check decoded rules; raises `Problem` 422 that names the rule and the key."""
    try:
        return parse_rules(body)
    except DataError as error:
        raise Problem(422, str(error)) from None


def _save(change: Change, mends: bool = False) -> Response:
    """Store what becomes of the rules, unless others changed them or a conflict stands.

    One that does not give all of them, and so mends nothing, keeps off a file that is damaged: the
    rules that it held would be lost.
    """
    run = runtime()
    if run.config.rules.file is not None:
        raise Problem(409, "the rules come from the file of the settings: change them there")
    path = rules_path(run.config)
    with changing(path):
        present = _present(path)
        _check_precondition(present)
        if present is None and not mends:
            raise _damaged()
        rules = change(present or NO_RULES)
        found = _conflicts(run, rules)
        wrong = [one for one in found if one.level == "error"]
        if wrong:
            rows = [asdict(one) for one in found]
            raise Problem(422, f"not saved: {told(wrong[0])}", conflicts=rows)
        replace_file(path, rules.to_json())
    with suppress(SearchRerankError), run.pipeline() as pipeline:  # it follows when it is open
        pipeline.rules.follow()
    body = {"rules": len(rules.rules), "conflicts": [asdict(one) for one in found]}
    return _json(body, rules)


def _check_precondition(present: RuleSet | None) -> None:
    """Refuse a change by who has not seen what they change; None is a file that is damaged."""
    if "If-Match" not in request.headers:
        raise Problem(
            428, "expected If-Match with the ETag of GET /rules, or * for whatever is stored"
        )
    wanted = request.if_match
    if wanted.star_tag or (present is not None and wanted.contains(present.etag)):
        return
    raise Problem(
        412, "the rules were changed since: GET /rules, and make the change again on what it tells"
    )


def _stored(run: Runtime) -> RuleSet:
    found = _present(rules_path(run.config))
    if found is None:
        raise _damaged()
    return found


def _damaged() -> Problem:
    return Problem(
        503,
        "the stored rules are damaged, and the last good ones hold: see the service's log; "
        "PUT /rules with If-Match: * replaces them",
    )


def _present(path: Path) -> RuleSet | None:
    """Return the rules of a file, None where it is damaged."""
    try:
        return read_rules(path)
    except DataError as error:
        logger.error("the stored rules: %s", error)
        return None


def _conflicts(run: Runtime, rules: RuleSet) -> list[Conflict]:
    """Return what is wrong with rules; of the catalogue only where the engine can tell."""
    indexed = UNKNOWN
    with suppress(SearchRerankError), run.pipeline() as pipeline:
        indexed = look_up(pipeline.engine, rules)
    return conflicts(rules, run.clock(), indexed)


def _require(rules: RuleSet, rule_id: str) -> None:
    if all(rule.id != rule_id for rule in rules.rules):
        raise Problem(404, f"expected the id of a rule, found {rule_id!r:.80}")


def _json(body: object, rules: RuleSet | None = None) -> Response:
    response = Response(orjson.dumps(body), content_type="application/json")
    if rules is not None:
        response.set_etag(rules.etag)
    return response
