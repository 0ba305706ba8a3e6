"""A small company made by chance: people with their ways and rules, a team, schedules, policies, services."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

WAYS = ("email", "webhook", "sms")  # stand-ins of the simulation serve them all
KEY = "c0" * 16
# A plain night; the nights on which Berlin's clocks go forward and back; a hand-off at New Year.
NIGHTS = (
    datetime(2026, 11, 23, 1, 30, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 15, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 15, tzinfo=UTC),
    datetime(2026, 12, 31, 22, 40, tzinfo=UTC),
)
# What a step may also say.
_MORE = (
    ", strategy: round_robin",
    ", ack: each",
    ", on_empty: wait",
    ", when: {severity: [SEV1]}",
    ", when: {urgency: high}",
    ", when: {during: outside_support_hours}",
)


@dataclass
class Company:
    """`text` is its configuration file; the rest, what the simulation must know of it."""

    chance: random.Random
    began: datetime = field(init=False)
    people: list[str] = field(init=False)
    waits: dict[str, list[int]] = field(default_factory=dict)  # by policy: minutes of each step
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = self.chance.choice(NIGHTS)
        self.people = [f"p{number}@example.com" for number in range(self.chance.randint(3, 6))]
        self._people()
        self._schedules()
        self._policies()
        self.lines += [
            "services:",
            "  - {name: web, team: crew, escalation_policy: one}",
            "  - {name: store, team: crew, escalation_policy: two, severity: SEV2}",
            "integrations:",
            f"  - {{name: tools, kind: generic, service: web, key: {KEY}}}",
            "routes:",
            "  routes:",
            "    - {match: ['of=\"store\"'], service: store}",
            f"last_resort: [{self.people[0]}]",
        ]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def _people(self) -> None:
        self.lines.append("users:")
        for email in self.people:
            ways = self.chance.sample(WAYS, self.chance.randint(1, 3))
            methods = ", ".join(f'{{type: {way}, address: "{_address(way, email)}"}}' for way in ways)
            rules = ""
            if self.chance.random() < 0.7:
                high = ", ".join(
                    f"{{after: {self.chance.choice((0, 0, 1, 3, 8))}m, via: {self.chance.choice(WAYS)}}}"
                    for _ in range(self.chance.randint(1, 3))
                )
                rules = f", notification_rules: {{high: [{high}], low: [{{after: 0m, via: {ways[0]}}}]}}"
            self.lines.append(f"  - {{email: {email}, contact_methods: [{methods}]{rules}}}")
        crew = self.chance.sample(self.people, self.chance.randint(1, len(self.people)))
        lead, manager = self.chance.choice(self.people), self.chance.choice(self.people)
        members = ", ".join(crew)
        self.lines += [
            "teams:",
            f"  - {{name: crew, members: [{members}], lead: {lead}, manager: {manager}}}",
        ]

    def _schedules(self) -> None:
        self.lines.append("rotations:")
        for name in ("first", "second"):
            takers = self.chance.sample(self.people, self.chance.randint(1, min(3, len(self.people))))
            # A hand-off within the hours that are played, on Berlin's clock.
            at = self.began + timedelta(minutes=self.chance.randint(60, 200))
            hand = f"{at.hour:02}:{self.chance.choice((0, 15, 30)):02}"
            who = ", ".join(f"{{user: {taker}}}" for taker in takers)
            self.lines.append(
                f"  - {{name: {name}, type: daily, participants: [{who}], handoff_time: '{hand}',"
                " timezone: Europe/Berlin}"
            )

    def _policies(self) -> None:
        self.lines.append("escalation_policies:")
        for name in ("one", "two"):
            waits = [self.chance.choice((1, 2, 5, 10)) for _ in range(self.chance.randint(1, 4))]
            self.waits[name] = waits
            self.lines.append(f"  - name: {name}")
            self.lines.append(f"    repeat: {self.chance.choice((0, 0, 1, 2))}")
            if name == "one" and self.chance.random() < 0.2:
                self.lines.append("    fallback: two")
            if self.chance.random() < 0.3:
                self.lines.append(f"    final: [{self._target()}]")
            self.lines.append("    steps:")
            for wait in waits:
                targets = ", ".join(self._target() for _ in range(self.chance.randint(1, 2)))
                more = self.chance.choice(("", "", "", *_MORE))
                self.lines.append(f"      - {{notify: [{targets}], wait: {wait}m{more}}}")

    def _target(self) -> str:
        return self.chance.choice(
            (
                f"{{user: {self.chance.choice(self.people)}}}",
                "{schedule: first}",
                "{schedule: second}",
                "{schedule: first, who: next}",
                "{team: crew}",
                "{team: crew, who: lead}",
            )
        )


def _address(way: str, email: str) -> str:
    number = int(email[1 : email.index("@")])
    if way == "sms":
        return f"+4915112345{number:02}"
    return email if way == "email" else f"https://hooks.example.com/{number}"
