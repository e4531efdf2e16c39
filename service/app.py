"""The Flask application."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request

from search_rerank.config import Config
from service import (
    bundles,
    events,
    health,
    items,
    metrics_page,
    recommend,
    rerank,
    rules,
    search,
    shop,
    suggest,
    users,
)
from service.access import guard
from service.load import count
from service.metrics import measure
from service.openapi import page as openapi_page
from service.problems import register_problems
from service.runtime import Runtime, now_ms

_PAGE_POLICY = (
    "default-src 'none'; img-src 'self' data: https:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(config: Config, clock: Callable[[], int] = now_ms) -> Flask:
    """Return the service over the index, the bundle and the state that the settings name.

    Nothing is opened until a request needs it, and each process opens its own.

    Parameters
    ----------
    config
        The settings.
    clock
        Returns the present moment, unix milliseconds.
    """
    app = Flask(
        __name__,
        template_folder="web/templates",
        static_folder="web/static",
        static_url_path="/static",
    )
    app.config["MAX_CONTENT_LENGTH"] = config.service.max_body_bytes
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["search_rerank"] = Runtime(config, clock)
    for module in (
        search,
        rerank,
        recommend,
        suggest,
        events,
        items,
        health,
        users,
        rules,
        bundles,
        metrics_page,
        openapi_page,
        shop,
    ):
        app.register_blueprint(module.blueprint)
    register_problems(app)
    measure(app)  # first, so that what the others refuse is counted, too
    guard(app, config)
    count(app)
    app.after_request(_secure)
    return app


def _secure(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = _PAGE_POLICY
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
