"""The record system that calls: it knows the service's addresses, makes complete calls, and remembers what came."""

import copy
import json
import uuid
from typing import Any
from urllib.parse import quote

import msgspec

from cds_service.selftest.checks import NotApplicable, Unmet
from cds_service.selftest.listener import Listener
from cds_service.selftest.samples import Sample
from cds_service.selftest.tokens import Signer
from cds_service.selftest.wire import JSON, Exchange, Framing, Kind, Wire

NO_KEY = "no key was given, so every call is refused"
USELESS = "undefined"
"""What clients without a token are seen to send as one."""
OWN = "the caller's own token"
"""Stands for: sign a good token if there is a key, else send none."""


class Service(msgspec.Struct, frozen=True):
    """A usable entry of the discovery answer."""

    id: str
    hook: str
    prefetch: dict[str, str] = {}


class Options(msgspec.Struct, frozen=True):
    """What the caller of the selftest wants."""

    services: tuple[str, ...] = ()
    """Only these; all if empty."""
    feedback: bool = True
    cors: bool = True
    origin: str = "https://sandbox.cds-hooks.org"
    expect_auth: bool = False
    public_url: str = ""
    """What the service takes for its own base, if that is not where it is called: tokens are made out to it."""


class Ehr:
    """Speaks to one server. `fhir`: a FHIR server of ours that the service may read from."""

    def __init__(
        self,
        base: str,
        wire: Wire,
        sample: Sample,
        *,
        options: Options | None = None,
        signer: Signer | None = None,
        fhir: Listener | None = None,
    ) -> None:
        self.discovery_url = f"{base.rstrip('/').removesuffix('/cds-services')}/cds-services"
        self.wire, self.sample, self.signer, self.fhir = wire, sample, signer, fhir
        self.options = options or Options()
        self.services: tuple[Service, ...] = ()
        self._good: dict[str, tuple[Exchange, Exchange]] = {}
        self._feedback: dict[str, bool] = {}

    @property
    def is_outside(self) -> bool:
        """Whether the service wants tokens, and there is no key to sign them: every call is refused."""
        return self.options.expect_auth and self.signer is None

    # Addresses

    def url(self, service: Service | None = None, *more: str) -> str:
        """The address of discovery, or of a service and what is below it."""
        return "/".join((self.discovery_url, *((quote(service.id, safe=""),) if service else ()), *more))

    def audience(self, url: str) -> str:
        """What a token for this address is made out to."""
        base = self.discovery_url.removesuffix("/cds-services")
        public = self.options.public_url.rstrip("/")
        return public + url.removeprefix(base) if public else url

    # Sending

    def send(
        self,
        kind: Kind,
        method: str,
        url: str,
        *,
        service: str = "",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        framing: Framing = "plain",
        token: str | None = OWN,
        audience: str = "",
    ) -> Exchange:
        """One request. `audience`: what the token is for, if that is not the URL as it is written."""
        sent = {"Accept": JSON, **(headers or {})}
        if token == OWN:
            token = self.signer.token(self.audience(audience or url)) if self.signer else None
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        return self.wire.send(Exchange(kind, service, method, url, headers=sent, sent=body), framing)

    def discover(self, suffix: str = "", **arguments: Any) -> Exchange:
        """GET the discovery answer."""
        return self.send("discovery", "GET", self.url() + suffix, audience=self.url(), **arguments)

    def call(self, service: Service, body: Any, *, url: str = "", **arguments: Any) -> Exchange:
        """Call a service; `body` is a JSON value, or the bytes themselves."""
        arguments["headers"] = {"Content-Type": JSON} | (arguments.get("headers") or {})
        url = url or self.url(service)
        encoded = _encoded(body)
        return self.send("call", "POST", url, service=service.id, body=encoded, audience=self.url(service), **arguments)

    def feedback(self, service: Service, body: Any, **arguments: Any) -> Exchange:
        """Send feedback on a service's cards."""
        url = self.url(service, "feedback")
        headers = {"Content-Type": JSON}
        encoded = _encoded(body)
        return self.send("feedback", "POST", url, service=service.id, body=encoded, headers=headers, **arguments)

    # Complete calls

    def request(self, service: Service) -> dict[str, Any]:
        """A fresh, complete request. Raises NotApplicable."""
        context = self.sample.context(service.hook)
        if context is None:
            raise NotApplicable(f"the context of the hook {service.hook} is not known here; give it with --context")
        request = {"hook": service.hook, "hookInstance": str(uuid.uuid4()), "context": context}
        prefetch = self.sample.prefetch(service.prefetch, context)
        return request | ({"prefetch": prefetch} if service.prefetch else {})

    def complete(self, service: Service) -> Exchange:
        """The answer to a complete call, whatever it is; asked once, and a second time to see what varies by itself."""
        if service.id not in self._good:
            first = self.call(service, self.request(service))
            self._good[service.id] = (first, self.call(service, self.request(service)))
        return self._good[service.id][0]

    def good(self, service: Service) -> Exchange:
        """The 200 answer to a complete call. Raises NotApplicable: without it, changed calls tell nothing."""
        if self.is_outside:
            raise NotApplicable(NO_KEY)
        try:
            answer = self.complete(service)
        except Unmet as unmet:
            raise NotApplicable(f"the complete call failed ({unmet.problem})") from None
        if answer.status != 200:
            raise NotApplicable(f"the complete call was answered with {answer.status}")
        return answer

    def compare(self, service: Service, one: Exchange, other: Exchange) -> None:
        """Raise Unmet if the cards differ, uuids apart. Raises NotApplicable as `steady` does."""
        self.steady(service)
        if essence(one.cards) != essence(other.cards):
            raise Unmet(f"{len(other.cards)} cards came that are not those of the complete call", other)

    def steady(self, service: Service) -> None:
        """Raise NotApplicable if even equal calls give different cards."""
        first, second = self._good[service.id]
        if second.status != 200 or essence(first.cards) != essence(second.cards):
            raise NotApplicable("two equal calls were answered differently, so answers cannot be compared")

    def searches(self, service: Service) -> list[str]:
        """The prefetch keys whose templates are searches. Raises NotApplicable when there is none."""
        return self._keys(service, [key for key, template in service.prefetch.items() if "?" in template], "searches")

    def reads(self, service: Service) -> list[str]:
        """The prefetch keys whose templates are reads. Raises NotApplicable when there is none."""
        return self._keys(service, [key for key, template in service.prefetch.items() if "?" not in template], "reads")

    def _keys(self, service: Service, keys: list[str], kind: str) -> list[str]:
        there = self.request(service).get("prefetch", {})
        found = [key for key in keys if key in there]
        if not found:
            raise NotApplicable(f"no prefetch template of {service.id} {kind}")
        return found

    def offers_feedback(self, service: Service) -> None:
        """Raise NotApplicable if nothing is at the feedback address, or feedback may not be sent."""
        if not self.options.feedback:
            raise NotApplicable("no feedback is sent")
        if self.is_outside:
            raise NotApplicable(NO_KEY)
        if service.id not in self._feedback:
            answer = self.feedback(service, {"feedback": [feedback_item("selftest-unknown-card")]})
            self._feedback[service.id] = answer.status not in (404, 405, 501)
        if not self._feedback[service.id]:
            raise NotApplicable("the service takes no feedback")

    def answers(self, service: Service) -> list[Exchange]:
        """All 200 answers to calls of a service so far."""
        return [one for one in self.wire.transcript if (one.kind, one.service, one.status) == ("call", service.id, 200)]


