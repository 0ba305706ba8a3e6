"""What a mail says, by rules and by its subject."""

from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

import pytest

from tocsin.adapters.email_in import message
from tocsin.adapters.email_in.source import EmailSource
from tocsin.domain.errors import Invalid
from tocsin.domain.signal import Signal

SOURCE = EmailSource()


def mail(subject: str, text: str = "Hello", sender: str = "nagios@box.example", **headers: str) -> bytes:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, f"Box <{sender}>", "x@y.example"
    made["Date"] = "Mon, 23 Nov 2026 10:00:00 +0100"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


def read(body: bytes, config: Mapping[str, Any] | None = None) -> Signal | None:
    source = SOURCE.configured(config) if config else SOURCE
    envelopes = source.envelope(body)
    return source.parse(envelopes[0].payload) if envelopes else None


def seen(body: bytes, config: Mapping[str, Any] | None = None) -> tuple[str, str, str | None]:
    signal = read(body, config)
    assert signal is not None
    return signal.action.value, signal.dedup_key, signal.severity


@pytest.mark.parametrize(
    ("subject", "action", "key", "severity"),
    [
        ("Disk full on db1", "trigger", "disk full on db1", None),
        ("Re: Fwd: RE[2]: Disk full on db1", "trigger", "disk full on db1", None),
        ("[RESOLVED] Disk full on db1", "resolve", "disk full on db1", None),
        ("[FIRING:2] Disk full on db1", "trigger", "disk full on db1", None),
        ("Resolved: Disk full on db1", "resolve", "disk full on db1", None),
        ("CRITICAL: Disk full on db1", "trigger", "disk full on db1", "critical"),
        (
            "** PROBLEM Service Alert: web1/HTTP is CRITICAL **",
            *("trigger", "service alert: web1/http is", "critical"),
        ),
        ("** RECOVERY Service Alert: web1/HTTP is OK **", "resolve", "service alert: web1/http is", None),
        ("The backup is not ok", "trigger", "the backup is not ok", None),
        ("", "trigger", "hello", None),
    ],
)
def test_without_rules_the_subject_decides(subject: str, action: str, key: str, severity: str | None) -> None:
    assert seen(mail(subject)) == (action, key, severity)


RULES = {
    "rules": [
        {
            "name": "disks",
            "when": [
                {"field": "from", "equals": "RAID@nas.example"},
                {"field": "body", "regex": "disk (?P<disk>[a-z0-9]+) on (?P<host>[a-z.]+)"},
            ],
            "then": "trigger",
            "dedup_key": "{host}/{disk}",
            "severity": "SEV1",
        },
        {"when": {"field": "subject", "contains": "backup done"}, "then": "resolve", "dedup_key": "backup"},
        {"when": [{"field": "header:List-Id", "regex": "news"}], "then": "ignore"},
    ]
}


def test_rules_decide_in_their_order() -> None:
    disk = mail("Something", "x\nBad disk sda1 on nas.example now", sender="raid@nas.example")
    assert seen(disk, RULES) == ("trigger", "nas.example/sda1", "SEV1")
    assert seen(mail("Nightly BACKUP Done"), RULES) == ("resolve", "backup", None)
    assert read(mail("Hi", List_Id="<the.news.example>"), RULES) is None
    assert seen(mail("Other thing"), RULES) == ("trigger", "other thing", None)
    assert read(mail("Other thing"), {**RULES, "otherwise": "ignore"}) is None


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"X_Autoreply": "yes"}, {"X_Tocsin_Kind": "page"}],
)
def test_answers_of_machines_and_our_own_are_no_alerts(headers: dict[str, str]) -> None:
    assert read(mail("Disk full", **headers)) is None


def test_what_a_tool_generates_is_an_alert() -> None:
    assert read(mail("Disk full", Auto_Submitted="auto-generated", List_Id="<alerts.example>")) is not None


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"rulez": []}, "rulez"),
        ({"rules": {}}, "rules"),
        ({"rules": [{"when": [], "then": "trigger"}]}, "rules[0].when"),
        ({"rules": [{"when": [{"contains": "a"}], "then": "page"}]}, "rules[0].then"),
        (
            {"rules": [{"when": [{"field": "cc", "contains": "a"}], "then": "ignore"}]},
            "rules[0].when[0].field",
        ),
        ({"rules": [{"when": [{"regex": "(a"}], "then": "ignore"}]}, "rules[0].when[0].regex"),
        ({"rules": [{"when": [{"regex": r"(a)\1"}], "then": "ignore"}]}, "rules[0].when[0].regex"),
        ({"otherwise": "x"}, "otherwise"),
    ],
)
def test_wrong_rules_name_their_place(config: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        SOURCE.configured(config)
    assert caught.value.errors[0].field == field


def test_html_is_read_as_text() -> None:
    text = message.text_of_html(
        "<html><head><title>no</title><style>p{}</style></head><body><!-- <p>no</p> -->"
        "<p>Disk&nbsp;full</p><script>no()</script><table><tr><td>a</td><td>1 &lt; 2</td></tr></table>x < y"
    )
    assert "no" not in text
    assert text.split() == ["Disk", "full", "a", "1", "<", "2", "x", "<", "y"]


def test_attachments_charsets_and_nul_do_no_harm() -> None:
    body = (
        b"Subject: =?no-such-charset?q?Platte_voll?=\r\nFrom: a@b.example\r\n"
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
        b"Content-Type: text/plain; charset=bogus\r\n\r\nB\xe4d\0 thing\r\n--x\r\n"
        b"Content-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename=r.pdf\r\n\r\nxx\r\n--x--\r\n"
    )
    signal = read(body)
    assert signal is not None
    assert signal.summary == "Platte voll"
    assert signal.annotations["attachments"] == "r.pdf"
    assert "\0" not in signal.annotations["description"]


@pytest.mark.parametrize("body", [b"", b"\n\n", b"just words"])
def test_what_is_no_mail_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        SOURCE.envelope(body)


def test_the_sample_has_the_key_it_was_made_for() -> None:
    assert seen(SOURCE.sample("k"), RULES)[:2] == ("trigger", "k")
    assert seen(SOURCE.sample("k", resolve=True))[:2] == ("resolve", "k")


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("Größe überschritten".encode(), "Größe überschritten"),
        (b"=?utf-8?q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        (b"Disk \xff full", "Disk \ufffd full"),
    ],
)
def test_headers_beyond_ascii_are_read_as_they_came(subject: bytes, said: str) -> None:
    found = message.read(b"From: Bj\xc3\xb8rn <a@example.com>\r\nSubject: " + subject + b"\r\n\r\nHello")
    assert (found.subject, found.sender_name) == (said, "Bjørn")
