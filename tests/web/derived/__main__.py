"""`python -m tests.web.derived`: write what the pages of the rules are made of. What has changed is then for review.

`--check` writes nothing, and fails where a file is not as it would be written.
"""

import sys

from cds_service.web.flows import DERIVED
from tests.web.derived.generate import flows, vignettes, written

if __name__ == "__main__":
    DERIVED.mkdir(exist_ok=True)
    old = {path.name: path.read_text(encoding="utf-8") for path in DERIVED.iterdir()}
    new = written(flows(), vignettes())
    if "--check" in sys.argv:
        stale = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        sys.exit(
            f"out of date: {', '.join(stale)}; look at the change of `python -m tests.web.derived`" if stale else 0
        )
    for name, text in new.items():
        (DERIVED / name).write_text(text, encoding="utf-8")
