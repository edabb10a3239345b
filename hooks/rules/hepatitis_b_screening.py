"""S5-RTX-HBV HepatitisBScreening: no rituximab before hepatitis B is excluded (B4)."""

from cds_service.protocol.cards import Indicator, Suggestion
from hooks.assessment import Assessment
from hooks.assessment.hepatitis_b import HepatitisB, SerologyTest, assess_hepatitis_b
from hooks.assessment.immunoglobulin_g import immunoglobulin_g
from hooks.assessment.labs import shown
from hooks.assessment.use import use_of
from hooks.reasoning import Criterion, Truth
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, md, on, safety_scope, threshold_text
from hooks.rules.use import infusion_rows, used
from hooks.suggestions.investigations import lab
from hooks.suggestions.resources import order

SOURCES = (*MEDICATION_SOURCES, "labs", "conditions")
_CODES = {"HBsAg": ("hbsag", "5195-3"), "anti-HBc": ("anti-hbc", "13952-7")}


def hepatitis_b(a: Assessment) -> HepatitisB:
    """Hepatitis B on record."""
    return a.once(_hepatitis_b)


def _hepatitis_b(a: Assessment) -> HepatitisB:
    return assess_hepatitis_b(a.chart, a.knowledge.thresholds)


def finding(a: Assessment) -> Truth:
    """Whether there is something to say: infected, exposed, carried over, or not tested.

    None where a test was done and its result is not clear: it may be negative, and then all is said.
    """
    known = hepatitis_b(a)
    if known.infected or known.in_state("positive", "carried over", "not tested"):
        return True
    return None if known.in_state("unclear") else False


def indicator(a: Assessment) -> Indicator:
    """Critical when infected, or when rituximab is being ordered and neither test was ever done."""
    known = hepatitis_b(a)
    never = len(known.in_state("not tested")) == 2 and not a.unchecked("labs")
    return "critical" if known.infected or (never and use_of(a, "rituximab").ordered) else "warning"


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    known, truth = hepatitis_b(a), finding(a)
    return (
        *safety_scope(a, critical=indicator(a) == "critical"),
        used(a, "rituximab"),
        Criterion(
            "hepatitis B not excluded by HBsAg and anti-HBc",
            truth,
            value="; ".join(f"{test.name} {test.state}" for test in (known.hbsag, known.core)),
            when=", ".join(on(test.result.when) for test in (known.hbsag, known.core) if test.result),
            source=", ".join(test.result.source for test in (known.hbsag, known.core) if test.result),
            missing="" if truth is not None else _repeat(known.in_state("unclear")),
            between="" if truth is not None else "tested, and neither positive nor negative",
        ),
    )


def _repeat(unclear: tuple[SerologyTest, ...]) -> str:
    return f"a clear result of {' and '.join(test.name for test in unclear)}"


def _card(a: Assessment) -> CardDraft:
    known = hepatitis_b(a)
    ask, why = _said(a, known)
    level = indicator(a)
    return CardDraft(
        indicator=level,
        summary=ask,
        ask=ask,
        why=why,
        facts=(
            *(_row(a, test) for test in (known.hbsag, known.core)),
            *_more_rows(known),
            *infusion_rows(a, "rituximab"),
        ),
        missing=_missing(a, known),
        suggestions=_suggestions(a, known),
    )


