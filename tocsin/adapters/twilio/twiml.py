"""TwiML (https://www.twilio.com/docs/voice/twiml): what a call says, and which keys it takes."""

from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree as ET  # only written here, never parsed

from tocsin.ports.telephony import Choice, Script

AGAIN: Final = "4"
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


def payload(key: str, script: Script) -> dict[str, Any]:
    return {"k": key, "l": script.lines, "c": [[one.digit, one.deed, one.label] for one in script.choices]}


def script_of(found: Mapping[str, Any]) -> Script:
    return Script(tuple(found["l"]), tuple(Choice(*one) for one in found["c"]))


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
            _say(inner, menu(script))
    if keys:
        _say(response, "No key was pressed. Goodbye.")
    return _text(response)


def menu(script: Script) -> str:
    keys = ", ".join(f"{one.digit} {one.label}" for one in script.choices)
    return f"Press {keys}, or {AGAIN} to hear this again."


def _say(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, "Say", {"language": "en-US"}).text = text


def _text(response: ET.Element) -> str:
    return _HEAD + ET.tostring(response, encoding="unicode")
