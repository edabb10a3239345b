"""A real HAPI server for tests and measurements, built from `hapi-server/` and bound to 127.0.0.1.

`python -m tests.integration.hapi` keeps one running until Ctrl-C. Needs Java 17 and Maven; the first build downloads
about 250 MB. Data lives in memory and is gone when the server ends.
"""

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import requests

Kind = Literal["fhir", "cds-hooks"]

SOURCE = Path(__file__).parent / "hapi-server"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nam-cds" / "hapi"
MAIN_CLASS: dict[Kind, str] = {"fhir": "namcds.hapi.FhirServer", "cds-hooks": "namcds.hapi.CdsHooksServer"}
PATH: dict[Kind, str] = {"fhir": "/fhir", "cds-hooks": "/cds-services"}
START_SECONDS = 240


class HapiUnavailableError(RuntimeError):
    """Java or Maven is missing, or the server could not be built or started; says which, and what to do."""


@contextmanager
def running(kind: Kind = "fhir", *, port: int = 0, quick_start: bool = True) -> Iterator[str]:
    """The base address of a server that ends with the block.

    `port` 0 takes a free one. `quick_start` halves the time to the first answer; without it the JIT compiler can do
    all it knows, which is what to measure against.
    Raises HapiUnavailableError.
    """
    classpath = build()
    with tempfile.TemporaryDirectory(prefix="nam-cds-hapi-") as scratch:
        log = Path(scratch, "log")
        options = ["-Xmx1g", f"-Djava.io.tmpdir={scratch}", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8"]
        if quick_start:
            options += ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        with log.open("wb") as output:
            # The server ends with its standard input, so it cannot outlive this process.
            server = subprocess.Popen(
                ["java", *options, "-cp", classpath, MAIN_CLASS[kind], str(port)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; the server is then ended in order
            )
        try:
            yield f"http://127.0.0.1:{_bound_port(server, log)}{PATH[kind]}"
        finally:
            _stop(server)


def build() -> str:
    """Compile once for each state of the sources; the class path. Raises HapiUnavailableError."""
    if missing := [tool for tool in ("java", "mvn") if shutil.which(tool) is None]:
        raise HapiUnavailableError(f"not on PATH: {', '.join(missing)}; install Java 17 and Maven")
    sources = sorted(path for path in SOURCE.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes())
    target = CACHE / digest.hexdigest()[:12]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "built").exists():
            print(f"Building the HAPI server into {target}", file=sys.stderr)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(SOURCE, target)
            maven = subprocess.run(
                ["mvn", "--batch-mode", "--quiet", "package"],
                cwd=target,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if maven.returncode:
                said = maven.stdout[-2000:] + maven.stderr[-500:]
                raise HapiUnavailableError(f"Maven could not build it in {target}:\n{said}")
            (target / "built").touch()
    return f"{target}/target/hapi-server.jar:{target}/target/lib/*"


def _bound_port(server: "subprocess.Popen[bytes]", log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if up := re.search(r"^UP port=(\d+)$", log.read_text(errors="replace"), re.MULTILINE):
            return int(up[1])
        if server.poll() is not None:
            break
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-2000:]
    raise HapiUnavailableError(f"no answer after {START_SECONDS} s, or it ended; the end of its log:\n{tail}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stdin:
        server.stdin.close()


def empty(base: str) -> None:
    """Remove everything the server holds, for a fresh start between tests."""
    everything = {"resourceType": "Parameters", "parameter": [{"name": "expungeEverything", "valueBoolean": True}]}
    requests.post(f"{base}/$expunge", json=everything, timeout=60).raise_for_status()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make hapi", description=__doc__)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--kind", choices=sorted(MAIN_CLASS), default="fhir")
    arguments = parser.parse_args()
    try:
        with running(arguments.kind, port=arguments.port) as base:
            print(f"{base}  (Ctrl-C ends it)", flush=True)
            while True:
                time.sleep(3600)
    except HapiUnavailableError as error:
        sys.exit(f"HAPI: {error}")
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
