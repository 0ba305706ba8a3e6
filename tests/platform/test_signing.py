from datetime import UTC, datetime, timedelta

import pytest

from tocsin.lib import signing

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_it_gives_back_what_was_signed() -> None:
    token = signing.sign("link", {"incident": 7, "to": "ä@example.com"}, NOW + timedelta(minutes=1))
    assert signing.verify("link", token, NOW) == {"incident": 7, "to": "ä@example.com"}


def test_it_opens_no_other_door() -> None:
    with pytest.raises(signing.BadSignature):
        signing.verify("other", signing.sign("link", "x"), NOW)


def test_it_ends_with_its_time() -> None:
    token = signing.sign("link", "x", NOW)
    with pytest.raises(signing.BadSignature, match="over"):
        signing.verify("link", token, NOW)


@pytest.mark.parametrize("token", ["", ".", "a.b", "é.é", "x" * 10_000, "\ud800.x", "e30.e30.e30"])
def test_it_refuses_anything_else(token: str) -> None:
    with pytest.raises(signing.BadSignature):
        signing.verify("link", token, NOW)


def test_it_notices_any_changed_letter() -> None:
    token = signing.sign("link", "x")
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        if changed.rstrip("=") != token:
            with pytest.raises(signing.BadSignature):
                signing.verify("link", changed, NOW)
