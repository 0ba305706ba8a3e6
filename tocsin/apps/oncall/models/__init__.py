from tocsin.apps.oncall.models.calendars import Absence, Calendar, Feed, FeedEvent
from tocsin.apps.oncall.models.duty import NoticeSent, NoticeSettings, PayCorrection, Readiness, ShiftUse
from tocsin.apps.oncall.models.rota import FormerSchedule, Override, Rotation, Schedule
from tocsin.apps.oncall.models.swaps import Swap

__all__ = [
    "Absence",
    "Calendar",
    "Feed",
    "FeedEvent",
    "FormerSchedule",
    "NoticeSent",
    "NoticeSettings",
    "Override",
    "PayCorrection",
    "Readiness",
    "Rotation",
    "Schedule",
    "ShiftUse",
    "Swap",
]
