"""What an installation without the app pays for it: nothing."""

import subprocess
import sys

STARTS = """
import sys
from cds_service.app import create_app
from cds_service.settings import Settings
create_app(Settings(demo=True, database="memory", log_level="error"))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_libraries_that_are_not_needed_are_not_loaded_at_start() -> None:
    found = subprocess.run([sys.executable, "-c", STARTS], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert "flask" in loaded
    assert not loaded & {"authlib", "joserfc", "altair", "vl_convert", "duckdb"}
