"""When a heartbeat is due, late and down: tables of cases on a clock of their own."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain import heartbeat
from tocsin.domain.errors import Invalid
from tocsin.domain.heartbeat import Life, Plan, State
from tocsin.domain.signal import Beat

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURLY = heartbeat.plan_of(timedelta(hours=1), "", "UTC", timedelta(minutes=10))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("0 3 * * *", "UTC", "2026-11-23T12:00+00:00", "2026-11-24T03:00+00:00"),
        ("0 3 * * *", "Europe/Berlin", "2026-11-23T12:00+00:00", "2026-11-24T02:00+00:00"),
        ("0 3 * * *", "Europe/Berlin", "2026-07-01T12:00+00:00", "2026-07-02T01:00+00:00"),
        # 02:30 does not exist on that night: it runs once, when the clocks have gone forward.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+00:00", "2026-03-29T01:00+00:00"),
        # 02:30 comes twice on that night: it runs once, the first time.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00+00:00", "2026-10-25T00:30+00:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30+00:00", "2026-10-26T01:30+00:00"),
        ("*/15 * * * *", "UTC", "2026-11-23T12:00+00:00", "2026-11-23T12:15+00:00"),
        ("0 9 * * mon-fri", "America/New_York", "2026-11-20T15:00+00:00", "2026-11-23T14:00+00:00"),
        ("0 0 29 2 *", "UTC", "2026-11-23T12:00+00:00", "2028-02-29T00:00+00:00"),
    ],
)
def test_a_cron_expression_is_due_by_the_clock_on_the_wall(
    cron: str, zone: str, after: str, expected: str
) -> None:
    assert heartbeat.plan_of(None, cron, zone, None).expected(at(after)) == at(expected)


@pytest.mark.parametrize(
    ("life", "minutes", "state"),
    [
        (Life(NOON), 300, State.NEW),
        (Life(NOON, last_at=NOON), 59, State.UP),
        (Life(NOON, last_at=NOON), 60, State.LATE),
        (Life(NOON, last_at=NOON, down=True), 1, State.DOWN),
        (Life(NOON, last_at=NOON, started_at=NOON + timedelta(minutes=59)), 61, State.UP),
        (Life(NOON, last_at=NOON, down=True, enabled=False), 1, State.PAUSED),
    ],
)
def test_its_state_follows_from_what_is_known(life: Life, minutes: int, state: State) -> None:
    assert heartbeat.state(HOURLY, life, NOON + timedelta(minutes=minutes)) == state


@pytest.mark.parametrize(
    ("life", "beat", "code", "down", "due"),
    [
        (Life(NOON), Beat.PING, None, False, 70),
        (Life(NOON), Beat.PING, 0, False, 70),
        (Life(NOON), Beat.PING, 2, True, None),
        (Life(NOON), Beat.FAIL, None, True, None),
        (Life(NOON), Beat.START, None, False, 10),  # its end is due within the grace
        (Life(NOON, down=True), Beat.START, None, True, None),  # a run that begins mends nothing
        (Life(NOON, down=True), Beat.PING, None, False, 70),
    ],
)
def test_what_is_heard_moves_it(
    life: Life, beat: Beat, code: int | None, *, down: bool, due: int | None
) -> None:
    made = heartbeat.hear(HOURLY, life, beat, code, NOON)
    assert made.down is down
    assert made.due_at == (None if due is None else NOON + timedelta(minutes=due))


def test_a_run_is_measured_from_its_start() -> None:
    began = heartbeat.hear(HOURLY, Life(NOON), Beat.START, None, NOON)
    life = Life(NOON, began.last_at, began.started_at)
    ended = heartbeat.hear(HOURLY, life, Beat.PING, 0, NOON + timedelta(seconds=90))
    assert (ended.ran, ended.started_at) == (timedelta(seconds=90), None)


def test_one_that_was_overtaken_moves_nothing_back() -> None:
    made = heartbeat.hear(HOURLY, Life(NOON, last_at=NOON), Beat.PING, None, NOON - timedelta(minutes=5))
    assert made.last_at == NOON


@pytest.mark.parametrize(
    ("every", "cron", "zone", "field"),
    [
        (None, "", "UTC", "every"),
        (timedelta(hours=1), "* * * * *", "UTC", "every"),
        (timedelta(seconds=1), "", "UTC", "every"),
        (None, "61 * * * *", "UTC", "cron"),
        (None, "0 0 30 2 *", "UTC", "cron"),
        (None, "soon", "UTC", "cron"),
        (None, "* * * * *", "Mars/Base", "timezone"),
    ],
)
def test_a_plan_that_cannot_be_names_its_field(
    every: timedelta | None, cron: str, zone: str, field: str
) -> None:
    with pytest.raises(Invalid) as error:
        heartbeat.plan_of(every, cron, zone, None)
    assert error.value.errors[0].field == field


def test_the_grace_is_a_tenth_of_the_period_within_limits() -> None:
    graces = [heartbeat.plan_of(timedelta(minutes=m), "", "UTC", None).grace for m in (1, 60, 100_000)]
    assert graces == [timedelta(minutes=1), timedelta(minutes=6), timedelta(hours=1)]


def test_a_plan_can_be_read_aloud() -> None:
    assert str(HOURLY) == "every 1h, with 10m of grace"
    assert str(Plan(cron="0 3 * * *", grace=timedelta(hours=1))).startswith("by “0 3 * * *” (UTC)")
