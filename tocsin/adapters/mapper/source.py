"""Any JSON: by the integration's own mapper (`json`), or by one that is shipped for a tool (a preset)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from tocsin.adapters.mapper.presets import Preset, presets
from tocsin.adapters.mapper.proof import Proof
from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.mapping import mapping
from tocsin.domain.mapping.model import Definition, definition_of
from tocsin.domain.signal import EventAction, Signal
from tocsin.ports.source import Ask, Asked, ConfigField, Envelope, Snippet

_MARK: Final = "tocsin_event"
_MOST_FIELDS: Final = 1000
_NOTE: Final = "mapper"  # the annotation that says what a mapper could not do
_any: Final = msgspec.json.Decoder()

PLAIN: Final[dict[str, Any]] = {
    "action": ["payload.action", "payload.status", "payload.state"],
    "dedup_key": ["payload.dedup_key", "payload.id", "payload.alert_id", "payload.name"],
    "summary": ["payload.summary", "payload.title", "payload.message", "payload.name"],
    "severity": ["payload.severity", "payload.priority", "payload.level"],
    "source": ["payload.source", "payload.host"],
    "labels": {"*": ["payload.labels", "payload.tags"]},
    "links": [{"href": "payload.url", "text": "Source"}],
    "tables": {
        "action": {
            **dict.fromkeys(("resolve", "resolved", "ok", "up", "closed", "recovered", "healthy"), "resolve"),
            **dict.fromkeys(("acknowledge", "acknowledged"), "acknowledge"),
            "*": "trigger",
        }
    },
}


_PROOF: Final = Proof("secret", "x-tocsin-secret")  # where the tool has no way of its own


class MapperSource:
    """One of a kind; `configured` gives it an integration's own mapper, options or secret."""

    def __init__(
        self,
        kind: str,
        title: str,
        definition: Definition,
        snippets: Sequence[Snippet],
        *,
        preset: Preset | None = None,
        options: Mapping[str, Any] | None = None,
        proof: Proof | None = None,
        secret: str = "",
    ) -> None:
        self.kind, self.title, self.definition, self.snippets = kind, title, definition, snippets
        self.preset = preset
        self._options = options or {}
        self._proof, self._secret = proof, secret

    def configured(self, config: Mapping[str, Any]) -> "MapperSource":
        """Of `config`: `mapper`, a definition in place of the preset's; `options` of it; `secret`, which the
        tool must prove to know.
        """
        definition = self.definition
        if config.get("mapper") is not None:
            try:
                definition = definition_of(config["mapper"])
            except Invalid as error:
                raise Invalid(*(FieldError(f"mapper.{e.field}", e.message) for e in error.errors)) from None
        options = config.get("options") or {}
        if not isinstance(options, Mapping):
            raise Invalid(FieldError("options", "expected names with values"))
        for name in options:
            if name not in definition.options:
                known = ", ".join(definition.options) or "none"
                raise Invalid(FieldError(f"options.{name}"[:200], f"is no option here; there are: {known}"))
        secret = config.get("secret") or ""
        if not isinstance(secret, str):
            raise Invalid(FieldError("secret", "expected a text"))
        return MapperSource(
            self.kind,
            self.title,
            definition,
            self.snippets,
            preset=self.preset,
            options=options,
            proof=self._proof or _PROOF,
            secret=secret,
        )

    @property
    def fields(self) -> Sequence[ConfigField]:
        proof = self._proof or _PROOF
        said = "it signs with it" if proof.by == "signature" else "it sends it along"
        return (
            ConfigField(
                "secret",
                "Secret",
                f"What the tool must know: {said}, in the header {proof.header}. Empty: the address will do.",
                Ask.SECRET,
            ),
            *(
                ConfigField(f"options.{name}", name.replace("_", " ").capitalize(), "", default=default)
                for name, default in self.definition.options.items()
            ),
        )

    def check(self, asked: Asked) -> None:
        if self._secret and self._proof is not None:
            self._proof.check(asked, self._secret)

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        return self._envelopes(body, {})

    def events_of(self, asked: Asked) -> Sequence[Envelope]:
        return self._envelopes(asked.body, asked.headers)

    def _envelopes(self, body: bytes, headers: Mapping[str, str]) -> Sequence[Envelope]:
        message = _form(body) if self.definition.form else shape.read(body, _any)
        kept = {name: headers[name][:1024] for name in self.definition.headers if headers.get(name)}
        found = mapping.events_of(self.definition, message)
        envelopes = []
        for number, (event, beside) in enumerate(found):
            scene = mapping.scene_of(self.definition, event, beside, kept, self._options)
            try:
                said = mapping.said(self.definition, scene)
            except Invalid as error:
                if len(found) == 1:
                    raise
                raise Invalid(
                    *(FieldError(f"[{number}].{e.field}", e.message) for e in error.errors)
                ) from None
            if said.action == mapping.IGNORE:
                continue
            stored = body
            if beside is not None or kept or self.definition.form:
                stored = msgspec.json.encode({_MARK: event, "payload": beside, "headers": kept})
            envelopes.append(Envelope(EventAction(said.action), said.dedup_key, stored, said.severity or ""))
        return envelopes

    def mapped(self, payload: bytes) -> mapping.Mapped:
        """The event with what could not be worked out. Raises Invalid."""
        stored = shape.read(payload, _any)
        event, beside, headers = stored, None, {}
        if isinstance(stored, dict) and stored.keys() == {_MARK, "payload", "headers"}:
            event, beside = stored[_MARK], stored["payload"]
            given = stored["headers"] if isinstance(stored["headers"], dict) else {}
            headers = {name: text for name, text in given.items() if isinstance(text, str)}
        scene = mapping.scene_of(self.definition, event, beside, headers, self._options)
        return mapping.signal_of(self.definition, scene)

    def parse(self, payload: bytes) -> Signal:
        mapped = self.mapped(payload)
        if mapped.problems:
            said = "; ".join(f"{each.field}: {each.text}" for each in mapped.problems)
            notes = {**mapped.signal.annotations, _NOTE: shape.clean(said, 1000)}
            return replace(mapped.signal, annotations=notes)
        return mapped.signal

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        if self.preset is not None:
            return _keyed(self.preset, dedup_key, resolve=resolve)
        return msgspec.json.encode(
            {
                "status": "resolved" if resolve else "firing",
                "id": dedup_key,
                "title": "Test event from Tocsin: everything works",
                "severity": "warning",
                "labels": {"test": "true"},
            }
        )


