"""How a drug is given, from the words of route, dose form and product. Only what is understood; else empty."""

import re
from functools import lru_cache

_ROUTES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (route, re.compile(pattern, re.IGNORECASE))
    for route, pattern in (
        ("intrathecal", r"\bintra-?(thecal|ventricular|cisternal)\b|\bIT\b(?= route)"),
        ("intravitreal", r"\bintra-?vitreal|intra-?ocular\b"),
        ("inhaled", r"\binhal|\bnebul|\bIPINHL\b|\bNEB\b"),
        ("intravenous", r"\bi\.?v\.?(ig|pb|infusion|push)?\b|\bintra-?venous|\bIVINFUSION\b|\binfus(ion|e)"),
        ("subcutaneous", r"\bsub-?cutan|\bs\.?[cq]\.?\b|\bsub-?q\b|\bsubcut\b"),
        ("intramuscular", r"\bintra-?muscular|\bi\.?m\.?\b"),
        ("oral", r"\boral(ly)?\b|\bper os\b|\bby mouth\b|\bp\.?o\.?\b|\btab(let)?s?\b|\bcap(sule)?s?\b"),
        ("injected", r"\binj(ection|ectable|ect)?\b|\bprefilled syringe\b|\bvial\b"),
    )
)


@lru_cache(maxsize=2048)
def route_of(words: str) -> str:
    """The route that words name: `intravenous`, `oral`, `subcutaneous`, `intramuscular`, `inhaled`, `intrathecal`,
    `intravitreal`, `injected` (which way is not said), or empty.
    """
    return next((route for route, pattern in _ROUTES if pattern.search(words)), "")
