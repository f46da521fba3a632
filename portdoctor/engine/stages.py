"""One line per stage: what ran, how it ended, how long it took, and why the rest did not run. Pure."""

from __future__ import annotations

from typing import Literal

from ..model import (
    STAGES,
    Bind,
    Connect,
    Datagram,
    Ending,
    Greeting,
    Handshake,
    HttpReply,
    Lookup,
    Note,
    Outcome,
    Report,
    Stage,
    StageLine,
)
from ..text import at

# Outcomes whose name alone says too little where the system gave no words of its own.
IN_WORDS = {
    Outcome.TIMEOUT: "no response within the limit",
    Outcome.CLOSED: "closed by the peer",
    Outcome.RESET: "reset by the peer",
    Outcome.OTHER_PROTOCOL: "another protocol",
    Outcome.NOT_TLS: "the response is not TLS",
    Outcome.UNTRUSTED: "the certificate is not accepted",
    Outcome.TLS_ALERT: "refused by a TLS alert",
    Outcome.TTL_EXPIRED: "the TTL expired in transit",
    Outcome.STARVED: "not known: this process did not run while it waited",
    Outcome.TOO_LONG: "the response is longer than the limit",
}
SLOW = 1.0  # seconds: a stage that works but takes longer than a first retransmission is worth a word


def stage_of(o: Ending) -> Stage | None:
    """Return the stage of the user's own attempt, None for a probe beside it."""
    return o.stage if o.own else None


def stage_lines(report: Report) -> tuple[StageLine, ...]:
    """Return the stages of the target in order, with the reason for those that did not run."""
    seen: dict[Stage, list[Ending]] = {}
    for o in report.observations:
        stage = stage_of(o)
        if stage is not None:
            seen.setdefault(stage, []).append(o)
    wanted = [s for s in STAGES if s in report.target.stages or s in seen]
    lines: list[StageLine] = []
    for stage in wanted:
        lines.append(_line(report, stage, seen.get(stage, []), lines))
    return tuple(lines)


def _line(report: Report, stage: Stage, seen: list[Ending], before: list[StageLine]) -> StageLine:
    if not seen:
        return StageLine(name=stage, status="skipped", skipped_because=_why_skipped(report, stage, before))
    if isinstance(seen[0], Bind):
        return _of_bind(stage, seen, asked=stage in report.target.stages)
    well = [o for o in seen if _well(o)]
    chosen = min(well, key=lambda o: o.took) if well else seen[0]
    failed = len(seen) - len(well)
    rest = f"; {failed} of {len(seen)} addresses failed" if well and failed else ""
    return _ended(stage, chosen, rest)


def _of_bind(stage: Stage, seen: list[Ending], *, asked: bool) -> StageLine:
    """If a bind is the target, each must succeed; a bind beside a connection shows the best."""
    as_server = [o for o in seen if isinstance(o, Bind) and o.reuse] or seen
    worst_first = sorted(as_server, key=lambda o: _well(o) == asked)
    return _ended(stage, worst_first[0])


def _ended(stage: Stage, o: Ending, rest: str = "") -> StageLine:
    status: Literal["failed", "slow", "ok"] = "failed" if not _well(o) else "slow" if o.took > SLOW else "ok"
    return StageLine(name=stage, status=status, took=o.took, summary=_summary(o) + rest)


def _well(o: Ending) -> bool:
    return o.outcome is Outcome.OK and not (isinstance(o, Connect) and o.self_connected)


def _why_skipped(report: Report, stage: Stage, before: list[StageLine]) -> str:
    for note in report.notes:
        if note.kind == "not-evaluated" and note.stage == stage:
            return note.text
    broken = next((line.name for line in before if line.status == "failed"), None)
    if broken is not None:
        return f"{broken} failed"
    return "interrupted" if report.interrupted else "not reached within the budget"


def _summary(o: Ending) -> str:
    match o:
        case Lookup(outcome=Outcome.OK):
            shown = ", ".join(o.addresses[:3])
            return shown + (f" and {len(o.addresses) - 3} more" if len(o.addresses) > 3 else "")
        case Connect(self_connected=True):
            return "connected to itself"
        case Connect(outcome=Outcome.OK):
            return f"{o.address} answers on port {o.port}"
        case Datagram(outcome=Outcome.OK):
            said = f": {o.protocol.upper()} {o.text}".rstrip() if o.protocol else ""
            return f"{o.address} answers on port {o.port}{said}"
        case Connect() | Datagram():
            return _failure(o)
        case Handshake(outcome=Outcome.OK):
            return " ".join(p for p in (o.version, o.alpn and f"({o.alpn})") if p)
        case Handshake(verify_message=str() as message):
            return message.removesuffix(".")
        case Handshake(alert=str() as alert) | HttpReply(alert=str() as alert):
            return f"refused by the TLS alert {alert}"
        case Handshake(reason=str() as reason) if not o.os_says:
            return f"{IN_WORDS[o.outcome]} ({reason})" if o.outcome in IN_WORDS else reason
        case HttpReply(status=int() as status):
            return f"{status} {o.phrase}".strip()
        case Greeting(outcome=Outcome.OK):
            if o.protocol or o.received:
                return o.protocol or f"the server sent “{o.text[:60]}”"
            return f"the server sent no data in {o.took:.1f} s; the connection stays open"
        case Bind(outcome=Outcome.OK):
            return f"{at(o.address, o.port)} is free"
        case _:
            return _failure(o)


def _failure(o: Ending) -> str:
    words = o.os_says or IN_WORDS.get(o.outcome) or str(o.outcome).replace("-", " ")
    if o.icmp is not None:
        version = "ICMPv6" if ":" in o.icmp.offender else "ICMP"
        return f"{words} ({version} {o.icmp.type}/{o.icmp.code} from {o.icmp.offender})"
    if isinstance(o, Connect) and o.outcome is Outcome.TIMEOUT and o.syns:
        return f"no response to {o.syns} SYN{'s' if o.syns > 1 else ''} in {o.took:.1f} s"
    if isinstance(o, Datagram) and o.outcome is Outcome.TIMEOUT:
        return f"no response to {o.sent} datagram{'s' if o.sent != 1 else ''} in {o.took:.1f} s"
    if o.errno is not None:
        return f"{words} ({o.errno.name})"
    return words


def answer_notes(report: Report) -> tuple[Note, ...]:
    """Note the redirect or 4xx with which a working service responds: neither is a fault of the service."""
    seen: dict[str, list[str]] = {}
    for o in report.of(HttpReply):
        if o.role == "target" and o.outcome is Outcome.OK and o.status is not None and o.status >= 300:
            answer = f"{o.status} {o.phrase}".rstrip()
            where = " (a redirect)" if o.status < 400 and o.location else ""
            seen.setdefault(f"The service answers this request with {answer}{where}.", []).append(o.id)
    return tuple(Note(kind="info", text=text, stage="http", evidence=tuple(ids)) for text, ids in seen.items())


def note_skipped(stage: Stage, text: str) -> Note:
    """Return the note with the reason why a stage did not run."""
    return Note(kind="not-evaluated", text=text, stage=stage)
