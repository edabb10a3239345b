"""The service of `tests/cds_service/support.py`, in an application."""

from tests.cds_service.conftest import demo, make_app, seen

__all__ = ["demo", "make_app", "seen"]
