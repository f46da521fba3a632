"""One checkup under way: the request, the observations and notes so far, and their diagnosis."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from .. import __version__
from ..catalogue.cause import Catalogue
from ..engine.endpoints import RESOLVER_PORT
from ..engine.verdict import diagnose
from ..host import Host, free_descriptors, user_name
from ..model import (
    Connect,
    Diagnosis,
    Lookup,
    Note,
    Observation,
    Options,
    Report,
    Route,
    Trace,
    Transport,
    Vantage,
    Want,
    Why,
)
from ..target.parse import Asked
from .descriptors import Descriptors
from .pulse import Pulse

if TYPE_CHECKING:
    from ..probes.certificates import Trust

Observer = Callable[["Session", Observation], None]


class Session:
    """The request and the observations so far. Probes add their observations here."""

    def __init__(
        self, asked: Asked, options: Options, host: Host, catalogue: Catalogue, *, on_observed: Observer | None = None,
        descriptors: Descriptors | None = None,
    ) -> None:  # fmt: skip
        self.asked, self.options, self.host, self.catalogue = asked, options, host, catalogue
        self.target = asked.target
        self.on_observed = on_observed
        self.descriptors = descriptors or Descriptors(free_descriptors())
        self.done: set[Want] = set()
        self.random_ports: list[int] = []  # the same for all probes; chosen by `repeats.random_ports`
        self.open: list[socket.socket] = []  # closed at the end, whatever happens
        self.under_way: dict[str, Trace] = {}  # address -> the hops that responded to a trace that has not ended
        self.upstreams: tuple[str, ...] = ()  # of a local stub resolver, once they were examined
        self._seen: list[Observation] = []
        self._notes: list[Note] = []
        self._cached_diagnosis: tuple[tuple[int, int, bool], Diagnosis] | None = None
        self._trust: asyncio.Task[Trust] | None = None
        self.pulse = Pulse(self.clock)
        self._started = datetime.now(UTC)
        self._zero = time.monotonic()

    def clock(self) -> float:
        """Return the seconds since the checkup began."""
        return time.monotonic() - self._zero

    def left(self) -> float:
        """Return the seconds of the budget that are left."""
        return self.options.budget - self.clock()

    def add(self, o: Observation) -> Observation:
        """Add an observation and return it with its id. A silence that this process could not observe is none."""
        o = replace(self.pulse.judged(o), id=f"o{len(self._seen) + 1}")
        self._seen.append(o)
        if isinstance(o, Trace) and o.role == "target":
            self.under_way.pop(o.address, None)
        if self.on_observed:
            self.on_observed(self, o)
        return o

    def progressed(self, trace: Trace) -> None:
        """Keep what a trace has found so far. It is shown, and is no observation: its silent hops still wait."""
        self.under_way[trace.address] = trace

    def note(self, note: Note) -> None:
        """Add a note, unless it is there already."""
        if note not in self._notes:
            self._notes.append(note)

    def give_reason(self, want: Want, reason: Why, text: str) -> None:
        """Note why a probe has no result, so that its signs are unknown for that reason."""
        self.note(Note(kind="not-evaluated", text=text, probe=want, reason=reason))

    def of(self, kind: type) -> list:  # type: ignore[type-arg]
        """Return the observations of one kind so far, in order."""
        return [o for o in self._seen if isinstance(o, kind)]

    def report(self, *, interrupted: bool = False) -> Report:
        """Return the report so far."""
        return Report(
            portdoctor=__version__, target=self.target, vantage=self._vantage(), options=self.options,
            observations=tuple(self._seen), notes=tuple(self._notes), interrupted=interrupted,
        )  # fmt: skip

    def diagnosis(self, *, interrupted: bool = False) -> Diagnosis:
        """Return the diagnosis of the report so far; computed again only when the report has grown."""
        size = (len(self._seen), len(self._notes), interrupted)
        if self._cached_diagnosis is None or self._cached_diagnosis[0] != size:
            self._cached_diagnosis = size, diagnose(self.report(interrupted=interrupted), self.catalogue)
        return self._cached_diagnosis[1]

    def resolvers(self) -> tuple[str, ...]:
        """The resolvers to query: those that this machine is configured with, and the one that --resolver adds."""
        more = (self.options.resolver,) if self.options.resolver else ()
        return tuple(dict.fromkeys((*self.host.resolvers(), *more)))

    def endpoint(self, address: str) -> tuple[int, Transport]:
        """Return the port and transport to probe at an address: a resolver's, unless it is an address of the target."""
        targets = {self.target.host, *(a for o in self.of(Lookup) if o.own for a in o.addresses)}
        if address not in targets and address in (*self.resolvers(), *self.upstreams):
            return RESOLVER_PORT, "udp"
        return self.target.port, self.target.transport

    def _vantage(self) -> Vantage:
        route = next((o for o in self._seen if isinstance(o, Route)), None)
        source = next((o.source for o in self._seen if isinstance(o, Connect) and o.source), None)
        started = self._started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Vantage(
            host=socket.gethostname(), os=self.host.describe(), user=user_name(), started=started,
            source_address=source or (route.source if route else None),
            interface=route.interface if route else None, gateway=route.gateway if route else None,
            resolvers=self.host.resolvers(), search=self.host.search(),
            kubernetes=os.environ.get("KUBERNETES_SERVICE_HOST") or None,
            upstreams=self.upstreams, can=self.host.can(), limits=self.host.limits(),
        )  # fmt: skip

    async def trust(self) -> Trust:
        """Return the trust store for TLS: loaded once, in a thread, while the lookup and the connect are under way."""
        if self._trust is None:
            from ..probes.certificates import prepare
            from ..probes.threads import in_thread

            self._trust = asyncio.create_task(in_thread(lambda: prepare(self.options.cafile), "trust store"))
        return await asyncio.shield(self._trust)
