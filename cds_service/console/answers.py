"""Accept and dismiss, on the pages of the demonstration's patients: forms that become feedback."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from cds_service.console.access import Access
from cds_service.web.desk import Desk


def blueprint(access: Access, desk: Desk) -> Blueprint:
    routes = access.pages("answers", __name__)

    @routes.post("/patients/<patient_id>/answers")
    @routes.post("/patients/<patient_id>/orders/<orders_id>/answers")
    def answer(patient_id: str, orders_id: str | None = None) -> Response:
        sent = desk.answer(patient_id, request.form, request.remote_addr or "")
        page = url_for("patients.patient", patient_id=patient_id, orders_id=orders_id, sent=sent, _anchor="sent")
        return redirect(page, 303)

    return routes
