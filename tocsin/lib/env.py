"""Settings from the environment through typed helpers.

Every helper also takes `NAME_FILE`, the path of a file that holds the value (a secret that is mounted).
A wrong value is collected as a `Problem` instead of raised, so that one start names all of them.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off", ""}
_DURATION = re.compile(r"(\d+)\s*(ms|s|m|h|d)?")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MAX_PORT = 65535

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Problem:
    id: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.id} {self.message} Hint: {self.hint}"


class WrongSettingsError(Exception):
    """Raised with every problem found; nothing starts on settings that are wrong."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Env:
    """Reads typed values; `problems` holds what was wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Problem] = []

    def problem(self, code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(code, message, hint))

    def text(self, name: str, default: str = "", *, min_length: int = 0) -> str:
        value = self._raw(name)
        if value is None or value == "":
            return default
        if "\x00" in value or "\n" in value:
            self.problem("S002", f"{name} holds a line break or NUL.", "Give one line of text.")
            return default
        if len(value) < min_length:
            self.problem(
                "S007",
                f"{name} has {len(value)} characters; it needs at least {min_length}.",
                "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
            )
        return value

    def integer(self, name: str, default: int, *, low: int = 0, high: int = 2**31) -> int:
        value = self._raw(name)
        if not value:
            return default
        if not re.fullmatch(r"-?\d{1,12}", value) or not low <= int(value) <= high:
            self.problem("S003", f"{name} is {value!r}.", f"Give a whole number from {low} to {high}.")
            return default
        return int(value)

    def boolean(self, name: str, *, default: bool = False) -> bool:
        value = self._raw(name)
        if value is None:
            return default
        if value.lower() not in _YES | _NO:
            self.problem("S004", f"{name} is {value!r}.", "Give true or false.")
            return default
        return value.lower() in _YES

    def seconds(self, name: str, default: float) -> float:
        value = self._raw(name)
        if not value:
            return default
        match = _DURATION.fullmatch(value)
        if match is None:
            self.problem("S003", f"{name} is {value!r}.", "Give a duration such as 500ms, 10s, 5m or 2h.")
            return default
        return int(match[1]) * _UNIT_SECONDS[match[2] or "s"]

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self._raw(name)
        if not value:
            return default
        if value.lower() not in allowed:
            self.problem("S004", f"{name} is {value!r}.", f"Give one of: {', '.join(allowed)}.")
            return default
        return value.lower()

    def url(self, name: str, default: str = "", *, schemes: tuple[str, ...] = ("http", "https")) -> str:
        """The URL without a trailing slash."""
        value = self._raw(name)
        if not value:
            return default
        hint = f"Give a full URL such as {schemes[-1]}://host:1234."
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            # The value itself stays unsaid: URLs of this kind may carry passwords.
            self.problem("S005", f"{name} is not a URL.", hint)
            return default
        if parts.scheme not in schemes:
            self.problem(
                "S005", f"{name} does not start with {' or '.join(s + '://' for s in schemes)}.", hint
            )
            return default
        if not parts.hostname and not parts.scheme.startswith("postgres"):
            self.problem("S005", f"{name} names no host.", hint)
            return default
        return value.rstrip("/")

    def path(self, name: str, default: str) -> Path:
        return Path(self._raw(name) or default).expanduser().absolute()

    def existing_file(self, name: str) -> Path | None:
        value = self._raw(name)
        if not value:
            return None
        path = Path(value).expanduser()
        if not path.is_file():
            self.problem("S002", f"{name}: there is no file {value}.", "Give the path of a readable file.")
            return None
        return path

    def bind(self, name: str, default: str) -> tuple[str, int]:
        value = self._raw(name) or default
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > _MAX_PORT:
            self.problem(
                "S006", f"{name} is {value!r}.", "Give address:port such as 127.0.0.1:8080 or [::]:8080."
            )
            host, _, port = default.rpartition(":")
        return host.strip("[]"), int(port)

    def networks(self, name: str) -> tuple[Network, ...]:
        found: list[Network] = []
        for word in re.split(r"[,\s]+", self._raw(name) or ""):
            if not word:
                continue
            try:
                found.append(ipaddress.ip_network(word, strict=False))
            except ValueError:
                self.problem(
                    "S009", f"{name} holds {word!r}.", "Give addresses or networks: 10.0.0.1, 10.0.0.0/8."
                )
        return tuple(found)

    def together(self, group: str, names: dict[str, str]) -> None:
        """All of `names` (name → value) or none of them must be set."""
        missing = [name for name, value in names.items() if not value]
        if missing and len(missing) < len(names):
            self.problem(
                "S010", f"{group} is half set up: {', '.join(missing)} is missing.", "Set all of it or none."
            )

    def _raw(self, name: str) -> str | None:
        plain, file = self._environ.get(name), self._environ.get(f"{name}_FILE")
        if not file:
            return plain.strip() if plain is not None else None
        if plain:
            self.problem("S001", f"{name} and {name}_FILE are both set.", "Keep one of them.")
            return plain.strip()
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            self.problem("S002", f"{name}_FILE: cannot read {file} ({reason}).", "Give a readable file.")
            return None
