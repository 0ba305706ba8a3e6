"""Users and teams: read from their configuration form, and written as it."""

import re
from datetime import date
from typing import Any, Final

from tocsin.domain.configuration import reader
from tocsin.domain.configuration.model import ContactMethod, Hours, Team, User
from tocsin.domain.configuration.nodes import Scalar
from tocsin.domain.configuration.reader import Cursor, Fields
from tocsin.domain.notification.model import Rule
from tocsin.domain.notification.plan import GROUPS, group_name
from tocsin.domain.permissions import Role
from tocsin.domain.time import WEEKDAYS, BusinessHours, format_duration, known_country

Form = dict[str, Any]

_PHONE: Final = re.compile(r"\+[0-9][0-9 ().-]{4,22}")
_BETWEEN_DIGITS: Final = re.compile(r"[ ().-]")
_URL: Final = re.compile(r"https?://[^\s\x00-\x1f]+")
# By channel: what an address looks like, and what to say of one that does not.
_EXPECTED: Final = {
    "telegram": (
        re.compile(r"[1-9]\d{0,19}"),
        "expected a chat ID: the number that the bot answers to /start",
    ),
    "teams": (_URL, "expected the https address that the workflow shows"),
    "apprise": (re.compile(r"[A-Za-z0-9]+://\S+"), "expected an address such as pover://user@token"),
    "push": (re.compile(r"(?!)"), "a browser is added on the page “How I am reached”, in that browser"),
}
_COUNTRY: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,4})?")
_SHIPPED: Final = BusinessHours()


def read_user(cursor: Cursor) -> User | None:
    fields = cursor.table()
    if fields is None:
        return None
    email = fields.need("email", reader.email, "the person's e-mail address")
    user = User(
        email=email or "",
        name=fields.get("name", reader.text) or "",
        timezone=fields.get("timezone", reader.zone_name) or "UTC",
        role=fields.get("role", reader.choice(Role)),
        contact_methods=fields.many("contact_methods", _read_method),
        notification_rules=fields.get("notification_rules", read_rules) or (),
        quiet_hours=fields.get("quiet_hours", read_hours),
    )
    fields.finish()
    return user if email else None


def user_form(user: User) -> Form:
    form: Form = {"email": user.email}
    if user.name:
        form["name"] = user.name
    form["timezone"] = user.timezone
    if user.role is not None:
        form["role"] = str(user.role)
    if user.contact_methods:
        form["contact_methods"] = [
            {"type": method.type, "address": method.address, **method.config}
            for method in user.contact_methods
        ]
    if user.notification_rules:
        form["notification_rules"] = rules_form(user.notification_rules)
    if user.quiet_hours is not None:
        form["quiet_hours"] = hours_form(user.quiet_hours)
    return form


def _read_method(cursor: Cursor) -> ContactMethod | None:
    fields = cursor.table()
    if fields is None:
        return None
    kind = fields.need("type", reader.channel, "a channel such as email, sms or webhook")
    address = fields.need("address", reader.text, "where it reaches the person")
    at = fields.at("address")
    if kind and address and at is not None:
        address = _checked_address(kind, address, at)
    # What a channel needs besides an address: a webhook's secret, a token for somebody's own ntfy.
    config = {name: value for name in ("secret", "token") if (value := fields.get(name, reader.text))}
    fields.finish()
    return ContactMethod(kind, address, config) if kind and address else None


def _checked_address(kind: str, address: str, at: Cursor) -> str | None:
    if kind == "email":
        return reader.email(at)
    if kind in {"sms", "voice", "phone", "whatsapp"}:
        if _PHONE.fullmatch(address) is None:
            at.fail(f"expected a telephone number such as +15550100, found {address[:80]!r}")
            return None
        return _BETWEEN_DIGITS.sub("", address)  # as phone companies say who replied
    if kind == "webhook" and _URL.fullmatch(address) is None:
        at.fail("expected a URL that begins with https:// or http://")
        return None
    # Some addresses are secrets: a wrong one is not repeated.
    expected = _EXPECTED.get(kind)
    if expected is not None and expected[0].fullmatch(address) is None:
        at.fail(expected[1])
        return None
    return address


