"""From an edited policy to a page that a key of the telephone acknowledges; all but the key in a browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import admin_login
from tests.endtoend.harness import Installation, eventually
from tocsin.testing.mailbox import free_port
from tocsin.testing.twilio import Twilio

pytestmark = pytest.mark.real

NUMBER = "+15555550142"
ORGANISATION = """
users:
  - {{email: "{admin}", contact_methods: [{{type: email, address: "{admin}"}}]}}
  - {{email: zoe@example.com, name: Zoe, contact_methods: [{{type: voice, address: "+15555550177"}}]}}
teams:
  - {{name: harbour, members: ["{admin}", zoe@example.com]}}
"""


@pytest.fixture(scope="module")
def telephones() -> Iterator[Twilio]:
    with Twilio() as company:
        yield company


@pytest.fixture(scope="module")
def tocsin(tmp_path_factory: pytest.TempPathFactory, telephones: Twilio) -> Iterator[Installation]:
    data = tmp_path_factory.mktemp("reaching") / "data"
    port = free_port()
    public = {"TOCSIN_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    installation = Installation(data, {**telephones.environment, **public}, port=port).start()
    installation.apply(ORGANISATION.format(admin=admin_login(data)[0]))
    try:
        yield installation
    finally:
        installation.stop()


def add_voice_method(page: Page, tocsin: Installation, telephones: Twilio) -> None:
    """By hand, and verified by the code that a call speaks."""
    page.goto(f"{tocsin.url}/me/reached?add=voice#add")
    page.locator("input[name=address]").fill(NUMBER)
    page.get_by_role("button", name="Add ").click()
    expect(page.locator("#methods")).to_contain_text(NUMBER)
    phone = telephones.phone(NUMBER)
    said = telephones.wait(lambda: next((ring.said[0] for ring in phone.calls if ring.said), ""))
    code = "".join(re.findall(r"\d", said.partition("code is:")[2].partition("Once more")[0]))
    page.goto(f"{tocsin.url}/me/reached")
    page.locator("input[name=code]").fill(code)
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("input[name=code]")).to_have_count(0)


def set_policy(page: Page, tocsin: Installation, me: str) -> None:
    """Zoe first; then, edited, whoever is signed in: the ladder and its rehearsal follow."""
    page.goto(f"{tocsin.url}/policies/new")
    page.get_by_label("Name", exact=True).fill("harbour")
    if page.locator("input[name='s-0-t-0-name']").count() == 0:
        page.get_by_role("button", name="Add a step").click()
    page.locator("select[name='s-0-t-0-kind']").select_option("user")
    page.locator("input[name='s-0-t-0-name']").fill("zoe@example.com")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".ladder")).to_contain_text("Zoe")

    page.goto(f"{tocsin.url}/policies/harbour/edit")
    page.locator("input[name='s-0-t-0-name']").fill(me)
    page.locator("input[name='s-0-wait']").fill("3m")
    page.get_by_role("button", name="Add a step").click()
    page.locator("select[name='s-1-t-0-kind']").select_option("user")
    page.locator("input[name='s-1-t-0-name']").fill("zoe@example.com")
    page.get_by_role("button", name="Preview").last.click()
    fired = page.locator("#fire .calls li")
    expect(fired.nth(0)).to_contain_text(me.partition("@")[0])
    expect(fired.nth(1)).to_contain_text("Zoe")
    expect(fired.nth(1)).to_contain_text("3")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/policies/harbour")
    rungs = page.locator(".ladder")
    expect(rungs).to_contain_text("3")
    expect(rungs).to_contain_text("Zoe")


def test_a_policy_is_edited_tested_and_answered_by_telephone(
    page: Page, tocsin: Installation, telephones: Twilio
) -> None:
    me = admin_login(tocsin.data)[0]
    phone = telephones.phone(NUMBER)
    add_voice_method(page, tocsin, telephones)
    set_policy(page, tocsin, me)

    # The test page: a call, whose key confirms it.
    page.goto(f"{tocsin.url}/me/reached")
    page.get_by_text("Test my notifications").click()
    page.get_by_label("what would come later at once").check()
    page.get_by_role("button", name="Send the test").click()
    expect(page.locator("#test")).to_be_visible()
    phone.wait_call()
    phone.press("1")
    expect(page.locator("#trail")).to_contain_text("read", timeout=20_000)

    # A real one: the ladder just drawn calls, and the key acknowledges.
    tocsin.apply("services:\n  - {name: quay, team: harbour, escalation_policy: harbour}\n")
    made = tocsin.api("POST", "incidents", title="The crane is stuck", service="quay", severity="SEV2")
    page.goto(f"{tocsin.url}/incidents/{made['ref']}")
    ring = phone.wait_call(30)
    assert "crane" in " ".join(ring.said)
    phone.press("1")
    eventually(lambda: tocsin.api("GET", f"incidents/{made['ref']}")["acknowledged_at"])
    expect(page.locator("main")).to_contain_text("Acknowledged", timeout=10_000)
    assert not telephones.phone("+15555550177").calls
