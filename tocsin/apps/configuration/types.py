from dataclasses import dataclass

from tocsin.domain.configuration.plan import Change


@dataclass(frozen=True)
class Outcome:
    """What applying did, or would do. `warnings` are lints and what could not be removed."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.changes