def read_rules(cursor: Cursor) -> tuple[Rule, ...] | None:
    """`{high: [{after, via}, …], low: […], handoff: […], swap: […], moved: […]}`."""
    fields = cursor.table()
    if fields is None:
        return None
    rules: list[Rule] = []
    for urgency, occasion in GROUPS:
        for entry in fields.many(group_name(urgency, occasion), lambda item: item.table()):
            after = entry.get("after", reader.duration)
            via = entry.need("via", reader.channel, "the type of a contact method")
            entry.finish()
            if via is not None:
                rules.append(Rule(urgency, after or reader.NO_TIME, via, occasion))
    fields.finish()
    return tuple(rules)


def rules_form(rules: tuple[Rule, ...]) -> Form:
    form: Form = {}
    for rule in rules:
        entry = {"after": format_duration(rule.after), "via": rule.via}
        form.setdefault(group_name(rule.urgency, rule.occasion), []).append(entry)
    return form


def read_hours(cursor: Cursor) -> Hours | None:
    """`{timezone, days, start, end}`; what is not said is Monday to Friday, 09:00 to 17:00."""
    fields = cursor.table()
    if fields is None:
        return None
    days = fields.many("days", reader.weekday)
    start = fields.get("start", reader.clock_time)
    end = fields.get("end", reader.clock_time)
    hours = Hours(
        fields.get("timezone", reader.zone),
        BusinessHours(
            days=frozenset(days) or _SHIPPED.days,
            start=_SHIPPED.start if start is None else start,
            end=_SHIPPED.end if end is None else end,
        ),
    )
    fields.finish()
    return hours


def hours_form(hours: Hours) -> Form:
    form: Form = {} if hours.zone is None else {"timezone": hours.zone.key}
    given = hours.hours
    return form | {
        "days": [WEEKDAYS[day] for day in sorted(given.days)],
        "start": f"{given.start:%H:%M}",
        "end": f"{given.end:%H:%M}",
    }


def read_team(cursor: Cursor) -> Team | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", reader.name, "the team's name")
    holidays, country = _read_holidays(fields)
    team = Team(
        name=name or "",
        description=fields.get("description", reader.text) or "",
        members=tuple(dict.fromkeys(fields.many("members", reader.email))),
        admins=tuple(dict.fromkeys(fields.many("admins", reader.email))),
        lead=fields.get("lead", reader.email),
        manager=fields.get("manager", reader.email),
        business_hours=fields.get("business_hours", read_hours),
        holidays=holidays,
        country=country,
    )
    fields.finish()
    return team if name else None


def _read_holidays(fields: Fields) -> tuple[tuple[date, ...], str | None]:
    """Dates, or the code of the country whose public holidays count; a list may hold both."""
    at = fields.at("holidays")
    if at is None:
        return (), None
    days: list[date] = []
    country: str | None = None
    for item in at.items():
        word = item.node.text.strip() if isinstance(item.node, Scalar) else ""
        if _COUNTRY.fullmatch(word):
            if known_country(word):
                country = word.upper()
            else:
                item.fail(
                    f"no public holidays are known for {word!r}; expected a country code such as DE or US-CA"
                )
        else:
            found = item.parsed("a date such as 2026-12-25, or a country code such as DE", date.fromisoformat)
            if found is not None:
                days.append(found)
    return tuple(sorted(set(days))), country


def team_form(team: Team) -> Form:
    form: Form = {"name": team.name}
    if team.description:
        form["description"] = team.description
    form["members"] = list(team.members)
    if team.admins:
        form["admins"] = list(team.admins)
    for key, value in (("lead", team.lead), ("manager", team.manager)):
        if value is not None:
            form[key] = value
    if team.business_hours is not None:
        form["business_hours"] = hours_form(team.business_hours)
    holidays = [day.isoformat() for day in team.holidays]
    if team.country is not None:
        form["holidays"] = [team.country, *holidays] if holidays else team.country
    elif holidays:
        form["holidays"] = holidays
    return form
