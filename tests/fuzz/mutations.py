"""Ways to spoil a request that know what it is made of: a JSON tree, its text, its headers, its address.

Every choice comes from the `random.Random` that is handed in, so a seed and a number say what was sent. What is random
here is never a secret.
"""

import gzip
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

Json = Any
Place = tuple[Any, Any]
"""A container, and the key or index of a member in it."""

_HUGE = "@@1e400@@"
_LITERALS = {f'"{_HUGE}"': "1e400", '"@@-0@@"': "-0", '"@@0.1e1@@"': "0.10e+01", '"@@digits@@"': "9" * 400}

TYPES = (
    "Patient",
    "Condition",
    "Observation",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationAdministration",
    "Medication",
    "AllergyIntolerance",
    "Procedure",
    "ServiceRequest",
    "DeviceRequest",
    "Encounter",
    "MedicationOrder",
    "ProcedureRequest",
    "OperationOutcome",
    "Bundle",
    "Parameters",
    "Basic",
    "patient",
    "",
)
TEXTS = (
    "",
    " ",
    "\x00",
    "\x1b[31m",
    "\u2028\u2029",
    "\u202eevil",
    "e\u0301" * 40,
    "😀" * 80,
    "\ud800",
    "\ufeff",
    "ß İ ı ﬁ",
    "null",
    "NaN",
    "true",
    "-1",
    "1e400",
    "0x10",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/i.png)",
    "`|*_~#>\n---\n| a | b |",
    "{{context.patientId}}",
    "{% raw %}{{ 7*7 }}",
    "%s%n${jndi:ldap://evil.example}",
    "../../etc/passwd",
    "'; DROP TABLE cards; --",
    "urn:uuid:",
    "#",
    "#contained",
    "Patient/",
    "Patient/a/_history/1",
    "https://ehr.example.org/fhir/Patient/1",
    "http://[::1",
    "x" * 5000,
)
DATES = (
    "0000-00-00",
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:60Z",
    "2026-02-30",
    "2026-13",
    "20261122",
    "2026-11-22T24:00:00Z",
    "2026-11-22T10:00:00",
    "2026-11-22T10:00:00+99:99",
    "2026-11-22T10:00:00.123456789012Z",
    "22/11/2026",
    "2026-W47",
    "yesterday",
    "-2026",
    "2026-11-22Z",
    "+2026-11-22",
    "２０２６-11-22",
)
NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    0.1,
    1e-300,
    1e300,
    -1e300,
    2**31,
    2**63,
    2**64,
    -(2**70),
    10**30,
    _HUGE,
    "@@-0@@",
    "@@0.1e1@@",
    "@@digits@@",
    float("nan"),
    float("inf"),
    float("-inf"),
)
IDS = (
    "1",
    "a b",
    "a/b",
    "a?x=../",
    "..",
    ".",
    "%2e%2e",
    "{1}",
    "x" * 3000,
    "a\nb",
    "ä",
    "a&patient=2",
    "*",
    "Patient/1",
)


def _another_value(rng: random.Random) -> Json:
    kinds: tuple[Callable[[], Json], ...] = (
        lambda: None,
        lambda: rng.choice((True, False)),
        lambda: rng.choice(NUMBERS),
        lambda: rng.choice(TEXTS),
        lambda: rng.choice(DATES),
        lambda: rng.choice(IDS),
        list,
        dict,
        lambda: [None],
        lambda: [[]],
        lambda: {"": ""},
        lambda: {"reference": f"{rng.choice(TYPES)}/{rng.choice(IDS)}"},
        lambda: {"resourceType": rng.choice(TYPES)},
        lambda: {"resourceType": "Bundle", "entry": [None, {}, {"resource": None}, {"resource": []}]},
        lambda: {"coding": [{"system": rng.choice(TEXTS), "code": rng.choice(TEXTS)}]},
        lambda: {"value": rng.choice(NUMBERS), "unit": rng.choice(("mg", "g", "mg/m2", "", "µg", "tablet"))},
        lambda: outcome(rng),
    )
    return rng.choice(kinds)()


