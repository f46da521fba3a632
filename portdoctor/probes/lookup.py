"""Looks up a name as programs do (getaddrinfo), and by DNS queries to each resolver, which explain the result."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterable

from msgspec.structs import replace

from ..host import Host
from ..model import Lookup, Outcome, Transport
from ..outcomes import errno_of, of_errno, of_gaierror, os_says
from ..text import clean, is_address
from . import Clock
from .dns_exchange import Unreached, by_tcp, by_udp
from .dns_message import dnspython, query
from .threads import NoThread, in_thread

ALIVE_AFTER = 1.5  # seconds without a response after which the resolver is tested for responding at all
LONGEST = 4.5  # seconds: glibc abandons a server after five; these queries must end first, to show that it was silent
# Queries to which a working resolver responds whatever the state of the name: the first it answers itself, as class CH
# is never forwarded (RFC 4892), the second from its cache or its upstream.
OF_ITSELF = "id.server"
OF_THE_ROOT = "."
ALIVE: tuple[tuple[str, str, str, Transport], ...] = (  # name, type, class, transport
    (OF_ITSELF, "TXT", "CH", "udp"), (OF_THE_ROOT, "NS", "IN", "udp"), (OF_ITSELF, "TXT", "CH", "tcp"),
)  # fmt: skip
_FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
_QTYPES = {4: "A", 6: "AAAA"}
_EAI = {getattr(socket, n): n for n in dir(socket) if n.startswith("EAI_") and n != "EAI_MAX"}


def is_for_dns(name: str) -> bool:
    """Return whether a DNS server may be queried: not for addresses, localhost (RFC 6761, 6.3), .onion (RFC 7686)."""
    labels = name.rstrip(".").lower().split(".")
    return not is_address(name) and labels[-1] not in ("localhost", "onion", "")


async def resolve(name: str, family: int | None, clock: Clock, deadline: float) -> Lookup:
    """Look up a name by getaddrinfo(3), as programs on this machine do. `deadline` is a time of `clock`.

    `aliases` has the canonical name where it differs (an alias, a search domain). It runs in a daemon thread: it
    cannot be cancelled, and a thread pool would wait for it at exit.
    """
    began = clock()
    qtype = _QTYPES.get(family or 0, "ANY")
    blank = Lookup(outcome=Outcome.TIMEOUT, name=name, via="system", qtype=qtype, began=began)

    def look_up() -> Lookup:
        lookup = _getaddrinfo(name, family, blank)
        return replace(lookup, took=clock() - began)

    try:
        return await in_thread(look_up, f"getaddrinfo {name}", limit=max(0.0, deadline - began), long=True)
    except TimeoutError:
        took = clock() - began
        return replace(blank, took=took, os_says=f"getaddrinfo did not return in {took:.1f} s")
    except NoThread:
        blank = replace(blank, took=clock() - began)
        return _exhausted(blank, errno.EAGAIN, "this process cannot start another thread")


def _getaddrinfo(name: str, family: int | None, blank: Lookup) -> Lookup:
    try:
        rows = socket.getaddrinfo(name, None, _FAMILIES[family], socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
    except socket.gaierror as error:
        if number := _no_descriptor():  # the C library reports that as a failure of the lookup
            return _exhausted(blank, number, os_says(number))
        number = error.errno or 0
        named = f"{error.strerror} ({_EAI[number]})" if number in _EAI else str(error.strerror)
        return replace(blank, outcome=of_gaierror(number), os_says=named)
    except OSError as error:  # EAI_SYSTEM: Python raises its errno
        number = error.errno or 0
        return replace(blank, outcome=of_errno(number), errno=errno_of(number), os_says=error.strerror or "")
    except ValueError as error:  # UnicodeError too: a label that is empty, too long, or has a NUL
        return replace(blank, outcome=Outcome.INVALID, os_says=f"invalid host name: {error}")
    addresses = tuple(dict.fromkeys(_address(row[4]) for row in rows))
    canonical = next((clean(row[3], limit=255) for row in rows if row[3]), "").rstrip(".")
    aliases = (canonical,) if canonical and canonical.lower() != name.rstrip(".").lower() else ()
    return replace(blank, outcome=Outcome.OK if addresses else Outcome.NO_DATA, addresses=addresses, aliases=aliases)


def _exhausted(blank: Lookup, number: int, words: str) -> Lookup:
    return replace(blank, outcome=Outcome.EXHAUSTED, errno=errno_of(number), os_says=words)


def _no_descriptor() -> int:
    """Return EMFILE or ENFILE if this process can open no socket, else 0."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError as error:
        return (error.errno or 0) if of_errno(error.errno or 0) is Outcome.EXHAUSTED else 0
    return 0


def _address(where: tuple[object, ...]) -> str:
    """Return the address of a sockaddr, with its scope where it has one."""
    address = str(where[0])
    scope = int(str(where[3])) if len(where) == 4 else 0
    if not scope or "%" in address:
        return address
    try:
        return f"{address}%{socket.if_indextoname(scope)}"
    except OSError:
        return f"{address}%{scope}"


