"""From request bytes to response bytes, in process, for the web application, the command line and the benchmark."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from cds_service import records
from cds_service.errors import HookMismatch
from cds_service.fhir.versions import other_version
from cds_service.gather import Gatherer
from cds_service.protocol.cards import CdsResponse, Coding, encode
from cds_service.protocol.hooks import HOOKS, Hook, checked_context
from cds_service.protocol.request import parse
from cds_service.registry import Answer, Call, CdsService, Snooze
from cds_service.security.callers import Caller
from cds_service.settings import Settings
from cds_service.smart.links import linked
from cds_service.store.items import Shown

if TYPE_CHECKING:
    from cds_service.store.store import Store

_log = structlog.get_logger()


def presented(call: Call, response: CdsResponse) -> CdsResponse:
    """The response as the client can take it: no suggestion holds a resource of another FHIR version (CH-ACT-07)."""
    if not call.other_version:
        return response
    bare = {"suggestions": (), "selection_behavior": ""}
    return CdsResponse(tuple(msgspec.structs.replace(card, **bare) for card in response.cards))


class Engine:
    """Answers calls. Thread-safe; all it may remember of them is in the store."""

    def __init__(self, settings: Settings, hooks: dict[str, Hook] | None = None, store: "Store | None" = None) -> None:
        self.settings = settings
        self.store = store
        self._hooks = HOOKS | (hooks or {})
        self._gatherer = Gatherer(settings)
        self.anonymous = Caller(fhir_servers=settings.fhir_servers, shadow=settings.shadow)
        """Who calls where nobody has to say who they are."""

    def call(self, service: CdsService, body: bytes, today: date, caller: Caller | None = None) -> Call | None:
        """The request with its data gathered; None if the gate says that the patient does not concern the service."""
        request = parse(body, strict=self.settings.strict)
        for warning in request.warnings:
            _log.warning("request_tolerated", service=service.id, warning=warning)
        if request.hook != service.hook:
            raise HookMismatch(
                f"The service {service.id} is for the hook {service.hook}, and hook says another.",
                "hook",
                "Call the service that discovery lists for the hook.",
            )
        context = self._context(service, request.context)
        caller = caller or self.anonymous
        self._note(context, caller)
        data = self._gatherer.gather(service, request, context, today, caller)
        if data is None:
            return None
        version = other_version(request.extension, data)
        if version:
            _log.warning("fhir_version", service=service.id, version=version, suggestions="left out")
        snoozes = self._snoozes(service, caller, data.patient_id, today)
        return Call(data, today, self.settings.public_url, context, service.hook, version, snoozes)

    def _snoozes(self, service: CdsService, caller: Caller, patient_id: str, today: date) -> Mapping[str, Snooze]:
        """By rule, the newest override that may still count; none if the store is down, as cards come then.

        None in shadow mode too: what is counted then are all cards that there is reason for.
        """
        lasting = timedelta(days=self.settings.snooze_days)
        if self.store is None or caller.shadow or not (service.snoozes and lasting):
            return {}
        overrides = self.store.snoozes(caller, patient_id, datetime.combine(today - lasting, time.min).astimezone())
        return {
            override.rule: Snooze(
                override.fingerprint,
                Coding(code=override.reason_code, system=override.reason_system),
                override.at.astimezone().date() + lasting,
            )
            for override in overrides
            if override.hook == service.hook
        }

    def _note(self, context: dict[str, Any], caller: Caller) -> None:
        """Write down whom the call is about, and who looks, in a way that only the holder of the key can look up."""
        if self.store is None:
            return
        record, of = records.current(), self.store.pseudonyms.of
        for kind, name in (("patient", "patientId"), ("user", "userId")):
            if id_ := context.get(name):
                setattr(record, kind, of(kind, caller.client, caller.tenant, id_))

    def _context(self, service: CdsService, context: dict[str, Any]) -> dict[str, Any]:
        checked = checked_context(self._hooks[service.hook], context, strict=self.settings.strict)
        for field in self._hooks[service.hook].fields:
            if field.required and field.name not in checked:
                _log.warning("request_tolerated", service=service.id, warning=f"context.{field.name} is missing")
        return checked

    def answer(
        self,
        service: CdsService,
        body: bytes,
        today: date,
        caller: Caller | None = None,
        *,
        recorded: bool = False,
    ) -> bytes:
        """The response to a request. Raises ServiceError; any other exception is a defect, never an empty answer.

        `recorded`: a clinician will see the cards, so the store keeps which they were. In shadow mode it keeps which
        they would have been: all is done as ever, and the answer has none. Errors are the same.
        """
        caller = caller or self.anonymous
        record = records.current()
        record.service, record.hook, record.caller = service.id, service.hook, caller
        call = self.call(service, body, today, caller)
        if call is None:
            record.outcome = "gate"
            return encode(CdsResponse())
        answer = service.evaluate(call)
        response = presented(call, answer.response)
        if caller.launches:
            response = linked(response, self.settings.public_url)
        encoded = encode(response)
        record.outcome = "answered"
        record.cards, record.fired, record.dropped = answer.response.cards, answer.fired, answer.dropped
        if recorded:
            self._record(service, caller, call, answer, response)
        return encode(CdsResponse()) if caller.shadow else encoded

    def _record(self, service: CdsService, caller: Caller, call: Call, answer: Answer, response: CdsResponse) -> None:
        if self.store is None or not response.cards:
            return
        self.store.record_shown(
            Shown(
                service=service.id,
                hook=service.hook,
                caller=caller,
                patient_id=call.data.patient_id,
                cards=response.cards,
                knowledge_version=answer.knowledge_version,
                fingerprints=answer.fingerprints,
            )
        )

    def close(self) -> None:
        """Give back threads and connections."""
        self._gatherer.close()
        if self.store:
            self.store.close()
