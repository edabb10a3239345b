"""Bytes → CdsRequest: tolerant where real clients are sloppy, 400 with the place where they are wrong.

Prefetch values stay undecoded bytes. The small rest (envelope, context, extension) is read by a strict parser, which
refuses duplicate keys; to get at it, the prefetch values are cut out of the body.
"""

import json
import re
import zlib
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

from cds_service.errors import BodyTooLarge, InvalidRequest, NotJson

_HOOK_INSTANCE = re.compile(
    r"(?:urn:uuid:)?(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\})",
    re.IGNORECASE,
)
_T = TypeVar("_T")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_WORTH_CUTTING = 256
"""Prefetch values of fewer bytes are read along with the rest."""
MOST_OUTSIDE_PREFETCH = 4_000_000
"""Bytes of a body without its prefetch: they are read by a parser that is strict, and slow."""
_JSON_REMEDY = "Send one JSON object (RFC 8259), encoded as UTF-8, without duplicate keys, NaN or Infinity."


class FhirAuthorization(msgspec.Struct, frozen=True):
    """A usable bearer token for the FHIR server. It lives as long as the request, and is never shown (CH-AUTHZ-04)."""

    access_token: str
    patient: str | None = None

    def __repr__(self) -> str:
        return "FhirAuthorization(…)"


class CdsRequest(msgspec.Struct, frozen=True):
    """One call of a service. `context` is not yet checked against the hook's definition; its decimals are exact."""

    hook: str
    hook_instance: str
    context: dict[str, Any]
    fhir_server: str | None = None
    authorization: FhirAuthorization | None = None
    prefetch: dict[str, msgspec.Raw] = {}
    extension: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
    """What the client did wrong and was tolerated; for the log, so without values."""


class _Prefetch(msgspec.Struct):
    prefetch: dict[str, msgspec.Raw] | None = None


class _Authorization(msgspec.Struct):
    access_token: str | None = None
    token_type: str | None = None
    expires_in: Any = None
    patient: str | None = None


class _Envelope(msgspec.Struct, rename="camel"):
    hook: str | None = None
    hook_instance: str | None = None
    fhir_server: str | None = None
    fhir_authorization: _Authorization | None = None
    context: dict[str, Any] | None = None
    prefetch: dict[str, Any] | None = None
    extension: Any = None


class _Hook(msgspec.Struct):
    hook: str | None = None


_HOOK = msgspec.json.Decoder(_Hook)
_PREFETCH = msgspec.json.Decoder(_Prefetch)
_ENVELOPE = msgspec.json.Decoder(_Envelope).type
"""Made known to msgspec at the start: see `cds_service.fhir.bundles.MAKING`."""


