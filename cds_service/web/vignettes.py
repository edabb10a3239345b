"""Which vignettes test a rule: `derived/vignettes.json`, which `python -m tests.web.derived` writes."""

from collections.abc import Iterable
from functools import cache
from typing import Literal, get_args

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


Outcome = Literal["comes", "cannot tell", "must not come"]


@cache
def by_rule() -> dict[str, dict[Outcome, tuple[Vignette, ...]]]:
    """The vignettes that name a rule, by what they expect of it. Where it cannot tell there is no card either."""
    found: dict[str, dict[Outcome, list[Vignette]]] = {}
    for one in msgspec.json.decode((DERIVED / "vignettes.json").read_bytes(), type=tuple[Vignette, ...]):
        expected: dict[Outcome, Iterable[str]] = {
            "comes": one.comes,
            "cannot tell": one.cannot_tell,
            "must not come": [rule for rule in one.never if rule not in one.cannot_tell],
        }
        for outcome, rules in expected.items():
            for rule in rules:
                found.setdefault(rule, {key: [] for key in get_args(Outcome)})[outcome].append(one)
    return {rule: {key: tuple(all_) for key, all_ in outcomes.items()} for rule, outcomes in found.items()}
