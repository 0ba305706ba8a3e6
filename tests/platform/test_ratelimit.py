from tocsin.lib.ratelimit import Buckets


def test_it_lets_a_burst_through_then_says_how_long_to_wait() -> None:
    buckets = Buckets(rate=2, burst=3)
    assert [buckets.take("k", 0.0) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("k", 0.0) == 0.5
    assert buckets.take("k", 0.5) == 0
    assert buckets.take("other", 0.5) == 0


def test_keys_cannot_fill_the_memory() -> None:
    buckets = Buckets(rate=1, burst=1, most=10)
    for number in range(1000):
        buckets.take(str(number), 0.0)
    assert len(buckets._buckets) == 10
