"""A browser switches pushes on, and its worker shows what a stand-in of a push service took and decrypted."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.endtoend.harness import Installation
from tocsin.testing.push import PushService

T = TypeVar("T")

# Chromium's own push service is far away: the subscription comes from the stand-in instead.
SUBSCRIBE = """
PushManager.prototype.subscribe = async (wanted) => {
  const { endpoint, p256dh, auth } = await window.standIn(wanted.applicationServerKey);
  return { toJSON: () => ({ endpoint, keys: { p256dh, auth } }) };
};
"""


@pytest.fixture
def service() -> Iterator[PushService]:
    with PushService() as found:
        yield found


@pytest.fixture
def pushed(chromium: Browser, tocsin: Installation, service: PushService) -> Iterator[tuple[Page, list[str]]]:
    """Signed in; and the addresses that the stand-in gave out."""
    context = chromium.new_context(viewport={"width": 1300, "height": 850})
    context.grant_permissions(["notifications"], origin=tocsin.url)
    given: list[str] = []

    def stand_in(key: str) -> dict[str, str]:
        made = service.subscribe(key)
        given.append(made["endpoint"])
        return made

    context.expose_function("standIn", stand_in)
    context.add_init_script(SUBSCRIBE)
    yield sign_in(context, tocsin), given
    context.close()


def test_it_is_switched_on_and_shows_what_comes(
    pushed: tuple[Page, list[str]], tocsin: Installation, service: PushService
) -> None:
    page, given = pushed
    page.goto(f"{tocsin.url}/me/reached?add=push#add")
    if folder := os.environ.get("PICTURES"):
        page.wait_for_timeout(800)
        page.screenshot(path=f"{folder}/push-light.png")
        page.set_viewport_size({"width": 390, "height": 800})
        page.emulate_media(color_scheme="dark")
        page.locator("form[data-push]").scroll_into_view_if_needed()
        page.screenshot(path=f"{folder}/push-dark.png")
        page.set_viewport_size({"width": 1300, "height": 850})
    page.get_by_role("button", name="Switch on in this browser").click()
    way = page.locator("#methods li", has_text="Chrome on Linux")
    expect(way).to_be_visible()
    expect(way).to_contain_text("Ready")
    (endpoint,) = given
    assert endpoint not in page.content()

    way.get_by_role("button", name="test").first.click()
    document = service.wait(lambda: service.shown(endpoint))[0]
    assert document["title"]
    assert told(page, tocsin.url, document) == [document["title"]]


# A headless browser closes notifications as soon as it likes: noted is what is asked to be shown.
NOTED = """
() => {
  self.noted = [];
  const show = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = async function (title, look) {
    await show.call(this, title, look);
    self.noted.push(title);
  };
}
"""


def told(page: Page, origin: str, document: dict[str, Any]) -> list[str]:
    """The titles that the worker shows after this was pushed to it."""
    session = page.context.new_cdp_session(page)
    ids: list[str] = []

    def heard(event: dict[str, Any]) -> None:
        ids.extend(each["registrationId"] for each in event["registrations"])

    session.on("ServiceWorker.workerRegistrationUpdated", heard)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    session.send("ServiceWorker.enable")
    worker = _first(page, lambda: page.context.service_workers)
    worker.evaluate(NOTED)
    registration = _first(page, lambda: ids)
    wanted = {"origin": f"{origin}/", "registrationId": registration, "data": json.dumps(document)}
    session.send("ServiceWorker.deliverPushMessage", wanted)
    _first(page, lambda: worker.evaluate("() => self.noted"))
    found: list[str] = worker.evaluate("() => self.noted")
    return found


def _first(page: Page, wanted: Callable[[], list[T]]) -> T:
    for _ in range(600):
        if found := wanted():
            return found[0]
        page.wait_for_timeout(50)
    raise AssertionError("nothing came within half a minute")


def test_a_browser_that_says_no_is_told_what_to_do(chromium: Browser, tocsin: Installation) -> None:
    context = chromium.new_context()
    context.add_init_script("Notification.requestPermission = async () => 'denied';")
    page = sign_in(context, tocsin)
    page.goto(f"{tocsin.url}/me/reached?add=push#add")
    page.get_by_role("button", name="Switch on in this browser").click()
    expect(page.get_by_role("alert").filter(has_text="allow them in its site settings")).to_be_visible()
    context.close()
