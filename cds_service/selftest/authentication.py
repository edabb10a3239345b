"""Callers' tokens: the good ones, and every defect that a service must not overlook."""

import time
from collections.abc import Callable

from cds_service.selftest.checks import Group, Level, NotApplicable, Unmet
from cds_service.selftest.ehr import USELESS, Ehr, Service
from cds_service.selftest.listener import Heard, Listener, Page
from cds_service.selftest.tokens import Signer
from cds_service.selftest.wire import Exchange

GROUP = Group("Authentication (JWT)")
_HOUR = 3600
_DAY = 24 * _HOUR
Forge = Callable[[Signer, str], str | None]
"""From a signer and the audience to a token that must be refused; None sends no token."""


def _authenticated(ehr: Ehr) -> Service:
    """The service that the defects are tried on. Raises NotApplicable in open mode."""
    if ehr.signer is None and not ehr.options.expect_auth:
        raise NotApplicable("neither a key nor --expect-auth was given")
    return ehr.services[0]


def _signing(ehr: Ehr) -> Signer:
    """Raise NotApplicable without a key that the service knows: a refusal would prove nothing."""
    if ehr.signer is None:
        raise NotApplicable("no key was given, so that the token would be refused in any case")
    return ehr.signer


def _refused(ehr: Ehr, service: Service, token: str | None) -> Exchange:
    return ehr.call(service, ehr.request(service), token=token).expect(401)


def _defect(
    requirement: str, level: Level, name: str, sends: str, forge: Forge, *, why: str, needs_key: bool = True
) -> None:
    """A check that sends a token with one defect. `needs_key`: the rest of the token has to be good."""

    @GROUP.check(requirement, level, name=f"token_{name}", each=False, sends=sends, expects="401", why=why)
    def check(ehr: Ehr) -> None:
        service = _authenticated(ehr)
        signer = _signing(ehr) if needs_key else ehr.signer or Signer.invented()
        _refused(ehr, service, forge(signer, ehr.audience(ehr.url(service))))


_NOBODY = "Whoever can reach the service could ask about every patient."
_FORGED = "Anybody could make such a token."
_STOLEN = "A token that was once seen would open the service for ever, or another service too."
for _requirement, _name, _sends, _forge, _why in (
    ("CH-JWT-01", "none", "no `Authorization`", lambda _s, _a: None, _NOBODY),
    ("CH-TOL-13", "null", "`Bearer null`", lambda _s, _a: "null", _NOBODY),
    ("CH-JWT-01", "not_a_token", "a bearer that is no JWT", lambda _s, _a: "a.b.c", _NOBODY),
    ("CH-JWT-02", "unsigned", "`alg` none", lambda s, a: s.unsigned(a), _FORGED),
    (
        "CH-JWT-03",
        "symmetric",
        "HS256 with the text of the public key as the secret",
        lambda s, a: s.symmetric(a),
        "The public key is public.",
    ),
    (
        "CH-JWT-08",
        "of_nobody",
        "a token of an issuer that nobody knows",
        lambda _s, a: Signer.invented().token(a),
        _FORGED,
    ),
):
    _defect(_requirement, "MUST", _name, _sends, _forge, why=_why, needs_key=False)

_DEFECTS: tuple[tuple[str, Level, str, str, Forge, str], ...] = (
    ("CH-JWT-04", "MUST", "tampered", "claims changed after signing", lambda s, a: s.tampered(a), _FORGED),
    (
        "CH-JWT-05",
        "MUST",
        "other_key",
        "the known issuer and `kid`, signed with another key",
        lambda s, a: _other_key(s).token(a),
        _FORGED,
    ),
    (
        "CH-JWT-05",
        "MUST",
        "no_kid",
        "no `kid`",
        lambda s, a: s.token(a, header={"kid": None}),
        "The key is then guessed.",
    ),
    (
        "CH-JWT-05",
        "MUST",
        "unknown_kid",
        "an unknown `kid`",
        lambda s, a: s.token(a, header={"kid": "selftest-9"}),
        _FORGED,
    ),
    (
        "CH-JWT-07",
        "REC",
        "crit",
        "a `crit` header that nobody knows",
        lambda s, a: s.token(a, header={"crit": ["x"], "x": 1}),
        "RFC 7515 has it refused.",
    ),
    (
        "CH-JWT-11",
        "MUST",
        "other_audience",
        "a token for another service",
        lambda s, a: s.token(f"{a}-other"),
        "Whoever runs another service could call this one with the tokens that it is sent.",
    ),
    ("CH-JWT-11", "MUST", "no_audience", "no `aud`", lambda s, a: s.token(a, aud=None), _STOLEN),
    (
        "CH-JWT-13",
        "MUST",
        "expired",
        "a token that expired an hour ago",
        lambda s, a: s.token(a, now=time.time() - _HOUR),
        _STOLEN,
    ),
    ("CH-JWT-13", "MUST", "no_exp", "no `exp`", lambda s, a: s.token(a, exp=None), _STOLEN),
    ("CH-JWT-13", "MUST", "no_iat", "no `iat`", lambda s, a: s.token(a, iat=None), _STOLEN),
    (
        "CH-JWT-13",
        "MUST",
        "from_the_future",
        "`iat` an hour ahead",
        lambda s, a: s.token(a, now=time.time() + _HOUR),
        _STOLEN,
    ),
    (
        "CH-JWT-14",
        "REC",
        "too_long",
        "a token that is valid for a week",
        lambda s, a: s.token(a, exp=int(time.time()) + 7 * _DAY),
        _STOLEN,
    ),
    (
        "CH-JWT-15",
        "REC",
        "not_yet",
        "`nbf` an hour ahead",
        lambda s, a: s.token(a, nbf=int(time.time()) + _HOUR),
        _STOLEN,
    ),
    ("CH-JWT-16", "MUST", "no_jti", "no `jti`", lambda s, a: s.token(a, jti=None), _STOLEN),
    ("CH-JWT-01", "MUST", "no_issuer", "no `iss`", lambda s, a: s.token(a, iss=None), _FORGED),
)
for _requirement, _level, _name, _sends, _forge, _why in _DEFECTS:
    _defect(_requirement, _level, _name, _sends, _forge, why=_why)


