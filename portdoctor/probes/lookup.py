"""Looks a name up: as programs do (getaddrinfo), and by DNS queries of our own to each resolver, to explain it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterable

from msgspec.structs import replace

from ..host import Host
from ..model import Lookup, Outcome, Transport
from ..outcomes import errno_of, of_errno, of_gaierror
from ..text import clean, is_address
from . import Clock
from .dns_exchange import Unreached, by_tcp, by_udp
from .dns_message import dnspython, query, settle_from_thread

ALIVE_AFTER = 1.5  # seconds of silence after which it is looked whether the resolver is there at all
LONGEST = 4.5  # seconds: glibc leaves a server after five; the look must end first, to say that it was silent
# Questions that a living resolver answers, whatever the state of the name: it answers the first one itself, as
# class CH is never asked of others (RFC 4892), and the second one from what it knows or its upstream's.
OF_ITSELF = "id.server"
OF_THE_ROOT = "."
ALIVE: tuple[tuple[str, str, str, Transport], ...] = (  # name, type, class, how
    (OF_ITSELF, "TXT", "CH", "udp"), (OF_THE_ROOT, "NS", "IN", "udp"), (OF_ITSELF, "TXT", "CH", "tcp"),
)  # fmt: skip
_FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
_QTYPES = {4: "A", 6: "AAAA"}
_EAI = {getattr(socket, n): n for n in dir(socket) if n.startswith("EAI_") and n != "EAI_MAX"}


def is_for_dns(name: str) -> bool:
    """Whether a DNS server may be asked: not for addresses, localhost (RFC 6761, 6.3) and .onion (RFC 7686)."""
    labels = name.rstrip(".").lower().split(".")
    return not is_address(name) and labels[-1] not in ("localhost", "onion", "")


async def resolve(name: str, family: int | None, clock: Clock, deadline: float) -> Lookup:
    """What getaddrinfo gives a program on this machine, in its order. `deadline` is a time of `clock`.

    `aliases` holds the name under which it was found, when that is another (an alias, a search domain).
    It runs in a daemon thread of its own: it cannot be cancelled, and a pool would wait for it at exit.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[None] = loop.create_future()
    began = clock()
    qtype = _QTYPES.get(family or 0, "ANY")
    blank = Lookup(outcome=Outcome.TIMEOUT, name=name, via="system", qtype=qtype, began=began)
    found: list[Lookup] = []

    def look_up() -> None:
        lookup = _getaddrinfo(name, family, blank)
        found.append(replace(lookup, took=clock() - began))
        settle_from_thread(loop, answered)

    threading.Thread(target=look_up, name=f"getaddrinfo {name}", daemon=True).start()
    try:
        async with asyncio.timeout(max(0.0, deadline - began)):
            await answered
    except TimeoutError:
        took = clock() - began
        return replace(blank, took=took, os_says=f"getaddrinfo gave no answer in {took:.1f} s")
    return found[0]


def _getaddrinfo(name: str, family: int | None, blank: Lookup) -> Lookup:
    try:
        rows = socket.getaddrinfo(name, None, _FAMILIES[family], socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
    except socket.gaierror as error:
        number = error.errno or 0
        named = f"{error.strerror} ({_EAI[number]})" if number in _EAI else str(error.strerror)
        return replace(blank, outcome=of_gaierror(number), os_says=named)
    except OSError as error:  # EAI_SYSTEM: Python raises the errno behind it
        number = error.errno or 0
        return replace(blank, outcome=of_errno(number), errno=errno_of(number), os_says=error.strerror or "")
    except ValueError as error:  # UnicodeError too: a label that is empty, too long, or has a NUL
        return replace(blank, outcome=Outcome.INVALID, os_says=f"not a name that can be looked up: {error}")
    addresses = tuple(dict.fromkeys(_address(row[4]) for row in rows))
    canonical = next((clean(row[3], limit=255) for row in rows if row[3]), "").rstrip(".")
    aliases = (canonical,) if canonical and canonical.lower() != name.rstrip(".").lower() else ()
    return replace(blank, outcome=Outcome.OK if addresses else Outcome.NO_DATA, addresses=addresses, aliases=aliases)


def _address(where: tuple[object, ...]) -> str:
    """The address of a socket address, with its scope where it has one."""
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
    """One DNS question to one resolver for the absolute name. `deadline` is a time of `clock`.

    By UDP it is asked twice at most, the second time also without EDNS (then `flags` has "no-EDNS"), and
    by TCP when the answer was cut (TC): that answer has transport "tcp". Outcome.TRUNCATED means
    that TCP failed; errno, ICMP and words are those of TCP. `host` watches the error queue.
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
        return replace(blank, outcome=Outcome.INVALID, os_says=f"not a name that can be looked up: {error}")
    try:
        if transport == "tcp":
            return await by_tcp(asked[0], resolver, port, host, clock, deadline, blank)
        found = await by_udp(asked, resolver, port, host, clock, deadline, blank)
    except Unreached as error:
        return replace(error.over(blank), took=clock() - blank.began)
    if found.outcome is not Outcome.TRUNCATED:
        return found
    by_stream = replace(blank, transport="tcp")
    try:
        whole = await by_tcp(asked[0], resolver, port, host, clock, deadline, by_stream)
    except Unreached as error:
        whole = error.over(by_stream)
    if whole.rcode is not None:
        return whole
    words = f"cut off by UDP, and by TCP: {whole.os_says}"
    return replace(found, took=clock() - blank.began, errno=whole.errno, icmp=whole.icmp, os_says=words)


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
    """Ask every resolver for the addresses of each family, all at once; answers are given as they come.

    When there is no record of the only family wanted, the other one is asked for as well. A resolver that
    has said nothing for ALIVE_AFTER seconds is asked by `look_alive` too. No look lasts longer than LONGEST
    seconds. Nothing is asked for a name that is not for DNS. Closing or cancelling the iteration cancels
    what is on its way.
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
                async for found in look_alive(resolver, clock, deadline, host, port=port):
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
        await running  # raises what went wrong in it
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def look_alive(
    resolver: str, clock: Clock, deadline: float, host: Host | None, *, port: int = 53
) -> AsyncIterator[Lookup]:
    """Whether a silent resolver is there: asked about itself by UDP and TCP, and about the root by UDP."""
    await dnspython()

    async def look(name: str, qtype: str, qclass: str, transport: Transport) -> Lookup:
        blank = _blank(name, qtype, resolver, clock(), transport)
        asked = [query(name, qtype, qclass=qclass), query(name, qtype, qclass=qclass, edns=False)]
        try:
            if transport == "tcp":
                return await by_tcp(asked[0], resolver, port, host, clock, deadline, blank)
            return await by_udp(asked, resolver, port, host, clock, deadline, blank)
        except Unreached as error:
            return replace(error.over(blank), took=clock() - blank.began)

    looks = [asyncio.create_task(look(*question)) for question in ALIVE]
    try:
        for ended in asyncio.as_completed(looks):
            yield await ended
    finally:
        for task in looks:
            task.cancel()


def _blank(name: str, qtype: str, resolver: str, began: float, transport: Transport) -> Lookup:
    """The look-up before anything came: no answer."""
    return Lookup(
        outcome=Outcome.TIMEOUT, began=began, os_says="no answer", name=name, qtype=qtype, via="wire",
        resolver=resolver, transport=transport,
    )  # fmt: skip
