"""How long does routing take? `python -m bench.route`: 1,000 nodes, one event at a time.

The tree is as such trees are: a hundred teams, each with a node for its label, which enriches, and
below it nodes by severity, regular expression, expression and environment; at the end a catch-all.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime
from typing import Any

from bench.numbers import HEADER, verdict
from tocsin.apps.integrations.forms import read_tree
from tocsin.domain.expression import facts_of
from tocsin.domain.routing import Names, Route, decide
from tocsin.domain.signal import EventAction, Signal, facts

LIMIT_US = 100
TEAMS = 100
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def form() -> dict[str, Any]:
    """1,000 nodes with the root."""
    return {
        "group_by": ["alertname", "cluster"],
        "routes": [team(number) for number in range(TEAMS - 1)]
        + [{"match": [f'legacy=~"app-{n}.*"'], "service": f"legacy-{n}"} for n in range(8)]
        + [{"service": "everything-else"}],
    }


def team(number: int) -> dict[str, Any]:
    name = f"team-{number}"
    return {
        "match": [f'team="{name}"'],
        "service": f"{name}-main",
        "set": {"labels": {"owner": "{{ labels.team }}-oncall"}},
        "routes": [
            {
                "match": ['severity=~"critical|page"', 'tier="1"'],
                "service": f"{name}-core",
                "severity": "SEV1",
            },
            {"match": ['job=~"postgres.*"'], "service": f"{name}-db"},
            {"match": ['env!="prod"'], "severity": "SEV4"},
            {"if": 'labels.region == "eu" && event.summary.contains("disk")', "service": f"{name}-eu"},
            {"match": {"component": "api"}, "service": f"{name}-api"},
            {"match": {"component": "web"}, "service": f"{name}-web"},
            {"match": ['instance=~"db[0-9]+"'], "service": f"{name}-db"},
            {"match": ['alertname="Down"'], "severity": "SEV2"},
            {"severity": "SEV3"},
        ],
    }


def nodes(route: Route) -> int:
    return 1 + sum(nodes(below) for below in route.routes)


def signals() -> list[Signal]:
    """Of every team, and what no team has."""
    return [
        Signal(
            EventAction.TRIGGER,
            f"key-{number}",
            summary="disk is full" if number % 3 else "latency is high",
            severity="critical" if number % 2 else "warning",
            labels={
                "alertname": ("Down", "Slow", "Full")[number % 3],
                "team": f"team-{number}",
                "tier": str(number % 3),
                "env": "prod" if number % 5 else "test",
                "job": ("postgres-exporter", "node", "api")[number % 3],
                "instance": f"w{number}",
                "cluster": "eu1",
                "region": "eu",
            },
        )
        for number in range(TEAMS + 10)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    asked = parser.parse_args()
    tree = read_tree(form())
    names, given = Names(), signals()
    times = []
    for _ in range(asked.rounds):
        for signal in given:
            began = time.thread_time_ns()
            decide(
                tree,
                signal.labels,
                reserved=facts(signal, integration="prometheus", kind="alertmanager"),
                facts=facts_of(signal, integration="prometheus", kind="alertmanager"),
                names=names,
                now=NOW,
                trace=False,
            )
            times.append((time.thread_time_ns() - began) / 1000)
    times.sort()
    mean, p99 = statistics.fmean(times), times[len(times) * 99 // 100]
    print(HEADER)
    print(verdict(f"one event through {nodes(tree)} routes, mean", mean, LIMIT_US, "µs"))
    print(f"p99 {p99:.0f} µs; CPU time of the thread, so that neighbours do not count.")


if __name__ == "__main__":
    main()
