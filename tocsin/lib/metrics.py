"""What `/metrics` shows. Each process has its own numbers; what all share is counted in the database."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

registry = CollectorRegistry()
CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
    return Counter(f"tocsin_{name}", text, labels, registry=registry)


def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
    return Gauge(f"tocsin_{name}", text, labels, registry=registry)


def seconds(name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
    return Histogram(f"tocsin_{name}_seconds", text, labels, buckets=_SECONDS, registry=registry)


def render() -> bytes:
    return generate_latest(registry)
