"""The page that asks a browser for its subscription, and the worker that shows what is pushed."""

import pytest
from django.test import Client

from tests.channels.conftest import message
from tests.incidents.conftest import Company, company
from tocsin.adapters.push.channel import PushChannel
from tocsin.adapters.push.vapid import Identity
from tocsin.apps.identity.models import User
from tocsin.apps.notify.models import ContactMethod
from tocsin.lib import http
from tocsin.ports import registry
from tocsin.ports.channel import Result
from tocsin.testing.push import PushService

__all__ = ["company"]

IDENTITY = Identity("a secret of the tests", "mailto:tocsin@example.com")


@pytest.fixture
def web(company: Company, monkeypatch: pytest.MonkeyPatch) -> Client:
    channel = PushChannel(http.client(), IDENTITY, "https://t.example.com")
    monkeypatch.setitem(registry.channels, "push", channel)
    monkeypatch.setattr(registry.browsers, "key", IDENTITY.public_key)
    client = Client()
    client.force_login(User.objects.get(email="mate@example.com"))
    return client


def test_one_secret_gives_one_key_and_another_another() -> None:
    assert Identity("a secret of the tests", "mailto:x@example.com").public_key == IDENTITY.public_key
    assert Identity("another secret", "mailto:x@example.com").public_key != IDENTITY.public_key
    assert len(IDENTITY.public_key) == 87  # an uncompressed point of P-256


def test_the_worker_is_served_at_the_root(client: Client) -> None:
    answer = client.get("/push-worker.js")
    assert answer.status_code == 200
    assert answer["content-type"].startswith("text/javascript")
    assert "connect-src 'self'" in answer["content-security-policy"]
    assert b"notificationclick" in answer.content


def test_the_page_hands_our_key_to_the_browser_of_its_owner_only(web: Client) -> None:
    own = web.get("/people/mate@example.com/reached?add=push", follow=True).content.decode()
    assert f'data-push="{IDENTITY.public_key}"' in own
    assert "js/push.js" in own
    boss = Client()
    boss.force_login(User.objects.get(email="owner@example.com"))
    other = boss.get("/people/mate@example.com/reached?add=push", follow=True).content.decode()
    assert "data-push=" not in other
    assert "can switch it on, in the browser that is to be reached" in other


def test_what_a_browser_gave_is_used_at_once(web: Client) -> None:
    with PushService() as service:
        given = service.subscribe(IDENTITY.public_key)
        form = {"type": "push", "address": "Firefox on Linux · 3fa9c1", **given}
        answer = web.post("/people/mate@example.com/methods", form)
        assert answer.status_code == 302, answer.content.decode()[:500]
        row = ContactMethod.objects.get(type="push")
        assert row.verified_at is not None
        assert row.config == given
        sent = message(address=row.address, config=row.config)
        assert registry.channels["push"].send(sent, lambda: True).result is Result.SENT
        (shown,) = service.shown(given["endpoint"])
        assert [(each["action"], each["press"]) for each in shown["actions"]] == [("acknowledge", True)]
        (headers,) = service.headers(given["endpoint"])
        assert (headers["urgency"], headers["ttl"], len(headers["topic"])) == ("high", "21600", 32)
    page = web.get("/people/mate@example.com/reached", follow=True).content.decode()
    assert "Firefox on Linux · 3fa9c1" in page
    assert given["endpoint"] not in page
    assert given["auth"] not in page
    channel = registry.channels["push"]
    assert isinstance(channel, PushChannel)
    channel._client.close()


@pytest.mark.parametrize(
    ("url", "ready"),
    [
        ("https://t.example.com", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8080", True),
        ("http://t.example.com", False),
    ],
)
def test_it_says_where_browsers_would_take_none(url: str, ready: bool) -> None:  # noqa: FBT001 - a case
    with http.client() as client:
        said = PushChannel(client, IDENTITY, url).ready
    assert (said == "") is ready
    assert ready or "TOCSIN_PUBLIC_URL must begin with https://" in said


@pytest.mark.parametrize(
    "endpoint", ["", "http://push.example.com/1", "ftp://x", "https://u:p@push.example.com/1"]
)
def test_a_subscription_that_is_none_is_over(endpoint: str) -> None:
    with http.client() as client:
        channel = PushChannel(client, IDENTITY, "https://t.example.com")
        receipt = channel.send(
            message(config={"endpoint": endpoint, "p256dh": "x", "auth": "y"}), lambda: True
        )
    assert receipt.bounced
