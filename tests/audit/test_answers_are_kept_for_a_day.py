from datetime import UTC, datetime, timedelta

import pytest

from tocsin.apps.audit import actions
from tocsin.apps.audit.types import Answered

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = {"key": "k", "actor": "token:1:ci", "path": "/api/v1/teams"}

pytestmark = pytest.mark.django_db


def test_a_key_finds_its_answer_for_a_day() -> None:
    answer = Answered("digest", 201, {"json": {"name": "web"}})
    assert actions.claim_key(**KEY) is None
    actions.keep_answer(**KEY, answer=answer, now=NOW)
    assert actions.claim_key(**KEY) == answer
    assert actions.claim_key(**{**KEY, "actor": "token:2:other"}) is None
    assert actions.forget_keys(now=NOW + timedelta(days=1)) == 0
    assert actions.forget_keys(now=NOW + timedelta(days=1, seconds=1)) == 1
    assert actions.claim_key(**KEY) is None