def outcome(rng: random.Random) -> Json:
    """An OperationOutcome, or what looks like one."""
    severity = rng.choice(("error", "fatal", "warning", "information", "bad", None, 1))
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}


def _places(tree: Json) -> list[Place]:
    found: list[Place] = []
    todo = [tree]
    while todo:
        container = todo.pop()
        members = container.items() if isinstance(container, dict) else enumerate(container)
        for key, member in members:
            found.append((container, key))
            if isinstance(member, dict | list) and member:
                todo.append(member)
    return found


def _place(rng: random.Random, tree: Json) -> Place | None:
    """Somewhere in the tree: now any member, now one reached from the top, which favours the envelope."""
    if rng.random() < 0.6:
        places = _places(tree)
        return rng.choice(places) if places else None
    container, depth = tree, rng.randint(0, 9)
    while True:
        if not container:
            return None
        key = rng.choice(list(container)) if isinstance(container, dict) else rng.randrange(len(container))
        member = container[key]
        if not depth or not isinstance(member, dict | list) or not member:
            return container, key
        container, depth = member, depth - 1


def _replace(rng: random.Random, place: Place, _: Json) -> None:
    container, key = place
    container[key] = _another_value(rng)


def _remove(rng: random.Random, place: Place, _: Json) -> None:
    container, key = place
    del container[key]


def _rename(rng: random.Random, place: Place, _: Json) -> None:
    container, key = place
    if not isinstance(container, dict):
        return
    names = (key.upper(), key.swapcase(), f"_{key}", f"{key}s", key[:-1], f" {key}", f"{key}\x00", "")
    container[rng.choice((*names, *container))] = container.pop(key)


