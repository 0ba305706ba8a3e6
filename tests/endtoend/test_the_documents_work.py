"""The commands in README and tutorial are run as they are written, against a whole installation."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.endtoend.harness import REPOSITORY, TOKEN, Installation, eventually
from tocsin.testing.mailbox import Mailbox

# Started by the fixtures instead, or run by CI itself.
NOT_HERE = ("./scripts/up", "./scripts/test", "tocsin.testing.mailbox", "token create")


def blocks(page: str) -> list[str]:
    """Every bash block of a page, without the lines that start what runs already."""
    text = (REPOSITORY / page).read_text()
    found = re.findall(r"^ *```bash\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    kept = (
        "\n".join(line for line in block.splitlines() if not any(word in line for word in NOT_HERE))
        for block in found
    )
    return [block for block in kept if block.strip()]


class Terminal:
    def __init__(self, tocsin: Installation, folder: Path) -> None:
        self._tocsin = tocsin
        self._environment = {
            **os.environ,
            "TOCSIN_URL": tocsin.url,
            "TOCSIN_TOKEN": TOKEN,
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
        }
        self._folder = folder
        (folder / ".venv" / "bin").mkdir(parents=True)
        command = folder / ".venv" / "bin" / "tocsin"
        command.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -m tocsin "$@"\n')
        command.chmod(0o755)
        (folder / "examples").symlink_to(REPOSITORY / "examples")

    def run(self, block: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.replace("http://127.0.0.1:8080", self._tocsin.url)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def terminal(tocsin: Installation, tmp_path: Path) -> Terminal:
    return Terminal(tocsin, tmp_path)


def test_the_tour_in_the_readme_ends_with_an_acknowledged_page(
    tocsin: Installation, mailbox: Mailbox, terminal: Terminal
) -> None:
    alert, demo, ask = blocks("README.md")
    terminal.run(alert)
    eventually(lambda: tocsin.incidents("search=Primary+does+not+answer"))
    terminal.run(demo)
    mail = mailbox.wait(lambda mail: "Card payments are down" in mail.subject and "Acknowledge" in mail.text)
    acknowledge(mail.text)
    (incident,) = tocsin.incidents("search=Card+payments")
    assert incident["acknowledged_at"]
    shown = terminal.run(ask)
    assert "charlie@example.com" in shown
    assert "SEV1" in shown


def test_the_tutorial_ends_with_a_resolved_incident(
    tocsin: Installation, mailbox: Mailbox, terminal: Terminal
) -> None:
    *before, alert, resolve = blocks("docs/tutorial/first-page.md")
    for block in before:
        terminal.run(block)
    terminal.run(alert)
    mail = mailbox.wait(lambda mail: "The disk is full" in mail.subject)
    assert mail.to in {"me@example.com", "you@example.com"}
    acknowledge(mail.text)
    (incident,) = tocsin.incidents("service=my-service")
    assert incident["acknowledged_by"] == mail.to
    terminal.run(resolve)
    eventually(lambda: tocsin.incidents("service=my-service&status=resolved"))


def acknowledge(text: str) -> None:
    found = re.search(r"^Acknowledge\s+(\S+)", text, re.MULTILINE)
    assert found, text
    httpx.post(found[1]).raise_for_status()
