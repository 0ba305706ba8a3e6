"""Opsgenie's search queries, as far as they are spoken here: `field:value`, words, quotes, `NOT`, `AND`, and
`OR` within the parentheses of one field.
"""

import re
from typing import Final

from tocsin.apps.alerts.asked import Term
from tocsin.domain.errors import FieldError, Invalid

LONGEST: Final = 1000
_TERM: Final = re.compile(
    r"\s*(?P<no>(?:NOT\s+|-)?)(?:(?P<field>[A-Za-z][\w.\-]*)\s*(?P<op>:|<=|>=|<|>)\s*)?"
    r"(?P<value>\"[^\"]*\"|\([^()]*\)|[^\s()\"]+)"
)
_OR: Final = re.compile(r"\s+OR\s+")


def terms_of(query: str) -> tuple[Term, ...]:
    """Raises Invalid for what cannot be said here, rather than find too much or too little."""
    query = query.strip()
    if len(query) > LONGEST:
        raise Invalid(FieldError("query", f"has {len(query)} characters; at most {LONGEST} are allowed"))
    found: list[Term] = []
    at = 0
    while at < len(query):
        match = _TERM.match(query, at)
        if match is None:
            raise Invalid(FieldError("query", f"cannot be read from “{query[at : at + 40]}” on"))
        at = match.end()
        word = match["value"]
        if word == "OR" and not match["field"]:
            hint = "OR is understood within one field: status:(open OR closed)"
            raise Invalid(FieldError("query", hint))
        if word == "AND" and not match["field"]:
            continue
        found.append(Term(match["field"] or "", match["op"] or ":", _values(word), bool(match["no"])))
    return tuple(found)


def _values(word: str) -> tuple[str, ...]:
    if word.startswith("("):
        return tuple(each.strip().strip('"') for each in _OR.split(word[1:-1].strip()) if each.strip())
    return (word.strip('"'),)
