"""Overrides by dragging, by keyboard and without script; a rotation edited with its preview."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import sign_in
from tests.endtoend.harness import Installation

pytestmark = pytest.mark.real

MONDAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7)
MONDAY -= timedelta(days=MONDAY.weekday())
SHOWN = f"?from={MONDAY:%Y-%m-%d}&zone=UTC"


def at(day: int, hour: int) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour)


@pytest.fixture(scope="module")
def rota(tocsin: Installation) -> str:
    """`desk`: Dana and Emil by the week, in UTC."""
    ring = [{"user": "dana@example.com"}, {"user": "emil@example.com"}]
    form = {"type": "weekly", "start": "2024-01-01T00:00", "timezone": "UTC", "participants": ring}
    tocsin.api("POST", "rotations", name="desk", definition=form)
    return "desk"


@pytest.fixture
def desk(page: Page, tocsin: Installation, rota: str) -> Iterator[Page]:
    page.goto(f"{tocsin.url}/schedules/{rota}{SHOWN}")
    yield page
    for each in made(tocsin):
        tocsin.api("DELETE", f"schedules/desk/overrides/{each['id']}")


def made(tocsin: Installation) -> list[dict[str, Any]]:
    return list(tocsin.api("GET", "schedules/desk/overrides")["items"])


def who(tocsin: Installation, moment: datetime) -> str:
    query = f"from={moment:%Y-%m-%dT%H:%MZ}&until={moment + timedelta(minutes=1):%Y-%m-%dT%H:%MZ}"
    (shift,) = tocsin.api("GET", f"schedules/desk/shifts?{query}")["items"]
    return str(shift["user"])


def drag(page: Page, lane: Locator, start: float, end: float) -> None:
    """From one share of the strip to another; the button is still down."""
    box = lane.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=5)
    page.mouse.move(box["x"] + box["width"] * end, y, steps=5)


def test_dragging_on_the_answer_makes_an_override(desk: Page, tocsin: Installation) -> None:
    final = desk.locator("#schedule .lane.final").first
    drag(desk, final.locator(".bars"), 2 / 7, 3 / 7)  # Wednesday
    expect(desk.locator(".ghost text")).to_have_text(re.compile(r"^Wed \d+, 00:00 – Thu \d+, 00:00$"))
    # Before the button is let go the answer is already drawn as it would be.
    expect(desk.locator("#schedule .lane.final.draft .bar.override")).to_have_count(1)
    desk.mouse.up()
    dialog = desk.get_by_role("dialog", name="Override desk")
    dialog.get_by_label("Who is on call").fill("farah@example.com")
    expect(dialog.locator("#dialog-change .gains")).to_have_count(1)
    expect(dialog.locator("#dialog-change")).to_contain_text("Farah Haddad")
    assert made(tocsin) == []
    dialog.get_by_role("button", name="Save").click()
    expect(desk.locator("#toasts")).to_contain_text("The override is made.")
    expect(desk.locator("#schedule .lane.final .bar.override")).to_have_attribute("data-who", "Farah Haddad")
    assert who(tocsin, at(2, 12)) == "farah@example.com"
    assert who(tocsin, at(3, 0)) != "farah@example.com"


def test_escape_ends_a_drag_and_nothing_happened(desk: Page, tocsin: Installation) -> None:
    drag(desk, desk.locator("#schedule .lane.final .bars").first, 2 / 7, 3 / 7)
    expect(desk.locator("#schedule .lane.final.draft")).to_have_count(1)
    desk.keyboard.press("Escape")
    desk.mouse.up()
    expect(desk.locator(".ghost")).to_have_count(0)
    expect(desk.locator("#schedule .lane.final.draft")).to_have_count(0)
    expect(desk.get_by_role("dialog")).to_have_count(0)
    assert made(tocsin) == []


def test_an_override_is_made_longer_and_moved_by_its_bar(desk: Page, tocsin: Installation) -> None:
    tocsin.api(
        "POST", "schedules/desk/overrides",
        start=f"{at(1, 0):%Y-%m-%dT%H:%MZ}", end=f"{at(2, 0):%Y-%m-%dT%H:%MZ}", user="grace@example.com",
    )  # fmt: skip
    desk.reload()
    lane = desk.locator("#schedule .lane.overrides .bars")
    drag(desk, lane, 2 / 7 - 0.002, 3 / 7)
    desk.mouse.up()
    dialog = desk.get_by_role("dialog", name="Change the override")
    expect(dialog.get_by_label("Until")).to_have_value(f"{at(3, 0):%Y-%m-%dT%H:%M}")
    dialog.get_by_role("button", name="Save").click()
    expect(desk.locator("#toasts")).to_contain_text("The override is changed.")
    assert who(tocsin, at(2, 12)) == "grace@example.com"
    drag(desk, lane, 1.5 / 7, 4.5 / 7)
    desk.mouse.up()
    desk.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(desk.locator("#toasts")).to_contain_text("The override is changed.")
    (one,) = made(tocsin)
    assert (one["start"], one["end"]) == (f"{at(4, 0):%Y-%m-%dT%H:%M:%SZ}", f"{at(6, 0):%Y-%m-%dT%H:%M:%SZ}")


def test_a_deleted_override_comes_back_by_undo(desk: Page, tocsin: Installation) -> None:
    tocsin.api(
        "POST", "schedules/desk/overrides",
        start=f"{at(1, 0):%Y-%m-%dT%H:%MZ}", end=f"{at(2, 0):%Y-%m-%dT%H:%MZ}", user="grace@example.com",
    )  # fmt: skip
    desk.reload()
    desk.locator("#schedule .bar.movable a").click()
    desk.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    assert len(made(tocsin)) == 1
    desk.get_by_role("dialog").get_by_role("button", name="Really delete?").click()
    expect(desk.locator("#toasts")).to_contain_text("is deleted")
    assert made(tocsin) == []
    desk.get_by_role("button", name="Undo").click()
    expect(desk.locator("#schedule .bar.movable")).to_have_count(1)
    assert who(tocsin, at(1, 12)) == "grace@example.com"


def test_by_keyboard_alone(desk: Page, tocsin: Installation) -> None:
    title = desk.locator(".lanesbar h2")
    before = title.text_content() or ""
    later = MONDAY + timedelta(days=7)
    for key, said in (
        ("ArrowRight", re.compile(rf"^{later.day}\b")),
        ("ArrowLeft", before),
        ("3", f"{MONDAY:%B %Y}"),
        ("t", f"{datetime.now(UTC):%B %Y}"),
    ):
        desk.wait_for_load_state("load")  # the keys are a script's
        desk.keyboard.press(key)
        expect(title).to_have_text(said)
    desk.goto(f"{tocsin.url}/schedules/desk{SHOWN}")
    desk.locator("#schedule .lane.final .bar a").first.focus()
    desk.keyboard.press("Shift")  # so that the browser shows where the focus is
    desk.keyboard.press("Enter")
    card = desk.locator("#shiftcard")
    expect(card).to_contain_text("rotation desk")
    expect(card.get_by_role("link", name="Override")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(card).to_be_hidden()
    desk.keyboard.press("o")
    desk.get_by_label("Who is on call").fill("farah@example.com")
    desk.get_by_label("From").fill(f"{at(2, 9):%Y-%m-%dT%H:%M}")
    desk.get_by_label("Until").fill(f"{at(2, 12):%Y-%m-%dT%H:%M}")
    desk.get_by_role("button", name="Preview").click()
    expect(desk.locator("#change")).to_contain_text("Farah Haddad")
    desk.get_by_role("button", name="Add the override").click()
    expect(desk.locator("#toasts")).to_contain_text("The override is made.")
    assert who(tocsin, at(2, 10)) == "farah@example.com"


def test_without_script_the_forms_do_the_same(chromium: Browser, tocsin: Installation, rota: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = sign_in(context, tocsin)
    page.goto(f"{tocsin.url}/schedules/{rota}{SHOWN}")
    page.get_by_role("link", name="Add override").click()
    page.get_by_label("Who is on call").fill("farah@example.com")
    page.get_by_label("From").fill(f"{at(5, 9):%Y-%m-%dT%H:%M}")
    page.get_by_label("Until").fill(f"{at(5, 12):%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Add the override").click()
    bar = page.locator("#schedule .lane.overrides .bar a")
    expect(bar).to_have_count(1)
    page.goto(f"{tocsin.url}{bar.get_attribute('href')}")
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Delete the override").click()
    expect(page.locator("#schedule .lane.overrides")).to_have_count(0)
    page.goto(f"{tocsin.url}/rotations/{rota}/edit")
    page.get_by_role("button", name="Add a participant").click()
    expect(page.locator('input[name="participants"]')).to_have_count(3)
    page.get_by_role("button", name="Move participant 2 up").click()
    expect(page.locator('input[name="participants"]').first).to_have_value("emil@example.com")
    context.close()


def test_a_rotation_is_edited_with_a_preview_that_follows(desk: Page, tocsin: Installation) -> None:
    desk.goto(f"{tocsin.url}/rotations/desk/edit")
    desk.get_by_role("button", name="Add a participant").click()
    added = desk.get_by_label("Participant 3", exact=True)
    expect(added).to_be_focused()
    added.fill("farah@example.com")
    added.press("Tab")
    moves = desk.locator("#rota-preview .moves")
    expect(moves).to_contain_text("Farah Haddad")
    expect(desk.locator("#rota-preview .compare h3")).to_have_text(["Now", "After"])
    before = {who(tocsin, at(7 * week, 12)) for week in range(4)}
    assert "farah@example.com" not in before
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator("#toasts")).to_contain_text("desk is saved.")
    assert "farah@example.com" in {who(tocsin, at(7 * week, 12)) for week in range(4)}


def test_a_phone_scrolls_the_lanes_and_not_the_page(
    chromium: Browser, tocsin: Installation, rota: str
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = sign_in(context, tocsin)
    for path in (
        f"schedules/{rota}?span=month",
        "schedules/",
        f"rotations/{rota}/edit",
        f"schedules/{rota}/override",
    ):
        page.goto(f"{tocsin.url}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    context.close()
