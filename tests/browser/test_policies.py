"""A policy edited on its ladder with the rehearsal beside it; a service added; a wall that hears of an
incident.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from tests.browser.conftest import sign_in
from tests.endtoend.harness import Installation

pytestmark = pytest.mark.real

STEPS = [
    {"notify": [{"schedule": "primary-oncall"}], "wait": "5m"},
    {"notify": [{"user": "dana@example.com"}], "wait": "10m"},
]
PEOPLE = ("alice", "bob", "charlie", "dana", "emil", "farah", "grace", "henri", "ines", "jonas")


@pytest.fixture(scope="module")
def reachable(tocsin: Installation) -> None:
    """Whoever is called, at any hour, has a way that counts."""
    for name in PEOPLE:
        hook = f"http://127.0.0.1:9/{name}"
        path = f"users/{name}@example.com/contact-methods"
        tocsin.api("POST", path, type="webhook", address=hook)


@pytest.fixture
def policy(tocsin: Installation, reachable: None) -> Iterator[str]:
    tocsin.api("POST", "escalation-policies", name="edge", steps=STEPS)
    yield "edge"
    tocsin.api("DELETE", "escalation-policies/edge")


@pytest.fixture
def editor(page: Page, tocsin: Installation, policy: str) -> Page:
    page.goto(f"{tocsin.url}/policies/{policy}/edit")
    expect(page.locator(".rungedit")).to_have_count(2)
    return page


def stored(tocsin: Installation) -> dict[str, Any]:
    return dict(tocsin.api("GET", "escalation-policies/edge"))


def calls(page: Page) -> Locator:
    return page.locator("#fire .calls > li")


def test_the_rehearsal_follows_what_is_typed_and_saving_keeps_it(editor: Page, tocsin: Installation) -> None:
    expect(calls(editor).nth(1)).to_contain_text("+5 min")
    expect(calls(editor).nth(1)).to_contain_text("Dana Petrova")
    editor.get_by_label("Wait of step 1").fill("7m")
    expect(calls(editor).nth(1)).to_contain_text("+7 min")
    editor.get_by_role("button", name="Add a step").click()
    expect(editor.locator(".rungedit")).to_have_count(3)
    # What is typed next goes into the new step.
    expect(editor.get_by_label("Target 1 of step 3", exact=True)).to_be_focused()
    editor.get_by_label("Kind of target 1 of step 3").select_option("Person")
    expect(editor.get_by_label("Target 1 of step 3", exact=True)).to_have_attribute("list", "names-user")
    editor.get_by_label("Target 1 of step 3", exact=True).fill("emil@example.com")
    expect(calls(editor).filter(has_text="+17 min")).to_contain_text("Emil")
    assert len(stored(tocsin)["steps"]) == 2
    editor.get_by_role("button", name="Save").click()
    expect(editor.locator("#toasts")).to_contain_text("edge is saved.")
    expect(editor.locator("#ladder .ladder")).to_contain_text("waits 7 min")
    expect(editor.locator("#ladder .ladder")).to_contain_text("Emil")
    made = stored(tocsin)["steps"]
    assert [step["wait"] for step in made] == ["7m", "10m", "5m"]
    assert made[2]["notify"] == [{"user": "emil@example.com"}]


def test_severity_and_time_change_who_is_called(editor: Page) -> None:
    editor.locator(".rungedit").nth(1).get_by_text("Conditions and manner").click()
    editor.get_by_role("group", name="Severities of step 2").get_by_text("SEV1").click()
    expect(editor.locator("#fire")).not_to_contain_text("Dana Petrova")
    editor.get_by_label("Severity", exact=True).select_option("SEV1")
    expect(editor.locator("#fire")).to_contain_text("Dana Petrova")
    editor.get_by_label("At", exact=True).fill("2027-03-01T12:00")
    expect(calls(editor).first).to_contain_text("Mon 1 Mar, 12:00")


def test_steps_move_by_keyboard_and_undo_brings_them_back(editor: Page) -> None:
    first = editor.get_by_label("Target 1 of step 1", exact=True)
    expect(first).to_have_value("primary-oncall")
    first.press("Alt+ArrowDown")
    expect(first).to_have_value("dana@example.com")
    expect(editor.locator("[data-unsaved]")).to_be_visible()
    editor.get_by_role("button", name="Undo").click()
    expect(first).to_have_value("primary-oncall")
    expect(editor.locator("[data-unsaved]")).to_be_hidden()
    editor.get_by_role("button", name="Remove step 2").click()
    expect(editor.locator(".rungedit")).to_have_count(1)
    editor.get_by_role("button", name="Undo").click()
    expect(editor.get_by_label("Target 1 of step 2", exact=True)).to_have_value("dana@example.com")


def test_a_step_is_dragged_to_another_place(editor: Page) -> None:
    handles = editor.locator(".rungedit [data-drag]")
    handles.nth(1).drag_to(handles.nth(0))
    expect(editor.get_by_label("Target 1 of step 1", exact=True)).to_have_value("dana@example.com")


def test_leaving_with_changes_asks_first(editor: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    editor.on("dialog", stay)
    editor.get_by_label("Wait of step 1").fill("9m")
    with editor.expect_event("dialog"):
        editor.get_by_role("link", name="Cancel").click()
    assert asked == ["beforeunload"]
    expect(editor.get_by_label("Wait of step 1")).to_have_value("9m")
    editor.remove_listener("dialog", stay)
    editor.on("dialog", lambda dialog: dialog.accept())


def test_what_is_wrong_is_told_while_typing_and_stands_beside_the_field(
    chromium: Browser, tocsin: Installation, policy: str
) -> None:
    context = chromium.new_context(viewport={"width": 1300, "height": 850})
    page = sign_in(context, tocsin)
    page.goto(f"{tocsin.url}/policies/{policy}/edit")
    page.get_by_label("Wait of step 2").fill("a while")
    expect(page.locator("#fire")).to_contain_text("Step 2, wait")
    page.get_by_role("button", name="Save").click()
    wait = page.get_by_label("Wait of step 2")
    expect(wait).to_have_attribute("aria-invalid", "true")
    expect(wait).to_have_value("a while")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    assert stored(tocsin)["steps"][1]["wait"] == "10m"
    context.close()


def test_e_edits_and_a_adds_a_step(page: Page, tocsin: Installation, policy: str) -> None:
    page.goto(f"{tocsin.url}/policies/{policy}")
    page.keyboard.press("e")
    page.wait_for_url("**/policies/edge/edit")
    page.keyboard.press("a")
    expect(page.locator(".rungedit")).to_have_count(3)


def test_the_editor_works_without_script(chromium: Browser, tocsin: Installation, policy: str) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = sign_in(context, tocsin)
    page.goto(f"{tocsin.url}/policies/{policy}/edit")
    page.get_by_role("button", name="Add a step").click()
    page.get_by_label("Kind of target 1 of step 3").select_option("Team lead")
    page.get_by_label("Target 1 of step 3", exact=True).fill("payments")
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.locator("#fire")).to_contain_text("lead of payments")
    page.get_by_role("button", name="Save").click()
    assert stored(tocsin)["steps"][2]["notify"] == [{"team": "payments", "who": "lead"}]
    context.close()


def test_a_service_is_added_and_calls_by_its_policy(
    page: Page, tocsin: Installation, reachable: None
) -> None:
    page.goto(f"{tocsin.url}/services/")
    page.keyboard.press("a")
    page.get_by_label("Name", exact=True).fill("loyalty")
    page.get_by_label("Team", exact=True).select_option("payments")
    page.get_by_label("Escalation policy").select_option("payments")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/services/loyalty")
    expect(page.locator("main")).to_contain_text("primary-oncall")
    assert tocsin.api("GET", "services/loyalty")["escalation_policy"] == "payments"
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete loyalty").click()
    page.wait_for_url("**/services/")


def test_the_wall_hears_of_an_incident_and_of_its_end(
    page: Page, tocsin: Installation, reachable: None
) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{tocsin.url}/wall/?service=search")
    expect(page.locator(".allclear")).to_be_visible()
    expect(page.locator(".livedot")).to_have_attribute("data-state", "live")
    ref = tocsin.api("POST", "incidents", title="Search is down", service="search", severity="SEV1")["ref"]
    row = page.locator(".wallrows li").first
    expect(row).to_contain_text("Search is down")
    expect(page.locator(".tally")).to_contain_text("1 waiting")
    expect(row.locator(".next time")).to_have_text(re.compile(r"^\d\d:\d\d$"), timeout=15_000)
    before = row.locator("time[data-age]").inner_text()
    expect(row.locator("time[data-age]")).not_to_have_text(before)
    tocsin.api("POST", f"incidents/{ref}/acknowledge")
    expect(row).to_contain_text("a program has it")
    tocsin.api("POST", f"incidents/{ref}/resolve")
    expect(page.locator(".allclear")).to_be_visible()


def test_a_display_link_shows_the_wall_to_a_screen_without_a_session(
    page: Page, chromium: Browser, tocsin: Installation
) -> None:
    page.goto(f"{tocsin.url}/wall/?team=web")
    page.get_by_text("Display link").click()
    page.get_by_label("Where it hangs").fill("kitchen")
    page.get_by_role("button", name="Make a link").click()
    address = page.locator("#wall-link").inner_text()
    context = chromium.new_context()
    screen = context.new_page()
    screen.goto(address)
    expect(screen.locator(".walltop b")).to_have_text("web")
    expect(screen.locator(".livedot")).to_have_attribute("data-state", "live")
    (token,) = (each for each in tocsin.api("GET", "tokens")["items"] if each["name"] == "Wall: kitchen")
    tocsin.api("DELETE", f"tokens/{token['id']}")
    screen.reload()
    expect(screen.locator("h1")).to_contain_text("no longer valid")
    context.close()
