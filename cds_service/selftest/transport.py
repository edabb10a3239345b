"""How a request is sent: media types, size, compression, framing, paths."""

import gzip
import json

from cds_service.selftest.checks import Group, Level
from cds_service.selftest.ehr import Ehr, Service, changed
from cds_service.selftest.request import REFUSED

GROUP = Group("Transport")

_MEDIA_TYPES: tuple[tuple[str, str, Level, str, tuple[int, ...]], ...] = (
    ("media_type_charset", "CH-REQ-12", "MUST", "application/json; charset=utf-8", (200,)),
    ("media_type_fhir", "CH-REQ-12", "REC", "application/fhir+json", (200,)),
    ("media_type_text", "CH-REQ-12", "REC", "text/plain", (200, 400, 415)),
    ("media_type_form", "CH-REQ-12", "REC", "application/x-www-form-urlencoded", (200, 400, 415)),
)
for _name, _requirement, _level, _media_type, _statuses in _MEDIA_TYPES:
    GROUP.variant(
        _requirement,
        _level,
        _name,
        lambda r, _: r,
        *_statuses,
        sends=f"a complete call as {_media_type}",
        why="Clients differ in what they call JSON." if _statuses == (200,) else "It can be refused; it is no defect.",
        headers={"Content-Type": _media_type},
    )
GROUP.variant(
    "CH-GEN-11",
    "REC",
    "large_body",
    lambda r, _: changed(r, extension={"org.example.selftest": "x" * 3_000_000}),
    200,
    413,
    sends="a body of 3 MB",
    why="Charts are large. What is too large is refused in so many words.",
)
GROUP.variant(
    "CH-TOL-28",
    "REC",
    "gzip_body",
    lambda r, _: gzip.compress(json.dumps(r).encode()),
    200,
    415,
    sends="a complete call, compressed by gzip",
    why="Some HTTP clients compress by themselves. 415 tells them not to.",
    headers={"Content-Encoding": "gzip"},
)
GROUP.variant(
    "CH-TOL-28",
    "REC",
    "gzip_that_is_none",
    lambda r, _: r,
    400,
    415,
    sends="`Content-Encoding: gzip` over a body that is not",
    why=REFUSED,
    headers={"Content-Encoding": "gzip"},
)


@GROUP.check(
    "CH-TOL-28",
    "REC",
    sends="a complete call in chunks",
    expects="200, or 411",
    why="HTTP clients that do not know the length beforehand send chunks.",
)
def chunked_body(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    ehr.call(service, ehr.request(service), framing="chunked").expect(200, 411)


@GROUP.check(
    "CH-TOL-28",
    "REC",
    sends="a complete call with `Expect: 100-continue`, the body two seconds later if nothing comes",
    expects="200, or 417",
    why="Some HTTP clients ask before they send a large body.",
)
def expect_continue(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    ehr.call(service, ehr.request(service), framing="expect").expect(200, 417)


@GROUP.check(
    "CH-TOL-11",
    "REC",
    sends="calls to the service's address with a slash at its end, and with two before the id",
    expects="200, without a redirect",
    why="Clients join addresses as texts; a redirect breaks preflights, and makes a POST a GET.",
)
def service_path_variants(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    for url in (f"{ehr.url(service)}/", f"{ehr.url()}//{service.id}"):
        ehr.call(service, ehr.request(service), url=url).expect(200)
