"""Tokens, and addresses that are keys, are in no log and in no receipt, whatever goes wrong."""

import logging

import pytest

from tests.channels.conftest import Case, message
from tocsin.lib import log
from tocsin.ports.channel import Result
from tocsin.testing import mattermost, slack, telegram
from tocsin.testing.faults import Drop, Hang, Status

SECRETS = {
    "slack": [slack.TOKEN],
    "mattermost": [f"Bearer {mattermost.TOKEN}"],
    "teams": ["rehearsal-signature"],
    "telegram": [telegram.TOKEN, telegram.TOKEN.partition(":")[2]],
    "ntfy": [],
    "push": [],  # of each case, below
    "apprise": ["tokenXtokenX"],
}


@pytest.mark.parametrize(
    "fault", [None, Status(401), Status(404), Status(429), Status(500), Drop(), Hang(0.01)]
)
def test_whatever_goes_wrong(
    case: Case, fault: Status | Drop | Hang | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    if fault:
        case.server.faults.always(fault)
    receipt = case.send(message())
    secrets = [*SECRETS[case.channel.type], "https://t.example.com/a/", *case.config.values()]
    said = f"{receipt} {caplog.text}"
    assert [secret for secret in secrets if secret in said] == []


def test_a_server_that_is_away_is_named_without_its_keys(case: Case) -> None:
    case.server.stop()
    receipt = case.send(message())
    case.server.start()
    assert receipt.result is Result.RETRY
    for secret in [*SECRETS[case.channel.type], *case.config.values()]:
        assert secret not in receipt.detail


def test_apprises_own_log_goes_nowhere() -> None:
    logger = logging.getLogger("apprise")
    assert logger.propagate is False
    assert logger.getEffectiveLevel() == logging.INFO  # what it says below that holds whole messages


def test_a_bots_address_is_masked_in_what_django_says() -> None:
    record = logging.makeLogRecord({"msg": "Not Found: %s", "args": (f"/bot{telegram.TOKEN}/getMe",)})
    log._NO_TOKENS.filter(record)
    assert telegram.TOKEN not in record.getMessage()
    assert "Not Found: /…/getMe" in record.getMessage()
