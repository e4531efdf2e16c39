from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from search_rerank.answer import Answer
from service.shop_view import marked, summary
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


def test_a_sorted_page_is_in_its_order_and_has_no_other(client: FlaskClient, world: World) -> None:
    page = client.get("/?sort=-price&view=both").text
    shown = re.findall(r'data-item="([^"]+)"', page)
    prices = {item.id: item.price or 0 for item in world.items}
    found = [prices[id_] for id_ in shown]
    assert found == sorted(found, reverse=True) and len(found) > 5
    assert '<option value="-price" selected>' in page
    assert "data-view" not in page and 'class="moved' not in page
    assert '<input type="hidden" name="sort" value="-price">' in page


def test_boxes_keep_their_counts(client: FlaskClient) -> None:
    def counts(address: str) -> dict[str, str]:
        row = r'name="brand" value="([^"]+)"[^>]*>.*?<small>(\d+)</small>'
        return dict(re.findall(row, client.get(address).text))

    whole = counts("/")
    brand, other = list(whole)[:2]
    assert counts(f"/?brand={brand}") == whole
    both = client.get("/", query_string={"brand": [brand, other]}).text
    assert f"{int(whole[brand]) + int(whole[other])} products" in both
    assert both.count(" checked>") == 2


def test_price_ranges_count_what_they_lead_to(client: FlaskClient) -> None:
    page = client.get("/").text
    rows = page.split('data-facet="price"')[1].split("</ul>")[0]
    steps = re.findall(r'href="([^"]+)".*?<small>(\d+)</small>', rows)
    assert len(steps) > 2
    for address, count in steps:
        narrowed = client.get(unescape(address)).text
        assert re.search(rf'<p class="muted">{count} products?', narrowed), address
        chosen = narrowed.split('data-facet="price"')[1].split("</ul>")[0]
        assert chosen.count("aria-current") == 1
        assert len(re.findall("<li>", chosen)) == len(steps)


def test_a_misspelt_query_says_what_was_searched(client: FlaskClient, world: World) -> None:
    word = max((w for item in world.items for w in item.title.split() if w.isalpha()), key=len)
    typo = word[:-2] + word[-1]
    page = client.get("/", query_string={"q": typo}).text
    assert f"Showing results for <b>{word.lower()}</b>" in page
    assert "as_typed=true" in page
    assert ">0 products" not in page
    as_typed = client.get("/", query_string={"q": typo, "as_typed": "true"}).text
    assert "No product matches these words; these are near in meaning" in as_typed
    assert "Did you mean <a" in as_typed and ">0 products" not in as_typed
    box = as_typed.split('role="search"')[1].split("</form>")[0]
    assert "as_typed" not in box


def test_words_are_marked_in_titles(client: FlaskClient, world: World) -> None:
    word = world.items[0].title.split()[-1]
    assert f"<mark>{word}</mark>" in client.get("/", query_string={"q": word}).text


def test_a_title_is_escaped_before_it_is_marked() -> None:
    assert marked("<b>a & b</b>", [(3, 4), (7, 8)]) == (
        "&lt;b&gt;<mark>a</mark> &amp; <mark>b</mark>&lt;/b&gt;"
    )
    assert marked("<x>", [(0, 3)]) == "<mark>&lt;x&gt;</mark>"
    assert marked("<x>", []) == "&lt;x&gt;"


def test_variants_are_one_card(client: FlaskClient, world: World) -> None:
    groups = {item.id: item.group_id for item in world.items}
    lists = re.findall(r"<ol [^>]*>.*?</ol>", client.get("/").text, flags=re.S)
    for list_ in (one for one in lists if "data-item" in one):
        shown = [groups[id_] for id_ in re.findall(r'data-item="([^"]+)"', list_)]
        named = [group for group in shown if group]
        assert len(named) == len(set(named)) > 0


@pytest.mark.parametrize(
    ("relaxed", "total", "exact", "expected"),
    [
        ((), 1, True, "1 product"),
        ((), 1234, True, "1,234 products"),
        ((), 10_000, False, "more than 10,000 products"),
        (("words",), 7, True, "No product matches all of these words; 7 products match some"),
        (("meaning",), 200, True, "No product matches these words; these are near in meaning"),
    ],
)
def test_what_was_found_in_words(
    relaxed: tuple[str, ...], total: int, exact: bool, expected: str
) -> None:
    answer = Answer([], total, {}, 0, {}, [], None, total_exact=exact, relaxed=relaxed)
    assert summary(answer) == expected


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


