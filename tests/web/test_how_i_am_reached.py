"""The page `me/reached`: methods are verified, rules say what they come to, a test shows its receipts."""

import re
from datetime import timedelta

import pytest

from tests.notify.fakes import FakeChannel
from tests.web.conftest import Visitor
from tocsin.apps.escalation.settings import save_policy
from tocsin.apps.notify import actions, delivery, queries
from tocsin.apps.notify.models import ContactMethod, Notification
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.escalation.model import Policy, Step, Target, TargetKind
from tocsin.domain.notification.model import Rule
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Urgency
from tocsin.domain.time import parse_duration
from tocsin.lib import clock
from tocsin.ports import registry
from tocsin.ports.channel import Abilities, FieldSpec

PAGE = "/me/reached"


class Phone(FakeChannel):
    def check_address(self, address: str) -> str:
        if not address.startswith("+"):
            raise Invalid(FieldError("address", "Begin with + and the country."))
        return address


@pytest.fixture(autouse=True)
def channels(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeChannel]:
    token = (FieldSpec("token", "Token", secret=True),)
    made = {
        "email": FakeChannel(),
        "sms": Phone("sms", "SMS", address=FieldSpec("address", "Phone number", kind="tel")),
        "chat": FakeChannel("chat", "Chat", token, address=FieldSpec("address", "Room key", secret=True)),
        "pager": FakeChannel("pager", "Pager", ready="PAGER_TOKEN is missing"),
    }
    for name in list(registry.channels):
        monkeypatch.delitem(registry.channels, name)
    for name, channel in made.items():
        monkeypatch.setitem(registry.channels, name, channel)
    return made


def see(who: Visitor, path: str = PAGE) -> str:
    answer = who.client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def add(who: Visitor, status: int = 302, **fields: str) -> str:
    form = {"type": "sms", "address": "+15550100", **fields}
    answer = who.client.post(f"/people/{who.email}/methods", form)
    assert answer.status_code == status
    return answer.content.decode()


def post_rules(who: Visitor, group: str, *rules: tuple[str, str], status: int = 302, **more: str) -> str:
    form = {"after": [after for after, _ in rules], "via": [via for _, via in rules], **more}
    answer = who.client.post(f"/people/{who.email}/rules/{group}", form)
    assert answer.status_code == status
    return answer.content.decode()


def rules_of(who: Visitor) -> list[tuple[str, int, str]]:
    return [
        (str(rule.urgency) if rule.occasion == "page" else str(rule.occasion), rule.after_s, rule.via)
        for rule in queries.own_rules(who.email)
    ]


def leave() -> None:
    for job in delivery.claim("w", clock.now(), 9):
        delivery.deliver_one(job, "w")


def test_types_are_chosen_first_and_those_not_set_up_say_why(mate: Visitor) -> None:
    page = see(mate)
    assert 'href="?add=sms#add"' in page
    assert 'href="?add=pager#add"' not in page
    assert "PAGER_TOKEN is missing" in page
    chosen = see(mate, f"{PAGE}?add=chat")
    assert "Room key" in chosen
    assert re.search(r'name="token" type="password"', chosen)


def test_what_is_typed_in_wrong_is_said_beside_its_field(mate: Visitor) -> None:
    page = add(mate, status=422, address="5550100")
    assert 'id="f-address-error"' in page
    assert "Begin with + and the country." in page
    assert 'value="5550100"' in page
    missing = add(mate, status=422, type="chat", address="a-long-secret-room-key")
    assert 'id="f-token-error"' in missing


def test_a_code_verifies_a_method_before_it_is_used(mate: Visitor, channels: dict[str, FakeChannel]) -> None:
    add(mate)
    row = ContactMethod.objects.get(type="sms")
    assert "A code was sent over it, good until" in see(mate)
    leave()
    (message,) = channels["sms"].sent
    assert row.code in message.headline
    url = f"/people/{mate.email}/methods/{row.pk}"
    wrong = mate.client.post(f"{url}/verify", {"code": "nope"})
    assert wrong.status_code == 422
    assert f'id="code-{row.pk}-error"' in wrong.content.decode()
    assert "ask for a new one" in see(mate)
    ContactMethod.objects.update(code_expires_at=clock.now())
    mate.client.post(f"{url}/code")
    row.refresh_from_db()
    mate.client.post(f"{url}/verify", {"code": row.code})
    assert queries.methods(mate.email)[-1].problem == ""


