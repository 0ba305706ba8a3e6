"""TwiML (https://www.twilio.com/docs/voice/twiml): what a call says, and which keys it takes."""

from typing import Final
from xml.etree import ElementTree as ET  # only written here, never parsed

from tocsin.ports.telephony import Script

_LONGEST: Final = 4000  # of the Twiml parameter
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'


def document(script: Script, keys: str, first: str = "") -> str:
    """The script twice over; a key ends it at any time. `keys`: where they go, "" for none."""
    whole = _document(script, keys, first, times=2)
    return whole if len(whole) <= _LONGEST else _document(script, keys, first, times=1)


def said(text: str) -> str:
    """Says so, and ends the call."""
    response = ET.Element("Response")
    if text:
        _say(response, text)
    ET.SubElement(response, "Hangup")
    return _text(response)


def message(text: str) -> str:
    """An SMS in answer; "" answers nothing."""
    response = ET.Element("Response")
    if text:
        ET.SubElement(response, "Message").text = text
    return _text(response)


def _document(script: Script, keys: str, first: str, times: int) -> str:
    response = ET.Element("Response")
    inner = response
    if keys:
        options = {"input": "dtmf", "numDigits": "1", "timeout": "8", "finishOnKey": "", "action": keys}
        inner = ET.SubElement(response, "Gather", options)
    if first:
        _say(inner, first)
    for number in range(times):
        if number:
            ET.SubElement(inner, "Pause", {"length": "2"})
        _say(inner, " ".join(script.lines))
        if keys:
            _say(inner, script.menu)
    if keys:
        _say(response, "No key was pressed. Goodbye.")
    return _text(response)


def _say(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, "Say", {"language": "en-US"}).text = text


def _text(response: ET.Element) -> str:
    return _HEAD + ET.tostring(response, encoding="unicode")
