"""`python -m tests.mutation [MODULE…] [--sample N]`: mutate `hooks/`, run the tests on the mutants, print the score.

A MODULE such as `hooks.reasoning` limits it to that module and those below it. With --sample the tests run on so many
mutants, drawn at random from all of these: hours become minutes, and the score an estimate with its margin.
"""

import argparse
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from math import sqrt
from pathlib import Path

MUTMUT = str(Path(sys.executable).with_name("mutmut"))
WORKERS = "2"
FIRST = "hooks.reasoning.x_negate*"
"""A handful of mutants, tried so that mutmut makes all of them and notes which tests reach which."""
_RESULT = re.compile(r"\s*(?P<name>(?P<module>[\w.]+)\.x\S*): (?P<result>.+)")
KILLED = ("killed", "timeout")
"""A mutant that never ends is noticed too."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    wanted = tuple(arguments.modules or ("hooks",))
    if arguments.sample is None:
        code = _run([f"{module}.*" for module in arguments.modules])
        tried = {name: result for name, result in _results() if name.startswith(wanted)}
    else:
        _run([FIRST])
        names = sorted(name for name, _ in _results() if name.startswith(wanted))
        chosen = set(random.Random(arguments.seed).sample(names, min(arguments.sample, len(names))))
        print(f"{len(chosen)} of {len(names)} mutants, seed {arguments.seed}")
        code = _run(sorted(chosen))
        tried = {name: result for name, result in _results() if name in chosen}
    print(*_table(tried), *_survivors(tried), sep="\n")
    return code


def _run(patterns: list[str]) -> int:
    return subprocess.call([MUTMUT, "run", "--max-children", WORKERS, *patterns])


def _results() -> Iterator[tuple[str, str]]:
    for line in subprocess.check_output([MUTMUT, "results", "--all", "true"], text=True).splitlines():
        if match := _RESULT.fullmatch(line):
            yield match["name"], match["result"]


def _table(tried: dict[str, str]) -> Iterator[str]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name, result in tried.items():
        package = ".".join(name.split(".")[:2])
        found[package][result] += 1
    yield "| part | mutants | killed | not killed | score |"
    yield "|---|---:|---:|---:|---:|"
    for package, counts in [*sorted(found.items()), ("all", sum(found.values(), Counter()))]:
        total = counts.total() - counts["not checked"]
        killed = sum(counts[result] for result in KILLED)
        if total:
            margin = 1.96 * sqrt(killed / total * (1 - killed / total) / total)
            yield f"| {package} | {total} | {killed} | {total - killed} | {killed / total:.1%} ± {margin:.1%} |"


def _survivors(tried: dict[str, str]) -> Iterator[str]:
    for name, result in sorted(tried.items()):
        if result not in (*KILLED, "not checked"):
            yield f"{result}: {name}"


if __name__ == "__main__":
    sys.exit(main())
