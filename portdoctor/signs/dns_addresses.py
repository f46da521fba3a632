"""Signs about how an address was found: the hosts file, a search domain, a special address. Pure readings."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ..model import Connect, HostsFile, Outcome, Report, Subject, Want
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown, unsettled
from .dns_answers import about_name, could_have_address, standing, system, want_wire, wire_addresses

COLLISION = "127.0.53.53"  # ICANN's answer for names that a private network and a new top-level domain share
# Addresses that no public server has: RFC 6890. Private ranges are left out: split DNS gives them on purpose.
_BOGONS = [ip_network(n) for n in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "240.0.0.0/4", "::/128", "::1/128")]
_PRIVATE_NAMES = ("local", "localhost", "internal", "lan", "home", "corp", "test", "invalid", "home.arpa", "intranet")


def _is_name(report: Report) -> bool:
    return "dns" in report.target.stages and ":" not in report.target.host


@sign
def hosts_line_gave_this_address(report: Report, subject: Subject) -> Reading:
    """A line of the hosts file gives the name this very address."""
    name = report.target.host
    if not _is_name(report):
        return absent("The address was typed, not looked up.")
    looks = [o for o in report.of(HostsFile) if o.outcome is Outcome.OK]
    for o in looks:
        for number, address, text in o.lines:
            if address in subject.values:
                return present(f"Line {number} of {o.path} says: “{text.strip()}”.", o)
    if looks:
        return absent(f"{looks[0].path} does not give {name} this address.", *looks)
    return unsettled(report, Want(probe="hosts-file", args=(name,)), looked=bool(report.of(HostsFile)))


@sign
def dns_gives_other_address(report: Report, subject: Subject) -> Reading:
    """The resolvers have an address for the name, and it is not this one."""
    found, looks = wire_addresses(report), about_name(report)
    if not _is_name(report):
        return absent("The address was typed, not looked up.")
    if _means_this_machine(report, subject):
        return absent("The name localhost always means this machine: DNS is not asked for it.", *report.of(HostsFile))
    if found and not set(found) & set(subject.values):
        return present(f"DNS gives {found[0]} instead.", *looks)
    if found:
        return absent("DNS gives the same address.", *looks)
    if could_have_address(report):
        return unsettled(report, want_wire(report))
    return absent("DNS has no address for the name.", *looks)


def _means_this_machine(report: Report, subject: Subject) -> bool:
    """Whether a loopback address was found for localhost, as RFC 6761, section 6.3, has it."""
    host = report.target.host.lower().rstrip(".")
    loopback = all(ip_address(a.partition("%")[0]).is_loopback for a in subject.values)
    return loopback and (host == "localhost" or host.endswith(".localhost"))


def _elsewhere(report: Report, subject: Subject) -> str | None:
    """The address of DNS to compare with: of the family that failed, if there is one."""
    found = wire_addresses(report)
    family = family_of(subject.values[0])
    return next((a for a in found if family_of(a) == family), found[0] if found else None)


@sign
def dns_address_works(report: Report, subject: Subject) -> Reading:
    """A connection to the address that DNS gives succeeds on the asked port, where the one tried fails.

    Asked for only when the hosts file and DNS are known to differ: it touches another server.
    """
    readings = (hosts_line_gave_this_address(report, subject), dns_gives_other_address(report, subject))
    if any(r.state == "absent" for r in readings):
        return absent("There is no other address to compare with.")
    if any(r.state == "unknown" for r in readings):
        return unknown("not-looked")
    address = _elsewhere(report, subject)
    port = report.target.port
    tried = [o for o in report.of(Connect) if o.address == address and o.port == port]
    worked = [o for o in tried if o.outcome is Outcome.OK]
    if worked:
        return present(f"{address} accepts connections on port {port}.", *worked)
    if tried:
        return absent(f"{address} does not accept connections on port {port} either.", *tried)
    return unsettled(report, Want(probe="elsewhere", args=(address or "", str(port))))


@sign
def connect_fails(report: Report, subject: Subject) -> Reading:
    """The connection itself fails, before anything is said on it."""
    tried = [o for o in report.of(Connect) if o.role == "target" and o.address in subject.values]
    if not tried:
        return unknown("not-looked")
    if all(o.outcome is not Outcome.OK for o in tried):
        return present("The connection itself fails.", *tried)
    return absent("The connection is made.", *tried)


@sign
def address_is_name_collision(report: Report, subject: Subject) -> Reading:
    """The literal answer 127.0.53.53."""
    if COLLISION in subject.values and _is_name(report):
        return present(f"The name resolves to {COLLISION}, the mark of a name collision.", *about_name(report))
    return absent(f"The address is not {COLLISION}.")


@sign
def address_is_bogon(report: Report, subject: Subject) -> Reading:
    """Unspecified, loopback, link-local or reserved: no server on the internet has such an address."""
    address = ip_address(subject.values[0].partition("%")[0])
    if any(address in network for network in _BOGONS if network.version == address.version):
        return present(f"{address} is no address of a server on the internet.")
    return absent(f"{address} is an ordinary address.")


@sign
def name_is_public(report: Report, subject: Subject) -> Reading:
    """The name has a dot and no ending that private networks use."""
    labels = report.target.host.lower().rstrip(".").split(".")
    if not _is_name(report):
        return absent("The address was typed, not looked up.")
    if len(labels) < 2 or labels[-1] in _PRIVATE_NAMES or ".".join(labels[-2:]) in _PRIVATE_NAMES:
        return absent("The name is one of a private network.")
    return present("The name is one of the public DNS.")


@sign
def dns_gives_this_address(report: Report, subject: Subject) -> Reading:
    """The resolvers give this very address: it is not from the hosts file."""
    looks = about_name(report)
    found = [o for o in looks if set(o.addresses) & set(subject.values)]
    if found:
        return present(f"{found[0].resolver} gives this address.", *looks)
    if could_have_address(report):
        return unsettled(report, want_wire(report))
    return absent("DNS does not give this address.", *looks)


@sign
def search_suffix_answered(report: Report, subject: Subject) -> Reading:
    """getaddrinfo found the name only with a search domain behind it: the name itself does not exist.

    Told for names with a dot: short names are made to be completed.
    """
    o, stand = system(report), standing(report)
    host = report.target.host.lower()
    if o is None or "." not in host:
        return absent("Names without a dot are made to be completed by a search domain.", *([o] if o else []))
    if host.endswith("."):
        return absent("The name ends with a dot: no search domain is added.", o)
    found = next((a for a in o.aliases if a.lower().startswith(host + ".")), None)
    if found is None:
        return absent("The address was not found under a longer name.", o)
    if stand is None or stand.state == "unasked":
        return unsettled(report, want_wire(report), o)
    if stand.state in ("nxdomain", "nodata"):
        return present(f"The address is that of {found}; {host} itself has none.", o, *stand.looks)
    return absent("The name itself has an address.", o, *stand.looks)
