"""Which FHIR version a client speaks: a CDS Hooks request does not say, so it shows by other signs (CH-TOL-09)."""

from typing import Any

from cds_service.patient_data import DRAFT_ORDERS, PatientData

_R4 = ("4.", "r4")
_ELSEWHERE = {"MedicationOrder": "DSTU2", "ProcedureRequest": "STU3"}
"""Order types that R4 does not have, and the version they are of."""


def other_version(extension: dict[str, Any], data: PatientData) -> str:
    """The FHIR version where it shows that it is not R4, else empty: by an extension, or by the type of an order."""
    for name, value in extension.items():
        if name.endswith("fhir-version") and isinstance(value, str) and value.strip():
            return "" if value.strip().lower().startswith(_R4) else value.strip()[:20]
    source = data.sources.get(DRAFT_ORDERS)
    for entry in source.entries if source else ():
        version = _ELSEWHERE.get((entry.head and entry.head.resource_type) or "")
        if version:
            return version
    return ""
