"""Where one can go: navigation, the phone's bar, the palette and the `g` keys are drawn from this list."""

from dataclasses import dataclass

from django.urls import reverse


@dataclass(frozen=True)
class Place:
    title: str
    url_name: str
    icon: str
    key: str  # after `g`
    group: str = ""
    phone: bool = False

    @property
    def url(self) -> str:
        return reverse(self.url_name)


PLACES = (
    Place("Incidents", "incidents", "siren", "i", phone=True),
    Place("Alerts", "alerts", "radar", "l"),
    Place("Silences", "silences", "bell-off", "x"),
    Place("Changes", "changes", "history", "c"),
    Place("On call", "oncall", "phone-call", "o", phone=True),
    Place("Wall", "wall", "monitor", "w"),
    Place("My on-call", "my_oncall", "calendar-check", "m", phone=True),
    Place("Services", "services", "layers", "s", phone=True),
    Place("Teams", "teams", "users-round", "t", "Who"),
    Place("People", "people", "circle-user", "p", "Who"),
    Place("Schedules", "schedules", "calendar-days", "d", "Who"),
    Place("Pay", "pay", "banknote", "y", "Who"),
    Place("Escalation policies", "policies", "ladder", "e", "Who"),
    Place("Integrations", "integrations", "plug", "n", "Set up"),
    Place("Heartbeats", "heartbeats", "heart-pulse", "h", "Set up"),
    Place("Routing", "routing", "git-branch", "r", "Set up"),
    Place("Delivery", "delivery", "send", "b", "Set up"),
    Place("Audit", "audit", "scroll-text", "a", "Set up"),
    Place("Settings", "settings", "settings", ",", "Set up"),
)


def section_of(path: str) -> str:
    """The url_name of the place that `path` lies in."""
    matches = [place for place in PLACES if path == place.url or path.startswith(place.url.rstrip("/") + "/")]
    return max(matches, key=lambda place: len(place.url)).url_name if matches else ""