def _said(a: Assessment, known: HepatitisB) -> tuple[str, tuple[str, ...]]:
    """The ask and the reasons, by the worst finding."""
    passive = a.knowledge.thresholds.rituximab.hbv_passive_weeks
    untested = known.in_state("not tested")
    if known.infected:
        return (
            "Rituximab with hepatitis B: hepatology and antiviral prophylaxis first",
            (
                "Rituximab can reactivate hepatitis B, up to liver failure. HBV DNA, and hepatology before the next "
                "dose.",
            ),
        )
    if known.core.state == "positive":
        return (
            "Rituximab with anti-HBc positive: HBV DNA, and hepatology about prophylaxis",
            ("An infection in the past can come back under rituximab, even with HBsAg negative.",),
        )
    if known.core.state == "carried over":
        return (
            "Anti-HBc positive soon after IVIG: probably carried over; HBV DNA before rituximab",
            (
                f"Found at most {passive} after IVIG, and not before it: passive transfer from the donors is likely "
                "(34 % at 1 week, 4 % at 12 weeks). HBV DNA tells; anti-HBc is best tested before IVIG, or 3 months "
                "after it.",
            ),
        )
    if a.unchecked("labs"):
        return (
            "Rituximab: hepatitis B tests not checked; make sure HBsAg and anti-HBc are negative",
            (
                f"No result of {_names(untested)} was found, but laboratory results could not be checked in full.",
                _LABEL,
            ),
        )
    if len(untested) == 1:
        other = next((test for test in (known.hbsag, known.core) if test not in untested), untested[0])
        return (
            f"Rituximab: {_names(untested)} was never tested; order it",
            (f"{other.name} {_of(other)} alone does not exclude hepatitis B.", _LABEL),
        )
    return "Rituximab without a test for hepatitis B: HBsAg and anti-HBc", (_LABEL,)


_LABEL = "The label asks for HBsAg and anti-HBc in every patient before the first dose."


def _names(tests: tuple[SerologyTest, ...]) -> str:
    return " and ".join(test.name for test in tests)


def _of(test: SerologyTest) -> str:
    return "without a clear result" if test.state == "unclear" else test.state


def _row(a: Assessment, test: SerologyTest) -> FactRow:
    if test.result is None:
        return FactRow(test.name, "not checked" if a.unchecked("labs") else "never tested")
    seen, passive = md(shown(test.result)), a.knowledge.thresholds.rituximab.hbv_passive_weeks
    words = seen if seen == test.state else f"{test.state}: {seen}"
    compared = f"IVIG {on(test.ivig.when)}, {threshold_text(passive, '≤')} before" if test.ivig else ""
    return FactRow(test.name, words, on(test.result.when), compared)


def _more_rows(known: HepatitisB) -> tuple[FactRow, ...]:
    rows = [FactRow("HBV DNA", md(shown(known.dna)), on(known.dna.when))] if known.dna else []
    if known.diagnosis:
        rows.append(FactRow("Diagnosis", md(known.diagnosis.text), on(known.diagnosis.since)))
    return tuple(rows)


def _missing(a: Assessment, known: HepatitisB) -> tuple[str, ...]:
    """A test without a clear result; and the IgG that belongs before rituximab too (S6)."""
    lines = [_repeat(known.in_state("unclear"))] if known.in_state("unclear") else []
    if _igg_wanted(a):
        lines.append(f"IgG of the last {a.knowledge.thresholds.reading.lab_fresh_days.value:g} days")
    return tuple(lines)


def _igg_wanted(a: Assessment) -> bool:
    return bool(use_of(a, "rituximab").coming) and immunoglobulin_g(a).result is None


def _suggestions(a: Assessment, known: HepatitisB) -> tuple[Suggestion, ...]:
    wanted = [
        order(a, f"Order {test.name}", test.name, lab(a, *_CODES[test.name]), note=_NOTE)
        for test in known.in_state("not tested", "unclear")
    ]
    exposed = known.infected or known.core.state in ("positive", "carried over")
    if exposed:
        wanted.append(order(a, "Order HBV DNA", "HBV DNA", lab(a, "hbv-dna", "42595-9"), recommended=known.dna is None))
    if known.infected or known.core.state == "positive":
        wanted.append(order(a, "Refer to hepatology", "Referral to hepatology: hepatitis B and rituximab"))
    if _igg_wanted(a):
        wanted.append(order(a, "Order IgG", "Immunoglobulin G", lab(a, "igg", "2465-3"), recommended=False))
    return tuple(wanted)


_NOTE = "Before rituximab; draw before the next IVIG, which carries antibodies over."

RULE = Rule(
    name="HepatitisBScreening",
    criteria=_criteria,
    card=_card,
    sources=SOURCES,
    orders=frozenset({"rituximab"}),
)
