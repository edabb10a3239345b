"""The audit trail: one JSON object for each call, whatever the log level (CH-SEC-10)."""

import errno
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import structlog

from cds_service import logs
from cds_service.errors import SettingsError
from cds_service.observability.metrics import metrics
from cds_service.records import CallRecord
from cds_service.settings import variable_of

STDERR = Path("stderr")
_log = structlog.get_logger()


class AuditLog:
    """Writes records to a file, or (`stderr`) among the log lines. Safe in several threads and processes."""

    def __init__(self, path: Path, knowledge_version: str) -> None:
        """Raises SettingsError if the file cannot be written."""
        self._knowledge_version = knowledge_version
        self._file = None if path == STDERR else _File(path)

    def write(self, record: CallRecord, status: int, seconds: float) -> None:
        """Write it down. That it cannot be written is logged, and costs no answer."""
        caller = record.caller
        found = {
            "client": caller.client if caller else None,
            "tenant": caller.tenant if caller else None,
            "shadow": (caller and caller.shadow) or None,
            "page": record.page,
            "login": record.login,
            "service": record.service,
            "hook": record.hook,
            "status": status,
            "outcome": record.outcome,
            "user": record.user,
            "patient": record.patient,
            "rules": list(record.fired),
            "cards": [
                {"rule": rule, "indicator": indicator, "count": count}
                for (rule, indicator), count in record.count_cards().items()
            ],
            "feedback": dict(Counter(record.feedback)),
            "milliseconds": round(seconds * 1000, 1),
            "knowledge": self._knowledge_version,
        }
        self._logger().info(
            "audit", **{name: value for name, value in found.items() if value not in (None, "", [], {})}
        )

    def _logger(self) -> Any:
        target = self._file or structlog.PrintLogger(sys.stderr)
        renderer = structlog.processors.JSONRenderer() if self._file else logs.renderer()
        return structlog.wrap_logger(target, logs.processors(renderer), structlog.BoundLogger)


class _File:
    """Lines at the end of a file. It is opened for each, so that it may be moved away at any time (log rotation)."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        try:
            self._append(b"")
        except OSError as error:
            raise SettingsError(f"{variable_of('audit_log')}: {path} cannot be written: {error.strerror}") from None

    def info(self, line: str) -> None:
        try:
            self._append(line.encode() + b"\n")
        except OSError as error:
            metrics().audit_failures.inc()
            _log.error("audit_failed", exception=type(error).__name__, reason=error.strerror)

    def _append(self, line: bytes) -> None:
        """One write to a file opened for appending: lines of several processes do not mix."""
        file = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o640)
        try:
            if os.write(file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)
