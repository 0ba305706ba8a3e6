"""Plivo XML (https://docs.plivo.com/docs/voice/xml): what a call says, and which keys it takes."""

from typing import Final
from xml.etree import ElementTree as ET  # only written here, never parsed

from tocsin.ports.telephony import Script

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'


def document(script: Script, keys: str, first: str = "") -> str:
    """The script twice over; a key ends it at any time. `keys`: where they go, "" for none."""
    response = ET.Element("Response")
    inner = response
    if keys and script.choices:
        options = {
            "inputType": "dtmf",
            "numDigits": "1",
            "executionTimeout": "8",  # after the words have ended
            "action": keys,
            "method": "POST",
        }
        inner = ET.SubElement(response, "GetInput", options)
    words = " ".join((*script.lines, script.menu)).strip()
    # Once more in the same breath: nothing but words and pauses fits into a question.
    for said in (first, words, words):
        if said:
            _speak(inner, said)
    if inner is not response:
        _speak(response, "No key was pressed. Goodbye.")
    return _text(response)


def said(text: str) -> str:
    """Says so, and ends the call."""
    response = ET.Element("Response")
    if text:
        _speak(response, text)
    ET.SubElement(response, "Hangup")
    return _text(response)


def message(to: str, from_: str, text: str) -> str:
    """An SMS in answer; "" answers nothing."""
    response = ET.Element("Response")
    if text:
        ET.SubElement(response, "Message", {"src": from_, "dst": to}).text = text
    return _text(response)


def _speak(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, "Speak", {"language": "en-US"}).text = text


def _text(response: ET.Element) -> str:
    return _HEAD + ET.tostring(response, encoding="unicode")
