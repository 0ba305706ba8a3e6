"""Names in a policy that stand for nothing: asked when somebody saves it. What goes later says `Going`."""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.escalation.model import Policy, Target, TargetKind
from tocsin.ports import registry

_WEB = ("http://", "https://")


def check(policy: Policy) -> None:
    """Raises Invalid with each target that stands for nothing, under its place: `steps[1].notify[0]`."""
    known = _Known(
        [person.email for person in identity.people()],
        oncall.names(),
        [team.name for team in identity.teams()],
        [name for name, channel in registry.channels.items() if channel.abilities.rooms],
    )
    lists = [(f"steps[{number}].notify", step.targets) for number, step in enumerate(policy.steps)]
    errors = [
        FieldError(f"{path}[{number}]", wrong)
        for path, targets in (*lists, ("final", policy.final))
        for number, target in enumerate(targets)
        if (wrong := known.wrong(target))
    ]
    if errors:
        raise Invalid(*errors)


@dataclass(frozen=True)
class _Known:
    people: Collection[str]
    schedules: Collection[str]
    teams: Collection[str]
    rooms: Collection[str]

    def wrong(self, target: Target) -> str:
        match target.kind:
            case TargetKind.USER:
                return _missing("person", target.name, self.people)
            case TargetKind.SCHEDULE:
                return _missing("schedule", target.name, self.schedules)
            case TargetKind.TEAM:
                return _missing("team", target.name, self.teams)
            case TargetKind.CHAT:
                return _missing("chat with rooms", target.via, self.rooms)
            case TargetKind.WEBHOOK if not target.name.startswith(_WEB):
                return f"expected an http or https address, not {target.name!r}"
        return ""


def _missing(what: str, word: str, known: Collection[str]) -> str:
    if word in known:
        return ""
    close = get_close_matches(word, known, n=1)
    return f"there is no {what} {word!r}" + (f" (did you mean {close[0]!r}?)" if close else "")
