"""Two people, each in their own browser: one asks for a swap, the other takes it and takes it back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.endtoend.harness import Installation
from tocsin.lib import clock

pytestmark = pytest.mark.real

PASSWORD = "eleven purple tigers"
ROTA = """
rotations:
  - name: tills
    type: daily
    start: "{start:%Y-%m-%dT%H:%M}"
    timezone: UTC
    participants: [alice@example.com, bob@example.com]
schedules:
  - name: shop
    timezone: UTC
    readiness: off
    layers: [{{rotation: tills}}]
"""

Enter = Callable[[str], Page]


@pytest.fixture
def rota(tocsin: Installation) -> datetime:
    """A day each, Alice first, who has been on call for twelve hours; when her next turn begins."""
    start = clock.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=12)
    tocsin.apply(ROTA.format(start=start))
    return start + timedelta(days=2)


@pytest.fixture
def enter(chromium: Browser, tocsin: Installation) -> Iterator[Enter]:
    """Sign an invited person in, in a browser of their own; a complaint of the browser fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened() -> BrowserContext:
        context = chromium.new_context(viewport={"width": 1300, "height": 850}, timezone_id="UTC")
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        return context

    def join(name: str) -> Page:
        admin = sign_in(opened(), tocsin)
        admin.goto(f"{tocsin.url}/people/{name}@example.com")
        invitation = admin.get_by_role("button", name="Make an invitation link")
        if invitation.is_visible():
            invitation.click()
            link = admin.locator("#invitation").inner_text().strip()
            page = opened().new_page()
            page.goto(f"{tocsin.url}/invitation/{link.rpartition('/')[2]}")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Join").click()
        else:
            page = opened().new_page()
            page.goto(f"{tocsin.url}/accounts/login/")
        page.get_by_label("E-mail").fill(f"{name}@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/incidents/")
        return page

    yield join
    for context in contexts:
        context.close()
    assert not complaints


def ask(page: Page, tocsin: Installation, start: datetime) -> None:
    page.goto(f"{tocsin.url}/swaps/new?schedule=shop&start={start:%Y-%m-%dT%H:%M:%SZ}")
    page.get_by_label("Why, or what you offer").fill("Wedding")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("The shift stays where it is")


def final_lane(page: Page, tocsin: Installation, start: datetime) -> Page:
    page.goto(f"{tocsin.url}/schedules/shop?from={start:%Y-%m-%d}&zone=UTC")
    return page


def test_a_swap_is_asked_for_taken_shown_and_taken_back(
    enter: Enter, tocsin: Installation, rota: datetime
) -> None:
    alice, bob = enter("alice"), enter("bob")
    bob.goto(f"{tocsin.url}/my-on-call")
    expect(bob.locator(".livedot")).to_have_attribute("data-state", "live")
    ask(alice, tocsin, rota)
    asked = bob.locator("#for-me")
    expect(asked).to_contain_text("Alice", timeout=10_000)
    asked.get_by_role("button", name="Take it").click()
    expect(bob.locator("#toasts")).to_contain_text("Taken: you are on call for it.")
    shift = f'[data-final] [data-start^="{rota:%Y-%m-%dT%H:%M}"]'
    expect(final_lane(alice, tocsin, rota).locator(shift)).to_have_attribute("data-user", "bob@example.com")
    alice.goto(f"{tocsin.url}/my-on-call")
    expect(alice.locator("#given")).to_contain_text("Bob")
    bob.goto(f"{tocsin.url}/my-on-call")
    bob.get_by_role("link", name="Give back").click()
    bob.get_by_role("button", name="Take back").click()
    expect(bob.locator("#toasts")).to_contain_text("Taken back")
    expect(final_lane(alice, tocsin, rota).locator(shift)).to_have_attribute("data-user", "alice@example.com")
    alice.goto(f"{tocsin.url}/swaps/?tab=mine")
    alice.locator(".swaprow a").first.click()
    alice.get_by_role("button", name="Cancel the swap").click()
    expect(alice.locator("#toasts")).to_contain_text("Cancelled")


def test_a_running_shift_changes_hands_on_the_board(
    enter: Enter, tocsin: Installation, rota: datetime
) -> None:
    alice, bob = enter("alice"), enter("bob")
    alice.goto(f"{tocsin.url}/on-call/")
    card = alice.locator(".panel", has=alice.get_by_role("link", name="shop", exact=True))
    expect(card.locator(".bignow").first).to_contain_text("Alice")
    expect(alice.locator(".livedot")).to_have_attribute("data-state", "live")
    asking = enter("alice")
    ask(asking, tocsin, clock.now())
    bob.goto(f"{tocsin.url}/swaps/")
    bob.get_by_role("button", name="Take it").click()
    expect(bob.locator("#toasts")).to_contain_text("Taken: you are on call for it.")
    expect(card.locator(".bignow").first).to_contain_text("Bob", timeout=10_000)


def test_swaps_work_without_script(chromium: Browser, tocsin: Installation, rota: datetime) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = sign_in(context, tocsin)
    page.goto(f"{tocsin.url}/swaps/new?for=bob@example.com")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ask for a swap for Bob")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bob")
    page.get_by_role("button", name="Cancel the swap").click()
    expect(page.locator("main")).to_contain_text("Cancelled")
    context.close()