def _form(body: bytes) -> dict[str, str]:
    """What a web form sends."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except UnicodeDecodeError as error:
        raise Invalid(FieldError("body", f"is not UTF-8 text (byte {error.start})")) from None
    except ValueError:
        raise Invalid(FieldError("body", f"has more than {_MOST_FIELDS} fields")) from None


def _keyed(preset: Preset, dedup_key: str, *, resolve: bool) -> bytes:
    """The preset's sample with another key."""
    raw = preset.sample(resolve=resolve)
    if preset.definition.form:
        fields = {**_form(raw), preset.key_at: dedup_key}
        return urlencode(fields).encode()
    message = json.loads(raw)
    *path, last = preset.key_at.split(".")
    inner = message
    for step in path:
        inner = inner[step]
    inner[last] = dedup_key
    return msgspec.json.encode(message)


def sources() -> list[MapperSource]:
    """`json` and a kind for every preset."""
    own = MapperSource(
        "json",
        "Any JSON, by your own mapper",
        definition_of(PLAIN),
        (
            Snippet(
                "curl",
                "shell",
                "curl -X POST {url} -H 'Content-Type: application/json' -d '{\n"
                '  "status": "firing", "id": "disk-full-db1", "title": "Disk full on db1"\n'
                "}'",
            ),
        ),
    )
    return [own, *(_source_of(preset) for preset in presets().values())]


def _source_of(preset: Preset) -> MapperSource:
    return MapperSource(
        preset.name, preset.title, preset.definition, preset.snippets, preset=preset, proof=preset.proof
    )
