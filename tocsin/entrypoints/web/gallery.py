"""Every tool that can send to us, in groups, with a line about each: what one chooses from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin.ports import registry

_OTHERS: Final = "Anything else"
_ABOUT: Final[Mapping[str, Mapping[str, str]]] = {
    "Monitoring": {
        "alertmanager": "Webhooks of Alertmanager; kube-prometheus-stack as it is shipped.",
        "prometheus": "Prometheus without an Alertmanager: its alerting: section points here.",
        "grafana": "Contact points of Grafana's own alerting, signed if you like.",
        "datadog": "Monitors, synthetics, APM and Watchdog by a webhook.",
        "newrelic": "Issues of New Relic by a webhook destination.",
        "dynatrace": "Problems of Dynatrace by a custom integration.",
        "zabbix": "Problems and recoveries by a webhook media type.",
        "elastic": "Rules of Kibana by its webhook connector.",
        "graylog": "Event notifications by HTTP.",
        "splunk": "Alerts of saved searches by the webhook action.",
        "honeycomb": "Triggers by a webhook, proven by its shared secret.",
        "netdata": "Alarms of agents and parents by a custom sender.",
        "nagios": "Problems and recoveries of Nagios by a notification command.",
        "icinga2": "Problems and recoveries of Icinga 2 by a notification command.",
        "checkmk": "Problems and recoveries of Checkmk by a notification script.",
        "librenms": "Alerts and recoveries by the API transport.",
        "prtg": "Sensors that go down and come up, by an HTTP action.",
        "solarwinds": "Alerts of the SolarWinds Platform, and their reset, by a POST.",
    },
    "Clouds": {
        "cloudwatch": "Alarms through SNS, their signature checked and the subscription confirmed.",
        "google-cloud": "Alerting policies of Google Cloud by a webhook channel.",
        "azure-monitor": "Action groups with the common alert schema.",
    },
    "Errors and uptime": {
        "sentry": "Issues and metric alerts of Sentry, signed if you like.",
        "uptime-kuma": "Monitors that go down and come up.",
        "uptimerobot": "Monitors that go down and come up.",
        "pingdom": "Checks that go down and come up.",
        "statuscake": "Tests that go down and come up.",
        "heartbeat": "Jobs that must be heard of: by period or cron, with grace and exit code.",
        "better-stack": "Incidents of Better Stack Uptime.",
        "checkly": "Checks that fail, degrade and recover.",
        "cronitor": "Jobs, heartbeats and checks of Cronitor that fail and recover.",
        "healthchecks": "Checks of Healthchecks.io, or your own Healthchecks, that go down and come up.",
        "oh-dear": "Checks that fail and recover, signed if you like.",
        "site24x7": "Monitors that go down and come up.",
        "uptime-com": "Checks that go down and come up.",
        "rollbar": "Items that are new, come back or are resolved, and deploys.",
        "bugsnag": "Errors that are new, reopened or fixed, spikes, and releases.",
        "appsignal": "Anomaly alerts, exceptions, slow actions, and deploy markers.",
    },
    "Coming from another pager": {
        "pagerduty": "Whatever speaks PagerDuty's Events API v2: change the address only.",
        "opsgenie": "Whatever speaks Opsgenie's Alert API: change the address only.",
    },
    "Deployments and changes": {
        "github": "Deployments, releases and failed workflows.",
        "gitlab": "Deployments, releases and failed pipelines.",
        "argocd": "Syncs and health of applications by Argo CD's notifications.",
        "jenkins": "Builds: failed ones, or every one as a change.",
    },
    _OTHERS: {
        "email": "Any tool that can only send mail; rules say what triggers and what resolves.",
        "generic": "Your own scripts, in our own small form.",
        "json": "Any JSON: expressions say where each field stands, tried live.",
        "cloudevents": "Events in the CNCF's CloudEvents form.",
    },
}


@dataclass(frozen=True)
class Card:
    kind: str
    title: str
    about: str


def title_of(kind: str) -> str:
    source = registry.sources.get(kind)
    return source.title if source else kind


def groups(search: str = "") -> Sequence[tuple[str, Sequence[Card]]]:
    """Those in which every word of the search is found, in groups that are not empty."""
    words = search.casefold().split()
    placed = {kind for kinds in _ABOUT.values() for kind in kinds}
    found = []
    for group, kinds in _ABOUT.items():
        rest = sorted(registry.sources.keys() - placed) if group == _OTHERS else []
        cards = [Card(kind, title_of(kind), kinds.get(kind, "")) for kind in (*kinds, *rest)]
        shown = [
            card
            for card in cards
            if card.kind in registry.sources
            and all(word in f"{group} {card.kind} {card.title} {card.about}".casefold() for word in words)
        ]
        if shown:
            found.append((group, shown))
    return found
