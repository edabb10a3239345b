"""Bundles, split into entries without decoding the resources, and tolerant entry by entry."""

from collections.abc import Iterable
from typing import Any

import msgspec


class Reference(msgspec.Struct, gc=False):
    reference: str | None = None


class Head(msgspec.Struct, rename="camel", gc=False):
    """The few members that the plumbing looks at in every resource."""

    resource_type: str | None = None
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    medication_reference: Reference | None = None


class _Entry(msgspec.Struct, rename="camel", gc=False):
    resource: msgspec.Raw = msgspec.Raw()
    full_url: str | None = None


class _Link(msgspec.Struct):
    relation: str | None = None
    url: str | None = None


class _Bundle(msgspec.Struct, rename="camel"):
    resource_type: str | None = None
    entry: list[_Entry] | None = None
    link: list[_Link] | None = None
    total: int | None = None


class _LooseBundle(msgspec.Struct, rename="camel"):
    resource_type: str | None = None
    entry: list[msgspec.Raw] | None = None
    link: Any = None
    total: Any = None


class _Issue(msgspec.Struct):
    severity: str | None = None


class _Outcome(msgspec.Struct):
    issue: list[_Issue] | None = None


class _Typed(msgspec.Struct, rename="camel"):
    resource_type: str | None = None


_TYPED = msgspec.json.Decoder(_Typed)
_HEAD = msgspec.json.Decoder(Head)
_ENTRY = msgspec.json.Decoder(_Entry)
_BUNDLE = msgspec.json.Decoder(_Bundle)
_LOOSE = msgspec.json.Decoder(_LooseBundle)
_OUTCOME = msgspec.json.Decoder(_Outcome)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a piece of somebody else's JSON can raise."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """One entry of a Bundle. `head` None: the entry could not be read."""

    resource: msgspec.Raw
    full_url: str
    head: Head | None


class Split(msgspec.Struct, frozen=True):
    """A resource, and if it is a Bundle, its pieces."""

    resource_type: str | None
    items: tuple[Item, ...]
    next: str | None
    total: int | None
    links_readable: bool = True


def resource_type(raw: msgspec.Raw) -> str | None:
    """The resource's type; None if the value is no resource."""
    try:
        return _TYPED.decode(raw).resource_type
    except UNREADABLE:
        return None


def head(raw: msgspec.Raw) -> Head | None:
    """The resource's head; None if it cannot be read."""
    try:
        decoded = _HEAD.decode(raw)
    except UNREADABLE:
        return None
    return decoded if decoded.resource_type else None


def split(raw: msgspec.Raw) -> Split | None:
    """The entries of a Bundle, in one go if it is well-formed, else one by one; None if it is no resource at all."""
    try:
        bundle = _BUNDLE.decode(raw)
    except UNREADABLE:
        return _split_loosely(raw)
    items = tuple(map(_item, bundle.entry or ()))
    return Split(bundle.resource_type, items, _next(bundle.link or ()), bundle.total)


def _split_loosely(raw: msgspec.Raw) -> Split | None:
    try:
        bundle = _LOOSE.decode(raw)
    except UNREADABLE:
        return None
    items = tuple(map(_loose_item, bundle.entry or ()))
    total = bundle.total if isinstance(bundle.total, int) else None
    try:
        links = msgspec.convert(bundle.link, list[_Link] | None) or ()
    except msgspec.ValidationError:
        return Split(bundle.resource_type, items, None, total, links_readable=False)
    return Split(bundle.resource_type, items, _next(links), total)


def _next(links: Iterable[_Link]) -> str | None:
    return next((link.url for link in links if link.relation == "next"), None)


def _item(entry: _Entry) -> Item:
    return Item(entry.resource, entry.full_url or "", head(entry.resource))


def _loose_item(raw: msgspec.Raw) -> Item:
    try:
        return _item(_ENTRY.decode(raw))
    except UNREADABLE:
        return Item(msgspec.Raw(), "", None)


def only_advice(outcome: msgspec.Raw) -> bool:
    """Whether an OperationOutcome holds issues, and nothing but warnings and information (CH-PF-07)."""
    try:
        issues = _OUTCOME.decode(outcome).issue
    except UNREADABLE:
        return False
    return bool(issues) and all(issue.severity in ("warning", "information") for issue in issues or ())
