import re
from typing import Any

import pytest
import time_machine

from tests.escalation.conftest import NOW
from tests.notify.fakes import FakeChannel
from tocsin.apps.identity import actions as identity
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import Notification, Page
from tocsin.domain.permissions import SYSTEM

pytestmark = pytest.mark.django_db

NEW = "new@example.com"


def _invite() -> None:
    identity.invite_user(actor=SYSTEM, email=NEW, now=NOW)
    identity.invitation_token(actor=SYSTEM, email=NEW, now=NOW)


def _deliver() -> None:
    with time_machine.travel(NOW, tick=False):
        for job in delivery.claim("w", NOW, 9):
            delivery.deliver_one(job, "w")


def test_the_mailed_link_lets_the_person_in(mail: FakeChannel) -> None:
    _invite()
    _deliver()
    (message,) = mail.sent
    assert (message.address, message.headline) == (NEW, "You are invited to Tocsin")
    found = re.search(r"https?://\S+/invitation/(\S+)", "\n".join(message.lines))
    assert found is not None
    kept = f"{Page.objects.values()[0]} {Notification.objects.values()[0]}"
    assert found[1] not in kept
    joined = identity.accept_invitation(token=found[1], password="correct horse battery", now=NOW)
    assert (joined.email, joined.state) == (NEW, "active")


def test_nobody_who_has_joined_is_sent_a_link(mail: FakeChannel, people: dict[str, Any]) -> None:
    identity.invite_user(actor=SYSTEM, email=NEW, now=NOW)
    token = identity.invitation_token(actor=SYSTEM, email=NEW, now=NOW)
    identity.accept_invitation(token=token, password="correct horse battery", now=NOW)
    _deliver()
    assert "/invitation/" not in " ".join(mail.sent[0].lines)


@pytest.mark.parametrize("how", [{"ready": "no server"}, {"counts": False}])
def test_where_no_mail_leaves_none_is_kept(mail: FakeChannel, how: dict[str, Any]) -> None:
    for name, value in how.items():
        setattr(mail, name, value)
    _invite()
    assert not Page.objects.exists()
