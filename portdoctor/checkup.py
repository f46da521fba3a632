"""What to look at, in what order; then the loop that asks for the look that would decide what is open.

The order: this machine's own tables cost nothing and come first; the name before its addresses; every address
at once, each through its own stages; further looks only at what failed.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from . import __version__, looks
from .cause import Catalogue
from .host import Host, user_name
from .model import (
    Connect,
    Diagnosis,
    Lookup,
    Note,
    Observation,
    Options,
    Outcome,
    Report,
    Route,
    Vantage,
    Want,
    Why,
)  # fmt: skip
from .outcomes import family_of
from .probes import local
from .probes.connect import Patience, connect, discard
from .target import Asked
from .verdict import diagnose

if TYPE_CHECKING:
    from .probes.certificates import Trust

PATIENCE = 3.5  # seconds for a connect, unless the user set a limit: a router seeks a host for 3 s, then says so
MOST_ADDRESSES = 16
_LAST = 0.2  # seconds of the budget kept for saying how the last stage ended
_REACHES = 5.0  # seconds for one stage after the connect, when the user set no limit

Told = Callable[["Checkup", Observation], None]


class Checkup:
    """One target being looked at. Collects observations; `report()` gives the record so far."""

    def __init__(
        self, asked: Asked, options: Options, host: Host, catalogue: Catalogue, *, told: Told | None = None
    ) -> None:
        self.asked, self.options, self.host, self.catalogue = asked, options, host, catalogue
        self.target = asked.target
        self.told = told
        self.done: set[Want] = set()
        self.open: list[socket.socket] = []  # closed at the end, whatever happens
        self._seen: list[Observation] = []
        self._notes: list[Note] = []
        self._thought: tuple[tuple[int, int, bool], Diagnosis] | None = None
        self._trust: asyncio.Task[Trust] | None = None
        self._started = datetime.now(UTC)
        self._zero = time.monotonic()

    # ------------------------------------------------------------ the record

    def clock(self) -> float:
        """Seconds since the checkup began."""
        return time.monotonic() - self._zero

    def left(self) -> float:
        """Seconds of the budget that are left."""
        return self.options.budget - self.clock()

    def see(self, o: Observation) -> Observation:
        """Put an observation into the record, with its id."""
        o = replace(o, id=f"o{len(self._seen) + 1}")
        self._seen.append(o)
        if self.told:
            self.told(self, o)
        return o

    def note(self, note: Note) -> None:
        """Put a note into the record, once."""
        if note not in self._notes:
            self._notes.append(note)

    def settle(self, want: Want, reason: Why, text: str) -> None:
        """Say why a look has no result, so that its signs get their final reason."""
        self.note(Note(kind="not-evaluated", text=text, probe=want, reason=reason))

    def of(self, kind: type) -> list:  # type: ignore[type-arg]
        """The observations of one kind so far."""
        return [o for o in self._seen if isinstance(o, kind)]

    def report(self, *, interrupted: bool = False) -> Report:
        """The record so far."""
        return Report(
            portdoctor=__version__, target=self.target, vantage=self._vantage(), options=self.options,
            observations=tuple(self._seen), notes=tuple(self._notes), interrupted=interrupted,
        )  # fmt: skip

    def diagnosis(self, *, interrupted: bool = False) -> Diagnosis:
        """What the record so far means; thought through again only when it has grown."""
        record = (len(self._seen), len(self._notes), interrupted)
        if self._thought is None or self._thought[0] != record:
            self._thought = record, diagnose(self.report(interrupted=interrupted), self.catalogue)
        return self._thought[1]

    def resolvers(self) -> tuple[str, ...]:
        """Whom to ask for the name: the configured nameservers, and the one that --resolver adds."""
        more = (self.options.resolver,) if self.options.resolver else ()
        return tuple(dict.fromkeys((*self.host.resolvers(), *more)))

    def _vantage(self) -> Vantage:
        route = next((o for o in self._seen if isinstance(o, Route)), None)
        source = next((o.source for o in self._seen if isinstance(o, Connect) and o.source), None)
        started = self._started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Vantage(
            host=socket.gethostname(), os=self.host.describe(), user=user_name(), started=started,
            source_address=source or (route.source if route else None),
            interface=route.interface if route else None, gateway=route.gateway if route else None,
            resolvers=self.host.resolvers(), can=self.host.can(), limits=self.host.limits(),
        )  # fmt: skip

    # ------------------------------------------------------------ the order

    async def run(self) -> None:
        """Look at everything the target implies, then at what would decide. Never outlives the budget."""
        try:
            async with asyncio.timeout(self.options.budget):
                if "bind" in self.target.stages:
                    await self._bind()
                else:
                    await self._stages()
                await self._decide()
        except TimeoutError:
            text = f"The budget of {self.options.budget:g} s was spent."
            self.note(Note(kind="not-evaluated", text=text, reason="out-of-budget"))
        finally:
            for sock in self.open:
                discard(sock)

    async def _bind(self) -> None:
        from .probes.bindcheck import examine_bind

        for o in await examine_bind(self.target, self.host, self.clock):
            self.see(o)

    async def trust(self) -> Trust:
        """Whom to trust in TLS: loaded once, in a thread, while the name and the connection are under way."""
        if self._trust is None:
            from .probes.certificates import prepare

            self._trust = asyncio.create_task(asyncio.to_thread(prepare, self.options.cafile))
        return await asyncio.shield(self._trust)

    async def _stages(self) -> None:
        early = asyncio.create_task(self.trust()) if "tls" in self.target.stages else None
        try:
            await self._look()
        finally:
            if early is not None:
                await asyncio.gather(early, return_exceptions=True)

    async def _look(self) -> None:
        wire: asyncio.Task[None] | None = None
        if "dns" in self.target.stages:
            wire = asyncio.create_task(self._wire(), name="wire")
            found = await self._name()
        else:
            found = [self.target.host]
        try:
            await self._addresses(found)
        finally:
            if wire is not None:
                await self._last_answers(wire)

    async def _name(self) -> list[str]:
        from .probes.lookup import resolve

        limit = self.clock() + min(10.0, self.left())
        o = self.see(await resolve(self.target.host, self.options.family, self.clock, limit))
        return list(o.addresses) if isinstance(o, Lookup) else []

    async def _wire(self) -> None:
        """Ask each configured resolver ourselves: what explains a failure, and what shows a dead resolver."""
        host = self.target.host.rstrip(".").lower()
        if host == "localhost" or host.endswith(".localhost"):
            return
        from .probes.lookup import ask_all

        resolvers = self.resolvers()
        families = (self.options.family,) if self.options.family else (4, 6)
        limit = self.clock() + min(6.0, self.left())
        async for o in ask_all(host, resolvers, families, self.clock, limit, self.host):
            self.see(o)
        self.done.add(Want(probe="wire", args=(self.target.host,)))

    async def _last_answers(self, wire: asyncio.Task[None]) -> None:
        """A name whose addresses all connect waits 100 ms for the other answers; one that fails, longer."""
        system = [o for o in self.of(Lookup) if o.via == "system"]
        resolved = any(o.addresses for o in system)
        connects = [o for o in self.of(Connect) if o.role == "target"]
        healthy = resolved and all(o.outcome is Outcome.OK for o in connects)
        if resolved and not wire.done():
            await asyncio.wait({wire}, timeout=0.1 if healthy else 1.0)
        if resolved and not wire.done():
            wire.cancel()
        (result,) = await asyncio.gather(wire, return_exceptions=True)
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result

    async def _addresses(self, found: list[str]) -> None:
        if self.options.family:
            found = [a for a in found if family_of(a) == self.options.family] or found
        if len(found) > MOST_ADDRESSES:
            text = f"Only the first {MOST_ADDRESSES} of {len(found)} addresses were tried."
            self.note(Note(kind="not-evaluated", text=text, stage="tcp", reason="out-of-budget"))
        async with asyncio.TaskGroup() as group:
            for address in found[:MOST_ADDRESSES]:
                group.create_task(self._visit(address))

    async def _visit(self, address: str) -> None:
        """One address through its stages. The path is looked at while a silent connect still waits."""
        self.see(await local.route(address, self.host, self.clock, self.options.source))
        self.done.add(Want(probe="route", args=(address,)))
        if self.target.transport == "udp":
            from . import datagrams

            await datagrams.visit(self, address)
            return
        patience = Patience(min(self.options.timeout or PATIENCE, max(self.left() - _LAST, 0.1)))
        task = asyncio.create_task(
            connect(
                address, self.target.port, clock=self.clock, host=self.host, patience=patience,
                source=self.options.source,
            )
        )  # fmt: skip
        try:
            await asyncio.wait({task}, timeout=looks.SILENT)
            silence = None if task.done() else asyncio.create_task(looks.silence(self, address, task, patience))
            o, sock = await task
            self.see(o)
            if self.host.is_own(address):
                await looks.own_port(self, address, free=sock is None)
            if sock is not None and o.self_connected:
                discard(sock)
            elif sock is not None:
                await self._talk(address, sock)
            if silence is not None:
                if sock is not None:
                    silence.cancel()
                await asyncio.gather(silence, return_exceptions=True)
            if self.options.attempts > 1:
                from .attempts import series

                await series(self, address, self.options.attempts)
        finally:
            task.cancel()

    async def _talk(self, address: str, sock: socket.socket) -> None:
        from .conversation import talk

        try:
            stages = [s for s in self.target.stages if s in ("tls", "http", "app")]
            if stages:
                limit = min(self.options.timeout or _REACHES, max(self.left() - _LAST, 0.1))
                await talk(self, address, sock, tuple(stages), limit)
        finally:
            discard(sock)

    # ------------------------------------------------------------ the loop

    async def _decide(self) -> None:
        """While something is open, run the look that splits the most causes per expected second."""
        if not self.options.controls:
            looks.forbid_controls(self)
        while True:
            wanted = self.diagnosis().wants
            for w in wanted:
                if w.want in self.done:
                    self.settle(w.want, "no-answer", f"The look `{w.want.probe}` did not settle it.")
                elif w.want.probe not in looks.LOOKS:
                    self.settle(w.want, "not-possible-here", f"This version has no look called {w.want.probe}.")
                elif looks.LOOKS[w.want.probe].seconds > self.left():
                    self.settle(w.want, "out-of-budget", f"No time was left for the look `{w.want.probe}`.")
            ready = [
                w for w in wanted
                if w.want not in self.done and w.want.probe in looks.LOOKS
                and looks.LOOKS[w.want.probe].seconds <= self.left()
            ]  # fmt: skip
            if not ready:
                return
            best = max(ready, key=lambda w: w.splits / looks.LOOKS[w.want.probe].seconds)
            self.done.add(best.want)
            await looks.LOOKS[best.want.probe].run(self, *best.want.args)
