"""Decoders are made when they are first needed, which may be in several threads at once."""

import subprocess
import sys

_FIRST_DECODING_IN_THREADS = """
import sys
import threading

import msgspec

from cds_service.fhir import bundles, views

sys.setswitchinterval(1e-6)
TYPES = []
for number in range(100):
    fields = [(f"f{each}", str | int | None, None) for each in range(10)]
    part = msgspec.defstruct(f"Part{number}", fields, bases=(bundles.View,), frozen=True)
    fields.append(("part", part | None, None))
    TYPES.append(msgspec.defstruct(f"Resource{number}", fields, bases=(bundles.Resource,), frozen=True))
start = threading.Barrier(6)


def decode():
    for kind in TYPES:
        resource = f'{{"resourceType": "{kind.__name__}", "f0": "a", "f9": 1, "part": {{"f1": "b", "f9": 2}}}}'
        start.wait()
        views.array(f"[{resource}]".encode(), kind)
        views.decode(resource.encode(), kind)
        entry = f'{{"resourceType": "Bundle", "entry": [{{"resource": {resource}}}]}}'
        assert bundles.split(msgspec.Raw(entry.encode()), kind, keep_json=False).uniform


threads = [threading.Thread(target=decode) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_decode_for_the_first_time_do_not_end_the_process() -> None:
    command = [sys.executable, "-c", _FIRST_DECODING_IN_THREADS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
