"""`python -m tests.foreign_patients`: what is read, and what is left out, of patients that others made up."""

import tempfile
from pathlib import Path

from cds_service.engine import Engine
from cds_service.settings import Settings
from hooks import services
from hooks.knowledge import load
from tests.foreign_patients.populations import populations
from tests.foreign_patients.readings import counts
from tests.foreign_patients.tables import table


def main() -> None:
    knowledge = load()
    engine = Engine(Settings(log_level="error"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            people = populations(Path(folder))
        found = counts(people, services(knowledge)[0], engine, knowledge)
    finally:
        engine.close()
    print(*table(found), sep="\n")


if __name__ == "__main__":
    main()
