"""Tests against real programs: a machine without them skips, continuous integration must have them."""

import os
import shutil

import pytest


def needs(*programs: str, install: str) -> pytest.MarkDecorator:
    """`install` says what of Debian's brings them. With CI=true nothing is skipped: what is missing fails."""
    missing = [each for each in programs if not shutil.which(each)]
    skip = bool(missing) and os.environ.get("CI") != "true"
    return pytest.mark.skipif(skip, reason=f"no {', '.join(missing)}: apt-get install {install}")


alertmanager = needs("prometheus-alertmanager", "amtool", install="prometheus-alertmanager")
prometheus = needs(
    "prometheus", "prometheus-alertmanager", "amtool", install="prometheus prometheus-alertmanager"
)
