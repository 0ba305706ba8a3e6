"""A service's form: what it shows, and the configuration form that it means. It is read by the files' own
reader, so a page accepts what a file may say and nothing else.
"""

from typing import Any, Final

from django.http import QueryDict

from tocsin.apps.catalog.types import ServiceInfo, ServiceSpec
from tocsin.apps.configuration.carrying import service_spec
from tocsin.domain.configuration.catalog import read_service
from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.time import WEEKDAYS, format_duration

Values = dict[str, Any]

_PLAIN: Final = (
    "name",
    "team",
    "escalation_policy",
    "severity",
    "urgency",
    "outside",
    "ack_timeout",
    "reopen_window",
    "tier",
    "description",
)
_HOURS: Final = ("hours_timezone", "hours_start", "hours_end")
_LINKS: Final = ("runbook", "dashboard", "repository")
_SPARE: Final = 2
_MOST_LINKS: Final = 50


def new_service() -> Values:
    return {
        "urgency": "by_severity",
        "reopen_window": "5m",
        "hours_days": list(WEEKDAYS[:5]),
        "hours_start": "09:00",
        "hours_end": "17:00",
        "depends_on": [],
        "links": _link_rows({}),
    }


def service_values(info: ServiceInfo) -> Values:
    values = new_service()
    for key in ("name", "team", "escalation_policy", "severity", "urgency", "outside", "description"):
        values[key] = str(getattr(info, key) or "")
    timeout = info.ack_timeout
    values["ack_timeout"] = "" if timeout is None else format_duration(timeout) if timeout else "off"
    values["reopen_window"] = format_duration(info.reopen_window)
    values["tier"] = "" if info.tier is None else str(info.tier)
    values["raise_at_opening"] = info.raise_at_opening
    if info.support_hours is not None:
        values["hours"] = True
        for key, value in info.support_hours.items():
            values[f"hours_{key}"] = list(value) if key == "days" else str(value)
    return values | {"depends_on": list(info.depends_on), "links": _link_rows(dict(info.links))}


def posted_service(data: QueryDict) -> Values:
    values: Values = {key: data.get(key, "").strip() for key in (*_PLAIN, *_HOURS, "version")}
    values["hours"] = data.get("hours") == "yes"
    values["hours_days"] = data.getlist("hours_days")
    values["raise_at_opening"] = data.get("raise_at_opening") == "yes"
    values["depends_on"] = [name for name in data.getlist("depends_on") if name]
    pairs = zip(data.getlist("link_name"), data.getlist("link_url"), strict=False)
    rows = [{"name": name.strip(), "url": url.strip()} for name, url in pairs][:_MOST_LINKS]
    return values | {"links": rows}


def _link_rows(links: dict[str, str]) -> list[dict[str, str]]:
    """The three that help most at night first, then the others, then room for more."""
    names = [*_LINKS, *(name for name in links if name not in _LINKS), *[""] * _SPARE]
    return [{"name": name, "url": links.get(name, "")} for name in names]


def service_of(values: Values) -> ServiceSpec:
    """Raises Invalid with all that is wrong, each under the name of its field."""
    errors: list[FieldError] = []
    if not values["name"]:
        errors.append(FieldError("name", "Please fill this in."))
    form: Values = {key: values[key] for key in _PLAIN if values[key]}
    if values["hours"]:
        form["support_hours"] = _hours(values, errors)
    if values["raise_at_opening"]:
        form["raise_at_opening"] = "true"
    form["depends_on"] = values["depends_on"]
    form["links"] = {row["name"]: row["url"] for row in values["links"] if row["name"] and row["url"]}
    if any(row["url"] and not row["name"] for row in values["links"]):
        errors.append(FieldError("links", "Please say what the link leads to."))
    report = Report()
    service = read_service(Cursor(from_plain(form, "form"), "", report))
    said = {error.field for error in errors}
    for problem in report.errors:
        field = problem.path.lstrip(".").partition(".")[0].partition("[")[0]
        if field not in said and (field or not errors):
            errors.append(FieldError(field or "form", problem.message[:1].upper() + problem.message[1:]))
    if errors or service is None:
        raise Invalid(*errors)
    return service_spec(service)


def _hours(values: Values, errors: list[FieldError]) -> Values:
    if not values["hours_days"]:
        errors.append(FieldError("support_hours", "Please choose at least one day."))
    hours = {key: values[f"hours_{key}"] for key in ("timezone", "start", "end") if values[f"hours_{key}"]}
    return {"days": values["hours_days"], **hours}
