from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.service.conftest import World


def form(world: World, **more: str) -> dict[str, str]:
    return {
        "item": world.items[0].id,
        "type": "click",
        "session": "page",
        "back": "/?session=page",
    } | more


def test_a_form_counts_at_once_and_leads_back(client: FlaskClient, world: World) -> None:
    response = client.post("/shop/events", data=form(world))
    assert response.status_code == 303
    assert response.headers["Location"] == "/?session=page"
    page = client.get("/?session=page").text
    assert "ordered by 1 thing this shopper did" in page
    assert "Nothing yet" not in page


@pytest.mark.parametrize(
    "back",
    [
        "https://example.org/",
        "//example.org",
        "/\\example.org",
        "x",
        "/\t/example.org",
        "/\r\nSet-Cookie: a=b",
        "/\x00",
    ],
)
def test_a_form_leads_nowhere_else(client: FlaskClient, world: World, back: str) -> None:
    data = form(world, back=back, session="elsewhere")
    assert client.post("/shop/events", data=data).status_code == 400
    assert client.get("/search?session=elsewhere").get_json()["history"] == 0


def test_a_long_price_stays_as_it_was_typed(client: FlaskClient) -> None:
    page = client.get("/?price_lte=1234567.89").text
    assert (
        'name="price_lte" type="number" min="0" step="any" placeholder="max" value="1234567.89"'
        in page
    )
    assert "price_lte=1234567.89" in page
    assert "up to 1234567.89" in page


def test_a_form_of_another_site_is_refused(client: FlaskClient, world: World) -> None:
    headers = {"Origin": "https://example.org"}
    assert client.post("/shop/events", data=form(world), headers=headers).status_code == 403


@pytest.mark.parametrize("change", [{"item": "nope"}, {"item": ""}, {"type": ""}, {"session": ""}])
def test_a_wrong_form_is_refused(client: FlaskClient, world: World, change: dict[str, str]) -> None:
    response = client.post("/shop/events", data=form(world, **change))
    assert response.status_code == 400


@pytest.mark.parametrize(
    "address",
    ["/?page=0", "/?page=x", "/?page=²", "/?page=99999999", "/?view=nope", "/?user=nobody"],
)
def test_odd_addresses_have_a_page(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 200


def test_a_browser_gets_a_page_for_a_problem(client: FlaskClient) -> None:
    response = client.get("/?price_gte=cheap", headers={"Accept": "text/html"})
    assert response.status_code == 400
    assert response.mimetype == "text/html"
    assert "price" in response.text


def test_what_was_typed_is_text(client: FlaskClient) -> None:
    page = client.get("/", query_string={"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page


def test_an_empty_result_says_so(client: FlaskClient) -> None:
    assert "Nothing found" in client.get("/?brand=Nobody").text


def test_two_visitors_have_sessions_of_their_own(client: FlaskClient) -> None:
    def session(page: str) -> str:
        return page.split('name="session" value="')[1].split('"')[0]

    assert session(client.get("/").text) != session(client.get("/").text)
