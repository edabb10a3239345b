"""Which tests IVIG disturbs: it brings the donors' antibodies, and its IgG is measured with the patient's (B4)."""

from datetime import date

from cds_service.fhir.dates import FhirDate
from hooks.chart.facts import Chart, Infusion
from hooks.chart.spans import shifted
from hooks.reasoning import Truth, any_true


def after_ivig(chart: Chart, taken: FhirDate | None, span: float) -> Truth:
    """Whether a test was taken during IVIG or at most `span` days after it; None where dates do not tell."""
    dated = _given(chart)
    undated = any(i.when is None and i.status not in ("planned", "draft") for i in chart.infusions_of("ivig"))
    if taken is None:
        return None if dated or undated else False
    known = any_true(_follows(taken, infusion, span) for infusion in dated)
    return None if known is False and undated else known


def ivig_before(chart: Chart, taken: FhirDate, span: float) -> Infusion | None:
    """The last IVIG of which it is certain that the test followed within `span` days."""
    return next((i for i in _given(chart) if _follows(taken, i, span)), None)


def _given(chart: Chart) -> list[Infusion]:
    """Dated IVIG that was given, the last first."""
    given = [i for i in chart.infusions_of("ivig") if i.when and i.status not in ("planned", "draft")]
    return sorted(given, key=lambda i: i.when.latest if i.when else date.min, reverse=True)


def _follows(taken: FhirDate, infusion: Infusion, span: float) -> Truth:
    assert infusion.when is not None
    first, reach = infusion.when, infusion.days - 1 + span
    if taken.latest < first.earliest or taken.earliest > shifted(first.latest, reach):
        return False
    return True if taken.earliest >= first.latest and taken.latest <= shifted(first.earliest, reach) else None
