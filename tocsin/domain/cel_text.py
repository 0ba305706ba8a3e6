"""What can be seen in the text of a CEL expression before it is compiled: where its loops are, and what they
name.
"""

import re
from collections.abc import Container, Iterator
from typing import Final

# Texts (raw ones first: in them a backslash escapes nothing) and comments, in which nothing means anything.
_QUOTED: Final = re.compile(
    r"""(?<!\w)[bB]?[rR][bB]?(?:'{3}.*?'{3}|"{3}.*?"{3}|'[^'\n]*'|"[^"\n]*")"""
    r"""|'{3}(?:\\.|.)*?'{3}|"{3}(?:\\.|.)*?"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|//[^\n]*""",
    re.DOTALL,
)
LOOP: Final = re.compile(
    r"\.\s*(?P<macro>all|exists_one|exists|map|filter)\s*(?P<open>\()(?:\s*(?P<name>[A-Za-z_]\w*)\s*,)?"
)
_WORD: Final = re.compile(r"(?<!\w)[A-Za-z_]\w*")


def code_of(text: str) -> str:
    """The text with blanks in place of what is quoted or a comment; as long as it was."""
    return _QUOTED.sub(lambda quoted: re.sub(r"[^\n]", " ", quoted[0]), text)


def loop_names(code: str) -> set[str]:
    return {found["name"] for found in LOOP.finditer(code) if found["name"]}


def check_scopes(code: str, known: Container[str]) -> None:
    """Raises ValueError where a name that a loop gives stands outside that loop."""
    scopes: dict[str, list[range]] = {}
    for found in LOOP.finditer(code):
        if found["name"]:
            scopes.setdefault(found["name"], []).append(range(found.start("open"), _closing(code, found)))
    for name, position in _names(code):
        if name in scopes and name not in known and not any(position in each for each in scopes[name]):
            line = code.count("\n", 0, position) + 1
            character = position - code.rfind("\n", 0, position)
            msg = f"there is no “{name}” outside its loop (line {line}, character {character})"
            raise ValueError(msg)


def _names(code: str) -> Iterator[tuple[str, int]]:
    """Words that are neither fields of something nor functions."""
    for found in _WORD.finditer(code):
        before, after = code[: found.start()].rstrip(), code[found.end() :].lstrip()
        if not before.endswith(".") and not after.startswith("("):
            yield found[0], found.start()


def _closing(code: str, loop: re.Match[str]) -> int:
    depth = 0
    for position in range(loop.start("open"), len(code)):
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        if not depth:
            return position
    return len(code)
