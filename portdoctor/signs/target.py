"""Signs about what was asked for: the host, the port, and where the address was found. Pure."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ..model import Connect, HostsFile, Outcome, Report, Subject, Want
from ..outcomes import family_of
from .base import Reading, absent, present, sign, unknown, unsettled
from .resolver_states import address_lookups, could_have_address, standing, system_lookup, want_wire, wire_addresses

COLLISION = "127.0.53.53"  # ICANN's answer for names that a private network and a new top-level domain share
# Addresses that no public server has: RFC 6890. Private ranges are left out: split DNS gives them on purpose.
_BOGONS = [ip_network(n) for n in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "240.0.0.0/4", "::/128", "::1/128")]
_PRIVATE_NAMES = ("local", "localhost", "internal", "lan", "home", "corp", "test", "invalid", "home.arpa", "intranet")


# ---------------------------------------------------------------- for the causes of a site


@sign("the address is in the network {parameter}", parameter="a network", check=ip_network)
def in_network(report: Report, subject: Subject, network: str) -> Reading:
    """``target.in-network:10.20.0.0/16``: an address that was tried is in that network."""
    tried = [o for o in report.of(Connect) if o.role == "target" and o.address in (subject.values or (o.address,))]
    inside = [o for o in tried if ip_address(o.address.partition("%")[0]) in ip_network(network)]
    if inside:
        return present(f"{inside[0].address} lies in {network}.", *inside)
    if not tried:
        return unknown("not-looked", says="No address was tried.")
    return absent(f"No address that was tried lies in {network}.", *tried)


@sign("the port is {parameter}", parameter="a port number", check=int)
def port(report: Report, subject: Subject, port: str) -> Reading:
    """``target.port:5432``: that port was requested."""
    said = f"Port {report.target.port} was asked for."
    return present(said) if str(report.target.port) == port else absent(said)


@sign("the host is {parameter}", parameter="a host name")
def host(report: Report, subject: Subject, name: str) -> Reading:
    """``target.host:db.example.com`` or ``target.host:*.example.com``: that name was requested."""
    host = report.target.host.lower().rstrip(".")
    wanted = name.lower().rstrip(".")
    said = f"The name asked for is {host}."
    matches = host.endswith(wanted[1:]) if wanted.startswith("*.") else host == wanted
    return present(said) if matches else absent(said)


# ---------------------------------------------------------------- where the address was found


def _is_name(report: Report) -> bool:
    return "dns" in report.target.stages and ":" not in report.target.host


@sign("the hosts file gives the name this address")
def address_from_hosts_file(report: Report, subject: Subject) -> Reading:
    """A line of the hosts file gives the name exactly this address."""
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


@sign("DNS gives the name this address")
def address_from_dns(report: Report, subject: Subject) -> Reading:
    """A resolver gives exactly this address: it is not from the hosts file alone."""
    looks = address_lookups(report)
    found = [o for o in looks if set(o.addresses) & set(subject.values)]
    if found:
        return present(f"{found[0].resolver} gives this address.", *looks)
    if could_have_address(report):
        return unsettled(report, want_wire(report))
    return absent("DNS does not give this address.", *looks)


@sign("DNS gives the name another address")
def dns_address_differs(report: Report, subject: Subject) -> Reading:
    """The resolvers have addresses for the name, and this is none of them."""
    found, looks = wire_addresses(report), address_lookups(report)
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


def _other_address(report: Report, subject: Subject) -> str | None:
    """The address of DNS to compare with: of the family that failed, if there is one."""
    found = wire_addresses(report)
    family = family_of(subject.values[0])
    return next((a for a in found if family_of(a) == family), found[0] if found else None)


@sign("the address that DNS gives accepts connections")
def dns_address_connects(report: Report, subject: Subject) -> Reading:
    """A connection to the address that DNS gives succeeds on the requested port, where the one that was tried fails.

    Wanted only when the hosts file and DNS are known to differ: the probe reaches another server.
    """
    readings = (address_from_hosts_file(report, subject), dns_address_differs(report, subject))
    if any(r.state == "absent" for r in readings):
        return absent("There is no other address to compare with.")
    if any(r.state == "unknown" for r in readings):
        return unknown("not-looked")
    address = _other_address(report, subject)
    port = report.target.port
    tried = [o for o in report.of(Connect) if o.address == address and o.port == port]
    worked = [o for o in tried if o.outcome is Outcome.OK]
    if worked:
        return present(f"{address} accepts connections on port {port}.", *worked)
    if tried:
        return absent(f"{address} does not accept connections on port {port} either.", *tried)
    return unsettled(report, Want(probe="elsewhere", args=(address or "", str(port))))


@sign("the address was found only with a search domain appended")
def found_with_search_domain(report: Report, subject: Subject) -> Reading:
    """getaddrinfo found the name only with a search domain appended: the name itself has no address.

    Read for names with a dot: short names are made to be completed.
    """
    o, stand = system_lookup(report), standing(report)
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


# ---------------------------------------------------------------- names and addresses with a meaning


@sign("the name belongs to the public DNS")
def public_name(report: Report, subject: Subject) -> Reading:
    """The name has a dot, and no ending that private networks use."""
    labels = report.target.host.lower().rstrip(".").split(".")
    if not _is_name(report):
        return absent("The address was typed, not looked up.")
    if len(labels) < 2 or labels[-1] in _PRIVATE_NAMES or ".".join(labels[-2:]) in _PRIVATE_NAMES:
        return absent("The name is one of a private network.")
    return present("The name is one of the public DNS.")


@sign("the name resolves to 127.0.53.53, the mark of a name collision")
def collision_address(report: Report, subject: Subject) -> Reading:
    """The name resolves to exactly 127.0.53.53."""
    if COLLISION in subject.values and _is_name(report):
        return present(f"The name resolves to {COLLISION}, the mark of a name collision.", *address_lookups(report))
    return absent(f"The address is not {COLLISION}.")


@sign("the address is one that no public server has")
def reserved_address(report: Report, subject: Subject) -> Reading:
    """Unspecified, loopback, link-local or reserved (RFC 6890): no server on the internet has such an address."""
    address = ip_address(subject.values[0].partition("%")[0])
    if any(address in network for network in _BOGONS if network.version == address.version):
        return present(f"{address} is no address of a server on the internet.")
    return absent(f"{address} is an ordinary address.")
