"""References: whom or what they name, in whatever spelling (CH-PF-14)."""

import re
from typing import Literal

Whose = Literal["mine", "other", "unknown"]


def relative(reference: str) -> str | None:
    """`Type/id` for a relative, absolute or versioned reference; None for `#x`, `urn:…` and what is no reference."""
    if reference.startswith(("#", "urn:")):
        return None
    parts = re.split(r"[?|]", reference, maxsplit=1)[0].rstrip("/").split("/")
    if len(parts) >= 4 and parts[-2] == "_history":
        parts = parts[:-2]
    if len(parts) < 2 or not parts[-1] or not (parts[-2].isalpha() and parts[-2][0].isupper()):
        return None
    return "/".join(parts[-2:])


def whose(reference: str, patient_id: str, full_urls: dict[str, str]) -> Whose:
    """Whether the subject of a resource is the patient.

    `full_urls`: the ids of the Patient resources that came, by their `fullUrl`. "unknown": the reference cannot be
    resolved, or does not name a patient.
    """
    named = full_urls.get(reference)
    if named is None and reference.startswith("urn:"):
        named = patient_id if reference.rpartition(":")[2].lower() == patient_id.lower() else None
    elif named is None:
        type_, _, named = (relative(reference) or "").partition("/")
        if not type_:
            named = patient_id if reference == patient_id else None
        elif type_ != "Patient":
            return "unknown"
    if named is None:
        return "unknown"
    return "mine" if named == patient_id else "other"
