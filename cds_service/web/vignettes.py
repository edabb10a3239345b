"""Which vignettes test a rule: `derived/vignettes.json`, which `python -m tests.web.derived` writes."""

from functools import cache
from typing import Literal

import msgspec

from cds_service.web.flows import DERIVED


class Vignette(msgspec.Struct, frozen=True, omit_defaults=True):
    """A patient and what must, and must not, be said of them. `file`: where it stands in `tests/vignettes`.

    `comes`: by rule, the indicator of its card; empty where any will do.
    """

    id: str
    title: str
    file: str
    hooks: tuple[str, ...]
    comes: dict[str, str] = {}
    never: tuple[str, ...] = ()
    cannot_tell: tuple[str, ...] = ()


class Expected(msgspec.Struct, frozen=True):
    """What a vignette expects of one rule. `indicator`: of the card that must come, if it matters."""

    vignette: Vignette
    outcome: Literal["comes", "must not come", "cannot tell"]
    indicator: str = ""


@cache
def by_rule() -> dict[str, tuple[Expected, ...]]:
    """What is expected of each rule: first whom it must speak about, then who must not be bothered."""
    found: dict[str, list[Expected]] = {}
    for one in msgspec.json.decode((DERIVED / "vignettes.json").read_bytes(), type=tuple[Vignette, ...]):
        for rule, indicator in one.comes.items():
            found.setdefault(rule, []).append(Expected(one, "comes", indicator))
        for rule in one.never:
            found.setdefault(rule, []).append(Expected(one, "must not come"))
        for rule in one.cannot_tell:
            found.setdefault(rule, []).append(Expected(one, "cannot tell"))
    order = ("comes", "must not come", "cannot tell")
    return {rule: tuple(sorted(all_, key=lambda one: order.index(one.outcome))) for rule, all_ in found.items()}
