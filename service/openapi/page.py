"""`/openapi.json`, and `/docs`, a page to try it with."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import orjson
from flask import Blueprint, Response, current_app, render_template, send_from_directory

from service.openapi.document import document
from service.problems import Problem

blueprint = Blueprint("openapi", __name__)
_OWN = "docs.js"
_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")


@cache
def _written() -> bytes:
    return orjson.dumps(document())


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Return the OpenAPI document."""
    return Response(_written(), content_type="application/json")


@blueprint.get("/docs")
def docs() -> str:
    """Show the operations, each with a form to try it."""
    return render_template("docs.html")


@blueprint.get("/docs/assets/<name>")
def asset(name: str) -> Response:
    """Return a file of Swagger UI, from the package that brings it, or the script that starts it.

    Nothing is fetched from elsewhere, and none of it needs a key.
    """
    if name == _OWN:
        return current_app.send_static_file(name)
    if name not in _ASSETS:
        raise Problem(404, f"expected one of {', '.join(_ASSETS)}, found {name!r:.60}")
    folder = Path(str(files("flask_swagger_ui") / "dist"))
    return send_from_directory(folder, name, max_age=86_400)
