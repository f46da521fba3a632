"""Sentences shared by all formats for people. They state facts; explanations come from the cause files."""

from __future__ import annotations

from typing import assert_never

from ..engine.stages import IN_WORDS
from ..model import (
    Bind,
    Candidate,
    Certainty,
    Connect,
    Datagram,
    Diagnosis,
    Ending,
    Greeting,
    Handshake,
    HttpReply,
    Lookup,
    NextTest,
    Observation,
    Outcome,
    Owner,
    Problem,
    Report,
    Step,
    Symptom,
    Target,
    Vantage,
)
from ..text import at, plural, seconds, words

TITLES: dict[Symptom, str] = {
    "ok": "Works",
    "degraded": "Degraded",
    "name-not-resolved": "Name not resolved",
    "connection-refused": "Connection refused",
    "timeout": "No response",
    "unreachable": "Unreachable",
    "connection-reset": "Connection reset",
    "tls-failed": "TLS failed",
    "wrong-protocol": "Wrong protocol",
    "service-error": "Service error",
    "port-conflict": "Port already in use",
    "permission-denied": "Permission denied",
    "address-unavailable": "Address unavailable",
    "resource-exhausted": "Out of resources",
    "undetermined": "Undetermined",
}
OWNERS: dict[Owner, str] = {
    "user": "you",
    "this-machine": "you, or the administrator of this machine",
    "network": "the operator of the network path to the target",
    "server-operator": "the operator of the server",
    "service-operator": "the operator of the service",
    "dns-operator": "the operator of the DNS zone",
    "resolver-operator": "the operator of the resolver",
    "proxy-operator": "the operator of the proxy",
    "certificate-owner": "the person who renews the server's certificate",
    "unknown": "unknown",
}
CERTAINTIES: dict[Certainty, str] = {"certain": "Cause", "likely": "Most likely", "undetermined": "Undetermined"}
WHERE = {
    "server": "on the server",
    "here": "on this machine",
    "this-machine": "on this machine",
    "elsewhere": "on another machine",
    "network": "on the network device",
}


def everything(report: Report) -> tuple[Observation, ...]:
    """All observations of a report, including those of merged vantage points, whose ids have a prefix such as "b."."""
    return (*report.observations, *(o for other in report.others for o in other.observations))


def also_asked(report: Report) -> list[str]:
    """The other vantage points of a merged report: "b: 09:15:10 UTC from 198.51.100.7"."""
    found = []
    for other in report.others:
        letter = other.observations[0].id.partition(".")[0] if other.observations else "-"
        found.append(f"{letter}: {when_and_where(other, date=True) or 'at an unknown time and place'}")
    return found


def target(report: Report) -> str:
    """The target of a report: "host:port", after its alias if it has one: "shop (host:port)"."""
    t = report.target
    return f"{t.alias} ({written(t)})" if t.alias else written(t)


def written(t: Target) -> str:
    """A target as it is written on the command line: host:port, with udp:// for UDP."""
    return ("udp://" if t.transport == "udp" else "") + at(t.host, t.port)


def place(report: Report, problem: Problem) -> str:
    """The subject of the problem: an address with the port, a name, a resolver. Several addresses are counted."""
    values = problem.subject.values
    match problem.subject.kind:
        case "address":
            if len(values) > 1:
                return f"{target(report)} ({len(values)} addresses)"
            scheme = "udp://" if report.target.transport == "udp" else ""
            return words(scheme + at(v, report.target.port) for v in values)
        case "local" | "name" | "resolver":
            return words(values)
        case "target":
            return target(report)
    assert_never(problem.subject.kind)


def failing(report: Report, problem: Problem) -> Ending | None:
    """The observation that shows the symptom: the first one of its evidence that failed."""
    seen = {o.id: o for o in everything(report)}
    return next((seen[i] for i in problem.evidence if i in seen and seen[i].outcome is not Outcome.OK), None)


def error_text(o: Ending) -> str:
    """The exact error: the system's message, errno with its number, ICMP type, code and sender."""
    parts = [o.os_says or IN_WORDS.get(o.outcome) or str(o.outcome).replace("-", " ")]
    if o.errno is not None:
        parts.append(f"{o.errno.name}, errno {o.errno.number}")
    if o.icmp is not None:
        name = "ICMPv6" if ":" in o.icmp.offender else "ICMP"
        parts.append(f"{name} type {o.icmp.type} code {o.icmp.code} from {o.icmp.offender}")
    match o:
        case Lookup(rcode=str() as rcode):
            parts.append(f"rcode {rcode}")
        case Handshake():
            message = (o.verify_message or "").removesuffix(".")
            told = [p for p in (message, o.reason, o.alert and f"alert {o.alert}") if p]
            bare = told and not o.os_says and (message or o.outcome not in IN_WORDS)
            parts = [*told, *parts[1:]] if bare else [*parts, *told]
        case HttpReply(status=int() as status):
            parts = [f"HTTP {status} {o.phrase}".strip()]
        case _:
            pass
    first, *rest = dict.fromkeys(parts)
    return f"{first} ({'; '.join(rest)})" if rest else first


