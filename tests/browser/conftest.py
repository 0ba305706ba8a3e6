"""A whole Tocsin and a headless Chromium in front of it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.endtoend.harness import Installation

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Waiting ends as soon as what is waited for is there: only a machine that is slow waits for long.
_PATIENCE_MS = 60_000
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session", autouse=True)
def _there_is_a_browser() -> None:
    if CHROMIUM is None:
        message = "NOT TESTED: the pages in a browser. Install the Debian package `chromium`."
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="module")
def tocsin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("browser") / "data").start()
    try:
        yield installation
    finally:
        installation.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def admin_login(data: Path) -> tuple[str, str]:
    email, password = (data / "admin-login").read_text(encoding="utf-8").split()
    return email, password


def sign_in(context: BrowserContext, tocsin: Installation) -> Page:
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    email, password = admin_login(tocsin.data)
    page.goto(f"{tocsin.url}/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/incidents/")
    return page


@pytest.fixture
def page(chromium: Browser, tocsin: Installation) -> Iterator[Page]:
    """Signed in as the first administrator; a complaint of the browser fails the test."""
    context = chromium.new_context(viewport={"width": 1300, "height": 850})
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None
    )
    yield sign_in(context, tocsin)
    context.close()
    assert not complaints
