"""Regular expressions that always answer in linear time.

Matchers come from files, but the values they are tried on come from outsiders: with a backtracking engine
one label could hold up every alert behind it. So a pattern is read by Python's own parser and then run as a
set of states (Thompson's construction), one step for each character. What cannot be run this way (back-
references, look-around) is refused, as RE2 and with it Alertmanager do.
"""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

# The parser inside `re`: no stubs describe it.
_sre: Any = import_module("re._constants")
_parser: Any = import_module("re._parser")

_LONGEST_PATTERN: Final = 1024
_MOST_STATES: Final = 4000
_MOST_CACHED: Final = 20_000
_LONGEST_VALUE: Final = 1024  # of what groups are looked for in
_MOST_STATES_EXTRACTING: Final = 800

Test = Callable[[str], bool]


class Pattern:
    """Matches whole values only. Made by `compile_pattern`."""

    def __init__(self, text: str) -> None:
        parsed = _parser.parse(text)
        self._builder = _Builder()
        end = self._builder.state()
        start = self._builder.sequence(parsed, end, bool(parsed.state.flags & re.IGNORECASE))
        self._end = end
        self._edges = self._builder.edges
        self._start = self._closure({start}, at_start=True)
        self._cache: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._empty = end in self._closure(set(self._start), at_start=True, at_end=True)
        self._ends: dict[frozenset[int], bool] = {}

    def matches(self, value: str) -> bool:
        if not value:
            return self._empty
        states = self._start
        for char in value:
            key = (states, char)
            known = self._cache.get(key)
            if known is None:
                if len(self._cache) >= _MOST_CACHED:
                    self._cache.clear()
                known = self._cache[key] = self._step(states, char)
            states = known
            if not states:
                return False
        ends = self._ends.get(states)
        if ends is None:
            if len(self._ends) >= _MOST_CACHED:
                self._ends.clear()
            ends = self._ends[states] = self._end in self._closure(set(states), at_end=True)
        return ends

    def _step(self, states: frozenset[int], char: str) -> frozenset[int]:
        reached: set[int] = set()
        for state in states:
            test = self._edges[state].test
            if test is not None and test(char):
                reached.add(self._edges[state].to[0])
        return self._closure(reached)

    def _closure(self, states: set[int], *, at_start: bool = False, at_end: bool = False) -> frozenset[int]:
        todo = list(states)
        seen = set(states)
        while todo:
            edge = self._edges[todo.pop()]
            if (
                edge.test is not None
                or (edge.anchor == "^" and not at_start)
                or (edge.anchor == "$" and not at_end)
            ):
                continue
            for state in edge.to:
                if state not in seen:
                    seen.add(state)
                    todo.append(state)
        return frozenset(seen)


def compile_pattern(text: str) -> Pattern:
    """Raises ValueError, which says what is wrong, for a pattern that is broken, too big, or cannot run in
    linear time.
    """
    if len(text) > _LONGEST_PATTERN:
        msg = f"a regular expression has at most {_LONGEST_PATTERN} characters"
        raise ValueError(msg)
    try:
        return Pattern(text)
    except (re.error, OverflowError, RecursionError) as error:
        msg = f"not a regular expression: {error}"
        raise ValueError(msg) from error


Places = tuple[tuple[tuple[str, int], int], ...]  # of the beginnings and ends of groups


