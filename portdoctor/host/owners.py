"""Finds the process that uses a socket on Linux, with its user, systemd unit and container, as far as permitted."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator

from ..model import Holder
from .command_line import without_secrets

assert sys.platform == "linux"

_MOST_FOLDERS = 20_000  # of /sys/fs/cgroup: a node with a thousand pods has about ten for each
_MOST_COMMAND = 300  # characters of a command line that are kept
_ROOT = "/sys/fs/cgroup"
_CONMON = re.compile(r"(?:libpod|crio)-conmon-([0-9a-f]{64})")  # beside a container, not in it
_CONTAINER = re.compile(r"(?:docker|libpod|cri-containerd|crio|containerd)?[-/:]?([0-9a-f]{64})(?:\.scope)?$")
_UNIT = re.compile(r"([^/]+\.(?:service|socket|scope))(?:/|$)")


def processes(inodes: Iterable[int]) -> dict[int, int]:
    """Return socket inode -> lowest pid that has it open, among the processes whose files this user may list."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes if inode}
    found: dict[int, int] = {}
    if not wanted:
        return found
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        for link in _open_files(pid):
            if link not in wanted:
                continue
            found.setdefault(wanted[link], pid)
            if len(found) == len(wanted):
                return found
    return found


def _open_files(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return  # another user's process, or one that has just ended
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}")
        except OSError:
            continue  # closed meanwhile; in our own process, the descriptor of the listing


def holder(pid: int | None, uid: int | None, cgroup: str | None) -> Holder:
    """Return what is known of the process; `cgroup`, a path below /sys/fs/cgroup, is used when no pid is known."""
    name = command = since = None
    if pid is not None:
        name = _read(f"/proc/{pid}/comm").strip() or None
        command = without_secrets(_read(f"/proc/{pid}/cmdline").split("\0"))[:_MOST_COMMAND] or None
        since = _started(pid)
        cgroup = cgroup_of(_read(f"/proc/{pid}/cgroup")) or cgroup
    return Holder(
        pid=pid,
        name=name,
        command=command,
        user=user_of(uid),
        unit=unit(cgroup or ""),
        container=container(cgroup or ""),
        since=since,
    )


def user_of(uid: int | None) -> str | None:
    """Return the user's name, or "uid 1234" where it has none on this machine."""
    if uid is None:
        return None
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def unit(cgroup: str) -> str | None:
    """Return the innermost systemd unit of a cgroup path, other than the scope of a container."""
    units = [u for u in _UNIT.findall(cgroup) if u != "init.scope" and (_CONMON.match(u) or not _CONTAINER.search(u))]
    return units[-1] if units else None


def container(cgroup: str) -> str | None:
    """Return the container id of a cgroup path: its first 12 digits, as container tools show it."""
    for part in reversed(cgroup.split("/")):
        if found := _CONTAINER.search(part):
            return found[1][:12]
    return None


def cgroup_of(text: str) -> str | None:
    """Return the path in /proc/PID/cgroup: of the unified hierarchy (0::/…), else the longest of version 1."""
    paths = [line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2]
    unified = next((path for number, _, path in paths if number == "0"), None)
    if unified and unified != "/":
        return unified
    return max((path for _, _, path in paths), key=len, default=None)


def cgroup_root() -> str | None:
    """Return where the unified hierarchy is mounted: the ids of sockets are its, and those of version 1 are others."""
    roots = (_ROOT, f"{_ROOT}/unified")
    return next((root for root in roots if os.path.exists(f"{root}/cgroup.controllers")), None)


def cgroup_paths(wanted: Iterable[int], root: str) -> dict[int, str]:
    """Return cgroup id -> path below `root`; the id is the inode of the folder."""
    left = {number for number in wanted if number > 1}  # 1 is the root
    found: dict[int, str] = {}
    folders = [root]
    for _ in range(_MOST_FOLDERS):
        if not left or not folders:
            break
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        continue
                    folders.append(entry.path)
                    if entry.inode() in left:
                        left.discard(entry.inode())
                        found[entry.inode()] = entry.path.removeprefix(root)
        except OSError:
            continue
    return found


def _started(pid: int) -> str | None:
    """Return the start time of a process in UTC: field 22 of /proc/PID/stat, in clock ticks after boot (proc(5))."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    boot = next((line.split()[1] for line in _read("/proc/stat").splitlines() if line.startswith("btime ")), None)
    if len(fields) < 20 or boot is None:
        return None
    seconds = int(boot) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _read(path: str) -> str:
    from .files import read_text

    try:
        return read_text(path, 64 * 1024)
    except OSError:
        return ""
