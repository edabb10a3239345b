"""Rules about a part of an answer, such as each card or each link, and what several of them ask."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cds_service.selftest.checks import Group, Level, NotApplicable, Unmet
from cds_service.selftest.ehr import Ehr, Service
from cds_service.selftest.shapes import parts
from cds_service.selftest.wire import Exchange

Part = Any
Rule = Callable[[Part], str]
"""From a part of an answer to what is wrong with it; empty when nothing is."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


Declare = Callable[[str, Level, str, str, str], Callable[[Rule], Rule]]
"""From requirement, level, kind of part, what is expected and why, to a decorator."""


def rules_of(group: Group) -> Declare:
    """How rules about each part of a kind are declared in a group."""

    def rule(requirement: str, level: Level, kind: str, expects: str, why: str) -> Callable[[Rule], Rule]:
        def declared(wrong: Rule) -> Rule:
            @group.check(
                requirement,
                level,
                name=f"answer_{wrong.__name__}",
                late=True,
                sends="all answered calls of this run",
                expects=expects,
                why=why,
            )
            def check(ehr: Ehr, service: Service) -> None:
                _judge(ehr.answers(service), kind, wrong)

            return wrong

        return declared

    return rule


def _judge(answers: list[Exchange], kind: str, wrong: Rule) -> None:
    seen = 0
    for answer in answers:
        for place, part in parts(kind, answer.json):
            seen += 1
            if problem := wrong(part):
                raise Unmet(f"{place}: {problem}", answer)
    if not seen:
        raise NotApplicable(f"no {kind} came; --patient-bundle can give a patient who has something to be said of")


def is_text(value: Any) -> bool:
    """Whether it is a text that says something."""
    return isinstance(value, str) and bool(value.strip())


def texts_missing(part: Part, *names: str) -> str:
    missing = [name for name in names if not isinstance(part, dict) or not is_text(part.get(name))]
    return f"no text in {', '.join(missing)}" if missing else ""


def is_web_address(value: Any) -> bool:
    try:
        address = urlsplit(value)
    except (ValueError, AttributeError, TypeError):
        return False
    return isinstance(value, str) and address.scheme in ("http", "https") and bool(address.netloc)


def array_missing(part: dict[str, Any], *names: str) -> str:
    return next(
        (
            f"{name} is no array with something in it"
            for name in names
            if name in part and not (isinstance(part[name], list) and part[name])
        ),
        "",
    )