def _twice(rng: random.Random, place: Place, _: Json) -> None:
    """The element again, in a list; by the thousand now and then."""
    container, key = place
    count = rng.choice((1, 1, 2, 5, 30, 3000)) if rng.random() < 0.3 else 1
    if isinstance(container, list):
        container[key:key] = [container[key]] * min(count, 300_000 // (len(str(container[key])) + 1))
    else:
        container[key] = [container[key], container[key]]


def _wrap(rng: random.Random, place: Place, _: Json) -> None:
    container, key = place
    value = container[key]
    match rng.randrange(4):
        case 0:
            container[key] = [value]
        case 1:
            container[key] = {"resource": value}
        case 2:
            container[key] = {rng.choice(("value", "response", "entry", "coding", "resourceType")): value}
        case _ if isinstance(value, list) and value:
            container[key] = value[0]
        case _ if isinstance(value, dict) and value:
            container[key] = next(iter(value.values()))
        case _:
            container[key] = json.dumps(value)


def _deep(rng: random.Random, place: Place, _: Json) -> None:
    """Nested deep, and now and then too deep."""
    container, key = place
    value: Json = container[key]
    name = rng.choice(("extension", "contained", "resource", "entry", "x"))
    for _level in range(rng.choice((10, 40, 100, 200))):
        value = {name: value} if rng.random() < 0.5 else [value]
    container[key] = value


def _text(rng: random.Random, place: Place, _: Json) -> None:
    container, key = place
    value = container[key]
    if not isinstance(value, str):
        container[key] = json.dumps(value) if rng.random() < 0.5 else rng.choice(TEXTS)
    elif re.match(r"\d{4}", value):
        container[key] = rng.choice((*DATES, value[:4], value[:7], value + "T00:00:00", value.replace("-", "/")))
    else:
        at = rng.randint(0, len(value))
        added = rng.choice((*TEXTS, *IDS))
        container[key] = rng.choice(
            (value[:at] + added + value[at:], value.upper(), value[at:], value * 3, value[::-1])
        )


def _number(rng: random.Random, place: Place, tree: Json) -> None:
    """A number of the tree, made another."""
    numbers = [
        (container, key)
        for container, key in _places(tree)
        if isinstance(container[key], int | float) and container[key] == container[key] and abs(container[key]) < 1e200
    ]
    if numbers:
        container, key = rng.choice(numbers)
        value = container[key]
        factor = rng.choice((-1, 0, 10, 1000, 0.001, 1.1, 1e12))
        container[key] = rng.choice((value * factor, str(value), int(value), *NUMBERS))


def _type(rng: random.Random, place: Place, tree: Json) -> None:
    """A resource that says it is of another type."""
    typed = [place for place in _places(tree) if place[1] == "resourceType"]
    if typed:
        container, key = rng.choice(typed)
        container[key] = rng.choice(TYPES)


def _reference(rng: random.Random, place: Place, tree: Json) -> None:
    named = [place for place in _places(tree) if place[1] in ("reference", "id", "fullUrl", "patientId", "userId")]
    if named:
        container, key = rng.choice(named)
        container[key] = rng.choice(
            (*IDS, *TEXTS, f"{rng.choice(TYPES)}/{rng.choice(IDS)}", f"urn:uuid:{rng.random()}")
        )


def _copy(rng: random.Random, place: Place, tree: Json) -> None:
    """What stands elsewhere in the tree."""
    other = _place(rng, tree)
    if other is not None:
        container, key = place
        container[key] = json.loads(json.dumps(other[0][other[1]]))


_TREE: tuple[Callable[[random.Random, Place, Json], None], ...] = (
    _replace,
    _replace,
    _remove,
    _remove,
    _rename,
    _twice,
    _wrap,
    _deep,
    _text,
    _text,
    _number,
    _type,
    _reference,
    _copy,
)


def spoil(rng: random.Random, tree: Json) -> None:
    """Change something in a JSON object, in place."""
    place = _place(rng, tree)
    if place is not None:
        rng.choice(_TREE)(rng, place, tree)


def mix(rng: random.Random, tree: Json, other: Json) -> None:
    """Put some of another request into this one."""
    for name in ("context", "prefetch", "hook", "extension", "fhirServer"):
        if name in other and rng.random() < 0.3:
            tree[name] = other[name]
    mine, theirs = tree.get("prefetch"), other.get("prefetch")
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in theirs:
            if rng.random() < 0.3:
                mine[key] = theirs[key]


def text_of(rng: random.Random, tree: Json) -> bytes:
    """The tree as JSON, in one of the ways in which JSON can be written."""
    ascii_only = rng.random() < 0.7
    text = json.dumps(tree, ensure_ascii=ascii_only, separators=(",", ":") if rng.random() < 0.8 else None)
    for sentinel, literal in _LITERALS.items():
        if sentinel in text:
            text = text.replace(sentinel, literal)
    return text.encode("utf-8", "surrogatepass")


def _cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randint(0, len(body))]


def _flip(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body) or 1)
    return body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]


def _again(rng: random.Random, body: bytes) -> bytes:
    """A member twice in its object, as parsers of many minds read it."""
    commas = [match.start() for match in re.finditer(rb',"', body)]
    if not commas:
        return body * 2
    at = rng.choice(commas)
    end = re.compile(rb'"[^"]*":').match(body, at + 1)
    return body[:at] + b"," + (end[0] if end else b'"hook":') + b"null" + body[at:]


_BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _cut,
    _cut,
    _flip,
    _again,
    _again,
    lambda _, body: b"\xef\xbb\xbf" + body,
    lambda _, body: body.decode("utf-8", "replace").encode("utf-16"),
    lambda _, body: body.decode("utf-8", "replace").encode("latin-1", "replace"),
    lambda _, body: body + b"\n" + body[:50],
    lambda _, body: b"[" + body + b"]",
    lambda _, body: body.replace(b'":', b'": /* x */', 1),
    lambda _, body: body[:-1] + b",}",
    lambda _, body: body.replace(b'"', b"'"),
    lambda _, body: b"",
    lambda _, body: json.dumps(body.decode("utf-8", "replace")).encode(),
    lambda rng, _: b"[" * rng.choice((10, 1000, 100_000)),
    lambda rng, _: b'{"a":' * rng.choice((10, 1000, 100_000)),
    lambda rng, _: bytes(rng.randrange(256) for _ in range(rng.randint(1, 60))),
)


