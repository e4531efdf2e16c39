"""Who may ask for what: the scope of each endpoint, the keys, and the rate limit of each key."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request

from search_rerank.config import Config
from search_rerank.errors import ConfigError
from search_rerank.keyring import Keyring
from search_rerank.keys import Key, Scope, keys_path, read_keys
from service.problems import problem

_RING = "search_rerank_keys"
_READS = ("GET", "HEAD")
NEEDS: dict[str, dict[str, Scope | None]] = {
    "/healthz": {"GET": None},
    "/openapi.json": {"GET": None},
    "/docs": {"GET": None},
    "/docs/assets/<name>": {"GET": None},
    "/readyz": {"GET": None},
    "/search": {"GET": "search", "POST": "search"},
    "/recommend": {"GET": "search", "POST": "search"},
    "/rerank": {"POST": "search"},
    "/suggest": {"GET": "search"},
    "/items/<path:item_id>": {"GET": "search"},
    "/items/<path:item_id>/similar": {"GET": "search"},
    "/events": {"POST": "events"},
}
"""Address to method to the scope that a key must have; None is open to all.

What is not named here, such as item writes, rules, users, bundles, metrics and the shop's page,
which shows what any shopper did, needs `admin`.
"""


def check_access(config: Config) -> None:
    """Refuse to serve beyond this machine where nobody could be let in, by `ConfigError`."""
    host = config.service.host
    if not config.access.needed(host):
        return
    kept = read_keys(keys_path(config.home))
    if kept.keys:
        return
    found = f"{len(kept.refused)} damaged ones" if kept.refused else "none"
    raise ConfigError(
        f"expected an API key for a service on {host or 'every address'}, found {found} in "
        f"{keys_path(config.home)}: make one with 'search-rerank key create --scope search "
        "--scope events --name shop-web', or listen on 127.0.0.1"
    )


def guard(app: Flask, config: Config) -> None:
    """Let only those requests through whose key has the scope, where the settings ask for keys.

    Where they do not, whoever reaches the service may use it, but no page of another site may
    through the browser of one who does.
    """
    app.before_request(_refuse_foreign)
    if config.access.needed(config.service.host):
        ring = app.extensions[_RING] = Keyring(keys_path(config.home))
        app.before_request(_Guard(config, ring).check)
    elif config.access.keys != "never":  # then what stands in front knows its names
        app.before_request(partial(_refuse_renamed, {config.service.host, *config.access.hosts}))


def keyring() -> Keyring | None:
    """Return the keys that let requests in, None where no key is asked for."""
    found: Keyring | None = current_app.extensions.get(_RING)
    return found


def scope_of(rule: str, method: str) -> Scope | None:
    """Return the scope that a request needs, None where it is open."""
    needs = NEEDS.get(rule, {})
    return needs.get("GET" if method in _READS else method, "admin")


class _Guard:
    """Answers 401, 403 or 429 in place of an endpoint; of an unknown key nothing is kept."""

    def __init__(self, config: Config, ring: Keyring) -> None:
        from service.limiting import Limiting  # the library is heavy where no key is asked for

        self._ring = ring
        self._limiting = Limiting(config)

    def check(self) -> Response | None:
        """Return why a request is not let in, None where it is."""
        rule = request.url_rule
        if rule is None or request.method == "OPTIONS":  # 404, 405, and which methods there are
            return None
        scope = scope_of(rule.rule, request.method)
        if scope is None:
            return None
        token = _shown()
        key = self._ring.recognise(token) if token else None
        if key is None and token and self._ring.lost:
            return problem(503, "the keys cannot be read at present: try again later", part="keys")
        if key is None:
            what = "a key that is not known, or was revoked" if token else "none"
            response = problem(
                401,
                f"expected an API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY', "
                f"found {what}",
            )
            response.headers["WWW-Authenticate"] = 'Bearer realm="search-rerank"'
            return response
        if scope not in key.scopes:
            has = ", ".join(key.scopes)
            return problem(
                403, f"expected a key with the scope {scope!r}, found one with {has}", scope=scope
            )
        return self._limited(key)

    def _limited(self, key: Key) -> Response | None:
        wait_s = self._limiting.wait_s(key)
        if not wait_s:
            return None
        asked = self._limiting.per_minute(key)
        response = problem(
            429, f"expected at most {asked} requests a minute by this key; try again later"
        )
        response.headers["Retry-After"] = str(wait_s)
        return response


def _refuse_foreign() -> Response | None:
    """Refuse a change that a page of another site asks for; other programs send neither header."""
    if request.method in (*_READS, "OPTIONS"):
        return None
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "null")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        foreign = origin != "null" and urlsplit(origin).netloc != request.host
    if not foreign:
        return None
    return problem(403, "expected a request of this service's own pages, found one of another site")


def _refuse_renamed(hosts: Collection[str]) -> Response | None:
    """Refuse what needs `admin` where the service is asked under a name that is not its own.

    A page of another site may have its name lead to this machine (DNS rebinding): for the browser
    the service is then that site, and its pages may read and change everything.
    """
    rule = request.url_rule
    if rule is None or scope_of(rule.rule, request.method) != "admin":
        return None
    name = urlsplit(f"//{request.host}").hostname or ""
    if name in hosts or _is_local(name):
        return None
    return problem(
        403,
        f"expected the name of this machine as Host, such as localhost, found {name!r:.60}; a "
        "proxy's name belongs into access.hosts",
    )


def _is_local(name: str) -> bool:
    """Return whether a name means this machine whoever is asked: it is not looked up."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _shown() -> str | None:
    given = request.headers.get("Authorization", "")
    scheme, _, token = given.partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("X-API-Key") or None
