"""A worker takes more at once while that is quick, and less when others would wait for it."""

from tocsin.entrypoints.worker.pace import Pace


class Work:
    """Takes `each` seconds for an event; `waiting` of them wait."""

    def __init__(self, waiting: int, each: float) -> None:
        self.waiting, self.each, self.now = waiting, each, 0.0
        self.taken: list[int] = []

    def __call__(self, limit: int) -> int:
        done = min(limit, self.waiting)
        self.waiting -= done
        self.now += done * self.each
        self.taken.append(done)
        return done

    def off(self) -> list[int]:
        pace = Pace(self, lambda: self.now)
        while pace.step():
            pass
        return self.taken[:-1]


def test_quick_events_are_taken_by_the_thousand() -> None:
    taken = Work(50_000, 0.00005).off()
    assert (sum(taken), max(taken)) == (50_000, 2000)


def test_slow_events_are_taken_in_small_batches_and_all_the_same() -> None:
    taken = Work(2000, 0.01).off()
    assert sum(taken) == 2000
    assert set(taken[4:-1]) == {25}


def test_few_events_at_a_time_do_not_grow_the_batch() -> None:
    work = Work(0, 0.0001)
    pace = Pace(work, lambda: work.now)
    for _ in range(20):
        work.waiting = 3
        pace.step()
    assert pace.limit == 200
