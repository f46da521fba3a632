"""Starts real daemons with a generated configuration, as an ordinary user and in the foreground."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .layout import LAB
from .scenario import Node, Scenario

KEYS = ("nginx", "sshd", "unbound", "dnsmasq", "redis", "postgres")
_PROGRAM = {"redis": "redis-server"}
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")


def find_program(program: str) -> str | None:
    """The path of a program, also in folders that an ordinary user's PATH lacks; None if it is not installed."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_FOLDERS, *_postgres_folders()))
    return shutil.which(program, path=path)


def _postgres_folders() -> list[str]:
    return sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)


def missing(scenario: Scenario) -> list[str]:
    """The programs that a scenario needs and that are not installed."""
    programs = {_PROGRAM.get(k, k) for node in scenario.at.values() for k in wanted(node)} | set(scenario.needs)
    return sorted(program for program in programs if find_program(program) is None)


def wanted(node: Node) -> list[str]:
    """The daemons of a node."""
    return [key for key in KEYS if getattr(node, key)]


def command(name: str, node: Node, key: str) -> list[str]:
    """The command that runs one daemon of the node `name`. Writes its files as the calling user."""
    home = Path(LAB, name, key)
    home.mkdir(parents=True)
    program = find_program(_PROGRAM.get(key, key))
    assert program is not None, key
    arguments = _ARGUMENTS[key](home, getattr(node, key))
    return ["sh", "-c", *arguments, program] if key == "postgres" else [program, *arguments]


def is_ready(name: str, key: str) -> bool:
    """Whether a daemon that already listens is also ready to serve."""
    if key != "postgres":
        return True
    try:
        return "ready" in Path(LAB, name, key, "data", "postmaster.pid").read_text()
    except OSError:
        return False


def _nginx(home: Path, text: str) -> list[str]:
    temp = "".join(f"  {k}_temp_path {home};\n" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (home / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {home}/pid; error_log {home}/log;\n"
        f"events {{}}\nhttp {{\n  access_log off;\n{temp}{text}\n}}\n"
    )
    return ["-e", f"{home}/log", "-c", f"{home}/nginx.conf"]


def _sshd(home: Path, text: str) -> list[str]:
    key = home / "host_key"
    keygen = find_program("ssh-keygen")
    assert keygen is not None
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(key)], check=True)
    (home / "sshd_config").write_text(f"HostKey {key}\nPidFile {home}/pid\nUsePAM no\n{text}\n")
    return ["-D", "-e", "-f", str(home / "sshd_config")]


def _unbound(home: Path, text: str) -> list[str]:
    (home / "unbound.conf").write_text(
        f'server:\n  username: ""\n  chroot: ""\n  directory: "{home}"\n  pidfile: ""\n  use-syslog: no\n'
        f'  logfile: "{home}/log"\n  do-daemonize: no\n  num-threads: 1\n  interface: 0.0.0.0\n  interface: ::0\n'
        f"  access-control: 0.0.0.0/0 allow\n  access-control: ::/0 allow\n  module-config: \"iterator\"\n{text}\n"
    )
    return ["-d", "-c", str(home / "unbound.conf")]


def _dnsmasq(home: Path, text: str) -> list[str]:
    (home / "dnsmasq.conf").write_text(f"no-resolv\nno-hosts\nuser=\ngroup=\npid-file={home}/pid\n{text}\n")
    return ["--keep-in-foreground", f"--conf-file={home}/dnsmasq.conf"]


def _redis(home: Path, text: str) -> list[str]:
    (home / "redis.conf").write_text(f"dir {home}\nsave \"\"\nlogfile {home}/log\n{text}\n")
    return [str(home / "redis.conf")]


def _postgres(home: Path, text: str) -> list[str]:
    """`text` is pg_hba.conf; lines that begin with `set ` are settings. The script creates the data folder."""
    settings = [line.removeprefix("set ") for line in text.splitlines() if line.startswith("set ")]
    rules = [line for line in text.splitlines() if not line.startswith("set ")]
    (home / "hba").write_text("\n".join(rules) + "\n")
    (home / "settings").write_text(
        f"listen_addresses = '*'\nunix_socket_directories = '{home}'\nhba_file = '{home}/hba'\nfsync = off\n"
        + "\n".join(settings) + "\n"
    )
    initdb = find_program("initdb")
    assert initdb is not None
    script = (
        f'"{initdb}" -A trust -N -U postgres -D {home}/data >{home}/initdb.log && chmod 700 {home}/data'
        f' && cat {home}/settings >>{home}/data/postgresql.conf && exec "$0" -D {home}/data'
    )
    return [script]


_ARGUMENTS = {
    "nginx": _nginx, "sshd": _sshd, "unbound": _unbound, "dnsmasq": _dnsmasq, "redis": _redis, "postgres": _postgres,
}  # fmt: skip
