"""Logs: what happened and how long it took. Never a patient's id, a token or a body (CH-SEC-08)."""

import logging
import sys
import traceback
from typing import Any

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str) -> None:
    """Log lines of this level and above to standard error: readable on a terminal, else one JSON object each."""
    # urllib3 warns with whole URLs, and these hold patient ids.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def whereabouts(error: BaseException) -> dict[str, Any]:
    """Where an exception came from: its type and the lines it went through, without its message or any value."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "exception": type(error).__name__,
        "frames": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }
