"""Logs: what happened and how long it took. Never a patient's id, a token or a body (CH-SEC-08)."""

import logging
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import Processor

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str) -> None:
    """Log lines of this level and above to standard error: readable on a terminal, else one JSON object each."""
    # urllib3 warns with whole URLs, and these hold patient ids.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=processors(renderer()),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def processors(renderer: Processor) -> list[Processor]:
    """What makes a line of an event: the ids of the request, the level and the time are added."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        renderer,
    ]


def renderer() -> Processor:
    """How lines look on standard error."""
    return structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()


def whereabouts(error: BaseException) -> dict[str, Any]:
    """Where an exception came from: its type and the lines it went through, without its message or any value."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "exception": type(error).__name__,
        "frames": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }
