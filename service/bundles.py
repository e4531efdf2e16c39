"""`/bundles`: which there are, which worker ranks with which, and another one made live."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson
from flask import Blueprint, Response

from search_rerank.bundles import earlier_bundle, list_bundles, named_bundle
from search_rerank.errors import BundleError
from search_rerank.workers import list_workers
from service.problems import Problem
from service.runtime import Runtime, runtime

blueprint = Blueprint("bundles", __name__)


@blueprint.get("/bundles")
def get_bundles() -> Response:
    """Return all bundles, the latest first, and the workers with what each ranks with."""
    return _told(runtime())


@blueprint.post("/bundles/<version>/load")
def load(version: str) -> Response:
    """Make a bundle live: 404 for one that is not there, 409 where it is damaged or misfit."""
    run = runtime()
    try:
        named_bundle(_folder(run), version)
    except BundleError:
        raise Problem(404, f"expected the name of a bundle, found {version!r:.60}") from None
    return _loaded(run, version)


@blueprint.post("/bundles/rollback")
def rollback() -> Response:
    """Make the bundle before the live one live again: 409 where there is none."""
    run = runtime()
    try:
        version = earlier_bundle(_folder(run))
    except BundleError:
        raise Problem(409, "expected a bundle that was live before this one, found none") from None
    return _loaded(run, version)


def _loaded(run: Runtime, version: str) -> Response:
    """Load a bundle beside the requests, then make it live; the other workers follow."""
    with run.pipeline() as lent:
        pipeline = lent
    try:
        pipeline.load(version)
    except BundleError as error:
        raise Problem(409, str(error)) from None
    run.tell_bundle(pipeline)
    return _told(run)


def _told(run: Runtime) -> Response:
    bundles = list_bundles(_folder(run))
    body = {
        "live": next((one.version for one in bundles if one.live), None),
        "bundles": [asdict(one) for one in bundles],
        "workers": [worker.model_dump() for worker in list_workers(run.config.home)],
    }
    return Response(orjson.dumps(body), content_type="application/json")


def _folder(run: Runtime) -> Path:
    return run.config.home / "bundles"
