"""What a check is, and how groups of them are declared."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from cds_service.selftest.ehr import Ehr, Service
    from cds_service.selftest.wire import Exchange

Level = Literal["MUST", "SHOULD", "REC"]
SEVERITY: dict[Level, str] = {"MUST": "error", "SHOULD": "warning", "REC": "advice"}
"""MUST and SHOULD are the specification's. REC is not in it: real clients, or security practice, ask for it."""

Run = Callable[..., None]
Change = Callable[[dict[str, Any], "Service"], Any]
"""From a complete request to the body that is sent: a JSON value, or bytes."""


class Unmet(Exception):
    """The service did otherwise than expected. `exchange`: the request and the answer that show it."""

    def __init__(self, problem: str, exchange: "Exchange | None" = None) -> None:
        super().__init__(problem)
        self.problem, self.exchange = problem, exchange


class NotApplicable(Exception):
    """The check cannot be made here; the message says why."""


class Check(msgspec.Struct, frozen=True):
    """One requirement, put to the service.

    `run` takes the Ehr, and the Service if the check is made for `each` of them. It returns when all is well, and
    raises Unmet or NotApplicable. `late`: it judges what other checks brought to light, so it comes after them.
    """

    requirement: str
    """Its id in the conformance list, such as CH-REQ-02."""
    level: Level
    group: str
    name: str
    """Unique; names the check on the command line and in JUnit files."""
    sends: str
    expects: str
    why: str
    run: Run
    each: bool = True
    late: bool = False


class Group:
    """Checks that belong together, in the order in which they are made."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.checks: list[Check] = []

    def check(
        self,
        requirement: str,
        level: Level,
        *,
        sends: str,
        expects: str,
        why: str,
        each: bool = True,
        late: bool = False,
        name: str = "",
    ) -> Callable[[Run], Run]:
        """Declare the decorated function as a check of its name, or of another."""

        def declared(run: Run) -> Run:
            named = name or run.__name__
            self.checks.append(Check(requirement, level, self.title, named, sends, expects, why, run, each, late))
            return run

        return declared

    def variant(
        self,
        requirement: str,
        level: Level,
        name: str,
        change: Change,
        *statuses: int,
        sends: str,
        why: str,
        same: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        """A check that changes one thing about a complete call.

        `statuses`: what may come back (200 if none are given). `same`: with the same cards as the complete call.
        """
        wanted = statuses or (200,)

        def run(ehr: "Ehr", service: "Service") -> None:
            good = ehr.good(service)
            answer = ehr.call(service, change(ehr.request(service), service), headers=headers)
            answer.expect(*wanted)
            if same and answer.status == 200:
                ehr.compare(service, good, answer)

        expects = listed(wanted) + (" with the same cards as the complete call" if same else "")
        self.checks.append(Check(requirement, level, self.title, name, sends, expects, why, run))


def listed(statuses: tuple[int, ...]) -> str:
    """`200, 412 or 400`."""
    *most, last = map(str, statuses)
    return f"{', '.join(most)} or {last}" if most else last
