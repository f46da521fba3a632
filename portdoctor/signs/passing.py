"""Signs about what passes and what does not: large packets, ports nobody uses, ourselves. Pure; about an address."""

from __future__ import annotations

from ..model import Greeting, Handshake, HttpReply, Outcome, Report, Subject, Want
from .app import last_word
from .base import Reading, absent, present, sign, unknown, unsettled
from .tcp import connection, millis, others, route_to

Spoken = Handshake | HttpReply | Greeting
_NOT_THE_SERVICE = (
    Outcome.TIMEOUT, Outcome.RESET, Outcome.CLOSED, Outcome.NOT_TLS, Outcome.OTHER_PROTOCOL, Outcome.MALFORMED,
    Outcome.TOO_LONG,
)  # fmt: skip


# ---------------------------------------------------------------- large packets


def _again(report: Report, subject: Subject, like: Spoken, role: str) -> list[Spoken]:
    """Conversations made again for the question of size: of the same stage as `like`."""
    seen = [o for o in report.observations if isinstance(o, Handshake | HttpReply | Greeting)]
    return [
        o for o in seen
        if o.address in subject.values and o.role == role and type(o) is type(like)
        and bool(o.mss_clamp) == (role == "variant")
    ]  # fmt: skip


@sign
def small_segments_pass(report: Report, subject: Subject) -> Reading:
    """A conversation stalls, stalls again in segments of the usual size, and gets its answer twice in small ones.

    Both ways are asked at the same time, so that a service that is slow now and then does not look like it.
    TCP_MAXSEG bounds what we send and, by the MSS in our SYN, what the other side sends.
    """
    o = last_word(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome is not Outcome.TIMEOUT:
        return absent("The conversation did not stall.", o)
    route = route_to(report, subject)
    if route is not None and route.type == "local":
        return absent("The target is this machine: no link on the way can be too small.", route)
    small, usual = _again(report, subject, o, "variant"), _again(report, subject, o, "repeat")
    passed = [v for v in small if v.outcome is not Outcome.TIMEOUT and v.received]
    stalled = [v for v in small if v.outcome is Outcome.TIMEOUT]
    if stalled:
        return absent("In small segments the conversation stalls too.", o, *stalled)
    if any(v.outcome is not Outcome.TIMEOUT for v in usual):
        return absent("A repeat in segments of the usual size was answered.", o, *usual)
    if len(passed) >= 2 and usual:
        took = millis(max(v.took for v in passed))
        said = (
            f"In segments of {passed[0].mss_clamp} bytes the answer came within {took}, {len(passed)} times; "
            "in segments of the usual size it stalled again."
        )
        return present(said, o, *usual, *passed)
    want = Want(probe="small-segments", args=subject.values[:1])
    return unsettled(report, want, o, *small, looked=bool(small or usual))


# ---------------------------------------------------------------- ports that nobody uses


@sign
def what_answers_is_not_the_service(report: Report, subject: Subject) -> Reading:
    """Accepted, and then silence, a reset, an end, or words of something else: not the service that was asked for."""
    o = last_word(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.outcome in _NOT_THE_SERVICE:
        return present("The port accepts, and what follows is not the service that was asked for.", o)
    return absent("What answers speaks as the service should.", o)


@sign
def ports_nobody_uses_accept(report: Report, subject: Subject) -> Reading:
    """Every one of several random high ports accepts a connection.

    What else looks like it: a host that really has most of its ports open, as a honeypot has.
    """
    route = route_to(report, subject)
    if route is not None and route.type == "local":
        return absent("The target is this machine.", route)
    seen = others(report, subject, "negative")
    closed = [o for o in seen if o.outcome is not Outcome.OK]
    if closed:
        return absent(f"Port {closed[0].port}, which nobody should use, does not accept.", *closed)
    if len(seen) >= 2:
        listed = ", ".join(str(o.port) for o in seen)
        return present(f"Ports {listed}, picked by chance, all accept connections.", *seen)
    return unsettled(report, Want(probe="negative", args=subject.values[:1]), *seen, looked=bool(seen))


# ---------------------------------------------------------------- ourselves


@sign
def connected_to_itself(report: Report, subject: Subject) -> Reading:
    """Both ends of the connection are the same socket: the system picked the asked port as source port.

    RFC 9293 section 3.5 allows two SYNs to cross; on one machine a SYN can cross itself.
    """
    o = connection(report, subject)
    if o is None:
        return unknown("not-looked")
    if o.self_connected:
        return present(f"The connection's own end is {o.source} port {o.source_port}, which is the other end too.", o)
    return absent("The two ends of the connection differ.", o)
