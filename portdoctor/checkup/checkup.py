"""Runs the stages of one checkup, then the follow-up probes that decide between the causes still open.

The order: this machine's own tables cost nothing and come first; the name before its addresses; all addresses at the
same time, each through its own stages; follow-up probes only for what failed.
"""

from __future__ import annotations

import asyncio
import socket

from ..model import Connect, Lookup, Note, Outcome, Want
from ..outcomes import family_of
from ..probes import local
from ..probes.connect import connect, discard
from . import path, repeats
from .descriptors import VISIT
from .followup import FOLLOW_UPS, forbid_controls
from .session import Session

PATIENCE = 3.5  # seconds for a connect, unless the user set a limit: see `observed.cut_short`
MOST_ADDRESSES = 16
_LAST = 0.2  # seconds of the budget kept for recording how the last stage ended
_STAGE_LIMIT = 5.0  # seconds for one stage after the connect, when the user set no limit
_GREETING_LIMIT = 6.5  # the same for a greeting: TCP wrappers close after a reverse lookup, whose first try takes 5 s
_FOLLOW_UP_TIME = 4.0  # seconds of the budget, at most a third of it, that a lookup without an end leaves
_AFTER_LOOKUP = 1.0  # the same for a lookup that the resolver library ends
_LATE = 0.5  # seconds after its own limit for which the resolver library may still return
_SLOW_LOOKUP = 1.0  # seconds
_MOMENT = 0.3  # seconds after the queries were sent for which a healthy check waits for the resolvers' responses
_MOMENT_MOST = 1.0  # the same where they are far away
_LOOKUP = 3  # descriptors of the C library in one lookup
_LOST = 1.0  # seconds without the event loop that are worth a note


