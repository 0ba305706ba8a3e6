"""Reads the presets that are shipped: a file each, with what its tool was seen to send beside it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tocsin.adapters.mapper.proof import Proof
from tocsin.domain.mapping.model import Definition, definition_of
from tocsin.ports.source import Snippet

FOLDER: Final = Path(__file__).parent / "presets"
FIXTURES: Final = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Preset:
    """`key_at` is the path in a sample where a test event's own key goes; `checked` says how its fields are
    known. `resolves`: the tool says when it is over.
    """

    name: str
    title: str
    docs: str
    checked: str
    mapper: dict[str, Any]
    definition: Definition
    snippets: tuple[Snippet, ...]
    key_at: str
    trigger: str
    resolve: str
    proof: Proof | None = None

    def sample(self, *, resolve: bool) -> bytes:
        return (
            FIXTURES / self.name / (self.resolve if resolve and self.resolve else self.trigger)
        ).read_bytes()


@cache
def presets() -> dict[str, Preset]:
    return {path.stem: _preset(path) for path in sorted(FOLDER.glob("*.yaml"))}


def _preset(path: Path) -> Preset:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    proof = raw.get("proof")
    sample = raw["sample"]
    return Preset(
        name=path.stem,
        title=raw["title"],
        docs=raw["docs"],
        checked=raw["checked"],
        mapper=raw["mapper"],
        definition=definition_of(raw["mapper"]),
        snippets=tuple(Snippet(each["title"], each["language"], each["text"]) for each in raw["snippets"]),
        key_at=sample["key_at"],
        trigger=sample["trigger"],
        resolve=sample.get("resolve", ""),
        proof=Proof(**proof) if proof else None,
    )
