"""Rules for mail, in their order; the first that fits decides. An integration's config holds them:

    rules:
      - name: disks
        when: [{field: subject, regex: "disk (?P<disk>\\w+) on (?P<host>[a-z0-9.-]+)"}]
        then: trigger              # trigger | acknowledge | resolve | ignore
        dedup_key: "{host}/{disk}"
        severity: warning
    otherwise: trigger             # or ignore: what no rule fits

Without rules, and for what they leave open, the subject's own words decide.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tocsin.adapters.email_in.message import Mail
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.pattern import Extractor, compile_extractor, compile_pattern
from tocsin.ports.source import Verdict

FIELDS: Final = ("subject", "from", "to", "body")
OPERATORS: Final = ("contains", "equals", "regex")
ACTIONS: Final = ("trigger", "acknowledge", "resolve", "ignore")
SEVERITIES: Final = ("critical", "error", "warning", "info", "SEV1", "SEV2", "SEV3", "SEV4")
_MOST_RULES: Final = 200
_MOST_TESTS: Final = 10
_LONGEST: Final = 1024
_SEARCHED: Final = 16 * 1024  # of a body
_MOST_LINES: Final = 300
_NAME: Final = re.compile(r"\{(\w{1,64})\}")

Finder = Callable[[str], Mapping[str, str] | None]


@dataclass(frozen=True)
class Condition:
    field: str
    finds: Finder

    def fits(self, mail: Mail) -> Mapping[str, str] | None:
        """What it found out, by name; None: it does not fit."""
        return self.finds(_looked_at(mail, self.field))


@dataclass(frozen=True)
class Rule:
    name: str
    when: tuple[Condition, ...]
    then: str
    dedup_key: str = ""
    severity: str = ""


@dataclass(frozen=True)
class Rules:
    rules: tuple[Rule, ...] = ()
    otherwise: str = "trigger"


def decide(mail: Mail, rules: Rules) -> Verdict:
    """`then` is "" where no rule decides."""
    for place, rule in enumerate(rules.rules):
        found = _found(rule, mail)
        if found is not None:
            key = _filled(rule.dedup_key, found)
            return Verdict(rule.then, f"rule “{rule.name}”", key, rule.severity, place)
    if rules.otherwise == "ignore":
        return Verdict("ignore", "no rule fits, and what no rule fits is ignored")
    return Verdict("", "no rule fits" if rules.rules else "there are no rules")


def _found(rule: Rule, mail: Mail) -> Mapping[str, str] | None:
    """What its conditions found out; None where one of them does not fit."""
    found: dict[str, str] = {"subject": mail.subject, "from": mail.sender}
    for condition in rule.when:
        said = condition.fits(mail)
        if said is None:
            return None
        found.update(said)
    return found


def _filled(template: str, found: Mapping[str, str]) -> str:
    return _NAME.sub(lambda name: found.get(name[1], ""), template).strip()


def load(config: Mapping[str, Any]) -> Rules:
    """Raises `Invalid`, which names the field."""
    for name in config:
        if name not in {"rules", "otherwise"}:
            raise Invalid(FieldError(name, "is no setting of inbound mail: rules, otherwise"))
    otherwise = config.get("otherwise", "trigger")
    if otherwise not in {"trigger", "ignore"}:
        raise Invalid(FieldError("otherwise", "must be trigger or ignore"))
    given = config.get("rules", [])
    if not isinstance(given, list):
        raise Invalid(FieldError("rules", "must be a list"))
    if len(given) > _MOST_RULES:
        raise Invalid(FieldError("rules", f"are more than {_MOST_RULES}"))
    return Rules(tuple(_rule(each, number) for number, each in enumerate(given)), otherwise)


def _rule(given: Any, number: int) -> Rule:
    at = f"rules[{number}]"
    if not isinstance(given, dict):
        raise Invalid(FieldError(at, "must have “when” and “then”"))
    for name in given:
        if name not in {"name", "when", "then", "dedup_key", "severity"}:
            raise Invalid(FieldError(f"{at}.{name}", "is not known: name, when, then, dedup_key, severity"))
    then, severity = given.get("then"), given.get("severity") or ""
    if then not in ACTIONS:
        raise Invalid(FieldError(f"{at}.then", f"must be one of: {', '.join(ACTIONS)}"))
    if severity and severity not in SEVERITIES:
        raise Invalid(FieldError(f"{at}.severity", f"must be one of: {', '.join(SEVERITIES)}"))
    when = given.get("when", [])
    when = [when] if isinstance(when, dict) else when
    if not isinstance(when, list) or not 0 < len(when) <= _MOST_TESTS:
        raise Invalid(FieldError(f"{at}.when", f"must be a list of 1 to {_MOST_TESTS} conditions"))
    key = given.get("dedup_key") or ""
    name = given.get("name") or str(number + 1)
    for field, value in (("dedup_key", key), ("name", name)):
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise Invalid(FieldError(f"{at}.{field}", f"must be text of at most {_LONGEST} characters"))
    conditions = tuple(_condition(each, f"{at}.when[{n}]") for n, each in enumerate(when))
    return Rule(name, conditions, then, key, severity)


def _condition(given: Any, at: str) -> Condition:
    if not isinstance(given, dict):
        raise Invalid(FieldError(at, "must name a field and contains, equals or regex"))
    field = given.get("field", "subject")
    if not isinstance(field, str) or not (field in FIELDS or re.fullmatch(r"header:[\w-]{1,100}", field)):
        raise Invalid(FieldError(f"{at}.field", f"must be {', '.join(FIELDS)} or header:Name"))
    asked = [name for name in OPERATORS if name in given]
    if len(asked) != 1 or set(given) - {"field", *asked}:
        raise Invalid(FieldError(at, f"must have exactly one of: {', '.join(OPERATORS)}"))
    value = given[asked[0]]
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        raise Invalid(FieldError(f"{at}.{asked[0]}", f"must be text of 1 to {_LONGEST} characters"))
    return Condition(field, _finder(asked[0], value, f"{at}.regex"))


def _finder(operator: str, value: str, at: str) -> Finder:
    folded = value.casefold()
    if operator == "contains":
        return lambda text: {} if folded in text.casefold() else None
    if operator == "equals":
        return lambda text: {} if text.strip().casefold() == folded.strip() else None
    try:
        if "(?P<" in value:
            return _named(compile_extractor(value))
        # Found anywhere in the text; the engine itself matches whole values only.
        pattern = compile_pattern(rf"(?:.|\n)*(?:{value})(?:.|\n)*")
    except ValueError as error:
        raise Invalid(FieldError(at, str(error))) from None
    return lambda text: {} if pattern.matches(text) else None


def _named(extractor: Extractor) -> Finder:
    """The engine that extracts looks at single lines."""

    def find(text: str) -> Mapping[str, str] | None:
        for line in text.split("\n")[:_MOST_LINES]:
            found = extractor.search(line)
            if found is not None:
                return found
        return None

    return find


def _looked_at(mail: Mail, field: str) -> str:
    if field == "subject":
        return mail.subject
    if field == "from":
        return mail.sender
    if field == "to":
        return ", ".join(mail.recipients)
    if field == "body":
        return mail.text[:_SEARCHED]
    return mail.headers.get(field.removeprefix("header:").lower(), "")
