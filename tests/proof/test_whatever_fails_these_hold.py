"""As many nights as fit into half a minute, each another; `python -m tests.proof --seeds 1000` plays more."""

import logging
import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.db import transaction

from tests.proof.simulation import Simulation
from tocsin.lib import clock
from tocsin.ports import registry

_FOR_S = 22.0
_AT_LEAST = 4


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    # Faults are meant here; what comes of them is checked, not read.
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def play(seed: int) -> Simulation:
    """One night; nothing of it stays."""
    it = Simulation(seed)
    with patch.dict(registry.channels, clear=True), transaction.atomic():
        try:
            it.run()
        except BaseException as error:
            story = "\n".join(it.story[-60:])
            raise AssertionError(
                f"seed {seed} at {it.now:%d %H:%M:%S}: {type(error).__name__}: {error}\n{story}\n"
                f"Play it again: python -m tests.proof --seed {seed}"
            ) from error
        finally:
            transaction.set_rollback(True)
    return it


def _seeds() -> Iterator[int]:
    if one := os.environ.get("PROOF_SEED"):
        yield int(one)
        return
    first = int(os.environ.get("PROOF_FROM", "1"))
    if many := os.environ.get("PROOF_SEEDS"):
        yield from range(first, first + int(many))
        return
    began, seed = clock.perf(), first
    while seed < first + _AT_LEAST or clock.perf() - began < _FOR_S:
        yield seed
        seed += 1


@pytest.mark.django_db
def test_what_is_promised_holds_whatever_fails() -> None:
    failed: list[str] = []
    played = arrived = 0
    for seed in _seeds():
        try:
            it = play(seed)
        except AssertionError as error:
            failed.append(str(error))
            print(f"seed {seed} failed:\n{error}\n", flush=True)
        else:
            played += 1
            arrived += len(it.vendors.arrived)
            if seed % 10 == 0:
                print(f"… {seed}", flush=True)
    print(f"{played} nights held, {len(failed)} did not; {arrived} messages came")
    assert not failed, "\n\n".join(failed[:5])
    assert arrived > played  # something happened


@pytest.mark.django_db
def test_a_night_is_the_same_each_time_it_is_played() -> None:
    once = [(one.at, one.address, one.kind) for one in play(3).vendors.arrived]
    assert once == [(one.at, one.address, one.kind) for one in play(3).vendors.arrived]
    assert once