class Extractor:
    """Finds named groups at the first place where the pattern matches, preferring what `re` prefers. Made by
    `compile_extractor`.

    Each state carries where its groups began and ended (Pike's machine), so this too is linear.
    """

    def __init__(self, text: str) -> None:
        parsed = _parser.parse(text)
        self.names: tuple[str, ...] = tuple(parsed.state.groupdict)
        if not self.names:
            msg = "a regular expression without a named group such as (?P<host>[a-z0-9.-]+)"
            raise ValueError(msg)
        builder = _Builder({number: name for name, number in parsed.state.groupdict.items()})
        self._end = builder.state()
        self._start = builder.sequence(parsed, self._end, bool(parsed.state.flags & re.IGNORECASE))
        self._edges = builder.edges
        if len(self._edges) > _MOST_STATES_EXTRACTING:
            msg = "this regular expression is too big to extract with"
            raise ValueError(msg)

    def search(self, value: str) -> dict[str, str] | None:
        """The groups that took part, by name; None when the pattern is nowhere in the value."""
        value = value[:_LONGEST_VALUE]
        best: Places | None = None
        threads: dict[int, Places] = {}
        for position in range(len(value) + 1):
            if best is None:
                self._follow(self._start, (), position, len(value), threads)
            if not threads:
                break
            following: dict[int, Places] = {}
            for state, places in threads.items():
                if state == self._end:
                    best = places
                    break  # those after it are less preferred
                edge = self._edges[state]
                if position < len(value) and edge.test is not None and edge.test(value[position]):
                    self._follow(edge.to[0], places, position + 1, len(value), following)
            threads = following
        return None if best is None else _groups(dict(best), value)

    def _follow(
        self, state: int, places: Places, position: int, end: int, threads: dict[int, Places]
    ) -> None:
        """Every state reached without a character, the preferred first; the first way to reach one counts."""
        todo = [(state, places)]
        seen: set[int] = set()
        while todo:
            state, places = todo.pop()
            if state in seen or state in threads:
                continue
            seen.add(state)
            edge = self._edges[state]
            if edge.test is not None or state == self._end:
                threads[state] = places
                continue
            if (edge.anchor == "^" and position) or (edge.anchor == "$" and position < end):
                continue
            if edge.mark is not None:
                others = (each for each in places if each[0] != edge.mark)
                places = (*others, (edge.mark, position))
            todo.extend((each, places) for each in reversed(edge.to))


def _groups(places: Mapping[tuple[str, int], int], value: str) -> dict[str, str]:
    names = dict.fromkeys(name for name, _ in places)
    return {
        name: value[places[name, 0] : places[name, 1]]
        for name in names
        if places.get((name, 0), 0) <= places.get((name, 1), -1)
    }


def compile_extractor(text: str) -> Extractor:
    """Raises ValueError, as `compile_pattern` does, and for a pattern without a named group."""
    if len(text) > _LONGEST_PATTERN:
        msg = f"a regular expression has at most {_LONGEST_PATTERN} characters"
        raise ValueError(msg)
    try:
        return Extractor(text)
    except (re.error, OverflowError, RecursionError) as error:
        msg = f"not a regular expression: {error}"
        raise ValueError(msg) from error


class _Edge:
    __slots__ = ("anchor", "mark", "test", "to")

    def __init__(self) -> None:
        self.test: Test | None = None
        self.anchor = ""
        self.mark: tuple[str, int] | None = None  # a named group begins (0) or ends (1) here
        self.to: tuple[int, ...] = ()  # in the order in which they are preferred


