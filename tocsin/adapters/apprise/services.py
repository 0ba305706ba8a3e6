"""Which of Apprise's services may be used: `services.txt`, those that only call somebody over HTTP by
`requests`.

Not among them: what acts on this machine (D-Bus, syslog, files, lights), what speaks other protocols past our
guard (IRC, XMPP, MQTT, SMPP, mail), what reads keys from local files (FCM, VAPID), plain HTTP (our webhook is
signed), and what Tocsin does itself, better: e-mail, Slack, Mattermost, Teams, Telegram, ntfy, Twilio, Plivo.
"""

from pathlib import Path
from typing import Final

SCHEMAS: Final = frozenset((Path(__file__).parent / "services.txt").read_text(encoding="utf-8").split())

# Instead of a service that is not offered.
INSTEAD: Final = {
    "mailto": "email",
    "mailtos": "email",
    "slack": "slack",
    "mmost": "mattermost",
    "mmosts": "mattermost",
    "workflow": "teams",
    "workflows": "teams",
    "tgram": "telegram",
    "ntfy": "ntfy",
    "ntfys": "ntfy",
    "json": "webhook",
    "jsons": "webhook",
    "xml": "webhook",
    "xmls": "webhook",
    "form": "webhook",
    "forms": "webhook",
    "vapid": "push",
    "twilio": "sms",
    "plivo": "sms",
}
