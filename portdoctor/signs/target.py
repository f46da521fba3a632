"""Signs about what was asked for: the ones a site's own causes need. Pure readings of a report."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ..model import Connect, Report, Subject
from .base import Reading, absent, present, sign, unknown


@sign
def target_in(report: Report, subject: Subject, network: str) -> Reading:
    """``target-in:10.20.0.0/16``: an address that was tried lies in that network."""
    tried = [o for o in report.of(Connect) if o.role == "target" and o.address in (subject.values or (o.address,))]
    inside = [o for o in tried if ip_address(o.address.partition("%")[0]) in ip_network(network)]
    if inside:
        return present(f"{inside[0].address} lies in {network}.", *inside)
    if not tried:
        return unknown("not-looked", says="No address was tried.")
    return absent(f"No address that was tried lies in {network}.", *tried)


@sign
def port_is(report: Report, subject: Subject, port: str) -> Reading:
    """``port-is:5432``: that port was asked for."""
    said = f"Port {report.target.port} was asked for."
    return present(said) if str(report.target.port) == port else absent(said)


@sign
def host_is(report: Report, subject: Subject, name: str) -> Reading:
    """``host-is:db.example.com`` or ``host-is:*.example.com``: that name was asked for."""
    host = report.target.host.lower().rstrip(".")
    wanted = name.lower().rstrip(".")
    said = f"The name asked for is {host}."
    matches = host.endswith(wanted[1:]) if wanted.startswith("*.") else host == wanted
    return present(said) if matches else absent(said)