def _other_key(signer: Signer) -> Signer:
    other = Signer.invented()
    return Signer(other.key, other.algorithm, signer.kid, signer.issuer, signer.jku, signer.tenant)


@GROUP.check(
    "CH-JWT-08",
    "MUST",
    each=False,
    sends="a token whose `jku` leads to a listener on this machine, signed with the key that is there",
    expects="401, and no request at the listener",
    why="A service that fetches any `jku` trusts everybody, and can be sent anywhere.",
)
def token_unknown_jku(ehr: Ehr) -> None:
    service = _authenticated(ehr)
    known, stranger = ehr.signer, Signer.invented()
    listener = Listener("127.0.0.1", 0, lambda _: Page(stranger.jwks(), media_type="application/json"))
    try:
        jku = f"{listener.origin}/jwks.json"
        issuer = known.issuer if known else stranger.issuer
        kid = known.kid if known else stranger.kid
        for one in (issuer, stranger.issuer):
            forged = Signer(stranger.key, stranger.algorithm, kid, one, jku)
            answer = _refused(ehr, service, forged.token(ehr.audience(ehr.url(service))))
            if listener.heard:
                raise Unmet(f"the service fetched {jku}, which only the token named", answer)
    finally:
        listener.close()


@GROUP.check(
    "CH-JWT-16",
    "MUST",
    each=False,
    sends="one good token twice",
    expects="200, then 401",
    why="Whoever reads a token in a log or on the way could use it again.",
)
def token_replayed(ehr: Ehr) -> None:
    service = _authenticated(ehr)
    signer = _signing(ehr)
    ehr.good(service)
    token = signer.token(ehr.audience(ehr.url(service)))
    ehr.call(service, ehr.request(service), token=token).expect(200)
    _refused(ehr, service, token)


@GROUP.check(
    "CH-JWT-11",
    "MUST",
    each=False,
    sends="a good token whose `aud` is an array with the service's address in it",
    expects="200",
    why="RFC 7519 allows both forms.",
)
def token_audience_array(ehr: Ehr) -> None:
    service = _authenticated(ehr)
    signer = _signing(ehr)
    ehr.good(service)
    token = signer.token("", aud=["https://selftest.example", ehr.audience(ehr.url(service))])
    ehr.call(service, ehr.request(service), token=token).expect(200)


@GROUP.check(
    "CH-JWT-22",
    "REC",
    each=False,
    sends="a good token with further claims (`sub`, `client_id`)",
    expects="200",
    why="Vendors add claims.",
)
def token_more_claims(ehr: Ehr) -> None:
    service = _authenticated(ehr)
    signer = _signing(ehr)
    ehr.good(service)
    token = signer.token(ehr.audience(ehr.url(service)), sub="selftest", client_id="selftest")
    ehr.call(service, ehr.request(service), token=token).expect(200)


@GROUP.check(
    "CH-FB-08",
    "MUST",
    sends="feedback without a token",
    expects="401",
    why="Anybody could write the record of what clinicians did.",
)
def feedback_without_token(ehr: Ehr, service: Service) -> None:
    _authenticated(ehr)
    if ehr.signer is not None:
        ehr.offers_feedback(service)
    elif not ehr.options.feedback:
        raise NotApplicable("no feedback is sent")
    ehr.feedback(service, {"feedback": []}, token=None).expect(401)


@GROUP.check(
    "CH-STAT-04",
    "REC",
    each=False,
    late=True,
    sends="all calls with a bad token",
    expects="401 with the same body and `WWW-Authenticate: Bearer` each time",
    why="What differs tells an attacker how far a forged token came.",
)
def refusals_alike(ehr: Ehr) -> None:
    _authenticated(ehr)
    refused = [one for one in ehr.wire.transcript if one.kind == "call" and one.status == 401]
    if not refused:
        raise NotApplicable("nothing was refused")
    for one in refused:
        if one.body != refused[0].body:
            raise Unmet("the body differs from that of the first refusal", one)
        if not one.headers.get("www-authenticate", "").lower().startswith("bearer"):
            raise Unmet("WWW-Authenticate does not say Bearer", one)


@GROUP.check(
    "CH-TOL-13",
    "REC",
    sends="`Bearer undefined`, to a service that wants no token",
    expects="200 with the same cards as the complete call",
    why="Clients without a token send such words.",
)
def useless_token_in_open_mode(ehr: Ehr, service: Service) -> None:
    if ehr.signer is not None or ehr.options.expect_auth:
        raise NotApplicable("the service is authenticated")
    good = ehr.good(service)
    ehr.compare(service, good, ehr.call(service, ehr.request(service), token=USELESS).expect(200))


@GROUP.check(
    "CH-AUTHZ-05",
    "MUST",
    each=False,
    late=True,
    sends="everything that was sent in this run",
    expects="the caller's token never sent on to the FHIR server",
    why="It is for this service alone.",
)
def caller_token_kept(ehr: Ehr) -> None:
    if ehr.fhir is None or ehr.signer is None:
        raise NotApplicable("it takes a key and --fhir-listen")
    if any(_is_jwt(heard) for heard in ehr.fhir.heard):
        raise Unmet("the FHIR server was sent a token of the caller")


def _is_jwt(heard: Heard) -> bool:
    return heard.headers.get("authorization", "").startswith("Bearer ey")