def spoil_bytes(rng: random.Random, body: bytes) -> bytes:
    """Change the text of a body."""
    return rng.choice(_BYTES)(rng, body)


_HEADERS: dict[str, Sequence[str]] = {
    "Content-Type": (
        "application/json",
        "application/fhir+json",
        "application/json; charset=utf-8",
        "application/json; charset=utf-16",
        "application/json; charset=klingon",
        "APPLICATION/JSON",
        "text/plain",
        "text/html",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "",
        ";;;",
        "a" * 4000,
        "é",
    ),
    "Content-Encoding": ("gzip", "GZIP", "deflate", "br", "gzip, gzip", "identity", "", "x" * 2000, "é"),
    "Content-Length": ("-1", "0", "5", "99999999999999999999", "x", "1e3", " 7 ", "é"),
    "Transfer-Encoding": ("chunked", "identity", "gzip"),
    "Expect": ("100-continue", "200-ok"),
    "Accept": ("*/*", "text/html", "application/xml;q=x", "", "," * 500),
    "Accept-Encoding": ("gzip", "br;q=1.0, *;q=0", "é"),
    "Authorization": (
        "Bearer",
        "Bearer null",
        "Bearer undefined",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer " + "x" * 9000,
        "Basic Zm9vOmJhcg==",
        "bearer \x7f",
        "é",
        "",
    ),
    "Origin": ("https://sandbox.cds-hooks.org", "null", "https://evil.example", "http://localhost:1", "é", "x" * 3000),
    "Host": ("evil.example", "[::1", "a b", "", "localhost:99999", "é"),
    "If-None-Match": ("*", '"x"', "W/", "é", ","),
    "If-Modified-Since": ("yesterday", "Sun, 06 Nov 1994 08:49:37 GMT"),
    "Range": ("bytes=0-1", "bytes=-1", "x"),
    "Cookie": ("a=b; c", "=" * 100),
    "X-Forwarded-For": ("1.2.3.4", "é, x"),
    "X-Forwarded-Host": ("evil.example",),
    "X-Request-ID": ("x" * 5000, "<b>", "é", "a b", ""),
    "traceparent": (
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-0000000000000000-00",
        "ff-x",
        "é",
        "0" * 4000,
    ),
    "tracestate": ("a=b", "é", "," * 600),
    "Access-Control-Request-Method": ("POST", "x", "é"),
    "Access-Control-Request-Headers": ("authorization", "é", "," * 500),
}


def spoil_headers(rng: random.Random, headers: dict[str, str], body: bytes) -> bytes:
    """Change headers, in place; the body that goes with them."""
    name = rng.choice(list(_HEADERS))
    headers[name] = rng.choice(_HEADERS[name])
    if headers.get("Content-Encoding", "").lower() == "gzip" and rng.random() < 0.8:
        packed = gzip.compress(body, 1)
        forms = (packed, packed, packed + packed, packed[: rng.randint(0, len(packed))], packed + b"x", b"\x1f\x8b")
        return rng.choice(forms)
    return body


def spoil_path(rng: random.Random, path: str) -> str:
    """Change an address: odd characters, doubled slashes, other queries."""
    at = rng.randint(1, len(path))
    odd = rng.choice(
        ("/", "//", "%00", "%2e%2e", "..", "%ff", "%", ";", "ä", "%F0%9F%98%80", " ", "\\", "?", "#", "x" * 3000)
    )
    query = rng.choice(
        (
            "?",
            "?_count=-1",
            "?_count=99999999999",
            "?patient=%00&patient=",
            "?code=%7C%7C",
            "?_sort=-x&&&=",
            "?_id=" + "a," * 400,
            "?_offset=1e9",
            "?category=%ff",
            "?date=zz2020",
            "?format=csv&rule=%3Cb%3E",
        )
    )
    return rng.choice((path[:at] + odd + path[at:], path + query, path + "/", path.upper(), path[:at]))
