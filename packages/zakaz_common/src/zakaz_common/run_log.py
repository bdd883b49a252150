"""Structured logs: one JSON object a line on stdout, the event first."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog


def _event_first(_: object, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {"event": entry.pop("event"), **entry}


class _AsJson(logging.Handler):
    """Takes what libraries log, which Python would print as plain text beside our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        # the event and no traceback: a library's may hold values
        log.log(record.levelno, "library", library=record.name, message=record.getMessage())


def configure_logs(level: str, loader: str) -> None:
    """Send logs of at least `level` to stdout as JSON lines that name the loader."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _event_first,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _AsJson) for handler in root.handlers):
        root.addHandler(_AsJson(logging.WARNING))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(loader=loader)


def answer_log() -> Any:
    """A log whose lines appear whatever the least level is: programs read the last line of a run."""
    everything = structlog.make_filtering_bound_logger(logging.NOTSET)
    return structlog.wrap_logger(structlog.PrintLogger(sys.stdout), wrapper_class=everything)
