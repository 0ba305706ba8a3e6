from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schedule import made, oracle
from tocsin.domain.schedule import Book, Schedule, resolve

HOUR = timedelta(hours=1)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(made.plans(), st.integers(4, 40))
def test_it_answers_as_counting_minute_by_minute_does(
    plan: tuple[Book, Schedule, datetime], hours: int
) -> None:
    book, schedule, start = plan
    end = start + hours * HOUR
    found = [
        oracle.Told(one.user, one.rotation, one.role, one.origin, one.turn, one.start, one.end)
        for one in resolve(book, schedule, start, end)
    ]
    assert found == oracle.tell(book, schedule, start, end)
