"""On which orders the rules that are not about one drug alone speak (B6 stars), and what is being ordered already.

Signing must not be interrupted without cause: each rule speaks on orders that its card could change, and is silent when
what it would ask for is being ordered.
"""

from hooks.assessment import Assessment
from hooks.assessment.immunosuppression import IMMUNOSUPPRESSANTS
from hooks.assessment.pjp_cover import PROPHYLAXIS
from hooks.reasoning import Criterion, negate

STATIN = frozenset({"statin"})
STATIN_OR_ALTERNATIVE = STATIN | {"lipid-alternative"}
IMMUNOSUPPRESSANT = frozenset({*IMMUNOSUPPRESSANTS, "complement-or-fcrn-inhibitor"})
"""Home drugs of nIS, methotrexate and mycophenolate among them, and the newer agents."""
PROPHYLAXIS_OF_PJP = frozenset(PROPHYLAXIS)
PJP = frozenset({"cyclophosphamide", "rituximab", "glucocorticoid", *IMMUNOSUPPRESSANTS}) | PROPHYLAXIS_OF_PJP
PLASMA_EXCHANGE_TIMING = frozenset({"plasma-exchange", "ivig", "rituximab", "ace-inhibitor"})
CYCLOPHOSPHAMIDE = frozenset({"cyclophosphamide"})
MORE_OF_THE_SAME = IMMUNOSUPPRESSANT | {"ivig", "rituximab"}
"""Instead of the step to cyclophosphamide: one of the three again, or another immunosuppressant."""
NEXT_STEPS = frozenset({"plasma-exchange", "ivig", "mycophenolate"})
"""What AfterCyclophosphamideFailure proposes."""
AFTER_CYCLOPHOSPHAMIDE = (IMMUNOSUPPRESSANT | {"cyclophosphamide", "rituximab"}) - NEXT_STEPS
FAST_OPTIONS = frozenset({"plasma-exchange", "ivig"})
"""What RapidProgression proposes, beside an intravenous pulse of methylprednisolone."""
IMMUNOTHERAPY = (IMMUNOSUPPRESSANT | {"glucocorticoid", "cyclophosphamide", "rituximab", "scig"}) - FAST_OPTIONS
ESCALATION = CYCLOPHOSPHAMIDE | MORE_OF_THE_SAME | AFTER_CYCLOPHOSPHAMIDE
"""Orders on which a card of the escalation family may come: tailoring text goes with it."""


def none_ordered(a: Assessment, what: str, drugs: frozenset[str], *more: Criterion) -> Criterion:
    """None of the drugs is being ordered, and none of the criteria `more` holds."""
    found = [order for order in a.chart.ordered if order.drug in drugs]
    ordered = Criterion(
        f"{what} being ordered",
        bool(found),
        value=", ".join(order.drug for order in found),
        source=", ".join(order.source for order in found),
    )
    held = next((one for one in (ordered, *more) if one.truth), None) or next(
        (one for one in more if one.truth is None), ordered
    )
    return Criterion(
        f"{what} not being ordered",
        negate(held.truth),
        value=held.value,
        source=held.source,
        missing=held.missing,
        needs="none",
        parts=(ordered, *more),
    )
