"""Bundles, split into entries, and tolerant entry by entry. What is read into a view is decoded once, here."""

import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

NOTHING = msgspec.Raw()


class View(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Base of all views: JSON names are camelCase, unknown members are ignored."""


class Subject(View, frozen=True):
    reference: str | None = None


class Reference(View, frozen=True):
    reference: str = ""
    display: str = ""


class Resource(View, frozen=True):
    """What the plumbing looks at in every resource; the base of the views of `cds_service.fhir.views`."""

    resource_type: str = ""
    id: str = ""
    subject: Subject | None = None
    patient: Subject | None = None
    medication_reference: Reference | None = None


class Head(msgspec.Struct, rename="camel", gc=False):
    """The members of `Resource`, of a resource that fits no view."""

    resource_type: str | None = None
    id: str | None = None
    subject: Subject | None = None
    patient: Subject | None = None
    medication_reference: Subject | None = None


class _Entry(msgspec.Struct, rename="camel", gc=False):
    resource: msgspec.Raw = msgspec.Raw()
    full_url: str | None = None


class _Link(msgspec.Struct):
    relation: str | None = None
    url: str | None = None


class _NoEntries(msgspec.Struct, rename="camel"):
    resource_type: str | None = None
    link: list[_Link] | None = None
    total: int | None = None


class _Bundle(_NoEntries, rename="camel"):
    entry: list[_Entry] | None = None


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


V = TypeVar("V", bound=View)
MAKING = threading.Lock()
"""Held while a decoder is made after the start. Two threads at work on the first decoder of one type end the process:
msgspec shares what it knows of a type before that is complete. What a made decoder decodes needs no lock."""


@lru_cache(maxsize=64)
def decoder(view: type[V]) -> msgspec.json.Decoder[V]:
    """The decoder of a view, made once."""
    with MAKING:
        return msgspec.json.Decoder(view)


class Item(msgspec.Struct, frozen=True, gc=False):
    """One entry of a Bundle. `head`: the wanted view if the resource fits it; None if the entry could not be read."""

    resource: msgspec.Raw
    full_url: str | None
    head: Head | Resource | None


class _ReadItem(msgspec.Struct, frozen=True, gc=False, rename={"head": "resource", "full_url": "fullUrl"}):
    """An entry that was read straight into a view, its JSON not kept."""

    head: Resource
    full_url: str | None = None

    @property
    def resource(self) -> msgspec.Raw:
        return NOTHING


class Split(msgspec.Struct, frozen=True):
    """A resource, and if it is a Bundle, its pieces."""

    resource_type: str | None
    items: Sequence[Item | _ReadItem]
    next: str | None
    total: int | None
    links_readable: bool = True
    uniform: bool = False
    """Whether every entry was read into the wanted view."""


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


def split(raw: msgspec.Raw, view: type[Resource], *, keep_json: bool) -> Split | None:
    """The entries of a Bundle, in one go if it is well-formed, else one by one; None if it is no resource at all.

    Resources of the type of `view` are read into it, all at once if they fit and their JSON need not be kept.
    """
    found = None if keep_json else _split_into(raw, view)
    if found:
        return found
    try:
        bundle = _BUNDLE.decode(raw)
    except UNREADABLE:
        return _split_loosely(raw, view)
    items = tuple(_item(entry, view) for entry in bundle.entry or ())
    return Split(bundle.resource_type, items, _next(bundle.link or ()), bundle.total)


def _split_into(raw: msgspec.Raw, view: type[Resource]) -> Split | None:
    """A Bundle in which every resource fits the view; None if it is none."""
    try:
        bundle = _bundle_of(view).decode(raw)
    except UNREADABLE:
        return None
    items = bundle.entry or ()
    if any(item.head.resource_type != view.__name__ for item in items):
        return None
    return Split(bundle.resource_type, items, _next(bundle.link or ()), bundle.total, uniform=True)


@lru_cache(maxsize=64)
def _bundle_of(view: type[Resource]) -> msgspec.json.Decoder[Any]:
    entry = msgspec.defstruct(
        "Entry",
        [("head", view), ("full_url", str | None, None)],
        bases=(_ReadItem,),
        rename={"head": "resource", "full_url": "fullUrl"},
        frozen=True,
        gc=False,
    )
    bundle = msgspec.defstruct("Bundle", [("entry", list[entry] | None, None)], bases=(_NoEntries,), rename="camel")  # type: ignore[valid-type]
    with MAKING:
        return msgspec.json.Decoder(bundle)


def _split_loosely(raw: msgspec.Raw, view: type[Resource]) -> Split | None:
    try:
        bundle = _LOOSE.decode(raw)
    except UNREADABLE:
        return None
    items = tuple(_loose_item(entry, view) for entry in bundle.entry or ())
    total = bundle.total if isinstance(bundle.total, int) else None
    try:
        links = msgspec.convert(bundle.link, list[_Link] | None) or ()
    except msgspec.ValidationError:
        return Split(bundle.resource_type, items, None, total, links_readable=False)
    return Split(bundle.resource_type, items, _next(links), total)


def _next(links: Iterable[_Link]) -> str | None:
    return next((link.url for link in links if link.relation == "next"), None)


def _item(entry: _Entry, view: type[Resource]) -> Item:
    return Item(entry.resource, entry.full_url, view_of(entry.resource, view) or head(entry.resource))


def view_of(raw: msgspec.Raw, view: type[Resource]) -> Resource | None:
    """The resource as a view; None if it is of another type, or if some of it does not fit."""
    try:
        found = decoder(view).decode(raw)
    except UNREADABLE:
        return None
    return found if found.resource_type == view.__name__ else None


def _loose_item(raw: msgspec.Raw, view: type[Resource]) -> Item:
    try:
        return _item(_ENTRY.decode(raw), view)
    except UNREADABLE:
        return Item(NOTHING, None, None)


def only_advice(outcome: msgspec.Raw) -> bool:
    """Whether an OperationOutcome holds issues, and nothing but warnings and information (CH-PF-07)."""
    try:
        issues = _OUTCOME.decode(outcome).issue
    except UNREADABLE:
        return False
    return bool(issues) and all(issue.severity in ("warning", "information") for issue in issues or ())
