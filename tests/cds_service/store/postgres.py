"""A real PostgreSQL server for tests, on a free port of this machine, that can be stopped, frozen and started again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

START_SECONDS = 30


class PostgresUnavailableError(RuntimeError):
    """There is no PostgreSQL on this machine; says what to install."""


class Postgres:
    """One server with its data. It refuses to run as root, so then it runs as nobody."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._user = "nobody" if os.geteuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None
        self._databases = 0
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        subprocess.run(
            [_binary("initdb"), "-D", folder / "data", "-U", "nam", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            user=self._user,
        )

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "fsync": "off",  # these tests end processes, not machines
        }
        self._server = subprocess.Popen(
            [_binary("postgres"), "-D", self._folder / "data", *(f"--{k}={v}" for k, v in settings.items())],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            user=self._user,
            start_new_session=True,
        )
        end = time.monotonic() + START_SECONDS
        while self._server.poll() is None and time.monotonic() < end:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        raise AssertionError("PostgreSQL did not start")

    def stop(self) -> None:
        """At once, without waiting for those who are connected."""
        if self._server:
            os.killpg(self._server.pid, signal.SIGCONT)
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(START_SECONDS)
            self._server = None

    @property
    def runs(self) -> bool:
        return self._server is not None

    def freeze(self) -> None:
        """Connections stay, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the server and its processes, each of which has a session of its own."""
        assert self._server
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        for pid in (self._server.pid, *map(int, children)):
            os.kill(pid, number)

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"nam{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql://nam@127.0.0.1:{self._port}/{name}"


@contextmanager
def running() -> Iterator[Postgres]:
    """A server that ends with the block. Raises PostgresUnavailableError."""
    _binary("postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="nam-cds-postgres-"))
    server = Postgres(folder, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _binary(name: str) -> Path:
    """Debian keeps the server's programs off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    for folder in reversed(versions):
        if (folder / name).exists():
            return folder / name
    found = shutil.which(name)
    if found is None:
        raise PostgresUnavailableError(f"no {name} on this machine; install PostgreSQL (Debian, Ubuntu: postgresql)")
    return Path(found)
