"""The steps of the Dockerfile, run in a clean folder, give a service that answers."""

import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.deployment.dockerfile import Image, build, context

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    context(ROOT, folder / "context")
    return build(ROOT / "Dockerfile", folder / "context", folder / "root")


def test_it_serves_and_its_health_check_tells_so(image: Image) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Here the port may be taken, and nobody outside is meant to reach it.
    check = [argument.replace(":8080/", f":{port}/") for argument in image.healthcheck]
    image.command = [argument.replace("0.0.0.0", "127.0.0.1") for argument in image.command]
    server = image.start(NAM_CDS_PORT=str(port))
    try:
        end = time.monotonic() + 30
        while unhealthy := subprocess.run(check, env=image.environment, capture_output=True, check=False).returncode:
            if server.poll() is not None or time.monotonic() > end:
                break
            time.sleep(0.2)
    finally:
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=30)
    assert unhealthy == 0, output
    assert server.returncode == 0, output
    assert subprocess.run(check, env=image.environment, capture_output=True, check=False).returncode == 1


def test_CH_SEC_03_as_it_is_it_asks_who_may_call(image: Image) -> None:
    as_it_is = replace(image, command=["serve", "--host", "0.0.0.0"])
    assert '["serve", "--host", "0.0.0.0"]' in (ROOT / "Dockerfile").read_text()
    server = as_it_is.start()
    output, _ = server.communicate(timeout=30)
    assert server.returncode == 1
    assert "NAM_CDS_CLIENTS: is not set" in output


@pytest.mark.parametrize("package", ["cds_service", "hooks", "fixtures"])
def test_nothing_of_a_package_is_missing_in_the_image(image: Image, package: str) -> None:
    (installed,) = image.root.glob(f"opt/nam-cds/lib/python3.*/site-packages/{package}")
    assert files(installed) == files(ROOT / package)


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_the_knowledge_is_in_the_image(image: Image) -> None:
    done = subprocess.run(
        [*image.entrypoint, "check-knowledge"],
        cwd=image.workdir,
        env=image.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_kept_is_on_the_volume(image: Image) -> None:
    assert image.volume is not None
    assert image.workdir == image.volume
    assert image.volume.stat().st_mode & 0o1777 == 0o1777
    environment = {**image.environment, "TERM": "dumb"}
    command = [*image.entrypoint, "database", "upgrade"]
    done = subprocess.run(command, cwd=image.workdir, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (image.volume / "nam-cds.sqlite").exists()


def test_what_runs_is_not_root_and_cannot_install_more(image: Image) -> None:
    assert image.user.partition(":")[0].isdigit()
    assert int(image.user.partition(":")[0]) > 0
    assert not list((image.root / "opt/nam-cds/bin").glob("pip*"))