async def query_resolver(
    name: str,
    qtype: str,
    resolver: str,
    clock: Clock,
    deadline: float,
    *,
    transport: Transport = "udp",
    edns: bool = True,
    checking_disabled: bool = False,
    host: Host | None = None,
    port: int = 53,
) -> Lookup:
    """Send one DNS query for the absolute name to one resolver. `deadline` is a time of `clock`.

    Over UDP the query is sent at most twice, the second time also without EDNS (then `flags` has "no-EDNS"). A
    truncated response (TC) is requested again over TCP, and that response has transport "tcp"; Outcome.TRUNCATED means
    that TCP failed, with its errno, ICMP error and text. `host` reads the error queue.
    """
    await dnspython()
    import dns.exception

    blank = replace(_blank(name, qtype, resolver, clock(), transport), checking_disabled=checking_disabled)
    try:
        asked = [
            query(name, qtype, edns=with_edns, checking_disabled=checking_disabled)
            for with_edns in ((True, False) if edns else (False,))
        ]
    except (UnicodeError, dns.exception.DNSException) as error:
        return replace(blank, outcome=Outcome.INVALID, os_says=f"invalid host name: {error}")
    try:
        if transport == "tcp":
            return await by_tcp(asked[0], resolver, port, host, clock, deadline, blank)
        found = await by_udp(asked, resolver, port, host, clock, deadline, blank)
    except Unreached as error:
        return replace(error.over(blank), took=clock() - blank.began)
    if found.outcome is not Outcome.TRUNCATED:
        return found
    over_tcp = replace(blank, transport="tcp")
    try:
        whole = await by_tcp(asked[0], resolver, port, host, clock, deadline, over_tcp)
    except Unreached as error:
        whole = error.over(over_tcp)
    if whole.rcode is not None or whole.outcome in (Outcome.MALFORMED, Outcome.EXHAUSTED):
        return whole
    words = f"truncated over UDP, and over TCP: {whole.os_says}"
    return replace(found, took=clock() - blank.began, errno=whole.errno, icmp=whole.icmp, os_says=words)


def most_queries(resolvers: Iterable[str]) -> int:
    """Return how many sockets `query_resolvers` has open at most: two types, and the ALIVE queries."""
    return (2 + len(ALIVE)) * len(tuple(resolvers))


async def query_resolvers(
    name: str,
    resolvers: Iterable[str],
    families: Iterable[int],
    clock: Clock,
    deadline: float,
    host: Host | None,
    *,
    port: int = 53,
) -> AsyncIterator[Lookup]:
    """Query every resolver for the addresses of each family, all at once; yield the results as they come.

    When the only family wanted has no record, the other one is queried as well. A resolver without a response for
    ALIVE_AFTER seconds is also probed by `check_alive`. No query lasts longer than LONGEST seconds. A name that is not
    for DNS is not queried. Closing or cancelling the iteration cancels the queries under way.
    """
    if not is_for_dns(name):
        return
    await dnspython()
    deadline = min(deadline, clock() + LONGEST)
    qtypes = [_QTYPES[f] for f in families]
    answers: asyncio.Queue[Lookup | None] = asyncio.Queue()

    async def one(resolver: str, qtype: str) -> None:
        found = await query_resolver(name, qtype, resolver, clock, deadline, host=host, port=port)
        answers.put_nowait(found)
        if found.outcome is Outcome.NO_DATA and len(qtypes) == 1:
            other = "A" if qtype == "AAAA" else "AAAA"
            answers.put_nowait(await query_resolver(name, other, resolver, clock, deadline, host=host, port=port))

    async def whole(resolver: str) -> None:
        asked = [asyncio.create_task(one(resolver, qtype)) for qtype in qtypes]
        try:
            await asyncio.wait(asked, timeout=ALIVE_AFTER, return_when=asyncio.FIRST_COMPLETED)
            if not any(task.done() for task in asked):
                async for found in check_alive(resolver, clock, deadline, host, port=port):
                    answers.put_nowait(found)
            await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()

    async def everything() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for resolver in dict.fromkeys(resolvers):
                    group.create_task(whole(resolver))
        finally:
            answers.put_nowait(None)

    running = asyncio.create_task(everything())
    try:
        while (answer := await answers.get()) is not None:
            yield answer
        await running  # raises its exception
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def check_alive(
    resolver: str, clock: Clock, deadline: float, host: Host | None, *, port: int = 53
) -> AsyncIterator[Lookup]:
    """Send the ALIVE queries to a resolver that did not respond, all at once; yield the results as they come."""
    await dnspython()

    async def one(name: str, qtype: str, qclass: str, transport: Transport) -> Lookup:
        blank = _blank(name, qtype, resolver, clock(), transport)
        asked = [query(name, qtype, qclass=qclass), query(name, qtype, qclass=qclass, edns=False)]
        try:
            if transport == "tcp":
                return await by_tcp(asked[0], resolver, port, host, clock, deadline, blank)
            return await by_udp(asked, resolver, port, host, clock, deadline, blank)
        except Unreached as error:
            return replace(error.over(blank), took=clock() - blank.began)

    queries = [asyncio.create_task(one(*question)) for question in ALIVE]
    try:
        for ended in asyncio.as_completed(queries):
            yield await ended
    finally:
        for task in queries:
            task.cancel()


def _blank(name: str, qtype: str, resolver: str, began: float, transport: Transport) -> Lookup:
    """Return the lookup as it stands before any response."""
    return Lookup(
        outcome=Outcome.TIMEOUT, began=began, os_says="no response", name=name, qtype=qtype, via="wire",
        resolver=resolver, transport=transport,
    )  # fmt: skip
