"""Which subjects of a report fail, where and how. Pure: the symptom is a function of stage, outcome and origin."""

from __future__ import annotations

from ..model import (
    Bind,
    Connect,
    Datagram,
    Ending,
    Greeting,
    Handshake,
    HttpReply,
    Lookup,
    Outcome,
    Report,
    Stage,
    Subject,
    Symptom,
    Value,
)
from ..outcomes import family_of, symptom

_NO_WAY_OUT = (Outcome.NET_UNREACHABLE, Outcome.FAMILY_UNSUPPORTED, Outcome.ADDRESS_UNAVAILABLE)


class Finding(Value, frozen=True, kw_only=True):
    """One subject's state: its symptom, the stage that showed it, and the observations of its own path."""

    subject: Subject
    symptom: Symptom
    stage: Stage
    path: tuple[Ending, ...] = ()


def addresses(report: Report) -> list[str]:
    """The addresses tried, in the order in which a program would try them."""
    tried = [o.address for o in report.of(Connect) if o.role == "target"]
    tried += [o.address for o in report.of(Datagram) if o.role == "target"]
    system = [a for o in report.of(Lookup) if o.via == "system" for a in o.addresses]
    order = {address: place for place, address in reversed(list(enumerate(system)))}
    return sorted(dict.fromkeys(tried), key=lambda a: order.get(a, len(order)))


def path_of(report: Report, address: str) -> dict[Stage, Ending]:
    """The last look of each stage at one address, in stage order."""
    path: dict[Stage, Ending] = {}
    for o in report.observations:
        match o:
            case Connect(address=a, role="target") if a == address:
                path["tcp"] = o
            case Datagram(address=a, role="target") if a == address:
                path["udp"] = o
            case Handshake(address=a, role="target") if a == address:
                path["tls"] = o
            case HttpReply(address=a, role="target") if a == address:
                path["http"] = o
            case Greeting(address=a, role="target") if a == address:
                path["app"] = o
            case _:
                pass
    return path


def at_address(report: Report, address: str) -> Finding:
    """The state of one address: the first stage that failed, or the last that was reached."""
    path = path_of(report, address)
    stage: Stage = "tcp"
    for stage, o in path.items():
        ourselves = isinstance(o, Connect) and o.self_connected
        state = "wrong-protocol" if ourselves else symptom(stage, o.outcome, o.icmp)
        if state != "ok":
            break
    else:
        state = "ok"
    subject = Subject(kind="address", values=(address,))
    return Finding(subject=subject, symptom=state, stage=stage, path=tuple(path.values()))


def of_name(report: Report) -> Finding | None:
    """The state of the name: what programs on this machine get for it."""
    if "dns" not in report.target.stages:
        return None
    looks = [o for o in report.of(Lookup) if o.via == "system"]
    if not looks:
        return None
    state = symptom("dns", looks[-1].outcome)
    subject = Subject(kind="name", values=(report.target.host,))
    return Finding(subject=subject, symptom=state, stage="dns", path=(looks[-1],))


def of_resolvers(report: Report) -> list[Finding]:
    """The configured resolvers that were asked; a failing one degrades a name that resolves all the same."""
    asked = dict.fromkeys(o.resolver for o in report.of(Lookup) if o.via == "wire" and o.resolver)
    return [Finding(subject=Subject(kind="resolver", values=(r,)), symptom="ok", stage="dns") for r in asked]


def of_bind(report: Report) -> Finding | None:
    """The state of the local address that was asked for: as a server binds it, with SO_REUSEADDR."""
    binds = report.of(Bind)
    if "bind" not in report.target.stages or not binds:
        return None
    as_server = [o for o in binds if o.reuse] or binds
    failed = next((o for o in as_server if o.outcome is not Outcome.OK), None)
    worst = failed or as_server[0]
    value = f"[{worst.address}]:{worst.port}" if ":" in worst.address else f"{worst.address}:{worst.port}"
    return Finding(
        subject=Subject(kind="local", values=(value,)),
        symptom=symptom("bind", worst.outcome),
        stage="bind",
        path=tuple(o for o in binds if o.outcome is not Outcome.OK) or (worst,),
    )


def without_a_way(report: Report, found: list[Finding]) -> list[Finding]:
    """Addresses of a family that this machine cannot use at all, while another family works: no fault of the target."""

    def no_way(finding: Finding) -> bool:
        o = finding.path[0] if finding.path else None
        return o is not None and o.outcome in _NO_WAY_OUT and o.icmp is None

    working = {family_of(f.subject.values[0]) for f in found if not no_way(f)}
    return [f for f in found if no_way(f) and family_of(f.subject.values[0]) not in working] if working else []
