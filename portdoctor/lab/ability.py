"""Checks whether this machine can run the lab by trying each step, and lists alternatives where one fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from . import daemons

_KEEP = ("--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--uts", "--ipc")
ROOTLESS = ("unshare", "--user", "--map-root-user", "--net", *_KEEP)
AS_ROOT = ("unshare", "--net", *_KEEP)
_KEPT_VARIABLES = ("PYTHONPATH", "LAB_SHELL", "TERM", "PYTHONDONTWRITEBYTECODE")
_SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "0", "AppArmor denies user namespaces to ordinary programs"),
    ("kernel/unprivileged_userns_clone", "1", "Ordinary users may not create user namespaces"),
)


class Check(NamedTuple):
    """One requirement of the lab, and whether it is met."""

    what: str
    ok: bool
    says: str  # the error message of the system if it is not ok


class Ability(NamedTuple):
    """Whether this machine can run the lab, and how."""

    checks: tuple[Check, ...]
    prefix: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return all(c.ok for c in self.checks)


def can() -> Ability:
    """Try each step that the lab needs, in order, up to the first that fails."""
    if sys.platform != "linux":
        return Ability((Check("Linux", False, "the lab uses Linux namespaces"),), ())
    programs = ("unshare", "setpriv", "ip", "nft")
    tools = [Check(f"the program {p}", daemons.find_program(p) is not None, "not found") for p in programs]
    if not all(t.ok for t in tools):
        return Ability(tuple(tools), ())
    rootless = _try_all(ROOTLESS, ("--user",), ("--user", "--map-root-user"))
    if all(c.ok for c in rootless) or os.geteuid() != 0:
        return Ability((*tools, *rootless), ROOTLESS)
    return Ability((*tools, *_try_all(AS_ROOT)), AS_ROOT)


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
        done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False, timeout=20)
        checks.append(Check(what, done.returncode == 0, done.stderr.strip()))
        if done.returncode != 0:
            break
    return checks


def clean_environment() -> dict[str, str]:
    """The environment of the lab's own processes: only those variables of the caller that the lab needs."""
    kept = {k: os.environ[k] for k in _KEPT_VARIABLES if k in os.environ}
    path = os.pathsep.join((os.environ.get("PATH", "/usr/bin:/bin"), "/usr/sbin:/sbin"))
    return kept | {"PATH": path, "LANG": "C.UTF-8"}


def alternatives(ability: Ability) -> str:
    """Text for a machine on which the lab cannot run: the reason, and what helps."""
    broken = next((c for c in ability.checks if not c.ok), None)
    what = broken.what if broken else "a step"
    missing = what.startswith("the program")
    text = [
        f"The lab cannot run on this machine: {what} is {'missing' if missing else 'not permitted'}.",
        "`check` and `bind` do not need it. The recordings of all scenarios can be replayed anywhere.",
    ]
    if what == "Linux":
        text[0] = "The lab cannot run on this machine: it needs Linux."
        return "\n".join([*text, "Run it in a Linux virtual machine."])
    if missing:
        return "\n".join([*text, "Install util-linux, iproute2 and nftables (Debian: apt install iproute2 nftables)."])
    text.append("Any of these helps:")
    for key, good, meaning in _SWITCHES:
        value = _read(key)
        if value is not None and value != good:
            text.append(f"  - {meaning}: sudo sysctl -w {key.replace('/', '.')}={good}")
    if _read("user/max_user_namespaces") == "0":
        text.append("  - User namespaces are disabled: sudo sysctl -w user.max_user_namespaces=10000")
    text += [
        "  - Run it as root, which needs no user namespace.",
        "  - Use a virtual machine, or a container started with --privileged.",
    ]
    return "\n".join(text)


def _read(key: str) -> str | None:
    try:
        return Path("/proc/sys", key).read_text().strip()
    except OSError:
        return None
