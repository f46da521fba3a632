"""What all tests share: the last line that says when the lab did not run."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from pytest_socket import socket_allow_hosts

from portdoctor.lab.run import compile_package, default_jobs

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a shell: children would inherit that, and the tests of Ctrl-C test nothing.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_FOREIGN = re.compile(
    r"(https?|ftp|all|no)_proxy|ssl_cert_(file|dir)|(requests|curl)_ca_bundle"
    r"|portdoctor_(?!(?:lab|fuzz|fuzz_seed)$).*",
    re.IGNORECASE,
)
# `long`: `pytest tests/test_generated.py --hypothesis-profile=long --timeout=0`.
# A deadline in wall time for each example measures how busy the machine is; the timeout of a test stays.
hypothesis_settings.register_profile("busy", deadline=None)
hypothesis_settings.register_profile("long", deadline=None, max_examples=30_000, database=None)
hypothesis_settings.load_profile("busy")

NOT_RUN: list[str] = []  # scenarios that this machine could not run


# Whoever runs the tests may have settings, causes, a proxy and a trust store; every process of a test inherits this.
for _name in filter(_FOREIGN.fullmatch, list(os.environ)):
    del os.environ[_name]
os.environ.update({"PORTDOCTOR_CONFIG": os.devnull, "XDG_CONFIG_HOME": os.path.join(os.sep, "no-such-folder")})


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: the scenarios of the lab wait more than they compute, so more workers than processors."""
    return default_jobs()


def pytest_configure(config: pytest.Config) -> None:
    """Once, before the workers start."""
    if not hasattr(config, "workerinput"):
        compile_package()


def pytest_runtest_setup() -> None:
    """No test reaches the network: connecting anywhere but to this machine raises SocketConnectBlockedError."""
    socket_allow_hosts(["127.0.0.0/8", "::1"], allow_unix_socket=True)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Counts on the controlling process, so that it works under xdist too."""
    if report.when == "call":
        NOT_RUN.extend(str(value) for key, value in report.user_properties if key == "lab-not-run")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The very last line: the lab tests pass where they cannot run, and must not do so silently."""
    if NOT_RUN and not hasattr(config, "workerinput"):
        print(f"lab: not run, {len(NOT_RUN)} scenarios")


def lab_is_required() -> bool:
    return os.environ.get("PORTDOCTOR_LAB") == "require"


@pytest.fixture(scope="session")
def lab() -> Any:
    """What this machine can do for the lab."""
    from portdoctor.lab.ability import can

    return can()
