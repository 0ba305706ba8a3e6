"""What can be seen in the text of a CEL expression before it is compiled: where its loops are, and what they
name.
"""

import re
from collections.abc import Collection
from typing import Final

# Texts (raw ones first: in them a backslash escapes nothing) and comments, in which nothing means anything.
_QUOTED: Final = re.compile(
    r"""(?<!\w)[bB]?[rR][bB]?(?:'{3}.*?'{3}|"{3}.*?"{3}|'[^'\n]*'|"[^"\n]*")"""
    r"""|(?:(?<!\w)[bB])?(?:'{3}(?:\\.|.)*?'{3}|"{3}(?:\\.|.)*?"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
    r"""|(?P<comment>//[^\n]*)""",
    re.DOTALL,
)
LOOP: Final = re.compile(
    r"\.\s*(?P<macro>all|exists_one|exists|map|filter)\s*(?P<open>\()(?:\s*(?P<name>[A-Za-z_]\w*)\s*,)?"
)
_NAME: Final = re.compile(
    r"(?P<open>\()|(?P<close>\))|(?P<dot>\.\s*)?(?<!\w)(?P<name>[A-Za-z_]\w*)(?P<call>\s*\()?"
)
_OPERAND: Final = re.compile(r"""[\w)\]}"]\s*\Z""")
_WORDS: Final = frozenset({"true", "false", "null", "in"})


def code_of(text: str) -> str:
    """The text, as long as before, with `"` for each character that is quoted and blanks for comments."""
    return _QUOTED.sub(lambda each: re.sub(r"[^\n]", " " if each["comment"] else '"', each[0]), text)


def check_names(code: str, known: Collection[str], sees: str) -> None:
    """Raises ValueError at the first name that is neither known nor bound there: a loop binds its name within
    its brackets only. `sees` says what there is instead.
    """
    bound = {found.start("open"): found["name"] for found in LOOP.finditer(code)}
    stack: list[str | None] = []
    for each in _NAME.finditer(code):
        if each["close"]:
            del stack[-1:]
            continue
        name = each["name"]
        if each["dot"] and not _OPERAND.search(code, 0, each.start("dot")):
            msg = f"nothing stands before the dot{_place(code, each.start('dot'))}"
            raise ValueError(msg)
        if name and not each["dot"] and not each["call"] and name not in {*known, *_WORDS, *stack}:
            ever = "outside its loop" if name in bound.values() else "here"
            msg = f"there is no “{name}” {ever}{_place(code, each.start('name'))}: {sees}"
            raise ValueError(msg)
        if each["open"] or each["call"]:
            stack.append(bound.get(each.end() - 1))


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f" (line {line}, character {position - text.rfind(chr(10), 0, position)})"
