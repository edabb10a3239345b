"""What became of cards, for the site: numbers by rule, without patients and without what clinicians wrote."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from urllib.parse import urlsplit

from flask import Blueprint, Response, render_template, request, url_for
from markupsafe import Markup

from cds_service.errors import StoreUnavailable
from cds_service.outbound import is_loopback
from cds_service.settings import Settings
from cds_service.store.items import StoreDownError
from cds_service.store.report import Counts, Report, Step, report
from cds_service.store.store import Store
from cds_service.store.tabular import spark, to_csv
from cds_service.web.charts import svg
from cds_service.web.layout import pages
from hooks.knowledge.model import Knowledge

DAYS = (30, 90, 365)
"""How far back a report may be limited to."""
STEPS: tuple[Step, ...] = get_args(Step)


def offered(settings: Settings) -> bool:
    """Whether there is such a page: where only this machine can see it, in a demonstration, or if the site says so."""
    if settings.feedback_page == "auto":
        own = is_loopback(settings.host) and is_loopback(urlsplit(settings.public_url).hostname or "")
        return own or settings.demo
    return settings.feedback_page == "on"


def blueprint(
    knowledge: Knowledge, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Blueprint:
    routes = pages("feedback", __name__)
    reasons = {reason.code: reason.display for reason in knowledge.override_reasons} | {"": "no reason given"}

    def asked() -> dict[str, Any]:
        """What the address asks for; what is no choice is passed over."""
        days, by = request.args.get("days", type=int), request.args.get("by")
        return {
            "days": days if days in DAYS else None,
            "by": by if by in STEPS else STEPS[0],
            "site": request.args.get("site", ""),
        }

    def made(choice: dict[str, Any]) -> Report:
        now = clock()
        since = (now - timedelta(days=choice["days"])).date() if choice["days"] else None
        try:
            return store.read(
                lambda connection: report(connection, now, since=since, site=choice["site"], step=choice["by"])
            )
        except StoreDownError:
            raise StoreUnavailable("The feedback cannot be read.", remedy="Try again later.") from None

    @routes.get("/feedback")
    def feedback() -> str:
        choice = asked()
        found = made(choice)
        return render_template(
            "feedback.html",
            report=found,
            chart=Markup(svg(found)),  # noqa: S704 - its template escapes all text  # nosec B704
            choice=choice,
            steps=STEPS,
            all_days=DAYS,
            reason=lambda code: reasons.get(code, code),
            rules=knowledge.rules,
            spark=lambda line: spark(line.trend.get(day, Counts()) for day in found.periods),
            to=lambda **changes: url_for("feedback.feedback", **_given(choice | changes)),
            csv=url_for("feedback.feedback_csv", **_given(choice)),
        )

    @routes.get("/feedback.csv")
    def feedback_csv() -> Response:
        response = Response(to_csv(made(asked())), mimetype="text/csv")
        response.headers["Content-Disposition"] = 'attachment; filename="feedback.csv"'
        return response

    @routes.after_request
    def not_stored(response: Response) -> Response:
        response.cache_control.no_store = True
        return response

    return routes


def _given(choice: dict[str, Any]) -> dict[str, Any]:
    """What differs from the default."""
    return {name: value for name, value in choice.items() if value and value != STEPS[0]}
