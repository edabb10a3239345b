"""Browsers: preflights, and the headers without which a page may not read the answer."""

from collections.abc import Iterator

from cds_service.selftest.checks import Group, Unmet
from cds_service.selftest.ehr import Ehr, Service
from cds_service.selftest.statuses import NOWHERE
from cds_service.selftest.wire import Exchange

GROUP = Group("Browsers (CORS)")
_STRANGE = "https://selftest-stranger.example"


def _preflight(ehr: Ehr, url: str, method: str, headers: str, service: str = "") -> None:
    asked = {
        "Origin": ehr.options.origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    answer = ehr.send("preflight", "OPTIONS", url, service=service, headers=asked, token=None).expect(200, 204)
    _allowed(ehr, answer)
    for name, wanted in (("access-control-allow-headers", headers), ("access-control-allow-methods", method)):
        there = {word.strip().lower() for word in answer.headers.get(name, "").split(",")}
        # A `*` covers every method and header but Authorization.
        missing = {
            word
            for word in wanted.lower().split(",")
            if word not in there and not ("*" in there and word != "authorization")
        }
        if missing - {"get", "post", "head"} or (missing and name.endswith("headers")):
            raise Unmet(f"{name} lacks {', '.join(sorted(missing))}", answer)


def _allowed(ehr: Ehr, answer: Exchange) -> None:
    found = answer.headers.get("access-control-allow-origin")
    if found not in ("*", ehr.options.origin):
        raise Unmet(
            f"Access-Control-Allow-Origin is {found or 'missing'}; a page of {ehr.options.origin} sees nothing", answer
        )


def _preflights(name: str, what: str, kind: str) -> None:
    """Preflights of the service's address, and of what is below it."""

    @GROUP.check(
        "CH-SEC-05",
        "REC",
        name=name,
        sends=f"a browser's preflight of {what}, without a token",
        expects="200 or 204, with the origin, POST, Authorization and Content-Type allowed",
        why="A browser asks this before each call, and never with a token.",
    )
    def check(ehr: Ehr, service: Service) -> None:
        if kind == "feedback":
            ehr.offers_feedback(service)
        url = ehr.url(service, *(("feedback",) if kind == "feedback" else ()))
        _preflight(ehr, url, "POST", "authorization,content-type", service.id)


@GROUP.check(
    "CH-SEC-05",
    "REC",
    each=False,
    sends="a browser's preflight of discovery, without a token",
    expects="200 or 204, with the origin and Authorization allowed",
    why="A browser asks this before each call, and never with a token.",
)
def preflight_discovery(ehr: Ehr) -> None:
    _preflight(ehr, ehr.url(), "GET", "authorization")


_preflights("preflight_call", "the service", "call")
_preflights("preflight_feedback", "the feedback address", "feedback")


@GROUP.check(
    "CH-SEC-04",
    "MUST",
    sends="a complete call from a web page",
    expects="200, readable for the page's origin",
    why="Record systems run in browsers, and call from there.",
)
def call_from_a_page(ehr: Ehr, service: Service) -> None:
    ehr.good(service)
    answer = ehr.call(service, ehr.request(service), headers={"Origin": ehr.options.origin}).expect(200)
    _allowed(ehr, answer)


@GROUP.check(
    "CH-SEC-07",
    "REC",
    each=False,
    sends="a call from a web page that is refused (404 and 400)",
    expects="an error that the page can read",
    why="Without the headers the developer sees a network error, and never the reason.",
)
def errors_from_a_page(ehr: Ehr) -> None:
    origin = {"Origin": ehr.options.origin}
    for answer in (ehr.call(NOWHERE, {}, headers=origin), ehr.call(ehr.services[0], b"{", headers=origin)):
        if answer.status < 400:
            raise Unmet(f"{answer.status} came where an error was due", answer)
        _allowed(ehr, answer)


@GROUP.check(
    "CH-SEC-06",
    "REC",
    each=False,
    sends="discovery from a web page of somebody else",
    expects="the origin not allowed together with credentials",
    why="Any page could call with the visitor's cookies.",
)
def strange_origin(ehr: Ehr) -> None:
    answer = ehr.discover(headers={"Origin": _STRANGE})
    allowed = answer.headers.get("access-control-allow-origin")
    if allowed == _STRANGE and answer.headers.get("access-control-allow-credentials", "").lower() == "true":
        raise Unmet("every origin is allowed, with credentials", answer)


@GROUP.check(
    "CH-SEC-06",
    "MUST",
    each=False,
    late=True,
    sends="everything that was sent in this run",
    expects="never `*` together with credentials",
    why="Browsers refuse the pair, and services that send it mean to allow everybody everything.",
)
def star_with_credentials(ehr: Ehr) -> None:
    for one in ehr.wire.transcript:
        if one.headers.get("access-control-allow-origin") == "*" and "access-control-allow-credentials" in one.headers:
            raise Unmet("Access-Control-Allow-Origin: * came with Access-Control-Allow-Credentials", one)


@GROUP.check(
    "CH-SEC-06",
    "REC",
    each=False,
    late=True,
    sends="everything that was sent from a web page in this run",
    expects="`Vary: Origin` where one origin is allowed by name",
    why="A cache would hand the answer for one page to another, which may then not read it.",
)
def vary_by_origin(ehr: Ehr) -> None:
    for one in _named(ehr):
        if "origin" not in one.headers.get("vary", "").lower():
            raise Unmet(f"Vary is {one.headers.get('vary', 'missing')}", one)


def _named(ehr: Ehr) -> Iterator[Exchange]:
    return (
        one
        for one in ehr.wire.transcript
        if one.headers.get("access-control-allow-origin", "*") != "*" and one.kind != "preflight"
    )
