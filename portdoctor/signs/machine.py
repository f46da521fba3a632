"""What the signs about this machine share. Pure."""

from __future__ import annotations

from ..model import Counters, Interfaces, Outcome, Report


def interfaces(report: Report) -> Interfaces | None:
    """The last look at the interfaces that gave them."""
    found = [o for o in report.of(Interfaces) if o.outcome is Outcome.OK]
    return found[-1] if found else None


def bare(address: str) -> str:
    """An address without prefix length and scope."""
    return address.partition("/")[0].partition("%")[0]


def counters(report: Report) -> Counters | None:
    """The last look at the counters that gave them."""
    found = [o for o in report.of(Counters) if o.outcome is Outcome.OK]
    return found[-1] if found else None