def happened(report: Report, diagnosis: Diagnosis, problem: Problem | None = None) -> str:
    """The symptom in one sentence: that of the given problem, or else of the verdict."""
    problem = problem or (diagnosis.problems[0] if diagnosis.problems else None)
    if problem is None:
        return _without_problem(report, diagnosis)
    it, o = place(report, problem), failing(report, problem)
    symptom: Symptom = problem.symptom
    match symptom:
        case "ok":
            return f"{it} {works(report, diagnosis)}."
        case "degraded":
            return f"{target(report)} works but is degraded: {lowered(problem.title)}."
        case "name-not-resolved":
            return f"The name {report.target.host} did not resolve to an address."
        case "connection-refused":
            return f"{it} refuses the {'datagram' if isinstance(o, Datagram) else 'connection'}."
        case "timeout":
            return _silence(it, o)
        case "unreachable":
            return f"{it} cannot be reached: {error_text(o)}." if o else f"{it} cannot be reached."
        case "connection-reset":
            closed = o is not None and o.outcome is Outcome.CLOSED
            return f"{it} accepted the connection and then {'closed' if closed else 'reset'} it."
        case "tls-failed":
            return f"{it} accepted the connection, but TLS failed" + (f": {error_text(o)}." if o else ".")
        case "wrong-protocol":
            from ..services.fingerprints import spoken

            expected = report.target.service or report.target.scheme
            return f"{it} responded, but not with {spoken(expected) if expected else 'the expected protocol'}."
        case "service-error":
            return f"The service at {it} returned an error" + (f": {error_text(o)}." if o else ".")
        case "port-conflict":
            return f"{it} is already in use on this machine."
        case "permission-denied":
            what = "listen on" if isinstance(o, Bind) else "send to" if isinstance(o, Datagram) else "connect to"
            return f"This machine denied permission to {what} {it}" + (f": {error_text(o)}." if o else ".")
        case "address-unavailable":
            return f"This machine cannot use the address for {it}" + (f": {error_text(o)}." if o else ".")
        case "resource-exhausted":
            return "This machine has run out of a resource" + (f": {error_text(o)}." if o else ".")
        case "undetermined":
            return f"{it} did not respond, which does not show whether the port is open."
    assert_never(symptom)


def _without_problem(report: Report, diagnosis: Diagnosis) -> str:
    verdict = diagnosis.verdict
    if verdict.symptom == "ok" and report.target.stages == ("bind",):
        return f"A program can {_doing(report)} {target(report)}."
    if verdict.symptom == "ok":
        return f"{target(report)} {works(report, diagnosis)}."
    return verdict.explanation or f"{target(report)}: {lowered(verdict.title or TITLES[verdict.symptom])}."


def _silence(it: str, o: Ending | None) -> str:
    match o:
        case Connect():
            tries = f" to {plural(o.syns, 'SYN')}" if o.syns else ""
            return f"{it} did not respond{tries} in {seconds(o.took)}."
        case Handshake():
            return f"{it} accepted the connection, but the TLS handshake did not complete in {seconds(o.took)}."
        case Greeting():
            return f"{it} accepted the connection, but sent no data in {seconds(o.took)}."
        case HttpReply():
            return f"{it} accepted the connection, but sent no complete HTTP response in {seconds(o.took)}."
        case Datagram():
            return f"{it} did not respond to {plural(o.sent, 'datagram')} in {seconds(o.took)}."
        case _:
            return f"{it} did not respond."


