"""Rows of the Linux socket table, as read from sock_diag or /proc/net."""

from __future__ import annotations

from ..model import Value

# include/net/tcp_states.h
STATES = {1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT",
          7: "CLOSE", 8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING", 12: "SYN_RECV"}  # fmt: skip


class Socket(Value, frozen=True, kw_only=True):
    """One row of the kernel's socket table. `cgroup` is the inode of its cgroup folder, 0 when not reported."""

    address: str
    port: int
    state: str
    peer: str | None = None
    uid: int
    inode: int
    queued: int = 0
    backlog: int = 0
    v6only: bool | None = None
    cgroup: int = 0


class Table(Value, frozen=True, kw_only=True):
    """The sockets of one port. `bound_shown`: this kernel also lists sockets that are bound and do not listen."""

    rows: tuple[Socket, ...]
    bound_shown: bool
