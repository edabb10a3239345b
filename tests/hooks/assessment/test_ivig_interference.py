"""Which tests IVIG disturbs (B4 S5, S6)."""

from typing import Any

import pytest

from hooks.assessment.ivig_interference import after_ivig, ivig_before
from tests.hooks.builders import chart, infusion, when

DAYS = 28
IVIG = infusion("ivig", 140_000, "2026-10-01", days=4)  # to 2026-10-04


@pytest.mark.parametrize(
    ("given", "taken", "expected"),
    [
        (IVIG, "2026-09-30", False),
        (IVIG, "2026-10-01", True),
        (IVIG, "2026-11-01", True),
        (IVIG, "2026-11-02", False),
        (IVIG, "2026-11", None),
        (IVIG, "2026-12", False),
        (IVIG, None, None),
        (infusion("ivig", 140_000, "2026-10"), "2026-10-15", None),
        (infusion("ivig", 140_000, "2026-10"), "2026-10-31", None),
        (infusion("ivig", 140_000, None), "2026-10-31", None),
        (infusion("ivig", 140_000, None), None, None),
        (infusion("ivig", 140_000, "2026-10-01", status="planned"), "2026-10-05", False),
        (infusion("ivig", 140_000, None, status="draft"), "2026-10-05", False),
        (infusion("rituximab", 1000, "2026-10-01"), "2026-10-05", False),
        (infusion("rituximab", 1000, "2026-10-01"), None, False),
        (infusion("ivig", 140_000, "9999-12-31"), "2026-10-05", False),
    ],
)
def test_after_ivig(given: Any, taken: Any, expected: Any) -> None:
    assert after_ivig(chart(given), when(taken), DAYS) is expected


def test_the_last_one_before() -> None:
    later = infusion("ivig", 140_000, "2026-10-20")
    taken = when("2026-10-31")
    assert taken is not None
    assert ivig_before(chart(IVIG, later), taken, DAYS) is later
    assert ivig_before(chart(infusion("ivig", 140_000, "2026-10")), taken, DAYS) is None
