"""`python -m tests.mutation [MODULE…]`: mutate `hooks/`, run the tests on every mutant, print the score by module.

A MODULE such as `hooks.reasoning` limits it to that module and those below it.
"""

import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

MUTMUT = str(Path(sys.executable).with_name("mutmut"))
WORKERS = 2
_RESULT = re.compile(r"\s*(?P<module>[\w.]+)\.x\S*: (?P<result>.+)")
KILLED = ("killed", "timeout")
"""A mutant that never ends is noticed too."""


def main(modules: list[str]) -> int:
    patterns = [f"{module}.*" for module in modules]
    code = subprocess.call([MUTMUT, "run", "--max-children", str(WORKERS), *patterns])
    print(*_table(subprocess.check_output([MUTMUT, "results", "--all", "true"], text=True)), sep="\n")
    return code


def _table(results: str) -> Iterator[str]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in results.splitlines():
        if match := _RESULT.fullmatch(line):
            found[match["module"]][match["result"]] += 1
    yield "| module | mutants | killed | not killed | score |"
    yield "|---|---:|---:|---:|---:|"
    for module, counts in [*sorted(found.items()), ("all", sum(found.values(), Counter()))]:
        tried = counts.total() - counts["not checked"]
        killed = sum(counts[result] for result in KILLED)
        if tried:
            yield f"| {module} | {tried} | {killed} | {tried - killed} | {killed / tried:.1%} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