class Checkup(Session):
    """One checkup: the stages of the target, then the loop of follow-up probes."""

    _queried: float | None = None  # when the queries to the resolvers were sent

    async def run(self) -> None:
        """Run the stages that the target implies, then the follow-up probes. Ends within the budget.

        Raises StarvedError, perhaps in an ExceptionGroup, when the event loop could not keep it.
        """
        try:
            with self.pulse.beating():
                await self._run()
        finally:
            lost = self.pulse.lost()
            if lost >= _LOST:
                text = f"This process did not run for {lost:.1f} s of the check: it cannot tell what came in that time."
                self.note(Note(kind="not-evaluated", text=text, reason="out-of-budget"))

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self.options.budget):
                if "bind" in self.target.stages:
                    await self._bind()
                else:
                    await self._stages()
                await self._decide()
        except TimeoutError:
            text = f"The time budget of {self.options.budget:g} s was exhausted."
            self.note(Note(kind="not-evaluated", text=text, reason="out-of-budget"))
        finally:
            for sock in self.open:
                discard(sock)

    async def _bind(self) -> None:
        from ..probes.bindcheck import examine_bind

        for o in await examine_bind(self.target, self.host, self.clock, listen=self.options.listen):
            self.add(o)

    async def _stages(self) -> None:
        early = asyncio.create_task(self.trust()) if "tls" in self.target.stages else None
        try:
            await self._name_and_addresses()
        finally:
            if early is not None:
                await asyncio.gather(early, return_exceptions=True)

    async def _name_and_addresses(self) -> None:
        if "dns" not in self.target.stages:
            await self._addresses([self.target.host])
            return
        wire = asyncio.create_task(self._wire(), name="wire")
        try:
            await self._addresses(await self._name())
            await self._last_answers(wire)
        finally:  # the budget is exhausted, or the user interrupts: nothing waits for further responses
            wire.cancel()
            await asyncio.gather(wire, return_exceptions=True)

    async def _name(self) -> list[str]:
        from ..probes.lookup import resolve

        longest = self.host.longest_lookup() or 0.0
        limit = self.left() - min(_FOLLOW_UP_TIME, self.left() / 3)
        if longest + _LATE <= self.left() - _AFTER_LOOKUP:
            limit = max(limit, longest + _LATE)  # the resolver library ends it
        async with self.descriptors.probes.some(_LOOKUP):
            o = self.add(await resolve(self.target.host, self.options.family, self.clock, self.clock() + limit))
        if o.outcome is Outcome.TIMEOUT and longest > limit:
            text = (
                f"The system's lookup was stopped after {o.took:.1f} s, because of the budget of "
                f"{self.options.budget:g} s; the resolver library may take {longest:g} s (resolv.conf)."
            )
            self.note(Note(kind="info", text=text, stage="dns", reason="out-of-budget", evidence=(o.id,)))
        return list(o.addresses) if isinstance(o, Lookup) else []

    async def _wire(self) -> None:
        """Query each configured resolver: it explains a failed lookup, and shows a resolver that does not respond."""
        host = self.target.host.rstrip(".").lower()
        if host == "localhost" or host.endswith(".localhost"):
            return
        from ..probes.dns_message import dnspython
        from ..probes.lookup import most_queries, query_resolvers

        resolvers = self.resolvers()
        families = (self.options.family,) if self.options.family else (4, 6)
        limit = self.clock() + self.left()
        await dnspython()
        self._queried = self.clock()
        async with self.descriptors.probes.some(most_queries(resolvers)):
            async for o in query_resolvers(host, resolvers, families, self.clock, limit, self.host):
                self.add(o)
        self.done.add(Want(probe="wire", args=(self.target.host,)))

    async def _last_answers(self, wire: asyncio.Task[None]) -> None:
        """Wait for the responses of the other resolvers.

        A moment when the name resolved at once and all its addresses connect, 1 s when one fails, 2 s after a slow
        lookup: the resolver that it waited for is about to reach its own limit (`lookup.LONGEST`), which explains the
        delay.
        """
        system = [o for o in self.of(Lookup) if o.own]
        resolved = any(o.addresses for o in system)
        connects = [o for o in self.of(Connect) if o.role == "target"]
        healthy = resolved and all(o.outcome is Outcome.OK for o in connects)
        slow = any(o.took >= _SLOW_LOOKUP for o in system)
        if healthy and not slow:
            await self._moment(wire)
        else:
            await asyncio.wait({wire}, timeout=(2.0 if slow else 1.0) if resolved else None)
        if wire.done():
            wire.result()  # raises its exception

    async def _moment(self, wire: asyncio.Task[None]) -> None:
        """Wait for responses _MOMENT from when the queries were sent, or four times as long as the first one took.

        A contradiction between resolvers must not depend on how fast this process is: the time before the queries, and
        time in which it did not run, do not count. Only a resolver that does not respond is waited for to the end.
        """
        while not wire.done():
            if self._queried is not None:
                waited = self.clock() - self._queried - self.pulse.lost(self._queried)
                first = min((o.took for o in self.of(Lookup) if o.rcode is not None), default=0.0)
                if waited >= min(max(_MOMENT, 4 * first), _MOMENT_MOST):
                    return
            await asyncio.wait({wire}, timeout=0.02)

    async def _addresses(self, found: list[str]) -> None:
        if self.options.family:
            found = [a for a in found if family_of(a) == self.options.family] or found
        if len(found) > MOST_ADDRESSES:
            text = f"Only the first {MOST_ADDRESSES} of {len(found)} addresses were tried."
            self.note(Note(kind="not-evaluated", text=text, stage="tcp", reason="out-of-budget"))
        async with asyncio.TaskGroup() as group:
            for address in found[:MOST_ADDRESSES]:
                group.create_task(self._in_turn(address))

    async def _in_turn(self, address: str) -> None:
        async with self.descriptors.visits.some(VISIT):
            await self._visit(address)

    async def _visit(self, address: str) -> None:
        """Take one address through its stages. The path is probed while an unanswered connect still waits."""
        t = self.target
        self.add(await local.route(address, self.host, self.clock, self.options.source, t.port, t.transport))
        self.done.add(Want(probe="route", args=(address,)))
        if self.target.transport == "udp":
            from . import datagrams

            await datagrams.visit(self, address)
            return
        limit = min(self.options.timeout or PATIENCE, max(self.left() - _LAST, 0.1))
        task = asyncio.create_task(
            connect(
                address, self.target.port, clock=self.clock, host=self.host, limit=limit,
                source=self.options.source,
            )
        )  # fmt: skip
        try:
            await asyncio.wait({task}, timeout=path.SILENT)
            silence = None if task.done() else asyncio.create_task(path.probe_silence(self, address))
            o, sock = await task
            self.add(o)
            if self.host.is_own(address):
                await repeats.own_port(self, address, free=sock is None)
            if sock is not None and o.self_connected:
                discard(sock)
            elif sock is not None:
                await self._later_stages(address, sock)
            if silence is not None:
                if sock is not None:
                    silence.cancel()
                await asyncio.gather(silence, return_exceptions=True)
            if self.options.attempts > 1:
                await repeats.series(self, address, self.options.attempts)
        finally:
            if not task.cancel() and not task.cancelled() and task.exception() is None and (opened := task.result()[1]):
                discard(opened)  # where an interruption came between the connect and its use

    async def _later_stages(self, address: str, sock: socket.socket) -> None:
        from .conversation import run_stages

        try:
            stages = [s for s in self.target.stages if s in ("tls", "http", "app")]
            if stages:
                longest = _GREETING_LIMIT if "app" in stages else _STAGE_LIMIT
                limit = min(self.options.timeout or longest, max(self.left() - _LAST, 0.1))
                await run_stages(self, address, sock, tuple(stages), limit)
        finally:
            discard(sock)

    async def _decide(self) -> None:
        """While causes are open, run the follow-up probe that decides the most of them per expected second."""
        if not self.options.controls:
            forbid_controls(self)
        while True:
            wanted = self.diagnosis().wants
            for w in wanted:
                if w.want in self.done:
                    self.give_reason(w.want, "no-answer", f"The probe `{w.want.probe}` was inconclusive.")
                elif w.want.probe not in FOLLOW_UPS:
                    self.give_reason(w.want, "not-possible-here", f"This version has no probe `{w.want.probe}`.")
                elif FOLLOW_UPS[w.want.probe].seconds > self.left():
                    self.give_reason(w.want, "out-of-budget", f"No time was left for the probe `{w.want.probe}`.")
            ready = [
                w for w in wanted
                if w.want not in self.done and w.want.probe in FOLLOW_UPS
                and FOLLOW_UPS[w.want.probe].seconds <= self.left()
            ]  # fmt: skip
            if not ready:
                return
            best = max(ready, key=lambda w: w.splits / FOLLOW_UPS[w.want.probe].seconds)
            self.done.add(best.want)
            async with self.descriptors.visits.some(VISIT):
                await FOLLOW_UPS[best.want.probe].run(self, *best.want.args)
