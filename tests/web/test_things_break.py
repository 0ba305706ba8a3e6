import pytest
from django.db import OperationalError
from django.test import Client

from tests.web.conftest import Visitor
from tocsin.apps.incidents import queries


@pytest.mark.parametrize(("error", "status"), [(OperationalError("gone"), 503), (KeyError("x"), 500)])
def test_what_breaks_is_a_page_and_tells_nothing(
    error: Exception, status: int, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise error

    monkeypatch.setattr(queries, "incidents", broken)
    client = Client(raise_request_exception=False)
    client.cookies = owner.client.cookies
    answer = client.get("/incidents/")
    assert answer.status_code == status
    assert "Go to incidents" in answer.content.decode()
    assert "gone" not in answer.content.decode()
    assert ("Retry-After" in answer.headers) == (status == 503)
