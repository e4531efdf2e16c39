from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient


def ask(client: FlaskClient, body: dict[str, Any], path: str = "/search") -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def ids(body: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in body["hits"]]


def walk(client: FlaskClient, body: dict[str, Any], path: str = "/search") -> list[list[str]]:
    """Return the ids of every page."""
    page = ask(client, body, path)
    found = [ids(page)]
    while page["cursor"] is not None:
        page = ask(client, {"cursor": page["cursor"]}, path)
        found.append(ids(page))
    return found


@pytest.mark.parametrize(
    "body",
    [
        {"user": "u00001"},
        {"query": "shoes", "user": "u00001"},
        {"query": "shoes", "sort": ["-price"]},
        {"filters": {"terms": {"in_stock": True}}, "collapse": True},
    ],
)
def test_pages_are_the_one_list(client: FlaskClient, body: dict[str, Any]) -> None:
    whole = ids(ask(client, body | {"size": 100}))
    pages = walk(client, body | {"size": 7})
    joined = [id_ for page in pages for id_ in page]
    assert joined[:100] == whole
    assert len(set(joined)) == len(joined)
    assert {len(page) for page in pages[:-1]} == {7}


def test_recommendations_have_pages(client: FlaskClient) -> None:
    body = {"user": "u00001", "size": 9}
    joined = [id_ for page in walk(client, body, "/recommend") for id_ in page]
    first = ask(client, body | {"size": 100}, "/recommend")
    assert joined[:100] == ids(first)
    assert len(joined) == first["total"]
