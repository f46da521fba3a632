"""Commands that send the same request to a UDP service, with a tool for its protocol. Pure.

Tools that report success without a response, such as `nc -vzu`, are not used: a UDP service may not respond.
"""

from __future__ import annotations

from ..catalogue.quoting import shell_quoted
from ..model import Datagram, Outcome
from ..text import at, bracketed
from .phrases import error_text

SILENCE = "no response, which proves nothing: a working UDP service may not respond"
_SCANNED = {
    Outcome.OK: "open", Outcome.OTHER_PROTOCOL: "open", Outcome.REFUSED: "closed",
    Outcome.TIMEOUT: "open|filtered",
}  # fmt: skip


def questions(o: Datagram, host: str) -> list[tuple[str, str, str]]:
    """(purpose, command, expected result): the request that was sent, and a scan that reports `open|filtered`."""
    scan = f"sudo nmap -sU -Pn -p {o.port} {'-6 ' if ':' in o.address else ''}{shell_quoted(o.address)}"
    asked = _asked(o, host)
    where = at(o.address, o.port)
    found = [(f"Send {where} the same request ({o.payload})", asked, _seen(o))] if asked else []
    if not asked:
        found = [(f"Send a line to {where}", f"echo | nc -u -w 3 {shell_quoted(o.address)} {o.port}", _seen(o))]
    return [*found, ("Scan the port", scan, _SCANNED.get(o.outcome, "filtered"))]


def _seen(o: Datagram) -> str:
    if o.outcome is Outcome.TIMEOUT:
        return SILENCE
    if o.outcome in (Outcome.OK, Outcome.OTHER_PROTOCOL):
        return o.text or "a response"
    return error_text(o)


def _asked(o: Datagram, host: str) -> str:
    """The command for the request that was sent; "" if no common tool sends it."""
    address, port = o.address, o.port
    plain, there = shell_quoted(address), at(address, port)
    match o.payload:
        case "DNS query":
            return f"dig @{plain} -p {port} . NS +norecurse +tries=1 +time=3"
        case "mDNS query":
            return f"dig @{plain} -p {port} _services._dns-sd._udp.local PTR +tries=1 +time=3"
        case "NTP request" if port == 123:
            return f"ntpdate -q {plain}"
        case "NTP request":
            return f"chronyd -Q -t 5 {shell_quoted(f'server {address} port {port} iburst')}"
        case "SNMP discovery":
            agent = shell_quoted(f"udp6:{there}" if ":" in address else f"udp:{there}")
            return f"snmpget -v3 -l noAuthNoPriv -u nobody -r 1 {agent} 1.3.6.1.2.1.1.1.0"
        case "STUN binding":
            return f"turnutils_stunclient -p {port} {plain}"
        case "QUIC version negotiation":
            aside = "" if host == address else f" --resolve {shell_quoted(f'{host}:{port}:{bracketed(address)}')}"
            return f"curl --http3-only -m 5 -sv -o /dev/null{aside} {shell_quoted(f'https://{at(host, port)}/')}"
        case "TFTP read request":
            return f"curl -m 5 -sv -o /dev/null {shell_quoted(f'tftp://{there}/portdoctor')}"
        case "SIP OPTIONS":
            return f"sipsak -vv -s {shell_quoted(f'sip:portdoctor@{there}')}"
        case "memcached version":
            return f"printf '\\0\\0\\0\\0\\0\\1\\0\\0version\\r\\n' | nc -u -w 3 {plain} {port}"
        case "RPC null call" if port == 111:
            return f"rpcinfo -T {'udp6' if ':' in address else 'udp'} {plain} 100000"
        case "CoAP ping":
            return f"coap-client -B 5 -m get {shell_quoted(f'coap://{there}/.well-known/core')}"
        case _:
            return ""
