"""`python -m tests.fuzz [--count N] [--seed S] [--jobs J]`: send so many spoiled requests, and tell what was found.

`--show NUMBER` sends one of them again and prints it, with the answer.
"""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial

from tests.fuzz.runner import Runner, Totals

SHOWN = 40


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--jobs", type=int, default=1, metavar="J")
    parser.add_argument("--show", type=int, metavar="NUMBER")
    arguments = parser.parse_args()
    if arguments.show is not None:
        return _show(arguments.seed, arguments.show)
    began = time.monotonic()
    shares = [range(start, arguments.count, arguments.jobs) for start in range(arguments.jobs)]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        all_totals = list(pool.map(partial(_share, arguments.seed), shares))
    findings = sorted(finding for totals in all_totals for finding in totals.findings)
    for number, finding in findings[:SHOWN]:
        print(f"--seed {arguments.seed} --show {number}: {finding}")
    statuses: Counter[int] = sum((totals.statuses for totals in all_totals), Counter())
    slowest = sorted((one for totals in all_totals for one in totals.slowest), reverse=True)[:5]
    seconds = round(time.monotonic() - began)
    print(f"{statuses.total()} requests, seed {arguments.seed}, {seconds} s: {len(findings)} findings")
    print("answered with", ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    print("slowest:", ", ".join(f"{number} ({took:.2f} s)" for took, number in slowest))
    return 1 if findings else 0


def _share(seed: int, numbers: range) -> Totals:
    totals = Totals()
    with closing(Runner(seed)) as runner:
        for number in numbers:
            totals.add(number, runner.run(number))
    return totals


def _show(seed: int, number: int) -> int:
    with closing(Runner(seed)) as runner:
        sent = runner.request(number)
        print(sent.name, sent.method, sent.path, sent.headers)
        print(sent.body.decode("utf-8", "replace"))
        for path, page in sent.pages.items():
            print(f"{path}: {page.status} {page.kind}\n{page.body.decode('utf-8', 'replace')}")
        outcome = runner.run(number)
        print(outcome)
        if outcome.status:
            print(runner.answer(number).body.decode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
