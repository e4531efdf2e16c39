"""`/healthz` and `/readyz`: whether the process lives, and whether it can answer well."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from search_rerank.errors import SearchRerankError
from service.problems import RETRY_AFTER_S, problem
from service.runtime import runtime

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process answers; touches nothing else."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether state, engine and bundle are there; 503 tells which part is not."""
    run = runtime()
    parts: dict[str, Any] = {}
    failed: dict[str, str] = {}
    try:
        parts["state"] = {"interactions": len(run.state)}
    except SearchRerankError as error:
        failed["state"] = str(error)
    if "state" not in failed:
        try:
            with run.pipeline() as pipeline:
                parts["engine"] = {"kind": pipeline.engine.name, "items": pipeline.engine.count()}
                parts["bundle"] = pipeline.bundle_version
        except SearchRerankError as error:
            failed["engine"] = str(error)
    if not failed and parts["bundle"] is None:
        failed["bundle"] = "no bundle: run 'search-rerank train'; the engine's order is served"
    if failed:
        part, reason = next(iter(failed.items()))
        response = problem(503, f"{part}: {reason}", part=part, ready=parts)
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response
    return jsonify(status="ready", **parts)
