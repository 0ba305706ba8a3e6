"""One expression: read, checked, worked out.

Its cost is bounded before it runs. Loops (`map`, `filter`, `all`, `exists`, `exists_one`) are the only thing
that repeats, and `+` the only thing that makes longer what there is; so loops stand at most two deep, a list
is made only by the outer one, and there are few `+`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import cel

from tocsin.domain.cel_text import LOOP, check_names, code_of
from tocsin.domain.mapping.functions import FUNCTIONS, extractor

LONGEST: Final = 2000
NAMES: Final = ("payload", "event", "headers", "options")
_MOST_SUMS: Final = 32
_MOST_SUMS_WITH_LOOPS: Final = 12
_DEEPEST_LOOP: Final = 2

_DEFAULT: Final = re.compile(r"\bdefault\(\s*(?P<path>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d{1,4}\])+)\s*,")
_PATH_PART: Final = re.compile(r"\.[A-Za-z_]\w*|\[\d+\]")
_EXTRACT: Final = re.compile(
    r"""\bextract\([^()]*?,\s*(?P<raw>r?)(?P<quote>["'])(?P<pattern>.*?)(?P=quote)\s*\)"""
)
_CEL_FUNCTIONS: Final = frozenset(
    (
        *("has", "size", "contains", "startsWith", "endsWith", "matches", "min", "max"),
        *("int", "uint", "double", "string", "bytes", "type", "dyn", "timestamp", "duration"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
        *("all", "exists", "exists_one", "map", "filter"),
    )
)
_ADVICE: Final = (
    ("No such overload", "these do not go together: text, numbers and lists are not turned into each other"),
    ("Unsupported operation", ""),
    ("not a valid regex", "this is not a regular expression"),
)


class Scene:
    """What one event's expressions see; made once for all of them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.context = cel.Context(variables=dict(values), functions=dict(FUNCTIONS))


@dataclass(frozen=True)
class Found:
    """`value` None: nothing is there, for `problem` if that is not empty."""

    value: Any
    problem: str = ""


class _Evaluator:
    def __init__(self, text: str) -> None:
        self.program = cel.compile(_with_defaults(text))

    def value(self, scene: Scene) -> Found:
        try:
            value = self.program.execute(scene.context)
        except (KeyError, IndexError):
            return Found(None)
        except (TypeError, ValueError, RuntimeError, ArithmeticError, RecursionError) as error:
            return Found(None, _said(str(error)))
        return Found(None if value in ("", [], {}) else value)


@lru_cache(maxsize=4096)
def _evaluator(text: str) -> _Evaluator:
    return _Evaluator(text)


def find(texts: Iterable[str], scene: Scene) -> tuple[Any, tuple[tuple[str, str], ...]]:
    """The first value that is there, and (expression, problem) of those before it that failed."""
    problems: list[tuple[str, str]] = []
    for text in texts:
        found = _evaluator(text).value(scene)
        if found.value is not None:
            return found.value, tuple(problems)
        if found.problem:
            problems.append((text, found.problem))
    return None, tuple(problems)


def check(text: str) -> None:
    """Raises ValueError, which says what is wrong with the expression."""
    if not text.strip() or len(text) > LONGEST:
        msg = f"expected an expression of 1 to {LONGEST} characters"
        raise ValueError(msg)
    if not all(char.isprintable() or char in "\n\t\r" for char in text):
        msg = "holds a character that cannot be printed"
        raise ValueError(msg)
    bare = code_of(text)
    _check_cost(bare)
    for found in _EXTRACT.finditer(text):
        extractor(found["pattern"] if found["raw"] else found["pattern"].replace("\\\\", "\\"))
    try:
        program = cel.compile(_with_defaults(text))
    except ValueError as error:
        raise ValueError(_syntax(str(error))) from error
    check_names(bare, NAMES, f"expressions see {', '.join(NAMES)}")
    known = _CEL_FUNCTIONS | FUNCTIONS.keys()
    strange = sorted(name for name in program.functions() if name[:1].isalpha() and name not in known)
    if strange:
        msg = "the first argument of default is a path such as payload.a.b" if strange[0] == "default" else ""
        raise ValueError(msg or f"there is no function “{strange[0]}”")


def _check_cost(bare: str) -> None:
    macros = {found.end("macro"): found["macro"] for found in LOOP.finditer(bare)}
    sums = bare.count("+")
    if sums > (_MOST_SUMS_WITH_LOOPS if macros else _MOST_SUMS):
        msg = f"has {sums} times “+”; at most {_MOST_SUMS_WITH_LOOPS} with a loop, {_MOST_SUMS} without"
        raise ValueError(msg)
    stack: list[str] = []
    for position, char in enumerate(bare):
        if char == "(":
            before = bare[:position].rstrip()
            stack.append(macros.get(len(before), ""))
            loops = [macro for macro in stack if macro]
            if len(loops) > _DEEPEST_LOOP:
                msg = f"has loops more than {_DEEPEST_LOOP} deep"
                raise ValueError(msg)
            if len(loops) == _DEEPEST_LOOP and loops[1] in {"map", "filter"}:
                msg = (
                    f"has {loops[1]}(…) inside another loop; there, only all, exists and exists_one may stand"
                )
                raise ValueError(msg)
        elif char == ")" and stack:
            stack.pop()


def _with_defaults(text: str) -> str:
    """`default(payload.a.b, x)` as CEL has it: asked for step by step, because a missing one is an error."""

    def spelled(found: re.Match[str]) -> str:
        path = found["path"]
        so_far = path[: len(path) - len("".join(_PATH_PART.findall(path)))]
        steps = []
        for part in _PATH_PART.findall(path):
            if part.startswith("."):
                steps.append(f"has({so_far}{part})")
            else:
                steps.append(f"size({so_far}) > {part[1:-1]}")
            so_far += part
        return f"either({' && '.join(steps)} ? {path} : null,"

    return _DEFAULT.sub(spelled, text)


def _syntax(text: str) -> str:
    place = re.search(r"ERROR: <input>:(\d+):(\d+): (?P<what>[^\n]*)", text)
    if place is None:
        return "is not an expression: " + text.splitlines()[0][:200]
    return f"is not an expression: {place['what'][:200]} (line {place[1]}, character {int(place[2]) + 1})"


def _said(text: str) -> str:
    advice = next((said for start, said in _ADVICE if start in text and said), "")
    return advice or text.partition(". CEL does not")[0].partition(". Check ")[0][:300]
