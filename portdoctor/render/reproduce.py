"""Commands of standard tools that reproduce the findings without PortDoctor. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ..catalogue.quoting import shell_quoted
from ..model import (
    Bind,
    Connect,
    Datagram,
    Handshake,
    HttpReply,
    Listeners,
    Lookup,
    Outcome,
    Problem,
    Report,
    Shell,
    Trace,
)
from ..text import at, bracketed
from .phrases import error_text
from .table import observed

_MOST_ADDRESSES = 2


class Trial(NamedTuple):
    """One command: its purpose, the command itself, and the expected result, or a line for each possible result."""

    what: str
    command: str = ""
    expect: str = ""
    shell: Shell = "sh"


def trials(report: Report, problem: Problem | None) -> tuple[Trial, ...]:
    """The commands for the stages that ran, for at most two addresses, those of the problem first."""
    concerned = problem.subject.values if problem and problem.subject.kind == "address" else ()
    tried = dict.fromkeys(
        o.address for o in report.observations if isinstance(o, Connect | Datagram) and o.role == "target"
    )
    addresses = [*(a for a in tried if a in concerned), *(a for a in tried if a not in concerned)][:_MOST_ADDRESSES]
    if any(word.startswith("-") for word in (report.target.host, *tried)):
        return ()  # not a name or an address: a tool would read it as an option
    found = [*_of_name(report), *_of_bind(report)]
    for address in addresses:
        found += [*_of_connect(report, address), *_of_tls(report, address), *_of_http(report, address)]
    return tuple(found)


def _of_name(report: Report) -> list[Trial]:
    host = report.target.host
    system = next((o for o in report.of(Lookup) if o.own), None)
    if system is None:
        return []
    said = ", ".join(system.addresses[:4]) if system.outcome is Outcome.OK else error_text(system)
    windows = f"Resolve-DnsName {shell_quoted(host, 'powershell')}"
    found = [
        Trial("Look up the name as programs do (Linux)", f"getent ahosts {shell_quoted(host)}", said),
        Trial("The same on Windows (PowerShell)", windows, said, "powershell"),
    ]
    asked: dict[tuple[str, str], Lookup] = {}
    for o in report.of(Lookup):
        if o.via == "wire" and o.resolver and not o.name.startswith("-"):
            asked.setdefault((o.resolver, o.qtype), o)
    for (resolver, qtype), o in list(asked.items())[:4]:
        said = ", ".join(o.addresses) if o.outcome is Outcome.OK else error_text(o)
        command = f"dig @{shell_quoted(resolver)} {shell_quoted(o.name)} {shell_quoted(qtype)}"
        found.append(Trial(f"Query the resolver {resolver}", command, said))
    return found


def _of_bind(report: Report) -> list[Trial]:
    binds = report.of(Bind)
    if not binds or "bind" not in report.target.stages:
        return []
    port, udp = report.target.port, report.target.transport == "udp"
    letter, name = ("u", "UDP") if udp else ("t", "TCP")
    rows = [observed(o)[1] for o in report.of(Listeners) if o.rows]
    said = rows[-1] if rows else "no line"
    windows = "Get-NetUDPEndpoint -LocalPort" if udp else "Get-NetTCPConnection -LocalPort"
    return [
        Trial("What is using the port (Linux)", f"sudo ss -an{letter}p 'sport = :{port}'", said),
        Trial("What is using the port (macOS)", f"sudo lsof -nP -i{name}:{port}", said),
        Trial("What is using the port (Windows PowerShell)", f"{windows} {port}", said, "powershell"),
    ]


def _of_connect(report: Report, address: str) -> list[Trial]:
    tried = [
        o for o in report.observations
        if isinstance(o, Connect | Datagram) and o.role == "target" and o.address == address
    ]  # fmt: skip
    if not tried:
        return []
    o, port = tried[-1], report.target.port
    if isinstance(o, Datagram):
        from .reproduce_udp import questions

        found = [Trial(*question) for question in questions(o, report.target.host)]
    else:
        said = "connects" if o.outcome is Outcome.OK else error_text(o)
        found = [Trial(f"Connect to {at(address, port)}", f"nc -vz -w 5 {shell_quoted(address)} {port}", said)]
        windows = f"Test-NetConnection {shell_quoted(address, 'powershell')} -Port {port}"
        works = "TcpTestSucceeded True" if o.outcome is Outcome.OK else "TcpTestSucceeded False"
        found.append(Trial("The same on Windows (PowerShell)", windows, works, "powershell"))
    if o.outcome is not Outcome.OK:
        match_ = shell_quoted(f"host {address.partition('%')[0]} and (port {port} or icmp or icmp6)")
        watch = f"sudo tcpdump -ni any {match_}"
        found.append(Trial("Capture the response, and repeat the attempt in another window", watch, _captured(o)))
    usual = [t for t in report.of(Trace) if t.address == address and t.role not in ("random", "data")]
    traces = {t.port: t for t in reversed(usual)}
    for at_port, trace in sorted(traces.items(), key=lambda item: item[0] != port):
        hops = [h.address for h in trace.hops if h.outcome is Outcome.TTL_EXPIRED and h.address]
        said = f"the last router to respond is {hops[-1]}" if hops else "no router responds"
        command = f"sudo traceroute -n -T -p {at_port} {shell_quoted(address)}"
        found.append(Trial(f"Trace the path to port {at_port}", command, said))
    return found


def _captured(o: Connect | Datagram) -> str:
    """The result that a packet capture shows for the attempt."""
    if o.icmp is not None:
        kind = "ICMPv6" if ":" in o.icmp.offender else "ICMP"
        return f"{kind} type {o.icmp.type} code {o.icmp.code} from {o.icmp.offender}"
    if o.outcome is Outcome.TIMEOUT:
        return "outgoing packets and no response"
    if o.outcome is Outcome.REFUSED and isinstance(o, Connect):
        return f"flags [R.] (RST) from {at(o.address, o.port)}"
    return error_text(o)


def _of_tls(report: Report, address: str) -> list[Trial]:
    shakes = [o for o in report.of(Handshake) if o.address == address and o.role == "target"]
    if not shakes:
        return []
    o = shakes[-1]
    sni = f" -servername {shell_quoted(o.sni)}" if o.sni else ""
    base = f"openssl s_client -connect {shell_quoted(at(address, o.port))}{sni}"
    said = "Verify return code: 0 (ok)" if o.outcome is Outcome.OK else error_text(o)
    found = [Trial(f"The TLS handshake with {at(address, o.port)}", f"{base} </dev/null", said)]
    if o.chain:
        leaf = o.chain[0]
        until = f"notAfter {leaf.not_after}; " if leaf.not_after else ""
        dates = f"{base} </dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName"
        names = ", ".join(leaf.names[:5]) or leaf.subject
        found.append(Trial("The certificate's names and dates", dates, f"{until}names {names}"))
    return found


def _of_http(report: Report, address: str) -> list[Trial]:
    replies = [o for o in report.of(HttpReply) if o.address == address and o.role == "target"]
    if not replies:
        return []
    o, host = replies[-1], report.target.host
    scheme = "https" if any(h.address == address for h in report.of(Handshake)) else "http"
    aside = "" if host == address else f" --resolve {shell_quoted(f'{host}:{o.port}:{bracketed(address)}')}"
    command = f"curl -sv -o /dev/null{aside} {shell_quoted(f'{scheme}://{at(host, o.port)}/')}"
    result = error_text(o) if o.status else str(o.outcome)
    return [Trial(f"The HTTP response of {at(address, o.port)}", command, result)]
