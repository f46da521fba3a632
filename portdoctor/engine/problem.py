"""Builds a problem: the cause in words, its evidence, the steps, the test that would decide. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from ..catalogue.blanks import blanks_in, fill, fill_command, fill_first, fill_message
from ..catalogue.cause import ORIGIN, OWNER_TEXT, Cause, step_of, suits
from ..model import (
    Bind,
    Candidate,
    Certainty,
    Connect,
    Datagram,
    Greeting,
    Handshake,
    HttpReply,
    Link,
    Lookup,
    NextTest,
    Observation,
    Outcome,
    Owner,
    Problem,
    Report,
    Route,
    RuledOut,
    Shell,
    Step,
    Subject,
    Trace,
)
from ..signs.base import Reading
from . import weigh
from .facts import facts_about
from .subjects import Finding
from .weigh import Reader, Weighed

_OURS: tuple[Owner, ...] = ("user", "this-machine")
_RANK: dict[Certainty, int] = {"undetermined": 0, "likely": 1, "certain": 2}


def aside(reader: Reader, subject: Subject) -> list[Observation]:
    """Return the probes beside the user's own connection to an address: other ports, repeats, traces, binds."""
    return [
        o for o in reader.report.observations
        if isinstance(o, Trace | Bind)
        or (isinstance(o, Connect | Datagram | Handshake | HttpReply | Greeting) and o.role != "target")
        if o.address in subject.values
    ]  # fmt: skip


def problem_of(
    reader: Reader, finding: Finding, chosen: Weighed | None, weighed: list[Weighed], open_: list[Weighed]
) -> Problem:
    """The problem of one subject: `chosen` explains it, or nothing does. `weighed` is all that was weighed up."""
    facts = facts_about(reader.report, finding.subject)
    out = [w for w in weighed if w.decider and not weigh.is_silence(reader.report, w.decider.evidence)]
    out.sort(key=lambda w: _distance(w, finding))
    ruled_out = tuple(_ruled_out(reader, finding, w) for w in out)
    rivals = [w for w in open_ if chosen is None or rivals_of(chosen, [w])]
    readings = _readings(reader, finding.subject, weighed)
    own = [o.id for o in finding.path if o.outcome is not Outcome.OK] or [o.id for o in finding.path]
    own += [o.id for o in aside(reader, finding.subject)]
    certainty = _certainty(reader, finding.subject, chosen, rivals, open_) if chosen else "undetermined"
    problem = Problem(
        id="/".join((*finding.subject.values, chosen.cause.name if chosen else "")),
        symptom=finding.symptom,
        subject=finding.subject,
        stage=finding.stage,
        evidence=tuple(dict.fromkeys((*own, *(e for r in readings for e in r.evidence)))),
        candidates=tuple(_candidate(w) for w in rivals),
        ruled_out=ruled_out,
        next_test=_next_test(
            reader, finding.subject, chosen, certainty == "certain", open_, facts, {r.cause for r in ruled_out}
        ),
    )
    if chosen is None:
        seen = said(weighed)[:2] or [r.because for r in ruled_out[:1]] or ["What was seen has no cause here."]
        return replace(problem, title=undecided(rivals), explanation=" ".join(seen))
    cause = chosen.cause
    actions = cause.actions()
    if resolver := _resolver_shown(reader.report, finding.subject, chosen):
        facts["resolver"] = resolver
    facts = {**facts, "detail": chosen.present[0].says if chosen.present else ""}
    system = reader.report.vantage.os.partition(" ")[0].lower()
    front = cause.front
    proof = reader.any_present(front.proof, finding.subject)
    more = proof or reader.any_present(front.supports, finding.subject)
    # What proves it comes early: where room is short, the last sentences go.
    read = (*chosen.present[:1], *((more,) if more else ()), *chosen.present[1:])
    found = dict.fromkeys(r.says for r in read)
    says = [one for one in found if not any(one in other for other in found if one != other)]
    owner = _owner(reader, finding.subject, cause)
    if certainty == "certain" and proof:
        settled = tuple(replace(_ruled_out(reader, finding, w), because=proof.says or cause.title) for w in rivals)
        problem = replace(problem, candidates=(), ruled_out=(*ruled_out, *settled))
    headline = fill_first(cause.front.says, facts)
    return replace(
        problem,
        cause=cause.name,
        certainty=certainty,
        title=cause.title,
        headline=headline,
        explanation=" ".join((headline, *says[:4])),
        owner=owner,
        owner_text=_owner_text(cause, owner, facts),
        ask="" if owner in _OURS else fill_message(front.ask, facts),
        origin=front.origin or ORIGIN[owner],
        chain=(Link(cause=cause.name, subject=finding.subject),),
        assumptions=front.assumes,
        terms=front.terms,
        signs=tuple(says),
        steps=_steps(
            [step_of(a, system, facts) for a in actions if suits(a, facts)], here=_here(reader, finding.subject)
        ),
    )


