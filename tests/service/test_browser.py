"""The page in a real headless Chromium."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from werkzeug.serving import make_server

from service.app import create_app
from tests.service.conftest import World

pytestmark = pytest.mark.browser
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1360,1000",
)


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    app = create_app(world.config, clock=lambda: world.now_ms)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["search_rerank"].close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = "chromium" if browser is None else "chromedriver"
        pytest.skip(f"no {missing} on the PATH: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in (*_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def page(chromium: webdriver.Chrome, address: str) -> Iterator[webdriver.Chrome]:
    chromium.get_log("browser")  # type: ignore[no-untyped-call]
    chromium.get(address)
    yield chromium
    errors = chromium.get_log("browser")  # type: ignore[no-untyped-call]
    assert errors == []


def order(page: webdriver.Chrome, list_id: str = "personal") -> list[str | None]:
    found = page.find_elements(By.CSS_SELECTOR, f"#{list_id} .card")
    return [card.get_attribute("data-item") for card in found]


def follow(page: webdriver.Chrome, act: Any) -> None:
    """Do something that loads a page, and wait until it is another one."""
    old = page.find_element(By.TAG_NAME, "html")
    act()
    wait = WebDriverWait(page, 20)
    wait.until(lambda p: p.find_element(By.TAG_NAME, "html") != old)
    wait.until(lambda p: p.execute_script("return document.readyState") == "complete")


def press(page: webdriver.Chrome, css: str) -> None:
    follow(page, page.find_element(By.CSS_SELECTOR, css).click)


def search(page: webdriver.Chrome, words: str) -> None:
    box = page.find_element(By.ID, "q")
    box.clear()
    box.send_keys(words)
    follow(page, box.submit)


def test_search_from_the_box(page: webdriver.Chrome, world: World) -> None:
    item = world.items[0]
    search(page, item.title)
    assert item.id in order(page)
    assert page.find_element(By.ID, "q").get_attribute("value") == item.title
    pictures = page.find_elements(By.CSS_SELECTOR, "#personal img")
    assert pictures[0].get_property("naturalWidth") != 0


def test_nothing_found_says_so(page: webdriver.Chrome) -> None:
    search(page, "zzzzqqqq")
    assert page.find_elements(By.CSS_SELECTOR, ".empty, #personal .card")


def test_facets_narrow_and_let_go(page: webdriver.Chrome, world: World) -> None:
    before = page.find_element(By.CSS_SELECTOR, ".bar p").text
    brands = [
        row.text.split("\n")
        for row in page.find_elements(By.CSS_SELECTOR, '[data-facet="brand"] label')[:2]
    ]
    by_id = {item.id: item for item in world.items}
    total = 0
    for n, (brand, count) in enumerate(brands):
        press(page, f'[data-facet="brand"] input[value="{brand}"]')
        total += int(count)
        shown = {by_id[str(id_)].brand for id_ in order(page)}
        assert shown <= {brand for brand, _ in brands[: n + 1]}
        assert page.find_element(By.CSS_SELECTOR, ".bar p").text.startswith(f"{total} product")
        focused = page.switch_to.active_element
        assert focused.get_attribute("value") == brand  # the keyboard goes on from there
    for _ in brands:
        press(page, ".chips a")
    assert page.find_element(By.CSS_SELECTOR, ".bar p").text == before


def test_sorting_by_price(page: webdriver.Chrome, world: World) -> None:
    select = Select(page.find_element(By.ID, "sort"))
    follow(page, lambda: select.select_by_value("price"))
    prices = {item.id: item.price or 0 for item in world.items}
    found = [prices[str(id_)] for id_ in order(page)]
    assert found == sorted(found) and len(found) > 5


def test_a_price_range_leads_to_as_many_as_it_counts(page: webdriver.Chrome) -> None:
    count = page.find_element(By.CSS_SELECTOR, '[data-facet="price"] small').text
    press(page, '[data-facet="price"] a')
    assert page.find_element(By.CSS_SELECTOR, ".bar p").text.startswith(f"{count} product")


def test_suggestions_while_typing(page: webdriver.Chrome, world: World) -> None:
    brand = next(item.brand for item in world.items if item.brand)
    box = page.find_element(By.ID, "q")
    box.send_keys(brand[:4])
    rows = WebDriverWait(page, 10).until(
        lambda p: p.find_elements(By.CSS_SELECTOR, "#suggestions:not([hidden]) li")
    )
    texts = [row.get_attribute("data-text") for row in rows]
    assert brand in texts and box.get_attribute("aria-expanded") == "true"
    for n in range(texts.index(brand) + 1):
        box.send_keys(Keys.ARROW_DOWN)
        assert box.get_attribute("value") == texts[n]
        assert box.get_attribute("aria-activedescendant") == f"suggestion-{n}"
    box.send_keys(Keys.ESCAPE)
    assert box.get_attribute("value") == brand[:4]
    assert not page.find_elements(By.CSS_SELECTOR, "#suggestions:not([hidden])")
    box.send_keys(brand[4:5])
    WebDriverWait(page, 10).until(
        lambda p: p.find_elements(By.CSS_SELECTOR, "#suggestions:not([hidden]) li")
    )
    press(page, f'#suggestions li[data-text="{brand}"]')
    assert page.find_element(By.ID, "q").get_attribute("value") == brand
    by_id = {item.id: item for item in world.items}
    assert by_id[str(order(page)[0])].brand == brand


def test_a_misspelt_query_is_corrected_and_may_be_searched_all_the_same(
    page: webdriver.Chrome, world: World
) -> None:
    word = max((w for item in world.items for w in item.title.split() if w.isalpha()), key=len)
    search(page, word[:-2] + word[-1])
    assert page.find_element(By.CSS_SELECTOR, ".spelling b").text == word.lower()
    assert page.find_elements(By.CSS_SELECTOR, "#personal .card")
    press(page, ".spelling a")
    assert "near in meaning" in page.find_element(By.CSS_SELECTOR, ".bar p").text
    press(page, ".spelling a")
    assert page.find_element(By.ID, "q").get_attribute("value") == word.lower()
    marks = page.find_elements(By.CSS_SELECTOR, "#personal mark")
    assert word.lower() in [mark.text.lower() for mark in marks]


def test_a_price_narrows(page: webdriver.Chrome, world: World) -> None:
    box = page.find_element(By.NAME, "price_lte")
    box.send_keys("40")
    follow(page, box.submit)
    by_id = {item.id: item for item in world.items}
    assert order(page)
    assert all((by_id[str(id_)].price or 0) <= 40 for id_ in order(page))


def test_switching_the_shopper_changes_the_order(page: webdriver.Chrome) -> None:
    orders = []
    for n in (1, 2):
        select = Select(page.find_element(By.ID, "shopper"))
        follow(page, lambda select=select, n=n: select.select_by_index(n))
        assert page.find_elements(By.CSS_SELECTOR, ".known li")
        orders.append(order(page))
    assert orders[0] != orders[1]


def test_clicks_count_at_once(page: webdriver.Chrome) -> None:
    before = order(page)
    assert "Nothing yet" in page.find_element(By.CSS_SELECTOR, ".known").text
    for n in range(1, 4):
        title = page.find_elements(By.CSS_SELECTOR, "#personal .title")[-1].text
        follow(page, page.find_elements(By.CSS_SELECTOR, "#personal .open button")[-1].click)
        assert page.find_element(By.TAG_NAME, "h1").text == title
        assert page.find_elements(By.CSS_SELECTOR, "#similar .card")
        press(page, ".back")
        assert f"{n} thing" in page.find_element(By.CSS_SELECTOR, ".bar p").text
    press(page, "#personal .card .cart")
    assert "4 things" in page.find_element(By.CSS_SELECTOR, ".bar p").text
    assert order(page) != before


def test_side_by_side_tells_how_far_each_moved(page: webdriver.Chrome) -> None:
    select = Select(page.find_element(By.ID, "shopper"))
    follow(page, lambda: select.select_by_index(1))
    press(page, '[data-view="both"]')
    engine, personal = order(page, "engine"), order(page)
    cards = page.find_elements(By.CSS_SELECTOR, "#personal .card")
    for place, card in enumerate(cards):
        if personal[place] not in engine:
            continue
        moved = engine.index(personal[place]) - place
        badge = card.find_element(By.CSS_SELECTOR, ".moved").text.split("\n")[0]
        expected = f"▲ {moved}" if moved > 0 else f"▼ {-moved}" if moved < 0 else "="
        assert badge.startswith(expected)


def test_the_start_page_picks_for_whoever_shops(page: webdriver.Chrome) -> None:
    assert page.find_element(By.ID, "strip-foryou").text == "Trending now"
    for_all = order(page, "foryou")
    assert len(for_all) == 8
    press(page, "#foryou .open button")
    shown = page.find_element(By.TAG_NAME, "h1").text
    similar = order(page, "similar")
    assert len(similar) == 8 and len(set(similar)) == 8
    press(page, ".back")
    assert page.find_element(By.ID, "strip-foryou").text == "Picked for you"
    assert order(page, "foryou") != for_all
    assert page.find_element(By.CSS_SELECTOR, ".known .what").text == shown
    assert "known by: session" in page.find_element(By.CSS_SELECTOR, ".timings").text
    search(page, "shoes")
    assert page.find_elements(By.ID, "foryou") == []


def test_why_a_product_is_there_opens_without_a_script(page: webdriver.Chrome) -> None:
    search(page, "shoes")
    why = page.find_element(By.CSS_SELECTOR, "#personal .card details.why")
    places = why.find_element(By.TAG_NAME, "p")
    assert not places.is_displayed()
    why.find_element(By.TAG_NAME, "summary").click()
    assert places.is_displayed() and places.text.startswith("Engine ")
    assert 1 <= len(why.find_elements(By.TAG_NAME, "dd")) <= 5
    assert page.find_element(By.CSS_SELECTOR, "#personal .card .reason").text


def test_the_list_goes_on_while_the_shopper_clicks(page: webdriver.Chrome) -> None:
    search(page, "shoes")
    found = order(page)
    while page.find_elements(By.CSS_SELECTOR, ".pages [rel=next]"):
        press(page, ".pages [rel=next]")
        new = order(page)
        press(page, "#personal .card .cart")
        assert order(page) == new
        found += new
    assert len(set(found)) == len(found) > 48
    press(page, ".pages [rel=first]")
    assert "things this shopper did" in page.find_element(By.CSS_SELECTOR, ".bar p").text
    assert order(page) != found[:24]


def test_the_interface_can_be_tried_without_leaving_the_service(
    chromium: webdriver.Chrome, address: str
) -> None:
    chromium.get_log("browser")  # type: ignore[no-untyped-call]
    chromium.get(f"{address}docs")
    wait = WebDriverWait(chromium, 30)
    css = "#operations-watching-get_healthz"
    wait.until(lambda _: chromium.find_elements(By.CSS_SELECTOR, css))
    chromium.find_element(By.CSS_SELECTOR, f"{css} .opblock-summary-control").click()
    for button in (".try-out__btn", ".execute"):
        wait.until(lambda _, one=button: chromium.find_elements(By.CSS_SELECTOR, f"{css} {one}"))
        chromium.find_element(By.CSS_SELECTOR, f"{css} {button}").click()
    answer = f"{css} .live-responses-table tbody .response-col_status"
    wait.until(lambda _: chromium.find_elements(By.CSS_SELECTOR, answer))
    assert chromium.find_element(By.CSS_SELECTOR, answer).text.startswith("200")
    errors = chromium.get_log("browser")  # type: ignore[no-untyped-call]
    assert errors == []
