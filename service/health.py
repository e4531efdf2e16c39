"""`/healthz` and `/readyz`: whether the process lives, and whether it can answer a search."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from search_rerank.errors import SearchRerankError
from service.access import keyring
from service.condition import condition
from service.problems import away, problem
from service.runtime import runtime

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process answers; touches nothing else."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether a search can be answered; 503 tells what keeps all of them from it.

    What makes answers worse than they could be, such as a missing bundle, damaged rules or keys, or
    a state that is away, is named in `degraded`: who sends requests elsewhere for it might have
    nowhere left to go.
    """
    run = runtime()
    if run.load.stopping:
        return problem(503, "the service is stopping", part="stopping")
    ring = keyring()
    if ring is not None and not ring.keys():
        return problem(503, f"keys: {ring.degraded[0].reason}", part="keys")
    try:
        with run.pipeline() as pipeline:
            engine = {"kind": pipeline.engine.name, "items": pipeline.engine.count()}
            bundle = pipeline.bundle_version
    except SearchRerankError as error:
        return away("engine", error)
    told = [{"stage": part.stage, "reason": part.reason} for part in condition(run)]
    return jsonify(status="ready", engine=engine, bundle=bundle, degraded=told)
