"""A pytest plugin for mutation testing: the tests most likely to notice a mutant run first, and Hypothesis is brief.

mutmut names every test that reaches the mutated function: often four thousand, of which one would do, and of which
pytest's reading alone takes seconds. Here they run in rounds: those of the module's own test files, a sample
of all with the approved cards, and the rest only if these passed.
"""

import re
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import Phase, settings
from mutmut.runners.harness import PytestRunner

SAMPLE = 40
_EVERYWHERE = frozenset({"hook", "test", "py", "rule", "assessment", "chart", "knowledge", "in", "full"})
_run = PytestRunner.run_tests

settings.register_profile(
    "mutation", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("mutation")


def run_in_rounds(self: PytestRunner, *, mutant_name: str | None, tests: Iterable[str]) -> int:
    """The exit code of the first round that notices; 0 if none does."""
    for tried in [tests] if mutant_name is None else rounds(mutant_name, list(tests)):
        if code := _run(self, mutant_name=mutant_name, tests=tried):
            return code
    return 0


PytestRunner.run_tests = run_in_rounds  # type: ignore[method-assign]


def rounds(mutant: str, tests: list[str]) -> Iterator[list[str]]:
    """The tests in the order in which they are to be tried; none of these lists is empty."""
    near = {test: nearness(mutant, test) for test in tests}
    own = sorted((test for test in tests if near[test]), key=lambda test: -near[test])
    others = sorted((test for test in tests if not near[test]), key=lambda test: "/approved/" not in test)
    approved = sum("/approved/" in test for test in others)
    sample = others[approved :: max(1, (len(others) - approved) // SAMPLE)] + others[:approved]
    seen = set(sample)
    yield from filter(None, (own, sample, [test for test in others if test not in seen]))


def nearness(mutant: str, test: str) -> int:
    """How many words the names of the mutated module and of the test's file share."""
    return len(_words(mutant.rpartition(".")[0]) & _words(test.partition("::")[0]))


def _words(name: str) -> set[str]:
    """The words of a name in the singular, but those that say nothing."""
    return {word.removesuffix("s") for word in re.findall(r"[a-z]+", name)} - _EVERYWHERE