def test_what_an_administrator_types_for_themselves_needs_a_code_too(owner: Visitor, mate: Visitor) -> None:
    add(owner)
    assert not queries.methods(owner.email)[-1].verified
    owner.client.post(f"/people/{mate.email}/methods", {"type": "sms", "address": "+15550199"})
    assert queries.methods(mate.email)[-1].verified


def test_an_address_that_is_a_key_is_never_shown_whole(mate: Visitor) -> None:
    add(mate, type="chat", address="https://hooks.example/secret-part-of-it", token="hush")
    page = see(mate)
    assert "secret-part-of-it" not in page
    assert "hush" not in page
    assert "https://hooks.example/…f-it" in page


def test_methods_are_put_in_order_and_switched_off_and_on(mate: Visitor) -> None:
    add(mate)
    mail, phone = queries.methods(mate.email)
    mate.client.post(f"/people/{mate.email}/methods/{phone.id}/move", {"to": "up"})
    assert [method.type for method in queries.methods(mate.email)] == ["sms", "email"]
    url = f"/people/{mate.email}/methods/{mail.id}/switch"
    mate.client.post(url, {"to": "off"})
    assert "Enable again" in see(mate)
    mate.client.post(url, {"to": "on"})
    assert "Enable again" not in see(mate)


def test_a_disabled_method_is_said_on_every_page_until_settled(mate: Visitor, owner: Visitor) -> None:
    add(mate)
    row = ContactMethod.objects.get(type="sms")
    ContactMethod.objects.filter(pk=row.pk).update(
        verified_at=clock.now(), disabled_at=clock.now(), disabled_reason="the number is not in service"
    )
    assert "the number is not in service" in see(mate, "/incidents/")
    assert "the number is not in service" not in see(owner, "/incidents/")
    mate.client.post(f"/people/{mate.email}/methods/{row.pk}/switch", {"to": "on"})
    assert "the number is not in service" not in see(mate, "/incidents/")


def test_rules_are_added_removed_and_given_back(mate: Visitor) -> None:
    post_rules(mate, "high", ("0", "email"), ("90s", "sms"), ("", ""))
    post_rules(mate, "handoff", ("", "email"))
    assert rules_of(mate) == [("high", 0, "email"), ("handoff", 0, "email"), ("high", 90, "sms")]
    page = see(mate)
    assert "At once: E-mail." in page
    assert "SMS is passed over: no sms address." in page
    post_rules(mate, "high", ("0", "email"), ("90s", "sms"), remove="1")
    assert sorted(rules_of(mate)) == [("handoff", 0, "email"), ("high", 0, "email")]
    post_rules(mate, "high", reset="yes")
    assert rules_of(mate) == [("handoff", 0, "email")]


def test_everybodys_rules_can_be_made_ones_own(mate: Visitor, owner: Visitor) -> None:
    for group, rule in (("high", ("2m", "email")), ("low", ("0m", "email"))):
        post_rules(mate, group, rule)
    rules = [
        Rule(Urgency.HIGH, parse_duration("2m"), "email"),
        Rule(Urgency.LOW, parse_duration("1m"), "sms"),
    ]
    actions.set_default_rules(actor=owner.actor, rules=rules, now=clock.now())
    post_rules(mate, "high", reset="yes")
    assert rules_of(mate) == [("low", 0, "email")]
    assert "Make these my own" in see(mate)
    post_rules(mate, "high", copy="yes")
    assert sorted(rules_of(mate)) == [("high", 120, "email"), ("low", 0, "email")]


def test_a_wrong_delay_is_said_beside_its_line_and_nothing_is_saved(mate: Visitor) -> None:
    page = post_rules(mate, "low", ("soon", "email"), status=422)
    assert 'id="err-low-1"' in page
    assert 'value="soon"' in page
    assert rules_of(mate) == []


