"""Remembering what a piece of JSON means: records repeat the same code, range and dosage from entry to entry."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar, TypeVarTuple, cast

import msgspec

T = TypeVar("T")
Rest = TypeVarTuple("Rest")

REMEMBERED = 2048
TOO_LONG = 2048
"""Bytes above which a piece is read again each time, so that memory stays bounded."""


def by_json(read: Callable[[bytes, *Rest], T]) -> Callable[[msgspec.Raw, *Rest], T]:
    """The function, remembering its results for pieces of JSON of ordinary length. All arguments must be hashable."""
    cached = cast("Callable[[bytes, *Rest], T]", lru_cache(maxsize=REMEMBERED)(read))

    @wraps(read)
    def remembered(raw: msgspec.Raw, /, *rest: *Rest) -> T:
        written = bytes(raw)
        return cached(written, *rest) if len(written) <= TOO_LONG else read(written, *rest)

    return remembered
