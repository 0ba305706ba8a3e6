from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Severity, Urgency
from tocsin.ports.channel import Action, Message

LINK = "https://tocsin.example.com/a/token"
ALICE = "+15550100100"


def message(
    kind: MessageKind = MessageKind.PAGE,
    *,
    title: str = "Cards fail",
    severity: Severity = Severity.SEV1,
    incident: bool = True,
    headline: str = "",
    lines: tuple[str, ...] = ("Why you: on call for payments",),
    link: str = LINK,
    address: str = ALICE,
    avoid: tuple[str, ...] = (),
) -> Message:
    """What a channel is given for Alice: of INC-12, or of none."""
    subject = Subject(7 if incident else 0, "INC-12" if incident else "", title, severity, "checkout")
    names = {
        MessageKind.PAGE: "acknowledge",
        MessageKind.STAKEHOLDER: "seen",
        MessageKind.NUDGE: "acknowledge",
    }
    actions = (Action(names.get(kind, "view"), "Open", link),) if incident else ()
    return Message(
        key="key-1",
        kind=kind,
        address=address,
        recipient="Alice",
        subject=subject,
        urgency=Urgency.HIGH,
        headline=headline or title,
        lines=lines,
        actions=actions,
        thread="incident-7",
        avoid=avoid,
    )
