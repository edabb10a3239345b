"""Laboratory tests, imaging and referrals that rules suggest.

An order carries a code only where the specification marks it V or v2 (A2); all others go by their text.
"""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.suggestions.resources import coding, order

LOINC = "http://loinc.org"


def lab(a: Assessment, concept: str, code: str) -> dict[str, str]:
    """The coding of a laboratory value set's member, with the display that the knowledge files give."""
    return coding(LOINC, code, a.knowledge.value_sets[concept].codes["loinc"][code])


def ck(a: Assessment) -> Suggestion:
    """CK."""
    return order(a, "Order CK", "Creatine kinase (CK)", lab(a, "creatine-kinase", "2157-6"))


def mmt8(a: Assessment) -> Suggestion:
    """MMT-8; it has no LOINC code (A2)."""
    return order(
        a, "Order MMT-8 assessment", "Manual muscle testing MMT-8, total score; state the scale (/150 or /80)"
    )


def antibody(a: Assessment, concept: str) -> Suggestion:
    """Anti-HMGCR or anti-SRP."""
    name, code = {"anti-hmgcr": ("anti-HMGCR", "93493-5"), "anti-srp": ("anti-SRP", "33921-8")}[concept]
    note = "Draw before the next IVIG or plasma exchange."
    return order(a, f"Order {name} antibody", f"{name} antibody", lab(a, concept, code), note=note)


def referral(a: Assessment, *, recommended: bool = True) -> Suggestion:
    """Referral to a myositis or neuromuscular centre."""
    return order(
        a,
        "Refer to a myositis or neuromuscular centre",
        "Referral to a myositis or neuromuscular centre",
        recommended=recommended,
    )


def muscle_mri(a: Assessment, question: str) -> Suggestion:
    """MRI of the thighs with STIR."""
    return order(
        a, "Order thigh MRI with STIR", f"MRI of both thighs with STIR: {question}", recommended=False
    )
