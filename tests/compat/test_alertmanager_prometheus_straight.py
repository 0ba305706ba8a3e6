"""Prometheus' own `alerting:` section pointed here, as a pair, and amtool beside it."""

from pathlib import Path
from typing import Any

import pytest

from tests import programs
from tests.compat.alertmanager_parts import amtool, prometheus, said
from tests.endtoend.harness import Installation, eventually
from tests.endtoend.test_alertmanager_pages import Broken

KEY = "b7" * 16
ORGANISATION = f"""
services: [{{name: straight}}]
integrations:
  - {{name: straight-prometheus, kind: prometheus, service: straight, key: {KEY}}}
"""


@pytest.fixture(scope="module")
def tocsin(installation: Installation) -> Installation:
    installation.apply(ORGANISATION)
    return installation


@programs.prometheus
def test_a_pair_of_prometheus_gives_one_alert_that_resolves(tocsin: Installation, tmp_path: Path) -> None:
    def alerts(status: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = tocsin.api(
            "GET", f"alerts?status={status}&integration=straight-prometheus"
        )["items"]
        return found

    with Broken() as broken, prometheus(tmp_path, tocsin, KEY, broken, ("a", "b")):
        first = eventually(lambda: alerts("firing"), 40)[0]
        eventually(lambda: alerts("firing")[0]["count"] >= 6, 40)
        (only,) = alerts("firing")
        assert only["id"] == first["id"]
        assert only["labels"] == {
            "alertname": "CheckoutBroken",
            "cluster": "eu1",
            "instance": f"127.0.0.1:{broken.port}",
            "job": "checkout",
            "severity": "critical",
        }
        (shown,) = said(tocsin, KEY, "alert", "query", "alertname=CheckoutBroken")
        assert shown["status"]["state"] == "active"
        assert shown["annotations"]["summary"] == "Checkout answers with errors"
        broken.value = 0
        eventually(lambda: alerts("resolved"), 40)
    assert said(tocsin, KEY, "alert", "query") == []


@programs.prometheus
def test_amtool_adds_an_alert_and_a_silence_that_silences(tocsin: Installation) -> None:
    added = amtool(
        tocsin,
        KEY,
        "silence",
        "add",
        "alertname=DiskFull",
        "--duration=1h",
        "--author=sam",
        "--comment=moved",
    )
    assert added.returncode == 0, added.stderr
    uid = added.stdout.strip()
    (silence,) = said(tocsin, KEY, "silence", "query")
    assert (silence["id"], silence["status"]["state"], silence["createdBy"]) == (uid, "active", "sam")
    assert [each["name"] for each in silence["matchers"]] == ["alertname"]

    assert amtool(tocsin, KEY, "alert", "add", "DiskFull", "node=db1", "severity=critical").returncode == 0

    def held() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = said(tocsin, KEY, "alert", "query", "--silenced")
        return found

    (shown,) = eventually(held, 20)
    assert (shown["status"]["state"], shown["status"]["silencedBy"]) == ("suppressed", [uid])
    assert tocsin.incidents("service=straight&status=investigating") == []

    assert amtool(tocsin, KEY, "silence", "expire", uid).returncode == 0
    eventually(lambda: said(tocsin, KEY, "alert", "query", "alertname=DiskFull"), 20)
    eventually(
        lambda: [row for row in tocsin.incidents("service=straight") if "DiskFull" in row["title"]], 20
    )


@programs.prometheus
def test_amtool_updates_imports_and_shows(tocsin: Installation, tmp_path: Path) -> None:
    words = ("silence", "add", "alertname=Moved", "--duration=1h", "--author=sam", "--comment=a")
    uid = amtool(tocsin, KEY, *words).stdout.strip()
    updated = amtool(tocsin, KEY, "silence", "update", uid, "--comment=b", "--duration=2h")
    assert updated.returncode == 0, updated.stderr
    (silence,) = said(tocsin, KEY, "silence", "query", "alertname=Moved")
    assert silence["comment"] == "b"

    file = tmp_path / "silences.json"
    file.write_text(amtool(tocsin, KEY, "silence", "query", "alertname=Moved", "-o", "json").stdout)
    imported = amtool(tocsin, KEY, "silence", "import", "--force", str(file))
    assert imported.returncode == 0, imported.stderr
    assert len(said(tocsin, KEY, "silence", "query", "alertname=Moved")) == 2

    shown = amtool(tocsin, KEY, "config", "show")
    assert shown.returncode == 0, shown.stderr
    assert "receiver: straight" in shown.stdout or 'receiver: "straight"' in shown.stdout
    assert amtool(tocsin, "0" * 32, "alert", "query").returncode != 0


@programs.prometheus
def test_amtool_shows_more_of_everything(tocsin: Installation) -> None:
    def text(*words: str) -> str:
        done = amtool(tocsin, KEY, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    text(
        "alert",
        "add",
        "Extended",
        "node=db7",
        "severity=critical",
        "--annotation=runbook=https://wiki.example.com/7",
    )
    eventually(lambda: said(tocsin, KEY, "alert", "query", "alertname=Extended"), 20)
    shown = text("alert", "query", "-o", "extended", "alertname=Extended")
    for part in ('alertname="Extended"', 'node="db7"', 'runbook="https://wiki.example.com/7"', "active"):
        assert part in shown
    assert "Extended" in text("alert", "query", "-o", "simple", "node=~db[0-9]")
    assert "Extended" not in text("alert", "query", "node!=db7")

    brief = ("silence", "add", "alertname=Brief", "--author=sam", "--comment=c", "--duration")
    short, long = (text(*brief, lasts).strip() for lasts in ("30m", "8h"))
    within = [each["id"] for each in said(tocsin, KEY, "silence", "query", "--within=1h", "alertname=Brief")]
    assert within == [short]
    text("silence", "expire", short)
    over = [each["id"] for each in said(tocsin, KEY, "silence", "query", "--expired", "alertname=Brief")]
    assert over == [short]
    assert long in text("silence", "query", "-o", "extended", "alertname=Brief")
    assert text("silence", "query", "-q", "alertname=Brief").split() == [long]

    assert "Cluster Status" in text("cluster", "show")
