"""Logs on stderr, as text or JSON, each record with the request or job it belongs to, without secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

from heimdex.jobs.job_ids import job_id
from heimdex.server.request_ids import request_id

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_IDS = (("request_id", request_id), ("job_id", job_id))
# A record is one line whatever was asked for: ends of lines and what steers terminals are shown, not obeyed.
_STEERING = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
OTHERS = ("uvicorn", "procrastinate")  # libraries whose warnings are for whoever runs the service

# Passwords within addresses, what follows an authorisation scheme, and our own keys.
_SECRET = re.compile(
    r"(?P<address>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(?=@)"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[\w.~+/=-]{8,}"
    r"|(?P<key>\bhx_)[\w-]{8,}"
    r"|(?P<word>\bpassword=)[^\s&]+",
    re.IGNORECASE,
)


class Ids(logging.Filter):
    """Gives each record the id of the request or job in which it arose."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes."""
        for name, current in _IDS:
            if not hasattr(record, name) and (identity := current()) is not None:
                setattr(record, name, identity)
        return True


class TextFormatter(logging.Formatter):
    """One line of text per record, ids in brackets."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (the name it has there)
        """The line; what an exception adds follows below it."""
        ids = [f"{name}={getattr(record, name)}" for name, _ in _IDS if hasattr(record, name)]
        line = super().formatMessage(record).translate(_STEERING)
        return line + (f" [{' '.join(ids)}]" if ids else "")

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return without_secrets(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object per record, with whatever was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(
            {name: _shown(value) for name, value in entry.items()}, default=str, ensure_ascii=False
        )


def without_secrets(text: str) -> str:
    """A text in which passwords and keys are three dots."""
    return _SECRET.sub(lambda found: f"{next(filter(None, found.groups()), '')}…", text)


def set_up(level: str, form: str) -> None:
    """Send records of this level and above to stderr; of the libraries we run on, warnings and above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Ids())
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    for name in ("heimdex", *OTHERS):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        least = logging.NOTSET if name == "heimdex" else logging.WARNING
        logger.setLevel(max(logging.getLevelNamesMapping()[level.upper()], least))
        logger.propagate = False


def _shown(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    return without_secrets(str(value))
