"""S2-CYC-PREG TeratogenInPregnancy: no cyclophosphamide, mycophenolate or methotrexate in pregnancy (B4, B9)."""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.immunosuppression import last_infusion
from hooks.assessment.teratogens import TERATOGENS, Teratogens, ectopic_pregnancy, teratogens
from hooks.assessment.use import DrugUse
from hooks.reasoning import Criterion
from hooks.rules.base import CardDraft, Rule, md, on, safety_scope
from hooks.rules.pregnancy import SOURCES, instead, obstetrics, pregnancy_row, pregnant, teratogen_present
from hooks.rules.use import use_rows
from hooks.suggestions.resources import suggestion
from hooks.suggestions.revisions import delete


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (*safety_scope(a, critical=True), pregnant(a), teratogen_present(a))


def _card(a: Assessment) -> CardDraft:
    known = teratogens(a)
    ask = f"Pregnant: {_what_to_do(known.uses)}; contact obstetrics"
    why = [
        "Cyclophosphamide, mycophenolate and methotrexate harm the unborn child. Contact obstetrics and the myositis "
        "centre, and do not leave the myositis untreated meanwhile.",
        instead(a),
        *_exposure(a, known),
        *_ectopic(a, known),
    ]
    return CardDraft(
        indicator="critical",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=(pregnancy_row(a), *use_rows(*known.uses)),
        suggestions=(obstetrics(a, urgent=True), *_deletions(known)),
    )


def _what_to_do(uses: tuple[DrugUse, ...]) -> str:
    """`stop methotrexate, do not give cyclophosphamide`."""
    stop = [use.drug for use in uses if use.active]
    refuse = [use.drug for use in uses if not use.active]
    asked = [f"stop {_listed(stop, 'and')}"] if stop else []
    asked += [f"do not give {_listed(refuse, 'or')}"] if refuse else []
    return ", ".join(asked)


def _listed(names: list[str], word: str) -> str:
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


def _exposure(a: Assessment, known: Teratogens) -> tuple[str, ...]:
    """When cyclophosphamide was last given, where it counts as active by that."""
    if not any(use.drug == "cyclophosphamide" and use.active and not use.taken for use in known.uses):
        return ()
    last = last_infusion(a.chart, "cyclophosphamide")
    return (f"The last cyclophosphamide was given on {on(last.when)}: tell obstetrics.",) if last else ()


def _ectopic(a: Assessment, known: Teratogens) -> tuple[str, ...]:
    """What to write so that a dose for an ectopic pregnancy is known as such."""
    for use in known.uses:
        for course in use.ordered if use.drug == "methotrexate" else ():
            if found := ectopic_pregnancy(a, course):
                return (
                    f"An ectopic pregnancy is on record ({md(found.text)}, {on(found.since)}). If methotrexate is for "
                    "it, write it as one single dose with this reason: this card is not about that.",
                )
    return ()


def _deletions(known: Teratogens) -> tuple[Suggestion, ...]:
    """One suggestion for each order that is being written, to remove it."""
    actions = [delete(f"Delete the order of {use.drug}: pregnant", c) for use in known.uses for c in use.ordered]
    return tuple(suggestion(action.description, action, recommended=True) for action in actions if action)


RULE = Rule(
    name="TeratogenInPregnancy",
    criteria=_criteria,
    card=_card,
    sources=SOURCES,
    orders=frozenset(TERATOGENS),
)