def _resolver_shown(report: Report, subject: Subject, chosen: Weighed) -> str:
    """Return the resolver whose answers prove a cause about a name, if it is one: not always the first configured."""
    proof = {e for r in chosen.present for e in r.evidence} if subject.kind == "name" else ()
    shown = {o.resolver for o in report.of(Lookup) if o.id in proof and o.resolver}
    return "".join(shown) if len(shown) == 1 else ""


def reworded(report: Report, cause: Cause, problem: Problem) -> Problem:
    """The problem of several addresses, whose message names all of them. Headline and steps are for the first one."""
    facts = facts_about(report, problem.subject)
    one = facts_about(report, replace(problem.subject, values=problem.subject.values[:1]))
    one = {blank: fact for blank, fact in one.items() if blank != "which"} | {"detail": "".join(problem.signs[:1])}
    headline = fill_first(cause.front.says, one | {"which": facts["which"]} if "which" in facts else one)
    return replace(
        problem,
        headline=headline,
        explanation=problem.explanation.replace(problem.headline, headline, 1),
        owner_text=_owner_text(cause, problem.owner, facts),
        ask=fill_message(cause.front.ask, facts) if problem.ask else "",
    )


def _distance(w: Weighed, finding: Finding) -> tuple[bool, bool, bool]:
    """Sort causes of this stage first, and those of a wrong address after all others."""
    elsewhere = w.cause.phase != finding.stage
    return bool({*w.cause.front.needs} - {finding.stage}), elsewhere, bool(w.cause.front.refines)


def _ruled_out(reader: Reader, finding: Finding, w: Weighed) -> RuledOut:
    """Return the line of the ruled-out list. A sign without evidence of its own rests on the attempt itself."""
    line = w.ruled_out()
    if line.evidence:
        return line
    needed = [o.id for o in reader.report.observations if o.own and o.stage in w.cause.front.needs]
    return replace(line, evidence=tuple(needed or [o.id for o in finding.path]))


def _here(reader: Reader, subject: Subject) -> bool:
    """Whether the server is this machine."""
    routes = [o for o in reader.report.of(Route) if o.address in subject.values]
    return bool(routes) and routes[-1].type == "local"


def _steps(steps: list[Step], *, here: bool) -> tuple[Step, ...]:
    """The steps; when the server is this machine, they are all done here, and no network lies between."""
    if not here:
        return tuple(steps)
    ours = [s for s in steps if s.scope != "network"] or steps
    return tuple(replace(s, scope="this-machine") for s in ours)


def _owner(reader: Reader, subject: Subject, cause: Cause) -> Owner:
    """Who must act: whoever runs this machine, when the server is this machine."""
    theirs = cause.front.owner in ("server-operator", "network")
    return "this-machine" if theirs and _here(reader, subject) else cause.front.owner


def _owner_text(cause: Cause, owner: Owner, facts: dict[str, str]) -> str:
    """Name the owner as the cause does, unless a blank of its text is unknown or the server is this machine."""
    text = cause.front.owner_text
    named = text and owner == cause.front.owner and all(blank in facts for blank in blanks_in(text))
    return fill(text if named else OWNER_TEXT[owner], facts)


def _certainty(
    reader: Reader, subject: Subject, chosen: Weighed, rivals: list[Weighed], open_: list[Weighed]
) -> Certainty:
    front = chosen.cause.front
    if front.kind == "remainder":
        return "undetermined"
    # While an earlier stage may have led to the wrong place, what is seen there may be no more than its consequence.
    consequence = any(w.cause.front.needs and weigh.hides(w.cause, chosen.cause) for w in open_)
    proof = reader.any_present(front.proof, subject)
    proven = chosen.state == "established" and proof is not None and not consequence
    alone = chosen.state == "established" and not rivals
    reached: Certainty = "certain" if proven or alone else "likely"
    cap = "certain" if proven else front.cap
    if reader.report.others and any(n.kind == "state-changed" for n in reader.report.notes):
        cap = min(cap, "likely", key=lambda c: _RANK[c])  # seen at different times
    system = reader.report.vantage.os.partition(" ")[0].lower()
    if system and system not in front.systems:
        cap = min(cap, "likely", key=lambda c: _RANK[c])
    return min(reached, cap, key=lambda c: _RANK[c])


