"""Plays the demo on a fresh installation and photographs its pages. Started by scripts/screenshots."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from scripts.palette import shrink  # noqa: E402  (the checkout comes first)
from tests.endtoend.harness import TOKEN, Installation, eventually  # noqa: E402  (same)
from tocsin.testing.mailbox import Mailbox  # noqa: E402  (same)

IMAGES = REPOSITORY / "docs" / "images"
PASSWORD = "eleven purple tigers"  # noqa: S105  (of an installation that lives for a minute)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1320, "height": 820}
PHONE = {"width": 390, "height": 800}

Theme = Literal["light", "dark"]

OTHERS = (
    ("Replica lag on orders-db is 48 s and growing", "database", "SEV2"),
    ("Search is slow for large tenants", "search", "SEV3"),
    ("Certificate of shop.example.com expires in 6 days", "storefront", "SEV4"),
)


@contextmanager
def installation(mailbox: Mailbox) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="tocsin-pictures-") as folder:
        running = Installation(Path(folder) / "data", {"TOCSIN_SMTP_URL": mailbox.url}).start()
        try:
            yield running
        finally:
            running.stop()


def play(tocsin: Installation) -> tuple[str, str]:
    """The demo, and a few more; the ref of the incident left open, and who is called for it."""
    for title, service, severity in OTHERS:
        made = tocsin.api("POST", "incidents", title=title, service=service, severity=severity)
        if severity == "SEV2":
            tocsin.api("POST", f"incidents/{made['ref']}/acknowledge")
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "demo", "--pause", "0.3", "--yes"],
        cwd=REPOSITORY,
        env={**os.environ, "TOCSIN_URL": tocsin.url, "TOCSIN_TOKEN": TOKEN},
        check=True,
        capture_output=True,
        text=True,
    )
    ref = done.stdout.strip().rpartition("/")[2]
    pages: list[dict[str, Any]] = eventually(lambda: tocsin.api("GET", f"incidents/{ref}")["pages"])
    return ref, str(pages[0]["email"])


def join(tocsin: Installation, email: str) -> None:
    """Give the person a password, through their invitation."""
    url = tocsin.api("POST", f"users/{email}/invitation")["url"]
    with httpx.Client() as client:
        client.get(url).raise_for_status()
        token = client.cookies["csrftoken"]
        form = {"password": PASSWORD, "csrfmiddlewaretoken": token}
        answer = client.post(url, data=form, headers={"Referer": url})
    if answer.status_code != httpx.codes.FOUND:
        message = f"{email} could not join: {answer.status_code}"
        raise SystemExit(message)


def override(tocsin: Installation) -> None:
    """Somebody for a colleague, tomorrow, so that the picture of a schedule has one."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    times = {"start": noon.isoformat(), "end": (noon + timedelta(hours=21)).isoformat()}
    tocsin.api("POST", "schedules/platform/overrides", user="henri@example.com", **times)


class Photographer:
    def __init__(self, browser: Browser, tocsin: Installation, email: str) -> None:
        self._browser, self._tocsin, self._email = browser, tocsin, email

    def context(self, theme: Theme, size: dict[str, int]) -> BrowserContext:
        return self._browser.new_context(
            viewport={"width": size["width"], "height": size["height"]},
            color_scheme=theme,
            device_scale_factor=1 if size is DESKTOP else 2,
            timezone_id="Europe/Berlin",
            has_touch=size is PHONE,
        )

    def sign_in(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.goto(f"{self._tocsin.url}/accounts/login/")
        page.get_by_label("E-mail").fill(self._email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/incidents/")
        return page

    def shoot(self, pictures: dict[str, str], theme: Theme, size: dict[str, int]) -> None:
        context = self.context(theme, size)
        page = self.sign_in(context)
        for name, path in pictures.items():
            page.goto(f"{self._tocsin.url}{path}")
            self.save(page, name)
        context.close()

    def save(self, page: Page, name: str) -> None:
        page.wait_for_timeout(1200)  # the fonts, and the dot that says "live"
        target = IMAGES / f"{name}.png"
        page.screenshot(path=target)
        shrink(target)
        print(f"{target.relative_to(REPOSITORY)}  {target.stat().st_size // 1024} kB")


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with Mailbox() as mailbox, installation(mailbox) as tocsin, sync_playwright() as playwright:
        ref, email = play(tocsin)
        join(tocsin, email)
        override(tocsin)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        photographer = Photographer(browser, tocsin, email)
        pictures = {
            "incidents": "/incidents/",
            "incident": f"/incidents/{ref}",
            "services": "/services/",
            "service": "/services/checkout",
            "schedule": "/schedules/platform",
        }
        photographer.shoot(pictures, "light", DESKTOP)
        photographer.shoot(
            {"incidents-dark": "/incidents/", "incident-dark": f"/incidents/{ref}"}, "dark", DESKTOP
        )
        photographer.shoot({"incident-phone": f"/incidents/{ref}"}, "dark", PHONE)
        link = next(
            url
            for mail in reversed(mailbox.mails)
            if mail.to == email and ref in mail.subject
            for url in mail.links()
            if "/a/" in url
        )
        context = photographer.context("light", PHONE)
        page = context.new_page()
        page.goto(link)
        photographer.save(page, "link-phone")
        browser.close()


if __name__ == "__main__":
    main()