def cards(page: str, list_id: str) -> list[str]:
    """Return the items of a list; none where the page has no such list."""
    found = re.search(rf'<ol [^>]*id="{list_id}".*?</ol>', page, flags=re.S)
    found = found or re.search(rf'<ol id="{list_id}".*?</ol>', page, flags=re.S)
    return re.findall(r'data-item="([^"]+)"', found[0]) if found else []


def test_the_start_page_picks_for_a_shopper_and_shows_a_stranger_what_is_trending(
    client: FlaskClient,
) -> None:
    mine, theirs, anyone = (
        client.get(f"/{who}").text for who in ("?user=u00001", "?user=u00002", "")
    )
    assert "Picked for you" in mine and "Trending now" in anyone
    assert 0 < len(cards(mine, "foryou")) <= 8
    assert cards(mine, "foryou") != cards(theirs, "foryou")
    asked = client.get("/recommend?user=u00001&size=8&collapse=true").get_json()["hits"]
    assert cards(mine, "foryou") == [hit["id"] for hit in asked]


@pytest.mark.parametrize("more", ["q=shoes", "view=engine", "page=2", "sort=price", "price_lte=40"])
def test_only_the_start_page_has_the_strip(client: FlaskClient, more: str) -> None:
    assert cards(client.get(f"/?user=u00001&{more}").text, "foryou") == []


def test_a_product_s_page_shows_what_is_like_it(client: FlaskClient, world: World) -> None:
    item = world.items[0].id
    page = client.get(f"/shop/items/{item}?user=u00001").text
    shown = cards(page, "similar")
    assert len(shown) == 8 and item not in shown
    # Without the scorer nothing can be said to go with it.
    assert cards(page, "goeswith") == []


def test_two_visitors_have_sessions_of_their_own(client: FlaskClient) -> None:
    def session(page: str) -> str:
        return page.split('name="session" value="')[1].split('"')[0]

    assert session(client.get("/").text) != session(client.get("/").text)


def test_the_forms_of_an_answer_name_it_as_their_ranking(client: FlaskClient, world: World) -> None:
    """What is clicked can then be told to be what that answer led to."""
    page = client.get("/?q=shoe&session=named").text
    (ranking,) = set(re.findall(r'name="ranking" value="(\w{32})"', page))
    assert client.post("/shop/events", data=form(world, ranking=ranking)).status_code == 303
    by_engine = client.get("/?q=shoe&session=named&view=engine").text
    assert 'name="ranking"' not in by_engine


def more(page: str) -> str | None:
    """Return where a page's list goes on."""
    found = re.search(r'rel="next" href="([^"]+)"', page)
    return found and found[1].replace("&amp;", "&")


def brands(page: str) -> list[str]:
    """Return the counts beside the brands."""
    return re.findall(r"<small>(\d+)", page.split('data-facet="brand"')[1].split("</ul>")[0])


def test_the_list_goes_on_without_a_product_twice(client: FlaskClient) -> None:
    page = client.get("/?user=u00001&session=pages&q=shoes").text
    assert "Products 1 to 24" in page and 'rel="first"' not in page
    found, counted = cards(page, "personal"), brands(page)
    while (address := more(page)) is not None:
        item = found[-1]
        client.post("/shop/events", data={"item": item, "type": "click", "session": "pages"})
        page = client.get(address).text
        assert f"Products {len(found) + 1} to " in page
        assert brands(page) == counted
        assert 'id="foryou"' not in page
        found += cards(page, "personal")
    assert len(set(found)) == len(found) > 48
    first = re.search(r'rel="first" href="([^"]+)"', page)
    assert first is not None
    assert "Products 1 to 24" in client.get(first[1].replace("&amp;", "&")).text


def test_forms_lead_back_to_their_page(client: FlaskClient) -> None:
    address = more(client.get("/?session=back&q=shoes").text)
    assert address is not None
    page = client.get(address).text
    backs = {one.replace("&amp;", "&") for one in re.findall(r'name="back" value="([^"]+)"', page)}
    assert address in backs
    assert re.search(r'name="ranking" value="[0-9a-f]{32}\.24"', page)


@pytest.mark.parametrize("cursor", ["x", "", "a.b"])
def test_a_list_that_cannot_go_on_begins_anew(client: FlaskClient, cursor: str) -> None:
    response = client.get(f"/?q=shoes&session=anew&cursor={cursor}")
    assert (response.status_code == 200) is (cursor == "")
    if cursor:
        assert response.headers["Location"] == "/?q=shoes&session=anew"


def test_the_engine_s_order_has_numbered_pages(client: FlaskClient) -> None:
    page = client.get("/?view=engine&session=numbers").text
    assert "Page 1 of" in page
    assert "cursor=" not in page
