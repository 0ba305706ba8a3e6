"""The form for a silence speaks the zone of whoever fills it in."""

import pytest

from tests.web.conftest import Visitor
from tocsin.apps.identity.models import User

pytestmark = pytest.mark.django_db


def test_a_new_silence_begins_in_the_zone_of_the_profile(owner: Visitor) -> None:
    User.objects.filter(email=owner.email).update(timezone="Asia/Tokyo")
    assert 'value="Asia/Tokyo"' in owner.client.get("/silences/new").content.decode()


def test_a_zone_in_the_address_is_kept(owner: Visitor) -> None:
    User.objects.filter(email=owner.email).update(timezone="Asia/Tokyo")
    page = owner.client.get("/silences/new", {"zone": "Europe/Berlin"}).content.decode()
    assert 'value="Europe/Berlin"' in page