def _next_test(
    reader: Reader, subject: Subject, chosen: Weighed | None, certain: bool, open_: list[Weighed],
    facts: dict[str, str], out: set[str],
) -> NextTest | None:  # fmt: skip
    """The first test of an open sign that a person can run and that decides something.

    No answer points to one of the causes that are `out`. Beside a certain cause only its open special cases are left.
    """
    names = [] if chosen is None else [*chosen.cause.front.proof, *chosen.cause.front.supports]
    names += [n for w in open_ for n in (*w.missing, *w.cause.front.proof)]
    special = {w.cause.name for w in open_ if chosen is not None and weigh.special(w.cause, chosen.cause)}
    own = chosen.cause.name if chosen else None
    for name in names:
        ask = reader.read(name, subject).ask
        if ask is None:
            continue
        answers = [a for a in ask.answers if a.then not in out]
        if certain:
            answers = [a for a in answers if a.then == own or a.then in special]
        if not {a.then for a in answers} - {own}:
            continue
        where = "here" if ask.where == "server" and _here(reader, subject) else ask.where
        system = reader.report.vantage.os.partition(" ")[0].lower() if ask.where == "here" else "linux"
        system = system if system in ask.commands else next(iter(ask.commands))
        shell: Shell = "powershell" if system == "windows" else "sh"
        return NextTest(
            where=where, command=fill_command(ask.commands[system], facts, shell), shell=shell,
            if_=tuple(replace(a, answer=fill(a.answer, facts)) for a in answers),
        )  # fmt: skip
    return None


def _readings(reader: Reader, subject: Subject, weighed: list[Weighed]) -> list[Reading]:
    fronts = [w.cause.front for w in weighed if w.state != "ruled-out"]
    return [reader.read(n, subject, f) for f in fronts for n in (*f.requires, *f.excludes, *f.proof)]


def rooted(scope: Problem, root: Problem) -> Problem:
    """The problem of a scope, explained by its root: the chain leads from the one to the other."""
    ruled_out = {r.cause: r for r in (*root.ruled_out, *scope.ruled_out)}
    return replace(
        root,
        id=scope.id, symptom=scope.symptom, stage=scope.stage, subject=scope.subject,
        certainty=min(scope.certainty, root.certainty, key=lambda c: _RANK[c]),
        explanation=f"{scope.explanation} {root.explanation}",
        chain=(*scope.chain, *root.chain),
        assumptions=tuple(dict.fromkeys((*scope.assumptions, *root.assumptions))),
        evidence=tuple(dict.fromkeys((*scope.evidence, *root.evidence))),
        signs=(*root.signs, *scope.signs), ruled_out=tuple(ruled_out.values()),
    )  # fmt: skip


def evidence_of(problem: Problem) -> set[str]:
    """The observations that a problem speaks of."""
    return {*problem.evidence, *(o for r in problem.ruled_out for o in r.evidence)}


def numbered(problems: list[Problem]) -> tuple[Problem, ...]:
    """The problems with ids p1, p2, … in their order; what one hides is named by these too."""
    found = [replace(p, id=f"p{place}") for place, p in enumerate(problems, 1)]
    ids = {old.id: new.id for old, new in zip(problems, found, strict=True)}
    return tuple(replace(p, hidden=tuple(ids.get(h, h) for h in p.hidden)) for p in found)


def rivals_of(chosen: Weighed, others: list[Weighed]) -> list[Weighed]:
    """Those of the others that cannot be true beside the chosen one."""
    return [w for w in others if weigh.compete(chosen.cause, w.cause)]


def _candidate(w: Weighed) -> Candidate:
    return Candidate(cause=w.cause.name, title=w.cause.title, missing=w.missing)


def said(weighed: list[Weighed]) -> list[str]:
    return list(dict.fromkeys(r.says for w in weighed for r in w.present))


def undecided(open_: list[Weighed]) -> str:
    return "The evidence fits more than one cause" if len(open_) > 1 else "The cause is not decided"


def merged(problems: list[Problem]) -> list[Problem]:
    """Addresses that fail for the same reason are one problem."""
    found: dict[tuple[object, ...], Problem] = {}
    for p in problems:
        key = (p.symptom, p.cause, p.certainty, p.stage, tuple(c.cause for c in p.candidates))
        if key not in found:
            found[key] = p
            continue
        one = found[key]
        subject = replace(one.subject, values=(*one.subject.values, *p.subject.values))
        evidence = tuple(dict.fromkeys((*one.evidence, *p.evidence)))
        found[key] = replace(one, subject=subject, evidence=evidence, ruled_out=_both(one.ruled_out, p.ruled_out))
    return list(found.values())


def _both(one: tuple[RuledOut, ...], other: tuple[RuledOut, ...]) -> tuple[RuledOut, ...]:
    more = {r.cause: r.evidence for r in other}
    return tuple(replace(r, evidence=tuple(dict.fromkeys((*r.evidence, *more.get(r.cause, ()))))) for r in one)
