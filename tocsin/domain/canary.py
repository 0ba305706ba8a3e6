"""The canary: an event of our own that walks, each minute, every step that a monitor's event would walk, up
to a channel that only writes down that it came.

What it leaves on its way belongs to nobody: its service and its integration are flagged, its incident has a
number below zero, and its person exists in this file only.
"""

from datetime import timedelta
from typing import Final

from tocsin.domain.escalation.model import Policy, Step, Target, TargetKind
from tocsin.domain.severity import Severity, Urgency

VIA: Final = "canary"  # the channel's type
EMAIL: Final = "canary@tocsin.invalid"  # RFC 2606: a name that can be nobody's
SEVERITY: Final = Severity.SEV2  # it asks for what a page that matters gets: the first place in the queue
URGENCY: Final = Urgency.HIGH
POLICY: Final = Policy("canary", (Step((Target(TargetKind.USER, EMAIL),), timedelta(minutes=30)),))

IN_TIME: Final = timedelta(seconds=30)  # a journey that takes longer did not arrive
LOST_AFTER: Final = timedelta(seconds=150)  # without one that arrived: one may fail, as when a worker ends