def feedback_item(card: str, **members: Any) -> dict[str, Any]:
    """One overridden card; a change to None takes the member out."""
    usual = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-03-05T08:30:00Z"}
    return {name: value for name, value in (usual | members).items() if value is not None}


def essence(value: Any) -> Any:
    """A value without its uuids, which are new each time."""
    if isinstance(value, dict):
        return {name: essence(item) for name, item in value.items() if name != "uuid"}
    return [essence(item) for item in value] if isinstance(value, list) else value


def changed(request: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The request with these members."""
    return request | members


def without(request: dict[str, Any], *names: str) -> dict[str, Any]:
    """The request without these members."""
    return {name: value for name, value in request.items() if name not in names}


def in_context(request: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The request with these members of its context."""
    return request | {"context": request["context"] | members}


def in_prefetch(request: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    """The request with these prefetch values."""
    return request | {"prefetch": copy.deepcopy(request.get("prefetch", {})) | answers}


def about(value: Any, old: str, new: str, prefix: str = "") -> Any:
    """The value about another patient: the Patient's id, and the references to it, with a prefix before them."""
    if isinstance(value, dict):
        found = {name: about(item, old, new, prefix) for name, item in value.items()}
        return found | ({"id": new} if (value.get("resourceType"), value.get("id")) == ("Patient", old) else {})
    if isinstance(value, list):
        return [about(item, old, new, prefix) for item in value]
    return f"{prefix}Patient/{new}" if value == f"Patient/{old}" else value


def _encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
