"""The regimens of Pneumocystis prophylaxis (B3), as `pjp_regimens.yaml` holds them."""

import msgspec

from hooks.knowledge.thresholds import Mark


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an order says. `display` is empty where the value set of the drug has it."""

    text: str
    system: str
    code: str
    dosage: str
    amount: float
    unit: str
    ucum: str
    frequency: int
    period: int
    period_unit: str
    route: str
    display: str = ""


class Regimen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One regimen for adults. `drug` is the id of its value set."""

    drug: str
    name: str
    dose: str
    mark: Mark
    source: str
    draft: Draft
    check: str
    caution: str = ""
    reduced: Draft | None = None

    @property
    def checks(self) -> str:
        """What the reader has to check and to know, in sentences."""
        caution = f" {self.caution[:1].upper()}{self.caution[1:]}." if self.caution else ""
        return f"Check: {self.check}.{caution}"


class Regimens(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file: regimens in the order of choice, and sentences that go with them."""

    regimens: tuple[Regimen, ...]
    methotrexate: str
    child: str
