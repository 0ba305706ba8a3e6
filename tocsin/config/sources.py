"""Which tools send to us: kind → source. Apart from `adapters`, because a rehearsal needs these and no
tables.
"""

from tocsin.adapters.alertmanager.api import PrometheusSource
from tocsin.adapters.alertmanager.source import AlertmanagerSource
from tocsin.adapters.datadog.source import DatadogSource
from tocsin.adapters.generic.source import GenericSource
from tocsin.adapters.grafana.source import GrafanaSource
from tocsin.adapters.heartbeat.source import HeartbeatSource
from tocsin.adapters.pagerduty.source import PagerDutySource
from tocsin.ports import registry


def fill() -> None:
    for source in (
        AlertmanagerSource(),
        PrometheusSource(),
        GrafanaSource(),
        GenericSource(),
        DatadogSource(),
        PagerDutySource(),
    ):
        registry.sources[source.kind] = source
