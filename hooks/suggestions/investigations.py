"""Laboratory tests, imaging and referrals that rules suggest.

An order carries a code only where the specification marks it V or v2 (A2); all others go by their text.
"""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.suggestions.resources import coding, create, order, service_request, suggestion

LOINC = "http://loinc.org"


def lab(a: Assessment, concept: str, code: str) -> dict[str, str]:
    """The coding of a laboratory value set's member, with the display that the knowledge files give."""
    return coding(LOINC, code, a.knowledge.value_sets[concept].codes["loinc"][code])


def ck(a: Assessment, note: str = "") -> Suggestion:
    """CK. `note`: when, or what for."""
    return order(a, "Order CK", "Creatine kinase (CK)", lab(a, "creatine-kinase", "2157-6"), note=note)


def mmt8(a: Assessment, note: str = "") -> Suggestion:
    """MMT-8; it has no LOINC code (A2)."""
    text = "Manual muscle testing MMT-8, total score; state the scale (/150 or /80)"
    return order(a, "Order MMT-8 assessment", text, note=note)


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


def urgent_referral(a: Assessment) -> Suggestion:
    """The same referral, urgent."""
    label = "Refer urgently to a myositis or neuromuscular centre"
    request = service_request(
        a,
        "Urgent referral to a myositis or neuromuscular centre",
        note="Rapid progression: contact by telephone as well.",
        priority="urgent",
    )
    return suggestion(label, create(label, request), recommended=True)


def muscle_mri(a: Assessment, question: str) -> Suggestion:
    """MRI of the thighs with STIR."""
    return order(a, "Order thigh MRI with STIR", f"MRI of both thighs with STIR: {question}", recommended=False)


def blood_count(a: Assessment, label: str = "Order complete blood count", note: str = "") -> Suggestion:
    """Blood count with differential; no code for it is verified (A2)."""
    return order(a, label, "Complete blood count with differential", note=note)


def urine_microscopy(a: Assessment) -> Suggestion:
    """Urinalysis with microscopy; a test strip cannot tell blood from myoglobin (B4 S3)."""
    return order(a, "Order urine microscopy", "Urinalysis with microscopy (red cell count)")