class _Builder:
    """Builds from the end: each part is given the state that follows it and returns the one where it
    starts.
    """

    def __init__(self, groups: Mapping[int, str] | None = None) -> None:
        self.edges: list[_Edge] = []
        self._groups = groups or {}  # those whose place in the value is wanted

    def state(self) -> int:
        if len(self.edges) >= _MOST_STATES:
            msg = "this regular expression is too big"
            raise ValueError(msg)
        self.edges.append(_Edge())
        return len(self.edges) - 1

    def _free(self, *to: int, anchor: str = "", mark: tuple[str, int] | None = None) -> int:
        state = self.state()
        edge = self.edges[state]
        edge.to, edge.anchor, edge.mark = to, anchor, mark
        return state

    def _char(self, test: Test, after: int) -> int:
        state = self.state()
        self.edges[state].test, self.edges[state].to = test, (after,)
        return state

    def sequence(self, items: Any, after: int, fold: bool) -> int:  # noqa: FBT001 - the flag (?i), handed down
        for op, argument in reversed(list(items)):
            after = self._item(op, argument, after, fold)
        return after

    def _item(self, op: Any, argument: Any, after: int, fold: bool) -> int:  # noqa: FBT001 - same
        test = _test(op, argument, fold)
        if test is not None:
            return self._char(test, after)
        if op is _sre.BRANCH:
            return self._free(*(self.sequence(branch, after, fold) for branch in argument[1]))
        if op is _sre.SUBPATTERN:
            group, added, removed, inner = argument
            inner_fold = bool(added & re.IGNORECASE) or (fold and not removed & re.IGNORECASE)
            if group not in self._groups:
                return self.sequence(inner, after, inner_fold)
            end = self._free(after, mark=(self._groups[group], 1))
            return self._free(self.sequence(inner, end, inner_fold), mark=(self._groups[group], 0))
        if op in {_sre.MAX_REPEAT, _sre.MIN_REPEAT}:
            low, high, inner = argument
            return self._repeat(low, high, inner, after, fold, lazy=op is _sre.MIN_REPEAT)
        if op is _sre.AT and argument in {_sre.AT_BEGINNING, _sre.AT_BEGINNING_STRING}:
            return self._free(after, anchor="^")
        if op is _sre.AT and argument in {_sre.AT_END, _sre.AT_END_STRING}:
            return self._free(after, anchor="$")
        msg = "back-references, look-around, word boundaries and possessive repeats are not supported here"
        raise ValueError(msg)

    def _repeat(
        self,
        low: int,
        high: Any,
        inner: Any,
        after: int,
        fold: bool,  # noqa: FBT001 - same
        *,
        lazy: bool,
    ) -> int:
        if high is _sre.MAXREPEAT:
            loop = self.state()
            again = self.sequence(inner, loop, fold)
            self.edges[loop].to = (after, again) if lazy else (again, after)
            start = loop
        else:
            start = after
            for _ in range(high - low):
                again = self.sequence(inner, start, fold)
                start = self._free(after, again) if lazy else self._free(again, after)
        for _ in range(low):
            start = self.sequence(inner, start, fold)
        return start


def _test(op: Any, argument: Any, fold: bool) -> Test | None:  # noqa: FBT001 - the flag (?i), handed down
    """The test of one character that this item stands for; None when it is something else."""
    if op is _sre.ANY:
        return lambda _char: True  # as in Alertmanager, the dot also takes a line break
    if op is _sre.LITERAL or op is _sre.NOT_LITERAL:
        wanted = {chr(argument), chr(argument).lower(), chr(argument).upper()} if fold else {chr(argument)}
        return wanted.__contains__ if op is _sre.LITERAL else lambda char: char not in wanted
    if op is _sre.RANGE:
        low, high = argument
        if fold:
            return lambda char: any(low <= ord(form) <= high for form in _forms(char))
        return lambda char: low <= ord(char) <= high
    if op is _sre.CATEGORY:
        return _CATEGORIES[argument]
    if op is _sre.IN:
        negated = bool(argument) and argument[0][0] is _sre.NEGATE
        tests = [test for item in argument[negated:] if (test := _test(item[0], item[1], fold)) is not None]
        return lambda char: any(test(char) for test in tests) is not negated
    return None


def _forms(char: str) -> tuple[str, ...]:
    return tuple(form for form in (char, char.lower(), char.upper()) if len(form) == 1)


def _word(char: str) -> bool:
    return char.isalnum() or char == "_"


_CATEGORIES: Final[dict[Any, Test]] = {
    _sre.CATEGORY_DIGIT: str.isdecimal,
    _sre.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    _sre.CATEGORY_SPACE: str.isspace,
    _sre.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    _sre.CATEGORY_WORD: _word,
    _sre.CATEGORY_NOT_WORD: lambda char: not _word(char),
}