def test_a_call_after_the_next_step_began_is_doubted(mate: Visitor) -> None:
    step = Step((Target(TargetKind.USER, mate.email),), parse_duration("5m"))
    after = Step((Target(TargetKind.USER, "owner@example.com"),), parse_duration("5m"))
    save_policy(actor=SYSTEM, policy=Policy("payments", (step, after)), now=clock.now())
    form = {"after": ["0m", "7m"], "via": ["email", "email"]}
    url = f"/people/{mate.email}/rules/high/preview"
    words = mate.client.post(url, form).content.decode()
    assert "Step 1 of “payments” waits 5 min: your E-mail after 7 min would come too late." in words
    assert "At once: E-mail; after 7 min: E-mail." in words
    assert rules_of(mate) == []
    fine = mate.client.post(url, {**form, "after": ["0m", "4m"]}).content.decode()
    assert "too late" not in fine


def test_quiet_hours_are_set_and_taken_back(mate: Visitor) -> None:
    url = f"/people/{mate.email}/quiet-hours"
    form = {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin", "days": ["mon", "tue"]}
    mate.client.post(url, form)
    quiet = queries.quiet_hours(mate.email)
    assert quiet is not None
    assert (quiet.days, quiet.start, quiet.end) == (("mon", "tue"), "22:00", "07:00")
    refused = mate.client.post(url, {**form, "end": ""})
    assert refused.status_code == 422
    assert "Say from when until when." in refused.content.decode()
    mate.client.post(url, {**form, "off": "yes"})
    assert queries.quiet_hours(mate.email) is None


def test_a_test_goes_the_way_of_a_page_and_shows_its_receipts(mate: Visitor) -> None:
    post_rules(mate, "high", ("0m", "email"), ("3m", "email"))
    answer = mate.client.post(f"/people/{mate.email}/test", {"urgency": "high"})
    where = answer.headers["Location"]
    assert where.startswith("/me/reached?test=")
    before = see(mate, where)
    assert "Send this one now, too" in before
    assert 'hx-trigger="every 1s"' in before
    leave()
    page_id = re.findall(r"test=(\d+)", where)[0]
    mate.client.post(f"/people/{mate.email}/tests/{page_id}/rest")
    leave()
    after = mate.client.get(f"/people/{mate.email}/tests/{page_id}", headers={"HX-Request": "true"})
    words = after.content.decode()
    assert "250 OK" in words
    assert "planned" not in words
    assert "Nothing more will come of this test." in words
    assert "hx-trigger" not in words


def test_one_method_is_tested_alone(mate: Visitor, channels: dict[str, FakeChannel]) -> None:
    (mail,) = queries.methods(mate.email)
    mate.client.post(f"/people/{mate.email}/methods/{mail.id}/test")
    leave()
    assert [message.headline for message in channels["email"].sent] == ["Test page: nothing is wrong"]
    ContactMethod.objects.update(disabled_at=clock.now(), disabled_reason="broken")
    mate.client.post(f"/people/{mate.email}/methods/{mail.id}/test")
    assert Notification.objects.count() == 1


def test_others_look_and_only_administrators_change(owner: Visitor, mate: Visitor, stranger: Visitor) -> None:
    page = see(stranger, f"/people/{mate.email}/reached")
    assert "Add a contact method" not in page
    answer = stranger.client.post(f"/people/{mate.email}/rules/high", {"after": ["0m"], "via": ["email"]})
    assert answer.status_code in {302, 403}
    assert rules_of(mate) == []
    assert "Add a contact method" in see(owner, f"/people/{mate.email}/reached")
    assert mate.client.get(f"/people/{mate.email}/reached").status_code == 302


def test_a_test_that_can_be_answered_is_watched_a_little_longer(
    mate: Visitor, channels: dict[str, FakeChannel]
) -> None:
    channels["email"].abilities = Abilities(answers=True)
    (mail,) = queries.methods(mate.email)
    where = mate.client.post(f"/people/{mate.email}/methods/{mail.id}/test").headers["Location"]
    leave()
    assert 'hx-trigger="every 1s"' in see(mate, where)
    Notification.objects.update(sent_at=clock.now() - timedelta(minutes=3))
    assert "Nothing more will come of this test." in see(mate, where)
    Notification.objects.update(sent_at=clock.now(), state="read")
    assert "Nothing more will come of this test." in see(mate, where)


def test_the_chosen_form_stands_before_the_cards(owner: Visitor) -> None:
    page = owner.client.get("/me/reached?add=sms").content.decode()
    assert 0 < page.index('name="type" value="sms"') < page.index("typecards")
