import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.endtoend.harness import Installation

pytestmark = pytest.mark.real


def declare(tocsin: Installation, title: str, severity: str = "SEV2") -> str:
    body = {"title": title, "service": "checkout", "severity": severity}
    return str(tocsin.api("POST", "incidents", **body)["ref"])


def wait_until_live(page: Page) -> None:
    expect(page.locator(".livedot")).to_have_attribute("data-state", "live")


def test_a_new_incident_appears_by_itself_and_is_taken_and_resolved(page: Page, tocsin: Installation) -> None:
    wait_until_live(page)
    ref = declare(tocsin, "Checkout fails")
    row = page.locator(f"#row-{ref}")
    expect(row).to_contain_text("Checkout fails", timeout=5000)
    expect(row).to_contain_text("Triggered")
    expect(page.locator("#opencount")).to_contain_text("1")
    tocsin.api("POST", f"incidents/{ref}/severity", severity="SEV1", reason="worse")
    expect(row).to_contain_text("SEV1", timeout=5000)
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Checkout fails")
    wait_until_live(page)
    page.keyboard.press("a")
    expect(page.locator("#incident")).to_contain_text("You are on it")
    expect(page.locator("#toasts")).to_contain_text("You are responding")
    page.get_by_label("Add a note").fill("Rolled back")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".timeline")).to_contain_text("Rolled back")
    expect(page.get_by_label("Add a note")).to_have_value("")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("r")
    expect(page.locator(".inchead")).to_contain_text("Resolved")


def test_what_one_did_stays_confirmed_when_the_rest_comes(page: Page, tocsin: Installation) -> None:
    ref = declare(tocsin, "Answers are late")
    page.goto(f"{tocsin.url}/incidents/{ref}")
    wait_until_live(page)
    expect(page.locator("#surroundings")).to_contain_text("Similar")
    with page.expect_response("**/around"):
        page.keyboard.press("a")
    expect(page.locator("#surroundings")).to_contain_text("Similar")
    expect(page.locator("#toasts")).to_contain_text("You are responding")


def test_the_open_incident_follows_what_others_do(page: Page, tocsin: Installation) -> None:
    ref = declare(tocsin, "Search is slow", "SEV3")
    page.goto(f"{tocsin.url}/incidents/{ref}")
    wait_until_live(page)
    tocsin.api("POST", f"incidents/{ref}/note", text="Seen from elsewhere")
    expect(page.locator(".timeline")).to_contain_text("Seen from elsewhere", timeout=5000)


def test_an_acknowledgement_shows_before_the_row_is_fetched(page: Page, tocsin: Installation) -> None:
    ref = declare(tocsin, "The queue stands still")
    page.goto(f"{tocsin.url}/incidents/")
    wait_until_live(page)
    row = page.locator(f"#row-{ref}")
    expect(row).to_contain_text("Triggered", timeout=5000)
    page.route(f"**/incidents/{ref}/row", lambda _route: None)  # the fetch hangs
    tocsin.api("POST", f"incidents/{ref}/acknowledge")
    expect(row).to_contain_text("Acknowledged")
    page.unroute_all(behavior="ignoreErrors")


def test_half_typed_words_survive_what_others_do(page: Page, tocsin: Installation) -> None:
    ref = declare(tocsin, "Disk is full", "SEV4")
    page.goto(f"{tocsin.url}/incidents/{ref}")
    wait_until_live(page)
    page.get_by_label("Add a note").fill("I was just about to")
    tocsin.api("POST", f"incidents/{ref}/note", text="An interruption")
    page.wait_for_timeout(700)
    expect(page.get_by_label("Add a note")).to_have_value("I was just about to")


def test_the_keyboard_reaches_everything(page: Page, tocsin: Installation) -> None:
    first, second = declare(tocsin, "One"), declare(tocsin, "Two")
    page.goto(f"{tocsin.url}/incidents/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator(f"#row-{second}")).to_have_class("inc current")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-picked]")).to_have_text("2 selected")
    page.keyboard.press("r")
    expect(page.locator("#toasts")).to_contain_text("resolved")
    expect(page.locator(f"#row-{first}")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_label("Search incidents")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/services/")
    page.keyboard.press("Control+k")
    page.get_by_label("Search or jump to", exact=True).last.fill("check")
    expect(page.locator("#palette-list")).to_contain_text("checkout")
    page.locator("#palette-list li", has_text="Service").first.click()
    page.wait_for_url("**/services/**")


def test_filters_stand_in_the_address(page: Page, tocsin: Installation) -> None:
    declare(tocsin, "A very particular title", "SEV3")
    page.goto(f"{tocsin.url}/incidents/")
    page.get_by_label("Search incidents").fill("very particular")
    expect(page.locator(".incidents li")).to_have_count(1)
    page.wait_for_url("**/incidents/?q=very+particular*")
    page.get_by_label("Severity").select_option("SEV1")
    expect(page.locator("#incident-list")).to_contain_text("No incident matches")
    page.reload()
    expect(page.get_by_label("Search incidents")).to_have_value("very particular")


def test_dark_is_remembered(page: Page, tocsin: Installation) -> None:
    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Dark").click()
    page.goto(f"{tocsin.url}/services/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_it_works_without_script(chromium: Browser, tocsin: Installation) -> None:
    ref = declare(tocsin, "No script here")
    context = chromium.new_context(java_script_enabled=False)
    page = sign_in(context, tocsin)
    page.goto(f"{tocsin.url}/incidents/{ref}")
    page.get_by_role("button", name="I am responding").click()
    expect(page.locator("#incident")).to_contain_text("You are on it")
    context.close()


def test_nothing_is_wider_than_a_phone(chromium: Browser, tocsin: Installation) -> None:
    ref = declare(tocsin, "A title so long that it must wrap: " + "checkout " * 12)
    context = chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = sign_in(context, tocsin)
    paths = ["incidents/", f"incidents/{ref}", "services/", "services/checkout", "on-call/", "settings/"]
    paths += [
        "people/",
        "schedules/",
        "delivery/",
        "integrations/",
        "incidents/declare",
        "audit/",
        "policies/",
        "teams/",
    ]
    for path in paths:
        answer = page.goto(f"{tocsin.url}/{path}")
        assert answer is not None
        assert answer.ok, path
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, path
    context.close()
