"""Signs about the target: the host, the port, and the source of the address. Pure."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ..model import Connect, HostsFile, Outcome, Report, Subject, Want
from ..outcomes import family_of
from ..text import at, words
from .base import Reading, absent, no_response, present, sign, unknown, unsettled
from .resolver_states import address_lookups, could_have_address, standing, system_lookup, want_wire, wire_addresses

COLLISION = "127.0.53.53"  # ICANN's answer for names of private networks that collide with a new top-level domain
# Addresses that no public server has: RFC 6890. Without private ranges: split DNS returns them on purpose.
_BOGONS = [ip_network(n) for n in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "240.0.0.0/4", "::/128", "::1/128")]
_PRIVATE_NAMES = ("local", "localhost", "internal", "lan", "home", "corp", "test", "invalid", "home.arpa", "intranet")


# ---------------------------------------------------------------- for a site's own causes


@sign("the address is in the network {parameter}", parameter="a network", check=ip_network)
def in_network(report: Report, subject: Subject, network: str) -> Reading:
    """``target.in-network:10.20.0.0/16``: an address that was probed is in that network."""
    tried = [o for o in report.of(Connect) if o.role == "target" and o.address in (subject.values or (o.address,))]
    inside = [o for o in tried if ip_address(o.address.partition("%")[0]) in ip_network(network)]
    if inside:
        return present(f"{inside[0].address} is in {network}.", *inside)
    if not tried:
        return unknown("not-looked", says="No address was probed.")
    return absent(f"No address that was probed is in {network}.")


@sign("the port is {parameter}", parameter="a port number", check=int)
def port(report: Report, subject: Subject, port: str) -> Reading:
    """``target.port:5432``: that port was requested."""
    fact = f"The requested port is {report.target.port}."
    return present(fact) if str(report.target.port) == port else absent(fact)


@sign("the host is {parameter}", parameter="a host name")
def host(report: Report, subject: Subject, name: str) -> Reading:
    """``target.host:db.example.com`` or ``target.host:*.example.com``: that name was requested."""
    host = report.target.host.lower().rstrip(".")
    wanted = name.lower().rstrip(".")
    fact = f"The requested host is {host}."
    matches = host.endswith(wanted[1:]) if wanted.startswith("*.") else host == wanted
    return present(fact) if matches else absent(fact)


# ---------------------------------------------------------------- the source of the address


def _is_name(report: Report) -> bool:
    return "dns" in report.target.stages and ":" not in report.target.host


@sign("the hosts file has this address for the name")
def address_from_hosts_file(report: Report, subject: Subject) -> Reading:
    """A line of the hosts file has exactly this address for the name."""
    name = report.target.host
    if not _is_name(report):
        return absent("The target is an address, not a name.")
    files = [o for o in report.of(HostsFile) if o.outcome is Outcome.OK]
    for o in files:
        for number, address, text in o.lines:
            if address in subject.values:
                return present(f"Line {number} of {o.path} is “{text.strip()}”.", o)
    if files:
        return absent(f"{files[0].path} has no line that maps {name} to {words(subject.values)}.", *files)
    return unsettled(report, Want(probe="hosts-file", args=(name,)), probed=bool(report.of(HostsFile)))


@sign("DNS returns this address for the name")
def address_from_dns(report: Report, subject: Subject) -> Reading:
    """A resolver returns exactly this address: it is not only in the hosts file."""
    lookups = address_lookups(report)
    found = [o for o in lookups if set(o.addresses) & set(subject.values)]
    if found:
        return present(f"Resolver {found[0].resolver} returns {words(subject.values)} for the name.", *lookups)
    if could_have_address(report):
        return unsettled(report, want_wire(report))
    return no_response(*lookups) or absent(f"DNS does not return {words(subject.values)} for the name.", *lookups)


@sign("DNS returns another address for the name")
def dns_address_differs(report: Report, subject: Subject) -> Reading:
    """The resolvers return addresses for the name, and this is not one of them."""
    found, lookups = wire_addresses(report), address_lookups(report)
    if not _is_name(report):
        return absent("The target is an address, not a name.")
    if _means_this_machine(report, subject):
        return absent("localhost always means this machine and is not looked up in DNS.", *report.of(HostsFile))
    if found and not set(found) & set(subject.values):
        return present(f"DNS returns {found[0]}, not {words(subject.values)}.", *lookups)
    if found:
        return absent(f"DNS returns {words(subject.values)} too.", *lookups)
    if could_have_address(report):
        return unsettled(report, want_wire(report))
    return no_response(*lookups) or absent("DNS returns no address for the name.", *lookups)


def _means_this_machine(report: Report, subject: Subject) -> bool:
    """Return whether a loopback address was found for localhost, as RFC 6761, section 6.3, requires."""
    host = report.target.host.lower().rstrip(".")
    loopback = all(ip_address(a.partition("%")[0]).is_loopback for a in subject.values)
    return loopback and (host == "localhost" or host.endswith(".localhost"))


def _other_address(report: Report, subject: Subject) -> str | None:
    """Return the address from DNS to compare with: of the IP version that failed, if there is one."""
    found = wire_addresses(report)
    family = family_of(subject.values[0])
    return next((a for a in found if family_of(a) == family), found[0] if found else None)


@sign("the address that DNS returns accepts connections")
def dns_address_connects(report: Report, subject: Subject) -> Reading:
    """A connection to the address that DNS returns succeeds on the requested port, while the one that was tried fails.

    Wanted only if the hosts file and DNS are known to differ: the probe reaches another server.
    """
    readings = (address_from_hosts_file(report, subject), dns_address_differs(report, subject))
    same = next((r for r in readings if r.state == "absent"), None)
    if same is not None:
        return same
    if any(r.state == "unknown" for r in readings):
        return unknown("not-looked")
    address = _other_address(report, subject)
    port = report.target.port
    tried = [o for o in report.of(Connect) if o.address == address and o.port == port]
    worked = [o for o in tried if o.outcome is Outcome.OK]
    if worked:
        return present(f"{at(address or '', port)} accepts connections.", *worked)
    if tried:
        fact = f"{at(address or '', port)} does not accept connections either."
        return no_response(*tried) or absent(fact, *tried)
    return unsettled(report, Want(probe="elsewhere", args=(address or "", str(port))))


@sign("the address was found only with a search domain appended")
def found_with_search_domain(report: Report, subject: Subject) -> Reading:
    """getaddrinfo found the name only with a search domain appended: the name itself has no address.

    Only for names with a dot: names without one are meant to be completed.
    """
    o, stand = system_lookup(report), standing(report)
    host = report.target.host.lower()
    if "." not in host:
        return absent("A search domain is meant to complete names without a dot.")
    if o is None:
        return unknown("not-looked")
    if host.endswith("."):
        return absent("The name ends with a dot: no search domain is appended.", o)
    found = next((a for a in o.aliases if a.lower().startswith(host + ".")), None)
    if found is None:
        return no_response(o) or absent("No search domain was appended to find the address.", o)
    if stand is None or stand.state == "unasked":
        return unsettled(report, want_wire(report), o)
    if stand.state in ("nxdomain", "nodata"):
        return present(f"The address is that of {found}; {host} itself has none.", o, *stand.lookups)
    if stand.state == "address":
        return absent(f"DNS returns an address for {host} itself.", o, *stand.lookups)
    return unknown("no-answer", o, *stand.lookups, says=f"DNS does not report that {host} itself has no address.")


# ---------------------------------------------------------------- names and addresses with a special meaning


@sign("the name belongs to the public DNS")
def public_name(report: Report, subject: Subject) -> Reading:
    """The name has a dot, and no suffix that private networks use."""
    labels = report.target.host.lower().rstrip(".").split(".")
    if not _is_name(report):
        return absent("The target is an address, not a name.")
    if len(labels) < 2 or labels[-1] in _PRIVATE_NAMES or ".".join(labels[-2:]) in _PRIVATE_NAMES:
        return absent(f"{report.target.host} is a name of a private network.")
    return present(f"{report.target.host} is a name of the public DNS.")


@sign("the name resolves to 127.0.53.53, the marker of a name collision")
def collision_address(report: Report, subject: Subject) -> Reading:
    """The name resolves to exactly 127.0.53.53."""
    if COLLISION in subject.values and _is_name(report):
        return present(f"The name resolves to {COLLISION}, the marker of a name collision.", *address_lookups(report))
    return absent(f"The address is not {COLLISION}.")


@sign("the address is one that no public server has")
def reserved_address(report: Report, subject: Subject) -> Reading:
    """Unspecified, loopback, link-local or reserved (RFC 6890): no server on the internet has such an address."""
    address = ip_address(subject.values[0].partition("%")[0])
    if any(address in network for network in _BOGONS if network.version == address.version):
        return present(f"No server on the internet has the address {address}.")
    return absent(f"{address} is not a reserved address.")
