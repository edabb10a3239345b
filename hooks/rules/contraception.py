"""What to say about contraception and fertility before and under cyclophosphamide and mycophenolate (S2)."""

from hooks.assessment import Assessment

_MEN = (
    "Men: contraception during cyclophosphamide and for 4 months after it (US label [V/M]); offer sperm banking before "
    "the first dose."
)
_WOMEN = (
    "Contraception during cyclophosphamide and for 12 months after it (US label [V/M]). Fertility: a GnRH agonist "
    "during cyclophosphamide may be considered (ESHRE 2020: weak recommendation; ACR 2020: conditional [M])."
)
MYCOPHENOLATE = (
    "Mycophenolate (US REMS programme [M]): two negative pregnancy tests, the second 8 to 10 days after the first, and "
    "contraception as the programme asks."
)


def with_cyclophosphamide(a: Assessment) -> tuple[str, ...]:
    """The lines for this patient: for a woman while she may bear, for a man at any age, both where sex is not known."""
    women = (_WOMEN,) if a.person.fertile else ()
    return women if a.chart.person.gender == "female" else (*women, _MEN)
