"""One person's resources, judged as if a record system had sent them: the same service, facts, rules and words."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

import msgspec

from cds_service import saved
from cds_service.cohort.export import Export, ExportError
from cds_service.demo.search import Resource, Resources
from cds_service.engine import Engine, presented
from cds_service.errors import ServiceError, SettingsError
from cds_service.fhir.bundles import UNREADABLE
from cds_service.patient_data import Entry, PatientData, Source
from cds_service.protocol.cards import Card, CdsResponse, encode
from cds_service.registry import Call, CdsService
from cds_service.settings import Settings
from hooks import finding
from hooks.chart import read
from hooks.engine import Evaluation
from hooks.evaluation import evaluation
from hooks.knowledge.model import Knowledge
from hooks.rules.base import CardDraft, FactRow

Line = tuple[str, str]
"""The type of a resource, and its JSON as it stood in the export."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One card, with what it was made of. `card`: as on the wire, without uuids, as nobody can answer it."""

    rule: str
    indicator: str
    ask: str
    facts: tuple[FactRow, ...]
    card: dict[str, Any]
    missing: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()


class Left(msgspec.Struct, frozen=True):
    """Something of a person that was not used, and why."""

    reason: str
    source: str = ""
    detail: str = ""


class Judged(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of one person.

    `outcome`: answered (with cards or without), gate (no diagnosis that the service is for), or refused: what a record
    system would have been told is in `refused`, and the person has to be looked at. `undiagnosed`: of who has no such
    diagnosis, what somebody should look at, where that was asked.
    """

    patient: str
    outcome: Literal["answered", "gate", "refused"]
    findings: tuple[Finding, ...] = ()
    fired: tuple[str, ...] = ()
    cannot_tell: dict[str, str] = {}
    left: tuple[Left, ...] = ()
    refused: str = ""
    undiagnosed: finding.Found | None = None

    @property
    def tells(self) -> bool:
        """Whether there is anything to keep."""
        return self.outcome != "gate" or bool(self.left or self.undiagnosed)


class Answered(msgspec.Struct, frozen=True):
    """What a record system would be answered about one person, with how it came about.

    `cards`: as on the wire, without uuids. `evaluation`: None unless the outcome is "answered". The rest: as of Judged.
    """

    outcome: Literal["answered", "gate", "refused"]
    evaluation: Evaluation | None = None
    cards: tuple[dict[str, Any], ...] = ()
    left: tuple[Left, ...] = ()
    refused: str = ""
    undiagnosed: finding.Found | None = None


class Judge:
    """Judges people on one day. Each process has its own; it keeps nothing of anybody."""

    def __init__(
        self,
        export: Export,
        service: CdsService,
        knowledge: Knowledge,
        settings: Settings,
        today: date,
        *,
        find: bool = False,
    ) -> None:
        """Raises ExportError where the export leaves out so much that nobody can be judged.

        `find`: look also for people without the diagnosis who should be looked at.
        """
        self._find = find
        self._service, self._knowledge, self._today = service, knowledge, today
        self._absent = left_out(export, service)
        self._engine = Engine(_without(settings, self._absent))

    def concerned(self, conditions: Iterable[str]) -> bool | None:
        """Whether a person's Conditions concern the service; None if one cannot be read, and might say so."""
        entries = tuple(Entry(msgspec.Raw(line.encode()), "") for line in conditions)
        source = Source("conditions", "complete", entries)
        return self._service.gate(PatientData("", {"conditions": source}), self._today)

    def judge(self, patient: str, lines: Iterable[Line], medications: Mapping[str, str]) -> Judged:
        """Judge a person by all resources that name them. `medications`: those that orders name, by id."""
        answered = self.answer(patient, lines, medications)
        found, left = answered.evaluation, answered.left
        if found is None:
            return Judged(
                patient, answered.outcome, left=left, refused=answered.refused, undiagnosed=answered.undiagnosed
            )
        return Judged(
            patient,
            "answered",
            findings=tuple(
                _finding(one, found.drafts[one.uuid], card)
                for one, card in zip(found.cards, answered.cards, strict=True)
            ),
            fired=tuple(v.rule for v in found.verdicts if v.outcome == "fires"),
            cannot_tell={v.rule: v.because for v in found.verdicts if v.outcome == "cannot tell"},
            left=left,
        )

    def answer(self, patient: str, lines: Iterable[Line], medications: Mapping[str, str]) -> Answered:
        """Answer as a record system would be answered, and keep how it came about. Arguments: as of `judge`."""
        resources, left = _read(lines)
        named = {id_: medications[id_] for one in resources if (id_ := medication_of(one)) in medications}
        more, broken = _read(("Medication", text) for text in named.values())
        left += broken
        found_in = Resources([*resources, *more])
        try:
            call = self._call(self._service, patient, found_in)
            if call is None:
                return self._without_diagnosis(patient, found_in, left)
            found = evaluation(call, self._knowledge)
            response = presented(call, CdsResponse(found.cards))
            cards = msgspec.json.decode(encode(response))["cards"]
        except ServiceError as error:
            said = " ".join(issue.text for issue in error.issues)
            return Answered("refused", left=tuple(left), refused=f"{error.code}: {said}")
        for card in cards:
            for one in (card, *card.get("suggestions", ())):
                del one["uuid"]
        left += [Left(d.kind, d.source, d.reason) for d in found.assessment.chart.dropped]
        return Answered("answered", found, tuple(cards), tuple(left))

    def _call(self, service: CdsService, patient: str, resources: Resources) -> Call | None:
        request = saved.request_of(resources, service, patient)
        sent = request["prefetch"].items()
        request["prefetch"] = {key: one for key, one in sent if one is not None and key not in self._absent}
        return self._engine.call(service, json.dumps(request).encode(), self._today)

    def _without_diagnosis(self, patient: str, resources: Resources, left: list[Left]) -> Answered:
        """Who does not concern the service: nothing, or what somebody should look at."""
        call = self._call(finding.everybody(self._service), patient, resources) if self._find else None
        if call is None:
            return Answered("gate", left=tuple(left))
        chart = read(call.data, self._knowledge, self._today)
        found = finding.find(chart, self._knowledge, self._today)
        left += [Left(d.kind, d.source, d.reason) for d in chart.dropped]
        return Answered("gate", left=tuple(left), undiagnosed=found)

    def close(self) -> None:
        """Give back threads."""
        self._engine.close()


class _Coded(msgspec.Struct):
    code: msgspec.Raw = msgspec.Raw()


_coded = msgspec.json.Decoder(_Coded)


def tested(observation: str, knowledge: Knowledge) -> bool:
    """Whether an Observation may be a reason to look at somebody without the diagnosis."""
    try:
        return finding.looked_for(_coded.decode(observation).code, knowledge)
    except UNREADABLE:
        return False


def left_out(export: Export, service: CdsService) -> tuple[str, ...]:
    """The sources of which nobody knows what there is, because the export does not say. Raises ExportError.

    A type of which there is no file, and of which nobody says that it was asked for, is not "none on record".
    """
    out = [one for one in service.prefetch if not export.has(one.resource_types[0])]
    if gate := [one.resource_types[0] for one in out if one.stage == "gate"]:
        raise ExportError(f"The export has no file of {', '.join(gate)}, and nobody can be judged without.")
    return tuple(one.key for one in out)


def _without(settings: Settings, absent: tuple[str, ...]) -> Settings:
    try:
        return msgspec.structs.replace(settings, unsupported_sources=(*settings.unsupported_sources, *absent))
    except SettingsError as error:
        raise ExportError(f"The export leaves out too much. {error}") from None


def medication_of(resource: Resource) -> str:
    """The id of the Medication that an order or statement names by reference; empty if it names none."""
    named = resource.get("medicationReference")
    reference = named.get("reference") if isinstance(named, dict) else None
    type_, _, id_ = reference.partition("/") if isinstance(reference, str) else ("", "", "")
    return id_ if type_ == "Medication" else ""


def _read(lines: Iterable[Line]) -> tuple[list[Resource], list[Left]]:
    """The resources, each with an id; what is none is listed."""
    resources: list[Resource] = []
    left: list[Left] = []
    for number, (kind, text) in enumerate(lines, 1):
        try:
            resource = json.loads(text)
        except (ValueError, RecursionError) as error:
            left.append(Left("unreadable", kind, f"is not JSON: {error}"))
            continue
        if not isinstance(resource.get("id"), str):
            resource["id"] = f"entry-{number}"
        resources.append(resource)
    return resources, left


def _finding(card: Card, draft: CardDraft, wire: dict[str, Any]) -> Finding:
    assert card.source.topic is not None  # nosec B101  # narrows a type
    return Finding(
        rule=card.source.topic.code,
        indicator=card.indicator,
        ask=card.summary,
        facts=draft.facts,
        card=wire,
        missing=draft.missing,
        blocked=draft.blocked,
    )
