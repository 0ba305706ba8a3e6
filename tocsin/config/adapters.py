"""Which vendors there are: kind → adapter."""

from tocsin.adapters.alertmanager.source import AlertmanagerSource
from tocsin.adapters.generic.source import GenericSource
from tocsin.adapters.pagerduty.source import PagerDutySource
from tocsin.ports import registry


def fill() -> None:
    for source in (AlertmanagerSource(), GenericSource(), PagerDutySource()):
        registry.sources[source.kind] = source
