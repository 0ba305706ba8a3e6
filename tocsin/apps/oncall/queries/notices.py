"""What a person wants to hear about being on call."""

from datetime import timedelta
from typing import Final

from tocsin.apps.oncall.models import NoticeSettings
from tocsin.apps.oncall.types import NoticeInfo
from tocsin.domain.schedule.notices import DEFAULT_OFF, DEFAULT_ON

DEFAULT: Final = NoticeInfo(DEFAULT_ON, DEFAULT_OFF, handoff=True, moved=True)


def notices(email: str) -> NoticeInfo:
    row = NoticeSettings.objects.filter(user__email=email.lower()).first()
    return notice_of(row) if row else DEFAULT


def notice_of(row: NoticeSettings) -> NoticeInfo:
    on, off = (tuple(timedelta(seconds=each) for each in several) for several in (row.on_s, row.off_s))
    return NoticeInfo(on, off, row.handoff, row.moved)
