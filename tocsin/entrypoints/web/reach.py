"""How somebody is reached, put into words: what their rules come to, and what would come too late."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.escalation import queries as escalation
from tocsin.apps.identity import queries as identity
from tocsin.apps.notify import deliveries, queries
from tocsin.apps.notify.deliveries import Preview
from tocsin.apps.notify.types import ChannelInfo, RuleInfo
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.escalation.model import Policy, Target, TargetKind, TeamWho
from tocsin.domain.notification.model import Occasion, Rule
from tocsin.domain.notification.plan import GROUPS, group_name
from tocsin.domain.severity import Urgency
from tocsin.entrypoints.web.templatetags.tocsin import words

TITLES: Final = {
    "high": ("High urgency: wakes", "SEV1 and SEV2. The first message never waits more than a minute."),
    "low": ("Low urgency: can wait", "SEV3 and SEV4. Quiet hours hold these back."),
    "handoff": ("Going on and off call", "Notices before a shift, “Are you ready?”, hand-off summaries."),
    "swap": ("Swaps", "Somebody asks for, takes or declines a shift."),
    "moved": ("My shifts moved", "An edit of a schedule changed when this person is on call."),
}
# What each way is good for; one that is not here says so itself, by the hint of its address.
ABOUT: Final = {
    "email": "A record to search later. Rarely wakes anybody.",
    "sms": "Works without data. Answer it: “ack 12”.",
    "voice": "Rings, and wakes. Press 1 to acknowledge.",
    "push": "A browser on this computer or phone, with buttons.",
    "ntfy": "The ntfy app: loud, with buttons, from any server.",
    "slack": "A direct message, with a link to each answer.",
    "mattermost": "A direct message in Mattermost.",
    "teams": "A card in a Teams chat of your own.",
    "telegram": "A bot that writes to you, with buttons.",
    "webhook": "A program of your own gets signed JSON.",
    "apprise": "Any of many other services, by an Apprise address.",
}


@dataclass(frozen=True)
class Row:
    """A rule as it is typed."""

    after: str
    via: str
    error: str = ""


@dataclass(frozen=True)
class Group:
    """The rules for one urgency or occasion. `own` False: those shown are everybody's, or nobody's."""

    name: str
    title: str
    about: str
    own: bool
    everybodys: bool
    locked: bool
    rows: tuple[Row, ...]
    lines: tuple[Preview, ...]
    sentence: str
    doubts: tuple[str, ...]
    error: str = ""


def groups(email: str, now: datetime, *, whose: str, locked: bool) -> list[Group]:
    shown, everybodys = queries.rules(email), queries.default_rules()
    policies = calling(email)
    return [
        _group(email, urgency, occasion, shown, everybodys, policies, now, whose=whose, locked=locked)
        for urgency, occasion in GROUPS
    ]


def _group(
    email: str,
    urgency: Urgency,
    occasion: Occasion,
    shown: Sequence[RuleInfo],
    everybodys: Sequence[RuleInfo],
    policies: Sequence["Called"],
    now: datetime,
    *,
    whose: str,
    locked: bool,
) -> Group:
    name = group_name(urgency, occasion)
    mine = [rule for rule in shown if (rule.occasion, rule.urgency) == (occasion, urgency)]
    lines = deliveries.preview(email, urgency, now, occasion=occasion)
    title, about = TITLES[name]
    return Group(
        name,
        title,
        about,
        own=any(rule.own for rule in mine),
        everybodys=any((rule.occasion, rule.urgency) == (occasion, urgency) for rule in everybodys),
        locked=locked and any(rule.from_file for rule in mine if rule.own),
        rows=tuple(Row(typed(rule.after_s), rule.via) for rule in mine),
        lines=lines,
        sentence=sentence(lines, urgency, occasion, ruled=bool(mine)),
        doubts=doubts(lines, policies if urgency is Urgency.HIGH else (), whose),
    )


def typed(after_s: int) -> str:
    """As people type it: `0`, `90s`, `5m`."""
    if not after_s:
        return "0m"
    return f"{after_s // 60}m" if after_s % 60 == 0 else f"{after_s}s"


def titles() -> Mapping[str, str]:
    return {channel.type: channel.title for channel in queries.channels()}


def sentence(
    lines: Iterable[Preview], urgency: Urgency, occasion: Occasion = Occasion.PAGE, *, ruled: bool = True
) -> str:
    """What the rules come to, in words."""
    leaving = [line for line in lines if not line.problem]
    if not leaving:
        return "Nothing would leave: no contact method can be used."
    named = titles()
    steps: dict[timedelta, list[str]] = {}
    for line in leaving:
        steps.setdefault(line.after, []).append(named.get(line.via, line.via))
    spoken = [f"{_when(after)}: {', '.join(dict.fromkeys(ways))}" for after, ways in sorted(steps.items())]
    whole = f"{spoken[0][0].upper()}{spoken[0][1:]}" + "".join(f"; {each}" for each in spoken[1:])
    if occasion is Occasion.PAGE:
        return f"{whole}." if ruled else f"No rules: every method in its turn. {whole}."
    first = next((line for line in leaving if line.counts), leaving[0])
    word = f"One word, over {named.get(first.via, first.via)}"
    asked = f"; “Are you ready?” {spoken[0]}" if occasion is Occasion.HANDOFF and ruled else ""
    return f"{word}{asked}." if ruled else f"As {urgency} urgency: {word[0].lower()}{word[1:]}."


def _when(after: timedelta) -> str:
    return f"after {words(after)}" if after else "at once"


@dataclass(frozen=True)
class Called:
    """A step that can call this person, and is followed by another."""

    policy: str
    number: int
    wait: timedelta


def calling(email: str) -> tuple[Called, ...]:
    known = _Known(email)
    return tuple(
        Called(policy.name, number, step.wait)
        for policy in escalation.policies()
        for number, step in enumerate(policy.steps, 1)
        if step.wait and _goes_on(policy, number) and any(known.is_meant(t) for t in step.targets)
    )


def _goes_on(policy: Policy, number: int) -> bool:
    return number < len(policy.steps) or bool(policy.repeat or policy.final or policy.fallback)


class _Known:
    """Whom a target can stand for, ever: not who is on call now."""

    def __init__(self, email: str) -> None:
        self._email = email
        self._teams = {team.name: team for team in identity.teams_of(email)}
        self._schedules = {info.name for info in oncall.schedules() if email in info.people}
        self._owner = email in identity.owners()

    def is_meant(self, target: Target) -> bool:
        if target.kind is TargetKind.USER:
            return target.name == self._email
        if target.kind is TargetKind.SCHEDULE:
            return target.name in self._schedules
        if target.kind is TargetKind.TEAM:
            return self._in_team(target)
        return target.kind is TargetKind.OWNERS and self._owner

    def _in_team(self, target: Target) -> bool:
        team = identity.team(target.name)
        if team is None:
            return False
        heads = {TeamWho.LEAD: team.lead, TeamWho.MANAGER: team.manager}
        if target.who in {TeamWho.LEAD, TeamWho.MANAGER}:
            head = heads[TeamWho(target.who)]
            return head is not None and head.email == self._email
        return target.name in self._teams


def doubts(lines: Iterable[Preview], steps: Iterable[Called], whose: str) -> tuple[str, ...]:
    """What will not come, and what would come too late."""
    named = titles()
    found = [
        f"{named.get(line.via, line.via)} is passed over: {line.problem}." for line in lines if line.problem
    ]
    late = [line for line in lines if not line.problem and line.counts]
    for step in steps:
        found += [
            f"Step {step.number} of “{step.policy}” waits {words(step.wait)}: {whose} "
            f"{named.get(line.via, line.via)} after {words(line.after)} would come too late."
            for line in late
            if line.after >= step.wait
        ]
    return tuple(dict.fromkeys(found))


def ways(methods: Iterable[str]) -> list[ChannelInfo]:
    """What a rule can name: first what the person has."""
    mine = set(methods)
    known = [channel for channel in queries.channels() if channel.abilities.people]
    return sorted(known, key=lambda channel: (channel.type not in mine, channel.title.lower()))


def preview_of(
    email: str, group: str, rules: Sequence[Rule], now: datetime, *, whose: str
) -> tuple[str, tuple[str, ...]]:
    """The words for rules that are not saved: what they come to, and what is doubtful."""
    urgency, occasion = group_of(group)
    kept = [
        Rule(rule.urgency, timedelta(seconds=rule.after_s), rule.via, rule.occasion)
        for rule in queries.rules(email)
        if group_name(rule.urgency, rule.occasion) != group
    ]
    lines = deliveries.preview(email, urgency, now, occasion=occasion, rules=[*kept, *rules])
    steps = calling(email) if urgency is Urgency.HIGH else ()
    return sentence(lines, urgency, occasion, ruled=bool(rules)), doubts(lines, steps, whose)


def group_of(name: str) -> tuple[Urgency, Occasion]:
    """Raises KeyError."""
    return {group_name(*each): each for each in GROUPS}[name]
