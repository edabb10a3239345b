"""`make load`: run the traffic against a server with two workers, and judge it."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.load import RATE, RESULTS
from bench.machine import machine
from bench.server import Server, serving

WORKERS, USERS = 2, 8
MOST_SPREAD = 5.0
"""p99 over p50, of each kind of call."""
MOST_GROWTH = 1.05
"""Memory of the workers at the end over that after the first third, when all caches are full."""
SECONDS_BETWEEN_LOOKS = 1.0


class Figures(msgspec.Struct):
    """What the traffic saw: milliseconds of the good answers, and how many were wrong, by kind of call."""

    milliseconds: dict[str, list[float]]
    wrong: dict[str, int]


class Memory(threading.Thread):
    """Looks at the memory of all processes of a server, until it is told to stop."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._ended = threading.Event()
        self.looks: list[float] = []
        self.processes: set[int] = set()

    def run(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            found = self._server.megabytes()
            self.processes |= found.keys()
            self.looks.append(sum(found.values()))

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def growth(self) -> float:
        """The median of the last tenth over that of the tenth after the first third."""
        third, tenth = len(self.looks) // 3, max(1, len(self.looks) // 10)
        return statistics.median(self.looks[-tenth:]) / statistics.median(self.looks[third : third + tenth])


def drive(server: Server, seconds: int, rate: float, results: Path) -> Figures:
    """Send the traffic; `rate`: calls a second of each of the users."""
    environment = os.environ | {RESULTS: str(results), RATE: str(rate)}
    command = [
        sys.executable,
        "-m",
        "locust",
        "--locustfile",
        str(Path(__file__).with_name("traffic.py")),
        "--headless",
        "--only-summary",
    ]
    command += [
        "--users",
        str(USERS),
        "--spawn-rate",
        str(USERS),
        "--run-time",
        f"{seconds}s",
        "--host",
        server.address,
    ]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if not results.exists():
        raise RuntimeError(f"locust ended without figures: {done.stderr[-2000:]}")
    return msgspec.json.decode(results.read_bytes(), type=Figures)


def report(figures: Figures, memory: Memory, seconds: int) -> bool:
    """Print the figures; whether they are good."""
    table = Table("calls", "sent", "wrong", "p50 ms", "p99 ms", f"p99/p50 (≤ {MOST_SPREAD:g})")
    good = True
    kinds = {**figures.milliseconds, "all": [one for each in figures.milliseconds.values() for one in each]}
    for kind, values in kinds.items():
        cuts = statistics.quantiles(values, n=100)
        wrong = sum(figures.wrong.values()) if kind == "all" else figures.wrong.get(kind, 0)
        spread = cuts[98] / cuts[49]
        table.add_row(kind, f"{len(values):,}", str(wrong), f"{cuts[49]:.1f}", f"{cuts[98]:.1f}", f"{spread:.1f}")
        good = good and not wrong and spread <= MOST_SPREAD
    growth = memory.growth()
    console = Console()
    console.print(machine())
    console.print(table)
    console.print(
        f"{seconds} s, {len(kinds['all']) / seconds:.0f} calls a second, {WORKERS} workers; all processes "
        f"{memory.looks[-1]:.0f} MB, {growth:.2f} × (≤ {MOST_GROWTH:g}) since the first third; "
        f"{len(memory.processes)} processes, none replaced."
        if len(memory.processes) == WORKERS + 1
        else f"Processes were replaced: {len(memory.processes)} were seen."
    )
    return good and growth <= MOST_GROWTH and len(memory.processes) == WORKERS + 1


def main() -> None:
    """Run, report, and fail if an answer was wrong, memory grew, or the slowest calls were much slower than usual."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--rate", type=float, default=2.5, help="calls a second of each of the eight users")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(workers=WORKERS, calls_per_minute=0) as server:
        memory = Memory(server)
        memory.start()
        figures = drive(server, chosen.seconds, chosen.rate, Path(folder, "results.json"))
        memory.stop()
    sys.exit(0 if report(figures, memory, chosen.seconds) else 1)


if __name__ == "__main__":
    main()
