"""From a session to what its page shows: the chart is read anew with the session's token, and forgotten."""

import uuid
from datetime import date
from functools import cached_property

import msgspec

from cds_service import records
from cds_service.engine import Engine
from cds_service.errors import DataUnavailable, Issue
from cds_service.explanation import Explanation, explain
from cds_service.patient_data import PatientData
from cds_service.prefetch import ABSENT
from cds_service.registry import CdsService
from cds_service.security.callers import Caller
from cds_service.smart.registration import SmartApp
from cds_service.smart.sessions import Session
from hooks.cards import SOURCE_NAMES
from hooks.knowledge.model import Knowledge

HOOK = "patient-view"
_NOBODY = "Practitioner/unknown"
"""The app does not ask who the user is; the hook wants a user."""
_REMEDY = "Open the app again from the patient's chart. If it stays so, the record system has to let the app read it."


class _HumanName(msgspec.Struct, frozen=True):
    text: str = ""
    family: str = ""
    given: tuple[str, ...] = ()
    use: str = ""

    @property
    def whole(self) -> str:
        return self.text or " ".join((*self.given, self.family)).strip()


class _Patient(msgspec.Struct, frozen=True, rename="camel"):
    name: tuple[_HumanName, ...] = ()
    birth_date: str = ""


class Shown(msgspec.Struct, frozen=True, dict=True):
    """A chart that was read, for one page."""

    explanation: Explanation

    @cached_property
    def _patient(self) -> _Patient:
        for entry in self._data.sources["patient"].entries:
            try:
                return msgspec.json.decode(entry.resource, type=_Patient)
            except msgspec.DecodeError:
                continue
        return _Patient()

    @property
    def _data(self) -> PatientData:
        return self.explanation.call.data

    @property
    def name(self) -> str:
        """The patient's name: the official or usual one, or else the first; empty if none can be read."""
        names = sorted(self._patient.name, key=lambda one: one.use not in ("official", "usual"))
        return next(filter(None, (one.whole for one in names)), "")

    @property
    def born(self) -> str:
        """The date of birth as recorded."""
        return self._patient.birth_date

    @property
    def gaps(self) -> tuple[tuple[str, str, str], ...]:
        """What could not be looked at, or not wholly: its name, in what way, and why."""
        return tuple(
            (
                SOURCE_NAMES.get(source.key, source.key),
                "not checked" if source.state == "unavailable" else "only partly checked",
                _plain(source.reason),
            )
            for source in self._data.sources.values()
            if source.state != "complete"
        )


class Charts:
    """Reads charts for the app, with the rules of the service that is asked when a chart is opened."""

    def __init__(self, engine: Engine, service: CdsService, knowledge: Knowledge) -> None:
        # Leave may be given for less than was asked for: only without person or diagnoses can nothing be said.
        lenient = (
            msgspec.structs.replace(template, required=template.required and template.stage == "gate")
            for template in service.prefetch
        )
        self._engine = engine
        self._service = msgspec.structs.replace(service, prefetch=tuple(lenient))
        self._knowledge = knowledge

    def read(self, app: SmartApp, session: Session, today: date) -> Shown:
        """The chart of the session's patient. Raises DataUnavailable, or another ServiceError."""
        caller = Caller(app.client, fhir_servers=(app.server,))
        request = {
            "hook": self._service.hook,
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": app.server.base,
            "fhirAuthorization": {
                "access_token": session.token,
                "token_type": "Bearer",  # nosec B105  # the name of a scheme
                "expires_in": 1,
                "scope": session.scope,
                "subject": app.client_id,
                "patient": session.patient,
            },
            "context": {"userId": _NOBODY, "patientId": session.patient},
        }
        try:
            found = explain(
                self._engine, self._service, self._knowledge, msgspec.json.encode(request), today, caller=caller
            )
        except DataUnavailable as error:
            raise type(error)(
                tuple(Issue(_plain(issue.text), issue.where, _REMEDY) for issue in error.issues)
            ) from None
        finally:
            records.current().user = ""
        record = records.current()
        record.cards = found.response.cards
        record.fired = tuple(verdict.rule for verdict in found.verdicts if verdict.outcome == "fires")
        record.dropped = tuple(dropped.kind for dropped in found.evaluation.assessment.chart.dropped)
        return Shown(found)


def _plain(reason: str) -> str:
    """A reason without what goes without saying: the app sends no prefetch."""
    return reason.replace(f"{ABSENT.reason}, and ", "")
