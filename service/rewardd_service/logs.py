"""One JSON object a line on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "color_message",
    "taskName",
}


class JsonFormatter(logging.Formatter):
    """Writes time, level, logger, event, and whatever came as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        try:
            return msgspec.json.encode(line, enc_hook=str).decode()
        except UnicodeEncodeError:
            # A lone surrogate: the standard library escapes it.
            return json.dumps(line, default=str)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send all logging to a stream, standard error by default; called once, by the entry point."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # What uvicorn tells besides errors, we tell ourselves, with fields.
    logging.getLogger("uvicorn.error").setLevel(max(root.level, logging.WARNING))
    # FastStream tells of each task that ends.
    logging.getLogger("rewardd_service.transport").setLevel(max(root.level, logging.WARNING))
