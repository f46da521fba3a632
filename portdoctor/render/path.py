"""Draws the path to an address: the routers that responded, and the hop at which packets to the port stop. Pure.

``you ── 198.51.100.1 ── 10.0.12.2 ─✗ 203.0.113.45:8080   lost at or beyond 10.0.12.2; port 80 gets further``
"""

from __future__ import annotations

from typing import NamedTuple

from ..model import Hop, Outcome, Report, Trace
from ..text import at, wrapped

SILENT = "*"  # a router that did not respond: no sign of loss, many never do
_MOST_HOPS = 8


class Path(NamedTuple):
    """The drawing in parts, so that lines break between hops, and its caption `says`."""

    hops: tuple[str, ...]
    end: str
    reached: bool
    says: str
    beyond: str = ""  # another port whose packets get further

    @property
    def caption(self) -> str:
        return "; ".join(p for p in (self.says, self.beyond) if p)


def path_to(report: Report, address: str) -> Path | None:
    """The combined result of all traces to one address; None if nothing responded in any of them."""
    rounds = [t for t in report.of(Trace) if t.role == "target" and t.address == address]
    hops = _merged(rounds)
    last = max((h.ttl for h in hops.values() if h.outcome is Outcome.TTL_EXPIRED), default=0)
    ends = [h for h in hops.values() if h.outcome not in (Outcome.TTL_EXPIRED, Outcome.TIMEOUT)]
    if not last and not ends:
        return None
    end = min(ends, key=lambda h: h.ttl) if ends else None
    shown = tuple(_shown(hops.get(ttl)) for ttl in range(1, (end.ttl if end else last + 1)))
    before = next((s for s in reversed(shown) if s != SILENT), "")
    goal = at(address, rounds[0].port)
    if end is None:
        where = f"lost at or beyond {before}"
        passing = _beyond(report, address, last)
        return Path(shown, goal, False, where, _gets_further(passing))
    return _ended(report, address, Path(shown, goal, False, ""), end)


def furthest(traces: list[Trace]) -> str:
    """How far the packets of these traces got, as far as responses show it: "reached hop 2", "answered at hop 4"."""
    hops = [h for h in _merged(traces).values() if h.outcome is not Outcome.TIMEOUT]
    ends = [h.ttl for h in hops if h.outcome is not Outcome.TTL_EXPIRED]
    if ends:
        return f"answered at hop {min(ends)}"
    return f"reached hop {max(h.ttl for h in hops)}" if hops else ""


def _ended(report: Report, address: str, path: Path, end: Hop) -> Path:
    if end.outcome is Outcome.OK:
        return path._replace(reached=True, says=f"connects at hop {end.ttl}")
    if end.icmp is not None:
        offender = end.icmp.offender
        known = offender == address or offender in path.hops
        kind = "ICMPv6" if ":" in offender else "ICMP"
        says = f"{kind} {end.icmp.type}/{end.icmp.code} from {offender}"
        return path._replace(hops=path.hops if known else (*path.hops, offender), says=says)
    says = f"{str(end.outcome).replace('-', ' ')} at hop {end.ttl}"
    passing = _still_in_path(report, address, end.ttl) if end.outcome is Outcome.REFUSED else None
    return path._replace(says=says, beyond=_gets_further(passing))


def _gets_further(port: int | None) -> str:
    return f"port {port} gets further" if port else ""


def _merged(rounds: list[Trace]) -> dict[int, Hop]:
    """One hop per TTL over all rounds: a response in any round counts, since silence proves nothing."""
    hops: dict[int, Hop] = {}
    for trace in rounds:
        for hop in trace.hops:
            if hop.ttl not in hops or hops[hop.ttl].outcome is Outcome.TIMEOUT:
                hops[hop.ttl] = hop
    return hops


def _shown(hop: Hop | None) -> str:
    if hop is None or hop.outcome is not Outcome.TTL_EXPIRED:
        return SILENT
    return hop.address or SILENT


def _beyond(report: Report, address: str, ttl: int) -> int | None:
    """A port of the same address for which a router or the host responded beyond this TTL."""
    for trace in _controls(report, address):
        if any(h.ttl > ttl and h.outcome in (Outcome.TTL_EXPIRED, Outcome.OK) for h in trace.hops):
            return trace.port
    return None


def _still_in_path(report: Report, address: str, ttl: int) -> int | None:
    """A port of the same address whose packets have not reached the host at this TTL.

    A host with DNAT sends ICMP 11/0 from its own address: that is not a device in front of it.
    """
    for trace in _controls(report, address):
        if any(h.ttl >= ttl and h.outcome is Outcome.TTL_EXPIRED and h.address != address for h in trace.hops):
            return trace.port
    return None


def _controls(report: Report, address: str) -> list[Trace]:
    return [t for t in report.of(Trace) if t.role == "control" and t.address == address]


def drawn(path: Path, columns: int = 80) -> list[str]:
    """The drawing in lines; the caption is beside it, or below it where it does not fit."""
    hops = list(path.hops)
    if len(hops) > _MOST_HOPS:
        left_out = len(hops) - _MOST_HOPS + 1
        hops = [*hops[:3], f"({left_out} hops)", *hops[-4:]]
    pieces = ["you", *(f"── {hop}" for hop in hops), f"{'──' if path.reached else '─✗'} {path.end}"]
    lines, line = [], ""
    for piece in pieces:
        joined = f"{line} {piece}" if line else piece
        if len(joined) > columns and line:
            lines.append(line)
            line = f"    {piece}"
        else:
            line = joined
    beside = f"{line}   {path.caption}".rstrip()
    if len(beside) <= columns:
        return [*lines, beside]
    return [*lines, line, *(f"    {each}" for each in wrapped(path.caption, columns - 4))]
