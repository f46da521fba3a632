"""Runs scenarios from outside: can this machine do it, start the namespaces, read what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

from . import daemons
from .result import LONGEST, Outcome
from .scenario import Scenario

_KEEP = ("--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--uts", "--ipc")
ROOTLESS = ("unshare", "--user", "--map-root-user", "--net", *_KEEP)
AS_ROOT = ("unshare", "--net", *_KEEP)
_BESIDE = "/usr/sbin:/sbin"


class Check(NamedTuple):
    """One thing the lab needs, tried for real."""

    what: str
    ok: bool
    says: str  # the system's own words when it is not ok


class Ability(NamedTuple):
    """Whether this machine can run the lab, and how."""

    checks: tuple[Check, ...]
    prefix: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return all(c.ok for c in self.checks)


def can() -> Ability:
    """Try each step the lab needs, in order, up to the first that this machine forbids."""
    if sys.platform != "linux":
        return Ability((Check("Linux", False, "the lab is made of Linux namespaces"),), ())
    tools = [Check(f"the program {t}", find(t) is not None, "not found") for t in ("unshare", "ip", "nft")]
    if not all(t.ok for t in tools):
        return Ability(tuple(tools), ())
    rootless = _try_all(ROOTLESS, ("--user",), ("--user", "--map-root-user"))
    if all(c.ok for c in rootless) or os.geteuid() != 0:
        return Ability((*tools, *rootless), ROOTLESS)
    return Ability((*tools, *_try_all(AS_ROOT)), AS_ROOT)


def find(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", ""), _BESIDE)))


def _try_all(prefix: tuple[str, ...], *steps: tuple[str, ...]) -> list[Check]:
    flags = list(prefix[1 : -len(_KEEP)])
    words = {"--user": "a user namespace", "--map-root-user": "root inside it (uid map)"}
    tries = [(words[s[-1]], ("unshare", *s, "true")) for s in steps]
    tries += [
        ("a network namespace", ("unshare", *flags, "true")),
        ("a mount namespace", ("unshare", *flags, "--mount", "mount", "-t", "tmpfs", "none", "/run")),
        ("a process namespace", (*prefix, "true")),
        ("virtual links (veth)", ("unshare", *flags, "ip", "link", "add", "lab0", "type", "veth")),
        ("firewall rules (nftables)", ("unshare", *flags, "nft", "add table inet t; add chain inet t c; "
                                       "add rule inet t c tcp dport 1 reject with icmpx admin-prohibited")),
    ]  # fmt: skip
    checks: list[Check] = []
    for what, command in tries:
        done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False, timeout=20)
        checks.append(Check(what, done.returncode == 0, done.stderr.strip()))
        if done.returncode != 0:
            break
    return checks


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "LAB_SHELL", "TERM", "PYTHONDONTWRITEBYTECODE")}
    return kept | {"PATH": os.pathsep.join((os.environ.get("PATH", "/usr/bin:/bin"), _BESIDE)), "LANG": "C.UTF-8"}


def run(scenario: Scenario, ability: Ability) -> Outcome:
    """Run one scenario to its end. What goes wrong with the lab itself is the Outcome's `failure`."""
    if scenario.handmade:
        return Outcome(failure=f"has only a recording: {scenario.handmade}")
    if absent := daemons.missing(scenario):
        return Outcome(failure=f"needs {', '.join(absent)}, which this machine does not have")
    try:
        done = subprocess.run(
            _command("run", scenario, ability), env=_environment(), cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, timeout=LONGEST + 30, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(failure=f"still running after {LONGEST + 30:.0f} seconds")
    try:
        return msgspec.json.decode(done.stdout, type=Outcome)
    except msgspec.DecodeError:
        return Outcome(failure=f"the lab broke: {done.stderr.decode(errors='replace').strip()[-2000:]}")


def shell(scenario: Scenario, ability: Ability) -> int:
    """A shell as the client's user in the client's network; its exit code."""
    return subprocess.run(_command("shell", scenario, ability), env=_environment(), check=False).returncode


def _command(mode: str, scenario: Scenario, ability: Ability) -> list[str]:
    text = msgspec.json.encode(scenario).decode()
    return [*ability.prefix, sys.executable, "-P", "-c", _START, mode, text]


_PACKAGE = str(Path(__file__).resolve().parent.parent.parent)
_START = f"import sys; sys.path.insert(0, {_PACKAGE!r}); from portdoctor.lab.inside import main; main()"
