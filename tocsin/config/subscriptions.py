"""Who hears which news: a list. Nothing else in the house connects two apps upwards or sideways."""

from tocsin.apps.escalation import handlers as escalation
from tocsin.apps.incidents import handlers as incidents
from tocsin.apps.incidents import handover
from tocsin.apps.integrations import handlers as integrations
from tocsin.apps.notify import handlers as notify
from tocsin.apps.notify import health
from tocsin.apps.oncall import handlers as oncall
from tocsin.apps.oncall import notices, readiness
from tocsin.lib import bus
from tocsin.ports import events


def wire() -> None:
    bus.subscribe(events.TimelineNews, incidents.on_timeline_news)
    bus.subscribe(events.CallOutAcknowledged, incidents.on_call_out_acknowledged)
    bus.subscribe(events.CallOutReopened, incidents.on_call_out_reopened)
    bus.subscribe(events.HelpDeclined, incidents.on_help_declined)
    bus.subscribe(events.NotificationFailed, incidents.on_notification_failed)
    bus.subscribe(events.PersonUnreachable, escalation.on_person_unreachable)
    bus.subscribe(events.OnCallChanged, escalation.on_on_call_changed)
    bus.subscribe(events.Leaving, oncall.on_leaving)
    bus.subscribe(events.Leaving, escalation.on_leaving)
    bus.subscribe(events.Renamed, escalation.on_renamed)
    bus.subscribe(events.Renamed, integrations.on_renamed)
    bus.subscribe(events.InvitationMade, notify.on_invitation_made)
    bus.subscribe(events.DutyWord, notify.on_duty_word)
    bus.subscribe(events.DutySettled, notify.on_duty_settled)
    bus.subscribe(events.AdminWord, health.on_admin_word)
    bus.subscribe(events.ShiftsMoved, notices.on_shifts_moved)
    bus.subscribe(events.HandedOver, handover.on_handed_over)
    bus.subscribe(events.CallOutAcknowledged, readiness.on_call_out_acknowledged)
    bus.subscribe(events.Going, oncall.on_going)
    bus.subscribe(events.Going, escalation.on_going)
    bus.subscribe(events.Going, integrations.on_going)
