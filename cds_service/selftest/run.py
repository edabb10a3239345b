"""Carrying the checks out."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from cds_service.selftest import (
    authentication,
    cors,
    discovery,
    feedback,
    fhir,
    orders,
    prefetch,
    request,
    responses,
    statuses,
    suggestions,
    transport,
)
from cds_service.selftest.checks import SEVERITY, Check, NotApplicable, Unmet
from cds_service.selftest.ehr import Ehr, Service
from cds_service.selftest.wire import Exchange

GROUPS = tuple(
    module.GROUP
    for module in (
        discovery,
        request,
        transport,
        prefetch,
        orders,
        fhir,
        responses,
        suggestions,
        statuses,
        cors,
        authentication,
        feedback,
    )
)
CHECKS: tuple[Check, ...] = tuple(check for group in GROUPS for check in group.checks)
Outcome = Literal["passed", "failed", "not applicable"]


class Result(msgspec.Struct, frozen=True):
    """One check, made once. `detail`: the problem, or why it could not be made."""

    check: Check
    service: str
    outcome: Outcome
    detail: str = ""
    exchange: Exchange | None = None

    @property
    def severity(self) -> str:
        """error, warning or advice; empty unless it failed."""
        return SEVERITY[self.check.level] if self.outcome == "failed" else ""


def run(ehr: Ehr, checks: Iterable[Check] = CHECKS, told: Callable[[Result], None] = lambda _: None) -> list[Result]:
    """Make the checks, the late ones last, and hand the results out in the order in which they are declared.

    `told` hears of each result at once. Raises Unmet when discovery gives no service to call, and Unreachable.
    """
    ehr.services = _wanted(ehr)
    chosen = [check for check in checks if not _left_out(ehr, check)]
    results: list[Result] = []
    for late in (False, True):
        for check in chosen:
            if check.late == late:
                for result in _results(ehr, check):
                    results.append(result)
                    told(result)
    order = {check.name: number for number, check in enumerate(CHECKS)}
    return sorted(results, key=lambda result: order[result.check.name])


def _wanted(ehr: Ehr) -> tuple[Service, ...]:
    answer = ehr.discover()
    found = tuple(discovery.usable(answer))
    wanted = ehr.options.services
    if missing := set(wanted) - {service.id for service in found}:
        raise Unmet(f"discovery does not list {', '.join(sorted(missing))}", answer)
    chosen = tuple(service for service in found if service.id in wanted) if wanted else found
    if not chosen:
        raise Unmet("discovery lists no service that can be called", answer)
    return chosen


def _left_out(ehr: Ehr, check: Check) -> bool:
    return (check.group == feedback.GROUP.title and not ehr.options.feedback) or (
        check.group == cors.GROUP.title and not ehr.options.cors
    )


def _results(ehr: Ehr, check: Check) -> Iterator[Result]:
    """The check for the server, or for each of its services."""
    if not check.each:
        yield _made(check, "", lambda: check.run(ehr))
        return
    for service in ehr.services:
        yield _made(check, service.id, lambda service=service: check.run(ehr, service))  # type: ignore[misc]


def _made(check: Check, service: str, make: Callable[[], None]) -> Result:
    try:
        make()
    except NotApplicable as reason:
        return Result(check, service, "not applicable", str(reason))
    except Unmet as unmet:
        return Result(check, service, "failed", unmet.problem, unmet.exchange)
    return Result(check, service, "passed")
