from datetime import datetime

import pytest
from django.db import OperationalError

from tocsin.apps.oncall.models import NoticeSent
from tocsin.entrypoints.worker import duty


def test_one_job_that_fails_keeps_no_other_from_its_turn() -> None:
    done: list[str] = []

    def broken(now: datetime) -> None:
        raise RuntimeError

    def sound(now: datetime) -> None:
        done.append("sound")

    assert duty.step((broken, sound)) > 0
    assert done == ["sound"]


def test_a_database_that_is_away_is_the_loops_business() -> None:
    def broken(now: datetime) -> None:
        raise OperationalError

    with pytest.raises(OperationalError):
        duty.step((broken,))


def test_the_round_is_made(db: None) -> None:
    assert duty.step() == 20
    assert NoticeSent.objects.filter(key="tick").exists()
