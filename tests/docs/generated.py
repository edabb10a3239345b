"""Parts of the documentation that are rendered from the program: `python -m tests.docs.generated` writes them anew.

A part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. Its only source is the program: nobody edits it.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

from cds_service.observability.metrics import TABLE as METRICS
from cds_service.prefetch import Decision, Kind, decide
from cds_service.protocol.discovery import published
from cds_service.settings import TABLE
from cds_service.smart.scopes import scopes
from fixtures.synthetic.proportions import Share, proportions
from hooks import services as own_services
from hooks.knowledge import load
from hooks.knowledge.thresholds import MARKS
from tests.conformance import accounting
from tests.faults.matrix import FAULTS, OPTIONAL, REQUIRED

ROOT = Path(__file__).parents[2]
_PART = re.compile(r"(<!-- begin (?P<name>[\w-]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)

_CAME: dict[Kind, str] = {
    "absent": "the key is missing",
    "nothing": "`null`, or a Bundle without entries",
    "failed": "an OperationOutcome that reports an error",
    "malformed": "something that is not the FHIR type asked for",
    "paged": "a Bundle with a link to a next page",
    "incomplete": "a Bundle of which a part cannot be read, or with fewer entries than its total",
    "complete": "a Bundle or resource that can be read",
}
_DONE: dict[Decision, str] = {
    "use": "used",
    "use incomplete": "used, named on cards as partly checked",
    "fetch": "fetched",
    "fetch next page": "the further pages are fetched",
    "unavailable": "named on cards as not checked",
    "refuse": "412",
}


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head)]
    lines += [("---",) * len(lines[0]), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def settings() -> str:
    rows = (
        (f"`{row.variable}`", row.type_name, f"`{row.default_text}`" if row.default_text else "none", row.help)
        for row in TABLE
    )
    return _table(("variable", "type", "default", "meaning"), rows)


def metrics() -> str:
    rows = ((f"`{row.name}`", ", ".join(f"`{label}`" for label in row.labels) or "none", row.help) for row in METRICS)
    return _table(("metric", "labels", "what"), rows)


def prefetch_keys() -> str:
    (service,) = (one for one in own_services(load()) if one.hook == "patient-view")
    lean = published(service, "lean")
    rows = (
        (
            f"`{one.key}`",
            ", ".join(one.resource_types),
            "yes" if one.required else "no",
            "full, lean" if one in lean else "full",
        )
        for one in service.prefetch
    )
    return _table(("key", "holds", "required", "published in profile"), rows)


def smart_scopes() -> str:
    (service,) = (one for one in own_services(load()) if one.hook == "patient-view")
    sources = {
        type_: [f"`{one.key}`" for one in service.prefetch if type_ in one.resource_types]
        for one in service.prefetch
        for type_ in one.resource_types
    }
    asked = scopes(service.prefetch, granular=True).split()
    rows = (
        (f"`{one}`", ", ".join(sources.get(one[8:].partition(".")[0], ["the patient of the chart"]))) for one in asked
    )
    return _table(("scope", "for"), rows)


def decision_table() -> str:
    rows = (
        (
            _CAME[kind],
            _either(kind),
            _DONE[decide(kind, can_fetch=False, required=True)],
            _DONE[decide(kind, can_fetch=False, required=False)],
        )
        for kind in get_args(Kind)
    )
    head = ("what came", "a FHIR server may be called", "none, and the key is required", "none, and it is optional")
    return _table(head, rows)


def _either(kind: Kind) -> str:
    """What is done where a server may be called, for a required key; and for an optional one where that differs."""
    required, optional = (_DONE[decide(kind, can_fetch=True, required=each)] for each in (True, False))
    return required if required == optional else f"{required}; if it is optional: {optional}"


def marks() -> str:
    return _table(("mark", "meaning"), ((f"`{mark}`", meaning) for mark, meaning in MARKS.items()))


def decisions() -> str:
    return "".join(f"### {where[:1].upper()}{where[1:]}\n\n{what}\n\n" for where, what in load().decisions)


def faults() -> str:
    rows = ((one.does, one.reason, REQUIRED[one.answer], OPTIONAL[one.answer]) for one in FAULTS)
    return _table(("the FHIR server", "reason given", "for a required source", "for an optional one"), rows)


def _share(one: Share) -> str:
    return f"{one.share:.5f}".rstrip("0")


def synthetic_shares() -> str:
    rows = ((f"`{name}`", _share(one), one.of, one.what, one.mark) for name, one in proportions().shares.items())
    return _table(("name", "share", "of", "what", "mark"), rows)


def synthetic_mixes() -> str:
    rows = (
        (
            one.what,
            ", ".join(f"{kind} {weight / sum(one.weights.values()):.0%}" for kind, weight in one.weights.items()),
        )
        for one in proportions().mixes.values()
    )
    return _table(("what", "kinds"), rows)


def synthetic_quirks() -> str:
    rows = ((f"`{name}`", one.what, _share(one), one.of) for name, one in proportions().quirks.items())
    return _table(("name", "quirk", "rate", "of"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "prefetch-keys": prefetch_keys,
    "smart-scopes": smart_scopes,
    "decision-table": decision_table,
    "faults": faults,
    "marks": marks,
    "metrics": metrics,
    "decisions": decisions,
    "conformance": accounting.render,
    "synthetic-shares": synthetic_shares,
    "synthetic-mixes": synthetic_mixes,
    "synthetic-quirks": synthetic_quirks,
}


def documents() -> tuple[Path, ...]:
    """What this project documents itself with, for its readers."""
    return (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def parts_of(text: str) -> list[str]:
    return [match["name"] for match in _PART.finditer(text)]


def renewed(text: str) -> str:
    """The document with its parts as the program is now."""
    return _PART.sub(lambda match: f"{match[1]}{PARTS[match['name']]()}{match[3]}", text)


if __name__ == "__main__":
    for document in documents():
        old = document.read_text(encoding="utf-8")
        new = renewed(old)
        if new != old:
            document.write_text(new, encoding="utf-8")
            print(f"{document.relative_to(ROOT)} renewed")
