"""Creates and enters Linux namespaces by system calls. Linux only; the process must have one thread."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

assert sys.platform == "linux"
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h
MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x1000, 0x4000, 0x40000  # linux/mount.h
PLAIN_USER = 1000  # the user that runs the command and the daemons


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """unshare(2). Raises OSError."""
    _call("unshare", flags)


def enter(fd: int, kind: int) -> None:
    """setns(2). Raises OSError."""
    _call("setns", fd, kind)


def mount(source: str, target: str, kind: str | None = None, flags: int = 0) -> None:
    """mount(2). Raises OSError."""
    encoded = kind.encode() if kind else None
    _call("mount", source.encode(), target.encode(), encoded, ctypes.c_ulong(flags), None)


def set_hostname(name: str) -> None:
    """sethostname(2). Raises OSError."""
    _call("sethostname", name.encode(), len(name.encode()))


def new_network(name: str) -> int:
    """A network namespace, also named for `ip netns`. Return its file descriptor; the process stays in its own."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        unshare(CLONE_NEWNET)
        path = f"/run/netns/{name}"
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o444))
        mount("/proc/self/ns/net", path, flags=MS_BIND)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        enter(here, CLONE_NEWNET)
        os.close(here)


@contextmanager
def inside(network: int) -> Iterator[None]:
    """Enter a network namespace for the body of the `with`. Processes started in it stay in it."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    enter(network, CLONE_NEWNET)
    try:
        yield
    finally:
        enter(here, CLONE_NEWNET)
        os.close(here)


def ordinary_user() -> int | None:
    """The file descriptor of a user namespace in which we are uid 1000, without privileges in the lab.

    None if user namespaces cannot be nested: a root process can then change to uid 1000 instead.
    """
    made_r, made_w = os.pipe()
    done_r, done_w = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(done_w)
            unshare(CLONE_NEWUSER)
            os.write(made_w, b"y")
            os.read(done_r, 1)
        finally:
            os._exit(0)
    os.close(made_w)
    try:
        if os.read(made_r, 1) != b"y":
            return None
        for file, text in (("setgroups", "deny"), ("uid_map", f"{PLAIN_USER} 0 1"), ("gid_map", f"{PLAIN_USER} 0 1")):
            with open(f"/proc/{child}/{file}", "w") as out:
                out.write(text)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(done_w)
        os.close(done_r)
        os.close(made_r)
        os.waitpid(child, 0)


def become_ordinary(user: int | None) -> None:
    """Become the ordinary user, in a child before exec. Raises OSError."""
    if user is not None:
        enter(user, CLONE_NEWUSER)
        return
    os.setgroups([])
    os.setresgid(PLAIN_USER, PLAIN_USER, PLAIN_USER)
    os.setresuid(PLAIN_USER, PLAIN_USER, PLAIN_USER)
