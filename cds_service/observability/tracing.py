"""W3C Trace Context, level 1: one trace across the client, this service and the FHIR servers it calls.

An own reader and not OpenTelemetry: nothing is sampled or exported here, so what is needed is two headers in, and two
out. What is not well-formed is not passed on, and a new trace begins.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.DOTALL,
)
_KEY = r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(f"(?P<key>{_KEY})={_VALUE}")
_MOST_MEMBERS = 32
_MOST_CHARACTERS = 512
_SAMPLED = 0x01


class Trace(msgspec.Struct, frozen=True):
    """The part that this service has in a trace."""

    trace_id: str
    span_id: str
    sampled: bool = False
    state: str = ""
    """The `tracestate` of the client, as it came."""

    @property
    def headers(self) -> dict[str, str]:
        """For a call that this request makes."""
        parent = {"traceparent": f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"}
        return parent | ({"tracestate": self.state} if self.state else {})


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def continued(traceparent: str | None, tracestate: str | None) -> Trace:
    """The client's trace with a new span, or a new trace if the client has none that is well-formed."""
    parent = _parent(traceparent or "")
    if parent is None:
        return Trace(_random(16), _random(8))
    return Trace(parent["trace"], _random(8), bool(int(parent["flags"], 16) & _SAMPLED), _state(tracestate or ""))


def headers() -> dict[str, str]:
    """What to send along with a call made for the current request; nothing outside of one."""
    trace = _current.get()
    return trace.headers if trace else {}


@contextmanager
def within(trace: Trace) -> Iterator[None]:
    """Make it the trace of what happens in this block."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


def _parent(text: str) -> re.Match[str] | None:
    found = _PARENT.fullmatch(text.strip(" \t"))
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None  # a later version may say more; what this one says stays as it is
    return found if found["trace"].strip("0") and found["span"].strip("0") else None


def _state(text: str) -> str:
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    found = [_MEMBER.fullmatch(member) for member in members]
    keys = {one["key"] for one in found if one}
    state = ",".join(members)
    if len(keys) != len(members) or len(members) > _MOST_MEMBERS or len(state) > _MOST_CHARACTERS:
        return ""
    return state


def _random(size: int) -> str:
    """A random id in hexadecimal, which is not all zeros."""
    return secrets.token_hex(size).replace("0" * 2 * size, "1" * 2 * size)
