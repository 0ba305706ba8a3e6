"""The ladder once more, from the written rules and nothing else: minute by minute, slow, with plain lists. It
shares no code with the state machine; who a target is, is given as names.

Good for an incident that nobody acknowledges and whose severity, people and on-call never change.
"""

from dataclasses import dataclass, field

SILENCE = 30
URGENT = ("SEV1", "SEV2")


@dataclass
class Rung:
    """`people`: (name, whether they are meant by name, as lead or as manager). `wait` in minutes."""

    people: list[tuple[str, bool]]
    wait: int
    one_by_turn: bool = False
    waits_when_empty: bool = False
    only_for: list[str] = field(default_factory=list)  # severities; none: all


@dataclass
class Case:
    severity: str
    rungs: list[Rung]
    repeat: int
    first_step_only: bool
    final: list[tuple[str, bool]]
    lead: str
    manager: str
    last_resort: str
    lead_at: int | None
    manager_at: int | None
    unreachable: set[str]


class Oracle:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.calls: list[tuple[int, str]] = []
        self.minute = 0
        self.rung = 0
        self.walks = 0
        self.fires_at: int | None = 0
        self.chain_at = 0
        self.called_in_this_pass: set[str] = set()
        self.answerable_in_this_pass: set[str] = set()
        self.named_in_this_pass: set[str] = set()
        self.by_table_in_this_pass: set[str] = set()
        self.lead_done = case.lead_at is None
        self.manager_done = case.manager_at is None
        self.last_people: list[tuple[str, bool]] = []
        self.silent_since: int | None = None
        self.turns: dict[tuple[int, str], int] = {}
        self.turn_count = 0
        self.repeats_left = case.repeat

    def run(self, until: int) -> list[tuple[int, str]]:
        for self.minute in range(until + 1):
            while self.fires_at is not None and self.fires_at <= self.minute:
                self.climb()
            self.look_at_the_table()
            if self.silence_is_too_long():
                self.break_the_silence()
                while self.fires_at is not None and self.fires_at <= self.minute:
                    self.climb()
        return self.calls

    # ---- one rung ----

    def climb(self) -> None:
        if self.rung == len(self.case.rungs):
            self.end_of_pass()
            return
        rung = self.case.rungs[self.rung]
        self.rung += 1
        if rung.only_for and self.case.severity not in rung.only_for:
            return
        people = once(rung.people)
        named_here = {name for name, named in people if named}
        if rung.one_by_turn:
            people = self.whose_turn(people)
        before = self.answerable_in_this_pass | (named_here & self.by_table_in_this_pass)
        reached = [name for name, named in people if self.call(name, named=named, table=False)]
        if not reached:
            if rung.waits_when_empty and not rung.people:
                self.fires_at = self.minute + rung.wait
            return
        self.last_people = rung.people
        if self.case.first_step_only:
            self.fires_at = None
        elif not set(reached) <= before:
            self.fires_at = self.minute + rung.wait

    def whose_turn(self, people: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
        can = [one for one in people if one[0] not in self.case.unreachable]
        if not can:
            return people
        can.sort(key=lambda one: self.turns.get((self.rung, one[0]), 0))
        chosen = next((one for one in can if one[0] not in self.answerable_in_this_pass), can[0])
        self.turn_count += 1
        self.turns[self.rung, chosen[0]] = self.turn_count
        return [chosen]

    def end_of_pass(self) -> None:
        if not self.answerable_in_this_pass:
            self.nobody()
        elif self.repeats_left and not self.case.first_step_only:
            self.repeats_left -= 1
            self.next_pass()
        else:
            self.fires_at = None
            if self.case.final and not self.case.first_step_only and not self.chain_at:
                self.chain_at = 1
                if [n for n, named in once(self.case.final) if self.call(n, named=named, table=False)]:
                    self.last_people = self.case.final

    def next_pass(self) -> None:
        self.rung, self.fires_at = 0, self.minute
        self.called_in_this_pass = set()
        self.answerable_in_this_pass = set()
        self.named_in_this_pass = set()
        self.by_table_in_this_pass = set()

    def nobody(self) -> None:
        """Final, lead, manager, last resort: the first of them who can be reached."""
        self.fires_at = None
        chain = [self.case.final, [(self.case.lead, True)], [(self.case.manager, True)]]
        chain.append([(self.case.last_resort, True)])
        while self.chain_at < len(chain):
            people = chain[self.chain_at]
            self.chain_at += 1
            if [n for n, _ in once(people) if self.call(n, named=False, table=False)]:
                self.named_in_this_pass |= {n for n, named in people if named}
                self.last_people = people
                return
        self.silent_since = self.minute

    # ---- beside the ladder ----

    def look_at_the_table(self) -> None:
        if not self.lead_done and self.minute >= (self.case.lead_at or 0):
            self.lead_done = True
            self.call_by_table(self.case.lead)
        if not self.manager_done and self.minute >= (self.case.manager_at or 0):
            self.manager_done = True
            self.call_by_table(self.case.manager)

    def call_by_table(self, name: str) -> None:
        if name not in self.named_in_this_pass:
            self.call(name, named=True, table=True)

    def silence_is_too_long(self) -> bool:
        urgent = self.case.severity in URGENT
        return urgent and self.silent_since is not None and self.minute - self.silent_since >= SILENCE

    def break_the_silence(self) -> None:
        self.silent_since = self.minute
        if [n for n, _ in once(self.last_people) if self.call(n, named=False, table=False)]:
            self.named_in_this_pass |= {n for n, named in self.last_people if named}
            return
        self.repeats_left, self.chain_at = 0, 0
        self.next_pass()

    # ---- one person ----

    def call(self, name: str, *, named: bool, table: bool) -> bool:
        """Whether they can be reached. Nobody is called twice in one minute, nor by name whom the table
        called.
        """
        if name in self.case.unreachable:
            return False
        merged = (self.minute, name) in self.calls or (
            named and not table and name in self.by_table_in_this_pass
        )
        if not merged:
            self.calls.append((self.minute, name))
            self.silent_since = self.minute
        if table:
            self.by_table_in_this_pass.add(name)
        else:
            self.answerable_in_this_pass.add(name)
            if named:
                self.named_in_this_pass.add(name)
        return True


def once(people: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Each person once, by name when any of the targets means them by name."""
    names = list(dict.fromkeys(name for name, _ in people))
    return [(name, any(named for other, named in people if other == name)) for name in names]
