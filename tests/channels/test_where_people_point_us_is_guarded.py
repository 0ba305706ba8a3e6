"""Addresses that people type in reach no metadata service, and not what the operator keeps private."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.channels.conftest import MAKERS, Case, message
from tocsin.adapters.apprise.channel import AppriseChannel
from tocsin.adapters.ntfy.channel import NtfyChannel
from tocsin.adapters.push.channel import PushChannel
from tocsin.adapters.push.vapid import Identity
from tocsin.adapters.teams.channel import TeamsChannel
from tocsin.lib import http
from tocsin.ports.channel import Receipt, Result
from tocsin.testing.faults import Status
from tocsin.testing.ntfy import Ntfy
from tocsin.testing.push import PushService

METADATA = "169.254.169.254"


@pytest.fixture
def closed() -> Iterator[None]:
    """TOCSIN_ALLOW_PRIVATE_TARGETS=false."""
    before = http.policy()
    http.configure(allow_private=False)
    yield
    http.configure(before.proxy, before.ca_bundle, allow_private=before.allow_private)


def pushed(stack: ExitStack, host: str) -> Receipt:
    service = stack.enter_context(PushService())
    identity = Identity("a secret of the tests", "mailto:tocsin@example.com")
    config = {**service.subscribe(identity.public_key), "endpoint": f"https://{host}/push/1"}
    client = stack.enter_context(http.client())
    channel = PushChannel(client, identity, "https://t.example.com")
    return channel.send(message(address="Firefox", config=config), lambda: True)


def test_metadata_is_never_called(stack: ExitStack) -> None:
    client = stack.enter_context(http.client())
    found = [
        pushed(stack, METADATA),
        TeamsChannel(client).send(message(address=f"https://{METADATA}/workflows/1"), lambda: True),
        NtfyChannel(client, client).send(message(address=f"http://{METADATA}/latest"), lambda: True),
        AppriseChannel().send(message(address=f"gotify://{METADATA}/tokenXtokenX"), lambda: True),
        AppriseChannel().send(message(address="gotify://[::ffff:a9fe:a9fe]/tokenXtokenX"), lambda: True),
        AppriseChannel().send(message(address="gotify://2852039166/tokenXtokenX"), lambda: True),
    ]
    assert [(each.result, "never called" in each.detail) for each in found] == [(Result.FAILED, True)] * 6


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("kind", ["apprise", "teams", "push"])
def test_private_addresses_are_not_called_where_the_operator_closed_them(kind: str, stack: ExitStack) -> None:
    case = MAKERS[kind](stack)
    receipt = case.send(message())
    assert receipt.result is Result.FAILED
    assert "TOCSIN_ALLOW_PRIVATE_TARGETS" in receipt.detail
    assert case.server.calls == []


@pytest.mark.usefixtures("closed")
def test_the_operators_own_server_may_be_private(stack: ExitStack) -> None:
    server = stack.enter_context(Ntfy())
    ours, theirs = (
        stack.enter_context(http.client(server.url, trusted=True)),
        stack.enter_context(http.client()),
    )
    channel = NtfyChannel(ours, theirs)
    assert channel.send(message(address="alice"), lambda: True).result is Result.SENT
    assert channel.send(message(address=f"{server.url}/alice"), lambda: True).result is Result.FAILED


def test_the_operators_token_goes_to_the_operators_server_only(stack: ExitStack) -> None:
    ours, theirs = stack.enter_context(Ntfy()), stack.enter_context(Ntfy())
    client, other = stack.enter_context(http.client(ours.url)), stack.enter_context(http.client())
    channel = NtfyChannel(client, other, "tk_operator")
    channel.send(message(address="alice"), lambda: True)
    channel.send(message(address=f"{theirs.url}/alice"), lambda: True)
    channel.send(message(address=f"{theirs.url}/alice", config={"token": "tk_alice"}), lambda: True)
    assert [call.headers.get("authorization") for call in ours.calls] == ["Bearer tk_operator"]
    assert [call.headers.get("authorization") for call in theirs.calls] == [None, "Bearer tk_alice"]


@pytest.mark.parametrize("case", ["apprise"], indirect=True)
def test_a_redirect_is_not_followed(case: Case) -> None:
    case.server.faults.next(Status(307, headers={"location": f"http://{METADATA}/"}))
    assert case.send(message()).result is Result.FAILED
    assert len(case.server.calls) == 1


@pytest.mark.parametrize("case", ["apprise"], indirect=True)
def test_other_users_of_requests_are_left_as_they_are(case: Case) -> None:
    assert requests.get(f"{case.server.url}/plain", timeout=5).status_code == 200


@pytest.mark.parametrize("case", ["apprise"], indirect=True)
def test_what_goes_through_a_proxy_goes_through_the_settings_proxy(case: Case) -> None:
    before = http.policy()
    http.configure(case.server.url, allow_private=True)
    try:
        case.server.faults.next(Status(403))
        receipt = AppriseChannel().send(message(address="gotifys://example.com/tokenXtokenX"), lambda: True)
    finally:
        http.configure(before.proxy, before.ca_bundle, allow_private=before.allow_private)
    assert receipt.result is Result.RETRY
    assert [call.method for call in case.server.calls] == ["CONNECT"]
