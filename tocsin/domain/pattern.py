"""Regular expressions that always answer in linear time.

Matchers come from files, but the values they are tried on come from outsiders: with a backtracking engine
one label could hold up every alert behind it. So a pattern is read by Python's own parser and then run as a
set of states (Thompson's construction), one step for each character. What cannot be run this way (back-
references, look-around) is refused, as RE2 and with it Alertmanager do.
"""

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

# The parser inside `re`: no stubs describe it.
_sre: Any = import_module("re._constants")
_parser: Any = import_module("re._parser")

_LONGEST_PATTERN: Final = 1024
_MOST_STATES: Final = 4000
_MOST_CACHED: Final = 20_000

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

    def matches(self, value: str) -> bool:
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
        return self._end in states or self._end in self._closure(set(states), at_start=not value, at_end=True)

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


class _Edge:
    __slots__ = ("anchor", "test", "to")

    def __init__(self) -> None:
        self.test: Test | None = None
        self.anchor = ""
        self.to: tuple[int, ...] = ()


class _Builder:
    """Builds from the end: each part is given the state that follows it and returns the one where it
    starts.
    """

    def __init__(self) -> None:
        self.edges: list[_Edge] = []

    def state(self) -> int:
        if len(self.edges) >= _MOST_STATES:
            msg = "this regular expression is too big"
            raise ValueError(msg)
        self.edges.append(_Edge())
        return len(self.edges) - 1

    def _free(self, *to: int, anchor: str = "") -> int:
        state = self.state()
        self.edges[state].to, self.edges[state].anchor = to, anchor
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
            _group, added, removed, inner = argument
            inner_fold = bool(added & re.IGNORECASE) or (fold and not removed & re.IGNORECASE)
            return self.sequence(inner, after, inner_fold)
        if op in {_sre.MAX_REPEAT, _sre.MIN_REPEAT}:
            low, high, inner = argument
            return self._repeat(low, high, inner, after, fold)
        if op is _sre.AT and argument in {_sre.AT_BEGINNING, _sre.AT_BEGINNING_STRING}:
            return self._free(after, anchor="^")
        if op is _sre.AT and argument in {_sre.AT_END, _sre.AT_END_STRING}:
            return self._free(after, anchor="$")
        msg = "back-references, look-around, word boundaries and possessive repeats are not supported here"
        raise ValueError(msg)

    def _repeat(self, low: int, high: Any, inner: Any, after: int, fold: bool) -> int:  # noqa: FBT001 - same
        if high is _sre.MAXREPEAT:
            loop = self.state()
            self.edges[loop].to = (self.sequence(inner, loop, fold), after)
            start = loop
        else:
            start = after
            for _ in range(high - low):
                start = self._free(self.sequence(inner, start, fold), after)
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
