"""`python -m tests.proof --seeds 1000 [--from 5000]`, or `--seed 4711` to play one again."""

import argparse
import os
import sys

import pytest


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    if given.seed is not None:
        os.environ["PROOF_SEED"] = str(given.seed)
    os.environ["PROOF_SEEDS"], os.environ["PROOF_FROM"] = str(given.seeds), str(given.first)
    return int(pytest.main(["tests/proof", "-q", "-s", "-p", "no:cacheprovider", "-k", "promised"]))


if __name__ == "__main__":
    sys.exit(main())
