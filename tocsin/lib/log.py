"""Structured logs: one JSON object a line, or short coloured lines on a terminal."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31;1m"}
_RESET = "\x1b[0m"
# Of lib.signing; of a Telegram bot, whose addresses hold it.
_TOKEN = re.compile(r"[\w-]{20,}\.[\w-]{20,}|bot\d+:[\w-]+")


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller passed as `extra`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        extra = "".join(f" {key}={value}" for key, value in fields(record).items())
        # A message from outside must not forge a second log line.
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        text = f"{at} {record.levelname:<7} {record.name}: {message}{extra}"
        if self._colour and record.levelname in _COLOURS:
            text = f"{_COLOURS[record.levelname]}{text}{_RESET}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class _NoTokens(logging.Filter):
    """Django says the path of every request that it refuses; in ours, that may be somebody's key."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _TOKEN.sub("…", record.getMessage()), ()
        vars(record).pop("request", None)
        return True


_NO_TOKENS = _NoTokens()


class Logger:
    """Says an event and its fields: `logger.warning("page late", due_at=…)`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, message: str, **values: object) -> None:
        self._logger.debug(message, extra=_safe(values))

    def info(self, message: str, **values: object) -> None:
        self._logger.info(message, extra=_safe(values))

    def warning(self, message: str, **values: object) -> None:
        self._logger.warning(message, extra=_safe(values))

    def error(self, message: str, **values: object) -> None:
        self._logger.error(message, extra=_safe(values))

    def exception(self, message: str, **values: object) -> None:
        """As `error`, with the exception being handled."""
        self._logger.error(message, exc_info=True, extra=_safe(values))  # noqa: LOG014 - called in one


def get(name: str) -> Logger:
    return Logger(name)


def _safe(values: dict[str, object]) -> dict[str, object]:
    # logging refuses an extra that is named like one of its own fields.
    return {f"{key}_" if key in _STANDARD else key: value for key, value in values.items()}


def configure(style: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """`style` is json, console, or auto (console on a terminal, JSON elsewhere)."""
    stream = stream or sys.stderr
    terminal = stream.isatty()
    handler = logging.StreamHandler(stream)
    if style == "json" or (style == "auto" and not terminal):
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(ConsoleFormatter(colour=terminal))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "asyncio", "procrastinate", "psycopg.pool", "PIL", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for paths in ("django.request", "django.security.csrf"):
        logging.getLogger(paths).addFilter(_NO_TOKENS)
    # uvicorn's own handlers would print each line twice and in another form.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(capture=True)
