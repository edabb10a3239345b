"""A small, proper CDS Hooks service that can be given one defect: the name of the check that should find it."""

import gzip
import json
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import requests
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from cds_service.selftest.tokens import Signer
from tests.selftest.defects import ANSWERS, DISCOVERY, FEEDBACK_REFUSED, FEEDBACK_TRIPS, REFUSED, TRIPS, Seen
from tests.selftest.gate import Gate

ORIGIN = "https://sandbox.cds-hooks.org"
CDS = "/cds-services"
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "labs": "Observation?patient={{context.patientId}}&code=http%3A%2F%2Floinc.org%7C2157-6",
}


class Unavailable(Exception):
    """Data that is needed cannot be had: 412."""


class Refused(Exception):
    """The request is the client's fault: 400."""


class PlainService:
    """Two services: `lab` on patient-view, `orders` on order-select; both show a card if there is a CK result.

    `known`: the client whose tokens are asked for; without one everybody may call. `fhir`: the FHIR base that may be
    read from.
    """

    def __init__(self, known: Signer | None = None) -> None:
        self.broken = ""
        self.fhir = ""
        self.address = ""
        self.gate = Gate(known, lambda name: self.broken == name) if known else None
        self._sent: set[bytes] = set()
        self._discovered = 0
        self.app = Flask(__name__)
        self.app.url_map.strict_slashes = False
        self.app.url_map.merge_slashes = False
        self._routes()

    def _is(self, name: str) -> bool:
        return self.broken == name

    # HTTP

    def _routes(self) -> None:
        app = self.app
        app.add_url_rule(CDS, view_func=self._discover, methods=["GET"])
        for path in (f"{CDS}/<id_>", f"{CDS}//<id_>"):
            app.add_url_rule(path, endpoint=path, view_func=self._call, methods=["POST"])
        app.add_url_rule(f"{CDS}/<id_>/feedback", view_func=self._feedback, methods=["POST"])
        app.register_error_handler(Exception, self._failed)
        app.after_request(self._finished)

    def _failed(self, error: Exception) -> Response:
        status = error.code or 500 if isinstance(error, HTTPException) else 500
        status = {Refused: 400, Unavailable: 412}.get(type(error), status)
        if status == 404 and self.broken in ("unknown_service", "never_5xx"):
            status = 500
        if status == 405 and self._is("feedback_get"):
            status = 200
        if status == 405 and self._is("post_to_discovery"):
            status = 500
        told: Any = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}
        if self._is("errors_are_outcomes"):
            told = {"error": "no"}
        if self._is("no_insides"):
            told |= {"text": traceback.format_exc()}
        answer = Response(json.dumps(told), status=status, mimetype="application/json")
        if self._is("every_body_is_json"):
            answer = Response("<h1>Error</h1>", status=status, mimetype="text/html")
        if isinstance(error, HTTPException) and error.code == 405 and not self._is("get_of_a_service"):
            answer.headers["Allow"] = "POST, OPTIONS"
        return answer

    def _finished(self, answer: Response) -> Response:
        origin = request.headers.get("Origin")
        preflight = request.method == "OPTIONS"
        silent = {
            "preflight_discovery": preflight and request.path == CDS,
            "preflight_call": preflight and request.path != CDS and not request.path.endswith("/feedback"),
            "preflight_feedback": preflight and request.path.endswith("/feedback"),
            "call_from_a_page": not preflight,
            "errors_from_a_page": answer.status_code >= 400,
        }
        if not self._is("vary_by_origin"):
            answer.headers["Vary"] = "Origin"
        if origin and (origin == ORIGIN or self._is("strange_origin")) and not silent.get(self.broken, False):
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Allow-Headers"] = "authorization, content-type, accept"
            answer.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            if self._is("strange_origin"):
                answer.headers["Access-Control-Allow-Credentials"] = "true"
        if self._is("star_with_credentials"):
            answer.headers["Access-Control-Allow-Origin"] = "*"
            answer.headers["Access-Control-Allow-Credentials"] = "true"
        return answer

    def _json(self, value: Any, status: int = 200) -> Response:
        return Response(json.dumps(value), status=status, mimetype="application/json")

    def _admit(self, url: str) -> Response | None:
        """The refusal of a call that may not be made."""
        reason = self.gate.refusal(request.headers.get("Authorization"), url) if self.gate else None
        if not reason:
            return None
        answer = self._json(
            {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "login"}]}, 401
        )
        if self._is("refusals_alike"):
            answer = self._json(
                {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": reason}]}, 401
            )
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    # Discovery

    def _discover(self) -> Response:
        self._discovered += 1
        services: list[dict[str, Any]] = [
            {"hook": hook, "id": id_, "title": id_, "description": "Looks at CK", "prefetch": dict(TEMPLATES)}
            for id_, hook in (("lab", "patient-view"), ("orders", "order-select"))
        ]
        if self.broken in DISCOVERY:
            DISCOVERY[self.broken](services[0])
        if self._is("discovery_distinct"):
            services.append(dict(services[0]))
        if self._is("discovery_one_hook_an_id"):
            services[1]["id"] = "lab"
        if self._is("discovery_stable"):
            services[0]["description"] += f" ({self._discovered})"
        if self._is("discovery_answers") and self._discovered > 1:
            return Response("<html>", mimetype="text/html")
        if self._is("discovery_lists_services") and self._discovered > 1:
            return self._json({"services": {}})
        if self._is("discovery_with_useless_token") and "Authorization" in request.headers:
            return self._json({}, 401)
        if self._is("discovery_trailing_slash") and request.path.endswith("/"):
            return self._json({}, 404)
        return self._json({"services": services})

    # Calls

    def _call(self, id_: str) -> Response:
        refusal = self._admit(f"{self.address}{CDS}/{id_}")
        if refusal:
            return refusal
        if id_ not in ("lab", "orders"):
            return self._failed(HTTPExceptionOf(404))
        seen = self._seen()
        if self._tripped(TRIPS, seen):
            raise RuntimeError("a defect")
        if refused := self._refused(REFUSED, seen):
            return refused
        response = self._answer(seen)
        if response["cards"] and self.broken in ANSWERS:
            ANSWERS[self.broken](response)
        if self._is("no_access_token"):
            response["extension"] = {"org.example.debug": json.dumps(seen.access)}
        answer = self._json(response)
        if not self._is("not_stored"):
            answer.headers["Cache-Control"] = "no-store"
        return answer

    def _seen(self) -> Seen:
        framing = "chunked" if request.headers.get("Transfer-Encoding") == "chunked" else ""
        framing = "expect" if "Expect" in request.headers else framing
        if self.gate is None and "Authorization" in request.headers:
            framing = "useless token"
        raw = request.get_data()
        if request.headers.get("Content-Encoding") == "gzip":
            try:
                raw, framing = gzip.decompress(raw), "gzip"
            except OSError:
                framing = "no gzip"
        return Seen(raw, request.headers.get("Content-Type", ""), framing, request.path)

    def _tripped(self, trips: dict[str, Callable[[Seen], Any]], seen: Seen) -> bool:
        return self.broken in trips and bool(trips[self.broken](seen))

    def _refused(self, table: dict[str, Callable[[Seen], Any]], seen: Seen) -> Response | None:
        """400 for what is wrong; a defect overlooks it, and has nothing to say."""
        for name, wrong in table.items():
            if wrong(seen):
                if self._is(name):
                    return self._json({"cards": []})
                raise Refused
        return None

    # Data

    def _answer(self, seen: Seen) -> dict[str, Any]:
        patient = seen.context["patientId"].removeprefix("Patient/")
        if self._is("fhir_nothing_missing") and seen.access:
            self._fetched(seen, patient, "labs")
        person = self._value(seen, patient, "patient")
        found = self._value(seen, patient, "labs")
        resources = _resources(person) + _resources(found)
        self._check(resources, patient, fetched="prefetch" not in seen.body)
        if self._is("hook_instance_repeated"):
            resources = self._remembered(seen.body["hookInstance"], resources)
        results = [one for one in resources if one.get("resourceType") == "Observation"]
        old = b"DSTU2" in seen.raw and not self._is("other_fhir_version")
        return {"cards": self._cards(results, old=old) if results else []}

    def _remembered(self, instance: str, resources: list[Any]) -> list[Any]:
        kept: dict[str, list[Any]] = self.__dict__.setdefault("kept", {})
        return kept.setdefault(instance, resources)

    def _value(self, seen: Seen, patient: str, key: str) -> Any:
        value = seen.prefetch.get(key, "missing")
        again = (value is None and self._is("fhir_not_for_null")) or (
            _failed(value) and self._is("fhir_not_after_outcome")
        )
        if again and seen.access:
            return self._fetched(seen, patient, key)
        if value is None or _usable(value, key):
            return value
        if _failed(value):
            raise Unavailable
        return self._fetched(seen, patient, key)

    def _check(self, resources: list[Any], patient: str, *, fetched: bool) -> None:
        if self._is("fhir_foreign_patient" if fetched else "foreign_patient"):
            return
        for one in resources:
            own = one.get("id") if one.get("resourceType") == "Patient" else _patient(one)
            if own != patient:
                raise Unavailable if fetched else Refused

    def _fetched(self, seen: Seen, patient: str, key: str) -> Any:
        base, access = str(seen.body.get("fhirServer") or ""), seen.access
        expired = float(access.get("expires_in", 1)) <= 0 and not self._is("fhir_not_when_expired")
        foreign = access.get("patient", patient) != patient and not self._is("fhir_not_for_another")
        unlisted = base != self.fhir and not (self._is("fhir_unlisted_server") and "127.0.0.1" in base)
        if not access.get("access_token") or expired or foreign or unlisted or self._is("fhir_instead_of_prefetch"):
            raise Unavailable
        if "/" in patient and not self._is("fhir_path_in_id"):
            raise Refused
        url: str | None = f"{base}/{TEMPLATES[key].replace('{{context.patientId}}', patient)}"
        headers = {"Authorization": f"Bearer {access['access_token']}"}
        if self._is("fhir_token_sent"):
            headers = {}
        if self._is("caller_token_kept"):
            headers = {"Authorization": request.headers["Authorization"]}
        if self._is("fhir_read_only"):
            requests.post(f"{base}/Observation", json={}, headers=headers, timeout=5)
        entries: list[Any] = []
        while url:
            page = self._page(url, headers)
            if key == "patient":
                return page
            entries += page.get("entry", ())
            url = self._next(page, base)
        return {"resourceType": "Bundle", "entry": entries}

    def _page(self, url: str, headers: dict[str, str]) -> Any:
        answer = requests.get(url, headers=headers, timeout=5, allow_redirects=self._is("fhir_redirect"))
        if self._is(f"fhir_{answer.status_code}"):
            answer.raise_for_status()
        try:
            page = answer.json()
        except requests.JSONDecodeError:
            if self._is("fhir_html" if "html" in answer.text else "fhir_truncated"):
                raise
            raise Unavailable from None
        if page is None:
            raise Unavailable
        if page.get("resourceType") == "Practitioner" and self._is("fhir_other_resource"):
            raise RuntimeError("a defect")
        if answer.status_code != 200 or page.get("resourceType") not in ("Patient", "Bundle"):
            raise Unavailable
        return page

    def _next(self, page: Any, base: str) -> str | None:
        found = next((link["url"] for link in page.get("link", ()) if link["relation"] == "next"), None)
        if found and self._is("fhir_pages_followed"):
            return None
        if found and not found.startswith(f"{base}/") and not self._is("fhir_foreign_page"):
            raise Unavailable
        # Whoever is lured to another server is sent round in circles there.
        return urljoin(base, found) if found and len(page.get("entry", ())) == 0 else None

    # Cards

    def _cards(self, results: list[Any], *, old: bool) -> list[dict[str, Any]]:
        text = results[0].get("code", {}).get("text", "")
        if not self._is("markup_in_names"):
            text = text.replace("<", "&lt;").replace("](", "] (")
        order = {"resourceType": "MedicationRequest", "id": "m", "status": "draft"}
        suggestion = {
            "label": "Repeat it",
            "uuid": str(uuid.uuid4()),
            "isRecommended": True,
            "actions": [
                {"type": "create", "description": "New", "resource": order},
                {"type": "update", "description": "Changed", "resource": dict(order)},
                {"type": "delete", "description": "Gone", "resourceId": "MedicationRequest/m"},
            ],
        }
        first = {
            "uuid": f"c0ffee00{str(uuid.uuid4())[8:]}",
            "summary": "CK is raised",
            "detail": f"Result: {text}",
            "indicator": "warning",
            "source": {
                "label": "Plain",
                "url": "https://cds.example/",
                "topic": {"code": "ck", "system": "urn:plain"},
            },
            "links": [
                {"label": "More", "url": "https://cds.example/more", "type": "absolute"},
                {"label": "App", "url": "https://app.example/launch", "type": "smart", "appContext": "x"},
            ],
            "overrideReasons": [{"code": "known", "system": "urn:plain", "display": "Known"}],
            "extension": {"org.example.rule": "ck"},
        }
        if not old:
            first |= {"suggestions": [suggestion], "selectionBehavior": "any"}
        second = {"uuid": f"c0ffee00{str(uuid.uuid4())[8:]}", "summary": "Look", "indicator": "info"}
        return [first, second | {"source": {"label": "Plain"}}]

    # Feedback

    def _feedback(self, id_: str) -> Response:
        if id_ not in ("lab", "orders") and not self._is("feedback_unknown_service"):
            return self._failed(HTTPExceptionOf(404))
        refusal = None if self._is("feedback_without_token") else self._admit(f"{self.address}{CDS}/{id_}/feedback")
        if refusal:
            return refusal
        seen = Seen(request.get_data())
        if self._tripped(FEEDBACK_TRIPS, seen):
            raise RuntimeError("a defect")
        if refused := self._refused(FEEDBACK_REFUSED, seen):
            return refused
        if self._is("feedback_repeated") and seen.raw in self._sent:
            raise RuntimeError("a defect")
        self._sent.add(seen.raw)
        return self._json({"kept": None if self._is("feedback_answers_whole") else int(time.time())})


def HTTPExceptionOf(code: int) -> HTTPException:
    """A HTTP error of this status."""
    error = HTTPException()
    error.code = code
    return error


def _resources(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        return []
    if value.get("resourceType") != "Bundle":
        return [value]
    held = [entry.get("resource") for entry in value.get("entry", ()) if isinstance(entry, dict)]
    return [one for one in held if isinstance(one, dict) and one.get("resourceType") in ("Patient", "Observation")]


def _patient(resource: Any) -> str:
    return str(resource.get("subject", {}).get("reference", "")).rpartition("/")[2]


def _failed(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    held = [entry.get("resource") for entry in value.get("entry", ()) if isinstance(entry, dict)]
    outcomes = [
        one for one in (value, *held) if isinstance(one, dict) and one.get("resourceType") == "OperationOutcome"
    ]
    return any(issue["severity"] in ("error", "fatal") for one in outcomes for issue in one["issue"])


def _usable(value: Any, key: str) -> bool:
    wanted = ("Patient", "Bundle") if key == "patient" else ("Bundle",)
    return isinstance(value, dict) and value.get("resourceType") in wanted and not _failed(value)
