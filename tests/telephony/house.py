"""The small company of the incidents' tests, with phones: mate is called first, then the owner."""

from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from tests.incidents.conftest import Company
from tocsin.adapters.plivo import hook as plivo_hook
from tocsin.adapters.twilio import hook as twilio_hook
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import answers
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import ContactMethod, Notification, NotificationRule
from tocsin.lib import clock
from tocsin.ports.callback import Answer, Deed

MATE, OWNER, MANAGER = "+15550100100", "+15550100101", "+15550100102"
NUMBERS = {"mate": MATE, "owner": OWNER, "manager": MANAGER}
TWILIO_TOKEN, PLIVO_TOKEN = "a-token-of-the-stand-in", "another-token-of-the-stand-in"


@dataclass
class House:
    company: Company
    web: Client = field(default_factory=Client)

    def phones(self, *vias: str) -> None:
        """Everybody has these, and is told of everything over them at once."""
        for name, number in NUMBERS.items():
            user = User.objects.get(email=f"{name}@example.com")
            for position, via in enumerate(vias, 1):
                ContactMethod.objects.create(
                    user=user, type=via, address=number, position=position, verified_at=self.company.now
                )
                for urgency in ("high", "low"):
                    NotificationRule.objects.create(user=user, urgency=urgency, after_s=0, via=via)

    def fire(self, key: str = "k1", severity: str = "SEV2") -> IncidentDetail:
        """An incident, and everything that it makes leave at once."""
        made = self.company.trigger(key, severity)
        self.work()
        return self.company.show(made.ref)

    def work(self) -> None:
        escalation.advance_due(now=clock.now())
        for job in delivery.claim("w1", clock.now(), 100):
            delivery.deliver_one(job, "w1")

    def says(self, text: str, number: str = MATE, via: str = "sms", name: str = "") -> str:
        return answers.take(Answer(via, number, Deed.WORDS, text=text, id=name), clock.now())

    def presses(self, deed: Deed, message: Notification, number: str = MATE, name: str = "") -> str:
        return answers.take(Answer("voice", number, deed, key=message.key, id=name), clock.now())

    def told(self, number: str = MATE, via: str = "sms") -> Notification:
        """The latest message to this number."""
        return Notification.objects.filter(address=number, via=via).latest("pk")

    def show(self, ref: str) -> IncidentDetail:
        return self.company.show(ref)

    # ---- as a vendor ----

    def twilio(self, path: str, token: str = TWILIO_TOKEN, **form: Any) -> Any:
        fields = list(form.items())
        url = f"http://testserver/callbacks/twilio/{path}"
        signature = twilio_hook.signature(token, url, fields)
        return self.post(f"/callbacks/twilio/{path}", form, {"X-Twilio-Signature": signature})

    def plivo(self, path: str, token: str = PLIVO_TOKEN, **form: Any) -> Any:
        url = f"http://testserver/callbacks/plivo/{path}"
        signature = plivo_hook.signature_v3(token, "POST", url, list(form.items()), "nonce")
        headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": "nonce"}
        return self.post(f"/callbacks/plivo/{path}", form, headers)

    def post(self, path: str, form: dict[str, Any], headers: dict[str, str]) -> Any:
        return self.web.post(path, form, headers=headers)
