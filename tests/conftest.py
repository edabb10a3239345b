"""No test depends on the environment it runs in, none reaches beyond this machine, none sees a bad answer or a leak."""

import os
import socket
from collections.abc import Generator
from typing import Any

import pytest

from cds_service import settings
from cds_service.outbound import is_loopback
from tests.conformance import watch
from tests.leaks import listening


def pytest_configure(config: pytest.Config) -> None:
    patch = pytest.MonkeyPatch()
    watch.install(patch)
    patch.setattr(settings, "DEFAULT_DATABASE", "memory")  # no test leaves a file behind
    config.add_cleanup(patch.undo)
    config.pluginmanager.register(listening)


_WHOLE = ("tests/integration", "tests/browser", "tests/cds_service/store")
"""Folders whose tests share a server that takes long to start. They come first, as they take longest."""


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side (`--dist loadgroup`), those of one file, or of one such folder, stay together."""
    place: dict[pytest.Item, str] = {}
    for item in items:
        file = item.nodeid.partition("::")[0]
        place[item] = next((folder for folder in _WHOLE if file.startswith(folder)), file)
        item.add_marker(pytest.mark.xdist_group(place[item]))
    items.sort(key=lambda item: place[item] not in _WHOLE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    watch.WATCH.take()
    result = yield
    if found := watch.WATCH.take():
        pytest.fail("the service gave an answer that no client should get:\n" + "\n".join(found), pytrace=False)
    return result


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("NAM_CDS_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def _this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", checked)