def parse(body: bytes, *, strict: bool = False) -> CdsRequest:
    """Read a request body. Raises NotJson or InvalidRequest (both 400), and BodyTooLarge (413)."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    prefetch = _prefetch(body)
    outline = _outline(body, prefetch.values())
    if len(outline) > MOST_OUTSIDE_PREFETCH:
        raise BodyTooLarge(
            f"The body without its prefetch is larger than {MOST_OUTSIDE_PREFETCH} bytes.",
            remedy="Send fewer orders in context.draftOrders, and nothing that the hook does not define.",
        )
    envelope = _envelope(strict_json(outline))
    warnings: list[str] = []
    hook = _required(envelope.hook, "hook", "a string")
    hook_instance = _required(envelope.hook_instance, "hookInstance", "a UUID")
    if not _HOOK_INSTANCE.fullmatch(hook_instance):
        if strict:
            raise InvalidRequest("hookInstance is not a UUID.", "hookInstance", "Send a fresh UUID with each call.")
        warnings.append("hookInstance is not a UUID")
    if strict and envelope.fhir_authorization and not envelope.fhir_server:
        raise InvalidRequest("fhirAuthorization came without fhirServer.", "fhirServer", "Send both, or neither.")
    return CdsRequest(
        hook=hook,
        hook_instance=hook_instance,
        context=_required(envelope.context, "context", "an object"),
        fhir_server=envelope.fhir_server or None,
        authorization=_authorization(envelope.fhir_authorization, warnings),
        prefetch=prefetch,
        extension=envelope.extension if isinstance(envelope.extension, dict) else {},
        warnings=tuple(warnings),
    )


def hook_of(body: bytes) -> str | None:
    """The hook of a request that may be malformed; None then."""
    try:
        return _HOOK.decode(body).hook
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_GZIP_MEMBERS = 16
"""Each costs a copy of what follows it."""


def inflate(body: bytes, limit: int) -> bytes:
    """A gzip body, decompressed to at most `limit` bytes. Raises NotJson or BodyTooLarge."""
    pieces: list[bytes] = []
    room = limit
    while body:
        if len(pieces) == _GZIP_MEMBERS:
            raise NotJson("The gzip body has too many members.", remedy="Compress it in one piece.")
        member = zlib.decompressobj(wbits=31)
        try:
            piece = member.decompress(body, room + 1)
        except zlib.error:
            raise NotJson(
                "The body is not gzip, as its Content-Encoding says.", remedy="Send it uncompressed."
            ) from None
        room -= len(piece)
        if room < 0:
            raise BodyTooLarge(f"The body is larger than {limit} bytes when decompressed.", remedy="Send less data.")
        if not member.eof:
            raise NotJson("The gzip body ends too early.", remedy="Send all of it.")
        pieces.append(piece)
        body = member.unused_data
    return b"".join(pieces)


def _prefetch(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        if not body.isascii():
            body.decode()
        return _PREFETCH.decode(body).prefetch or {}
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotJson("The body is not JSON.", remedy=_JSON_REMEDY) from None
    except RecursionError:
        raise NotJson("The body is nested too deeply.", remedy=_JSON_REMEDY) from None


def _outline(body: bytes, values: Iterable[msgspec.Raw]) -> bytes:
    """The body with `null` in place of its long prefetch values.

    Each value is looked for behind the one before. Raises NotJson where a value is not there: a key came twice.
    """
    pieces: list[bytes] = []
    position = 0
    for value in values:
        text = bytes(value)
        if len(text) < _WORTH_CUTTING:
            continue
        start = _find(body, text, position)
        if start < 0:
            raise _key_twice()
        pieces += (body[position:start], b"null")
        position = start + len(text)
    pieces.append(body[position:])
    return b"".join(pieces)


def _find(body: bytes, text: bytes, position: int) -> int:
    """Where `text` stands in `body`; `bytes.find` with a needle of megabytes would study the needle first."""
    beginning = text[:64]
    start = body.find(beginning, position)
    while start >= 0 and not body.startswith(text, start):
        start = body.find(beginning, start + 1)
    return start


def strict_json(text: bytes) -> Any:
    """JSON as RFC 8259 has it, without duplicate keys; decimals are exact (CH-GEN-11). Raises NotJson."""
    try:
        return json.loads(
            text, object_pairs_hook=_without_duplicates, parse_float=_decimal, parse_constant=_no_constant
        )
    except NotJson:
        raise
    except ValueError:
        raise NotJson("The body is not JSON.", remedy=_JSON_REMEDY) from None
    except RecursionError:
        raise NotJson("The body is nested too deeply.", remedy=_JSON_REMEDY) from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _key_twice()
    return members


def _key_twice() -> NotJson:
    return NotJson("The body holds an object with the same key twice.", remedy=_JSON_REMEDY)


def _decimal(text: str) -> Decimal:
    """A number with its precision, which is part of a FHIR decimal: 1.50 is not 1.5."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise NotJson("The body holds a number beyond all reason.", remedy=_JSON_REMEDY) from None


def _no_constant(name: str) -> Any:
    raise NotJson(f"The body holds {name}, which is not JSON.", remedy=_JSON_REMEDY)


def _envelope(members: Any) -> _Envelope:
    try:
        return msgspec.convert(members, _ENVELOPE)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None


_AT = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<where>.*)`)?", re.DOTALL)


def _invalid(error: msgspec.ValidationError) -> InvalidRequest:
    """The library's message holds types and the path, and no values."""
    match = _AT.fullmatch(str(error))
    what, where = (match["what"], match["where"] or "") if match else ("wrong type", "")
    return InvalidRequest(
        f"{where or 'The body'} has the wrong type: {what.lower()}.",
        where,
        "See the CDS Hooks 2.0.1 request format.",
    )


def _required(value: _T | None, name: str, kind: str) -> _T:
    if value is None or value == "":
        raise InvalidRequest(f"{name} is missing.", name, f"Send it as {kind}.")
    return value


def _authorization(sent: _Authorization | None, warnings: list[str]) -> FhirAuthorization | None:
    """The token, if it can be used at all (CH-AUTHZ-01, -06); scope and subject are not looked at (CH-AUTHZ-07)."""
    if sent is None or not sent.access_token:
        return None
    where = "fhirAuthorization"
    if not _TOKEN.fullmatch(sent.access_token):
        raise InvalidRequest(
            f"{where}.access_token holds blanks or control characters.",
            f"{where}.access_token",
            "Send the token as the authorization server issued it.",
        )
    if sent.token_type is not None and sent.token_type.lower() != "bearer":
        warnings.append("fhirAuthorization.token_type is not Bearer: not used")
        return None
    if _expired(sent.expires_in):
        warnings.append("fhirAuthorization has expired: not used")
        return None
    return FhirAuthorization(sent.access_token, (sent.patient or "").removeprefix("Patient/") or None)


def _expired(expires_in: Any) -> bool:
    try:
        return expires_in is not None and float(expires_in) <= 0
    except (TypeError, ValueError, OverflowError):
        return False
