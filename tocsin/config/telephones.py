"""Phone companies, as they are set up."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from tocsin.adapters.phone.channel import SmsChannel, VoiceChannel
from tocsin.adapters.plivo.carrier import PlivoCarrier
from tocsin.adapters.plivo.hook import PlivoHook
from tocsin.adapters.twilio.carrier import TwilioCarrier
from tocsin.adapters.twilio.hook import TwilioHook
from tocsin.config.options import Options
from tocsin.lib import http
from tocsin.ports import registry
from tocsin.ports.telephony import Account, Carrier

_LOCAL: Final = ("localhost", "testserver")


def fill(options: Options) -> None:
    phones = options.phones
    carriers: dict[str, Carrier] = {}
    if phones.twilio.user:
        carriers["twilio"] = TwilioCarrier(_client(), phones.twilio, back(options, phones.twilio))
        registry.hooks["twilio"] = TwilioHook(phones.twilio.token)
    if phones.plivo.user:
        carriers["plivo"] = PlivoCarrier(_client(), phones.plivo, back(options, phones.plivo))
        registry.hooks["plivo"] = PlivoHook(phones.plivo.token)
    there = [carriers[vendor] for vendor in phones.order if vendor in carriers]
    for channel in (SmsChannel(there), VoiceChannel(there)):
        registry.channels[channel.type] = channel


def back(options: Options, account: Account) -> str:
    """Where a phone company reaches us; "" where it cannot, as our address is of this machine only."""
    theirs = urlsplit(account.api_url).hostname or ""
    return "" if _local(options.public_host) and not _local(theirs) else options.public_url


def _local(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return host in _LOCAL


def _client() -> http.Client:
    return http.client(trusted=True)
