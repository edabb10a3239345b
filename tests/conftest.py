"""No test depends on the environment it runs in, none reaches beyond this machine, none sees a bad answer or a leak."""

import os
import socket
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser
from xdist.scheduler import LoadScopeScheduling

from cds_service import settings
from cds_service.outbound import is_loopback
from tests.browser.chromium import ChromiumUnavailableError, launched
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


def _together(nodeid: str) -> str:
    """The file of a test, or such a folder: tests of one place run in one process."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in _WHOLE if file.startswith(folder)), file)


class _ByPlace(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How tests are dealt out among processes that run side by side."""
    return _ByPlace(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first."""
    items.sort(key=lambda item: _together(item.nodeid) not in _WHOLE)


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


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium; one for a process, which cannot have two. Where there is none: skipped, in CI failed."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(launched())
        except ChromiumUnavailableError as unavailable:
            if os.environ.get("CI"):
                pytest.fail(f"CI needs a browser: {unavailable}", pytrace=False)
            pytest.skip(str(unavailable))
        yield browser
