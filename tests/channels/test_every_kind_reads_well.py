import re

import pytest

from tests.channels.conftest import ABOUT_NOTHING, BUNDLE, SUBJECT, Case, message
from tocsin.adapters.mattermost.post import attachment
from tocsin.adapters.slack import blocks
from tocsin.adapters.teams.card import card
from tocsin.adapters.telegram.text import document
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Urgency
from tocsin.ports import wording
from tocsin.ports.channel import Action, Result


def _bare(text: str) -> str:
    """Without the marks that keep text from being read as a vendor's markup."""
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return re.sub(r"[\\\u200b]", "", text).replace("∗", "*").replace("”", '"')


@pytest.mark.parametrize("kind", list(MessageKind))
def test_it_says_what_where_and_why_and_offers_every_link(case: Case, kind: MessageKind) -> None:
    sent = message(kind)
    room = kind is MessageKind.ROOM and case.room
    receipt = case.send(sent, address=case.room if room else "")
    assert receipt.result is Result.SENT, receipt.detail
    (arrived,) = case.read()
    text = _bare(arrived)
    assert _bare(wording.title(sent)) in text
    for line in sent.lines:
        assert line in text
    for action in sent.actions:
        assert action.url in text
        # A press on a browser's notification opens the incident; that has no button of its own.
        assert action.label in text or (case.channel.type == "push" and action.name == "view")
    if kind not in ABOUT_NOTHING:
        assert "[SEV1] checkout: " in text
        assert "INC-12 · SEV1 · checkout" in text


def test_a_bundle_lists_every_incident(case: Case) -> None:
    assert case.send(BUNDLE).result is Result.SENT
    (arrived,) = case.read()
    text = _bare(arrived)
    assert text.count("INC-12 SEV1 checkout: Orders fail") == 1
    assert text.count("INC-13 SEV2 payments: Cards are refused") == 1
    assert "Acknowledge all" in text


def test_what_is_far_too_long_is_cut_and_still_arrives_with_its_links(case: Case) -> None:
    sent = message(headline="é" * 5000, lines=('“ü\\"*' * 9000, "b" * 9000))
    receipt = case.send(sent)
    assert receipt.result is Result.SENT, receipt.detail
    (arrived,) = case.read()
    assert "https://t.example.com/a/aaaa.bbbb" in arrived
    assert "…" in arrived


def test_nothing_leaves_that_is_not_wanted_any_more(case: Case) -> None:
    assert case.send(message(), wanted=False).result is Result.WITHDRAWN
    assert case.read() == []


def test_it_is_asked_last_whether_it_is_still_wanted(case: Case) -> None:
    """Looking somebody up takes time, in which another may acknowledge."""
    asked: list[int] = []

    def wanted() -> bool:
        asked.append(len(case.server.calls))
        return True

    fields = {"address": case.address, "config": case.config}
    case.channel.send(type(message())(**{**vars(message()), **fields}), wanted)
    assert asked == [len(case.server.calls) - 1]


@pytest.mark.parametrize(
    ("kind", "urgency", "title"),
    [
        (MessageKind.PAGE, Urgency.HIGH, f"[SEV1] checkout: {SUBJECT.title}"),
        (MessageKind.RESOLVED, Urgency.LOW, f"[SEV1] checkout: Resolved: {SUBJECT.title}"),
        (MessageKind.NUDGE, Urgency.HIGH, f"[SEV1] checkout: Still on it? {SUBJECT.title}"),
        (MessageKind.STAKEHOLDER, Urgency.HIGH, f"[SEV1] checkout: For your information: {SUBJECT.title}"),
        (MessageKind.ROOM, Urgency.HIGH, f"[SEV1] checkout: {SUBJECT.title}"),
        (MessageKind.CODE, Urgency.LOW, "Your code for Tocsin: 123456"),
    ],
)
def test_the_title_says_what_matters_first(kind: MessageKind, urgency: Urgency, title: str) -> None:
    assert wording.title(message(kind, urgency=urgency)) == title


def test_a_word_that_the_headline_begins_with_is_not_said_twice() -> None:
    said = message(MessageKind.STAKEHOLDER, headline="For your information: orders fail")
    assert wording.title(said) == "[SEV1] checkout: For your information: orders fail"


@pytest.mark.parametrize("case", ["slack", "mattermost", "telegram"], indirect=True)
def test_a_room_is_no_persons_address(case: Case) -> None:
    """Its links act for one person; a room would hand them to all."""
    receipt = case.send(message(MessageKind.PAGE), address=case.room)
    assert receipt.result is Result.FAILED
    assert "others would read" in receipt.detail
    assert case.read() == []


def test_text_from_outside_mentions_nobody_in_slack_and_is_no_markup() -> None:
    made = blocks.document(message(headline="<!channel> *b* [x](y)", lines=("<@U123> *b*",)), "U1")
    bold, plain, *_ = made["attachments"][0]["blocks"]
    assert bold["text"]["text"] == "*[SEV1] checkout: &lt;!channel&gt; ∗b∗ [x](y)*"
    assert plain["text"]["type"] == "plain_text"
    assert made["text"] == "[SEV1] checkout: &lt;!channel&gt; *b* [x](y)"


def test_text_from_outside_mentions_nobody_in_mattermost_and_is_no_markup() -> None:
    made = attachment(message(headline="@all [x](http://evil.example)", lines=("*b* @here",), actions=()))
    assert "@all" not in made["text"]
    assert "@here" not in made["text"]
    assert r"\[x\]\(http\://evil\.example\)" in made["text"]
    assert r"\*b\*" in made["text"]


def test_text_from_outside_is_no_markup_in_teams() -> None:
    made = card(message(headline="[x](http://evil.example) **b**"))
    assert made["body"][0]["items"][0]["text"] == r"\[SEV1\] checkout: \[x\](http://evil.example) \*\*b\*\*"


def test_telegram_writes_links_out_that_it_would_refuse_as_buttons() -> None:

    local = message(address="4711", actions=(Action("view", "Open", "http://localhost:8080/a/x"),))
    made = document(local, acts=False)
    assert "reply_markup" not in made
    assert "Open: http://localhost:8080/a/x" in made["text"]
