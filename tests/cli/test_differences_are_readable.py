from typing import Any

import pytest

from tocsin.entrypoints.cli.differences import differences

ALICE, BOB, TEAM = {"user": "alice@x.y"}, {"user": "bob@x.y"}, {"team": "web"}
STEPS = [{"notify": [who], "wait": wait} for who, wait in ((ALICE, "5m"), (BOB, "10m"), (TEAM, "15m"))]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (1, 2, ["f: 1 → 2"]),
        ([{"secret": "••••"}], [{"secret": "••••"}], ["f: a secret changes"]),
        (None, "x", ["f: — → x"]),
        (["a", "b", "c"], ["a", "c", "d"], ["f: 2 unchanged", "  - f[1]: b", "  + f[2]: d"]),
        (None, ["a"], ["f:", "  + f[0]: a"]),
        (["a"], None, ["f:", "  - f[0]: a"]),
        (["a", "b"], ["b", "a"], ["f: 1 unchanged", "  + f[0]: b", "  - f[1]: b"]),
        (
            STEPS,
            [STEPS[0], {**STEPS[1], "wait": "20m"}, STEPS[2]],
            ["f: 2 unchanged", "  f[1].wait: 10m → 20m"],
        ),
        (
            STEPS,
            [STEPS[0], {"notify": [BOB, ALICE], "wait": "10m"}, STEPS[2]],
            ["f: 2 unchanged", "  f[1].notify: 1 unchanged", "    + f[1].notify[1]: {user: alice@x.y}"],
        ),
        (
            STEPS,
            [STEPS[0], {"notify": [TEAM], "wait": "1h"}, STEPS[2]],
            [
                "f: 2 unchanged",
                "  - f[1]: {notify: [{user: bob@x.y}], wait: 10m}",
                "  + f[1]: {notify: [{team: web}], wait: 1h}",
            ],
        ),
        ({"a": 1, "b": [1]}, {"a": 1, "b": [2]}, ["f.b:", "  - f.b[0]: 1", "  + f.b[0]: 2"]),
    ],
)
def test_only_what_changed_is_shown(before: Any, after: Any, lines: list[str]) -> None:
    assert list(differences("f", before, after)) == lines