def lowered(text: str) -> str:
    """The text for the middle of a sentence: its first letter small, except in acronyms (TLS, DNS)."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def cause_label(problem: Problem) -> str:
    """The cause and its certainty in brackets: "(tcp.no-listener, likely)"; with the chain, or the cause of a scope."""
    if problem.cause is None:
        return ""
    root = f"{problem.because}, {problem.because_certainty or problem.certainty}"
    behind = f"; because of {root}" if problem.because else ""
    links = [link.cause for link in problem.chain] if not problem.because else []
    return f"({' → '.join(links) or problem.cause}, {problem.certainty}{behind})"


def headline(report: Report, problem: Problem) -> str:
    """What is wrong, without a full stop: the sentence of the cause, or the symptom where no cause is found."""
    says = (problem.headline or problem.title).rstrip(".")
    if problem.cause is None or not says:
        return _symptom(report, problem)
    behind = len(problem.chain) > 1 and not problem.because
    says = says if says.startswith(report.target.host) else lowered(says)
    if problem.symptom == "degraded":
        return f"works, but {says}"
    return f"{lowered(TITLES[problem.symptom])}: {says}" if behind else says


def _symptom(report: Report, problem: Problem) -> str:
    """The symptom as a phrase, with the exact error where the system reported one."""
    o = failing(report, problem)
    said = TITLES[problem.symptom]
    detail = o.errno.name if o is not None and o.errno is not None else ""
    return f"{lowered(said)} ({detail})" if detail else lowered(said)


def works(report: Report, diagnosis: Diagnosis) -> str:
    """The headline where there is no problem."""
    verdict = diagnosis.verdict
    if verdict.symptom == "ok":
        if report.target.stages == ("bind",):
            return f"free: a program can {_doing(report)} it"
        return "works" if _service_seen(report) else "accepts connections"
    return lowered(verdict.title or TITLES[verdict.symptom])


def _service_seen(report: Report) -> bool:
    """Whether a service responded in a protocol that was recognised: an open TCP connection does not show one."""
    for o in reversed(report.observations):
        if isinstance(o, Connect | Greeting | Handshake | HttpReply | Datagram) and o.own and o.outcome is Outcome.OK:
            return not isinstance(o, Connect) and (not isinstance(o, Greeting) or o.protocol is not None)
    return True


def _doing(report: Report) -> str:
    """What the bind of a free port shows that a program can do."""
    return "listen on" if any(o.listened for o in report.of(Bind)) else "bind"


def asked(report: Report, problem: Problem) -> str:
    """The message to the owner, with the time of the check."""
    day, _, clock = report.vantage.started.partition("T")
    return f"{problem.ask} ({day} {clock[:5]} UTC)" if clock else problem.ask


def own_steps(problem: Problem) -> list[Step]:
    """The steps that the user can take: those on this machine; all of them where the owner is the user."""
    own = problem.owner in ("user", "this-machine")
    return [s for s in problem.steps if own or s.scope == "this-machine"]


def named(problem: Problem) -> str:
    """The cause by name, with the chain that leads to it, or the cause of a scope."""
    links = [link.cause for link in problem.chain] if not problem.because else [problem.cause or "", problem.because]
    return " → ".join(links) or problem.cause or ""


def open_label(problem: Problem) -> str:
    """The label of the candidates, by what they are to the problem: special cases, rivals, or all that is known."""
    if is_certain(problem):
        return "Possibly"
    return "Candidates" if problem.certainty == "undetermined" else "Also possible"


def still_open(diagnosis: Diagnosis, problem: Problem) -> tuple[Candidate, ...]:
    """The candidates of a problem; for a scope, those of the problem behind it."""
    hidden = [p for p in diagnosis.problems if p.id in problem.hidden]
    return problem.candidates or tuple(c for p in hidden for c in p.candidates)


def is_certain(problem: Problem) -> bool:
    """Whether the cause is certain; its candidates can then only be special cases of it."""
    return (problem.because_certainty or problem.certainty) == "certain"


def place_of(test: NextTest) -> str:
    """Where the next test runs: "on the server"."""
    return WHERE.get(test.where, f"on {test.where[:40]}")


def when_and_where(report: Report, *, date: bool = False) -> str:
    """The time and the vantage point of the checkup: "09:14:03 UTC from 192.0.2.7, resolver 192.0.2.53"."""
    queried = dict.fromkeys(o.resolver for o in report.of(Lookup) if o.via == "wire" and o.resolver)
    return asked_by(report.target, report.vantage, tuple(queried), date=date)


def asked_by(target: Target, vantage: Vantage, queried: tuple[str, ...] = (), *, date: bool = False) -> str:
    """As `when_and_where`, before any observation exists. `queried`: the resolvers that were queried."""
    day, _, clock = vantage.started.partition("T")
    when = clock.removesuffix("Z").partition(".")[0]
    if when:
        when = f"{day} {when} UTC" if date else f"{when} UTC"
    source = f"from {vantage.source_address}" if vantage.source_address else ""
    used = queried or vantage.resolvers
    resolver = ""
    if "dns" in target.stages and used:
        resolver = f"resolver{'s' if len(used) > 1 else ''} {', '.join(used[:2])}{', …' if len(used) > 2 else ''}"
    return ", ".join(p for p in (" ".join(p for p in (when, source) if p), resolver) if p)
