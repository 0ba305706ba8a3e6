"""Which vendors there are: kind → adapter."""

from tocsin.adapters.canary.channel import CanaryChannel
from tocsin.adapters.console.channel import ConsoleChannel
from tocsin.adapters.email import render
from tocsin.adapters.email.channel import EmailChannel, Server
from tocsin.adapters.webhook.channel import WebhookChannel
from tocsin.apps.incidents import canary, links
from tocsin.apps.notify import delivery
from tocsin.apps.notify import queries as notify
from tocsin.apps.oncall import readiness
from tocsin.config import messengers, sources, telephones
from tocsin.config.options import Options, load
from tocsin.lib import clock, http
from tocsin.ports import registry
from tocsin.ports.channel import Channel, Message


def fill() -> None:
    sources.fill()
    for channel in (_email(load()), WebhookChannel(http.client())):
        registry.channels[channel.type] = channel
    telephones.fill(load())
    messengers.fill(load())
    registry.twins["canary"] = CanaryChannel(lambda name: canary.arrived(name, clock.now()))
    registry.links.make = links.url
    registry.links.all = links.url_of_all
    registry.links.unfollow = links.url_of_following
    registry.links.ready = readiness.url
    registry.reach.deliverable = notify.deliverable


def _email(options: Options) -> Channel:
    smtp = options.smtp
    if smtp is None:
        return ConsoleChannel(delivery.keep_local_mail, _words)
    server = Server(smtp.host, smtp.port, smtp.user, smtp.password, smtp.tls, options.ca_bundle)
    return EmailChannel(server, options.mail_from, options.public_host)


def _words(message: Message) -> tuple[str, str, str]:
    return render.subject_line(message), render.text(message), render.html(message)
