"""Which tools send to us: kind → source. Apart from `adapters`, because a rehearsal needs these and no
tables.
"""

from tocsin.adapters.alertmanager.api import PrometheusSource
from tocsin.adapters.alertmanager.source import AlertmanagerSource
from tocsin.adapters.cloudwatch.source import CloudWatchSource
from tocsin.adapters.datadog.source import DatadogSource
from tocsin.adapters.email_in.source import EmailSource
from tocsin.adapters.generic.source import GenericSource
from tocsin.adapters.grafana.source import GrafanaSource
from tocsin.adapters.heartbeat.source import HeartbeatSource
from tocsin.adapters.mapper import source as mapper
from tocsin.adapters.opsgenie.source import OpsgenieSource
from tocsin.adapters.pagerduty.source import PagerDutySource
from tocsin.adapters.sentry.source import SentrySource
from tocsin.ports import registry
from tocsin.ports.source import Source


def fill() -> None:
    known: tuple[Source, ...] = (
        AlertmanagerSource(),
        PrometheusSource(),
        GrafanaSource(),
        GenericSource(),
        DatadogSource(),
        CloudWatchSource(),
        SentrySource(),
        EmailSource(),
        PagerDutySource(),
        *mapper.sources(),
        OpsgenieSource(),
        HeartbeatSource(),
    )
    for source in known:
        registry.sources[source.kind] = source
