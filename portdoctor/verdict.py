"""Signs × causes → what is established, still open, ruled out, and the next test. Pure: no I/O, no clock."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from . import weigh
from .cause import Catalogue, Cause, fill, fill_command, step_of
from .facts import facts_about
from .model import (
    Candidate,
    Certainty,
    Connect,
    Datagram,
    Diagnosis,
    Handshake,
    HttpReply,
    Lookup,
    NextTest,
    Note,
    Observation,
    Outcome,
    Owner,
    Problem,
    Report,
    Route,
    RuledOut,
    Subject,
    Trace,
    Verdict,
    Want,
    Wanted,
)  # fmt: skip
from .signs.base import Reading
from .stages import stage_lines, stage_of
from .subjects import Finding, addresses, at_address, of_bind, of_name, of_resolvers, without_a_way
from .weigh import Reader, Weighed

_RANK: dict[Certainty, int] = {"undetermined": 0, "likely": 1, "certain": 2}


def diagnose(report: Report, catalogue: Catalogue) -> Diagnosis:
    """What a report means. Raises KeyError for a cause that names a sign that does not exist."""
    case = _Case(report, catalogue)
    problems = _numbered(case.problems())
    case.note_wire_answers()
    told = {o for p in problems for o in _evidence(p)} | {o for n in case.notes for o in n.evidence}
    unexplained = tuple(o.id for o in report.observations if o.outcome is not Outcome.OK and o.id not in told)
    stages = stage_lines(report)
    return Diagnosis(
        verdict=_verdict(report, problems),
        problems=problems,
        unexplained=unexplained,
        stages=stages,
        notes=tuple(case.notes),
        wants=tuple(Wanted(want=want, splits=splits) for want, splits in case.wants.most_common()),
    )


def _evidence(problem: Problem) -> set[str]:
    return {*problem.evidence, *(o for r in problem.ruled_out for o in r.evidence)}


def _verdict(report: Report, problems: tuple[Problem, ...]) -> Verdict:
    if problems:
        p = problems[0]
        return Verdict(
            symptom=p.symptom, cause=p.cause, certainty=p.certainty,
            title=p.title, explanation=p.explanation, owner=p.owner,
        )  # fmt: skip
    missing = _not_reached(report)
    if missing or report.interrupted:
        said = f"Not looked at to the end: {', '.join(missing)}." if missing else "The look was interrupted."
        return Verdict(symptom="undetermined", title="Not everything was looked at", explanation=said)
    return Verdict(symptom="ok", certainty="certain", title="It works", explanation=_works(report))


def _not_reached(report: Report) -> list[str]:
    """The stages of the target that no observation shows to be well: unknown is not well."""
    well = {stage_of(o) for o in report.observations if o.outcome is Outcome.OK}
    return [stage for stage in report.target.stages if stage not in well]


def _works(report: Report) -> str:
    t = report.target
    if "bind" in t.stages:
        return f"A program can listen on port {t.port} here."
    if t.transport == "udp":
        return f"{t.host} answers on UDP port {t.port}."
    return f"{t.host} accepts connections on port {t.port}, and every stage that was looked at is well."


def _numbered(problems: list[Problem]) -> tuple[Problem, ...]:
    numbered = [replace(p, id=f"p{place}") for place, p in enumerate(problems, 1)]
    ids = {old.id: new.id for old, new in zip(problems, numbered, strict=True)}
    return tuple(replace(p, hidden=tuple(ids.get(h, h) for h in p.hidden)) for p in numbered)


class _Case:
    """One report being diagnosed: its findings, what the signs say, and the looks they ask for."""

    def __init__(self, report: Report, catalogue: Catalogue) -> None:
        self.report = report
        self.catalogue = catalogue
        self.reader = Reader(report)
        self.wants: Counter[Want] = Counter()
        self.notes: list[Note] = []

    def note_wire_answers(self) -> None:
        """A name that resolves may well have no record of one family, or stand in the hosts file only."""
        name = of_name(self.report)
        empty = (Outcome.NO_DATA, Outcome.NAME_NOT_FOUND)
        seen = [o for o in self.report.of(Lookup) if o.via == "wire" and o.outcome in empty]
        if name is not None and name.symptom == "ok" and seen:
            text = "Some records that DNS was asked for do not exist; the name resolves without them."
            note = Note(kind="not-evaluated", text=text, stage="dns", evidence=tuple(o.id for o in seen))
            self.notes.append(note)

    def _aside(self, subject: Subject) -> list[Observation]:
        """Looks beside the user's own connection to an address: other ports, repeats, traces."""
        return [
            o for o in self.report.observations
            if isinstance(o, Trace)
            or (isinstance(o, Connect | Datagram | Handshake | HttpReply) and o.role != "target")
            if o.address in subject.values
        ]  # fmt: skip

    def note_late_answers(self, found: list[Finding]) -> None:
        """A connection that was silent for a while and then works: what was looked at beside it needs no cause."""
        for f in found:
            beside = [o for o in self._aside(f.subject) if o.outcome is not Outcome.OK]
            tcp = next((o for o in f.path if isinstance(o, Connect)), None)
            if f.symptom == "ok" and beside and tcp is not None:
                text = f"{tcp.address} answered only after {tcp.took:.1f} s; other ports were tried meanwhile."
                self.notes.append(Note(kind="info", text=text, stage="tcp", evidence=tuple(o.id for o in beside)))

    def problems(self) -> list[Problem]:
        """The problems in order: what stops the user's own connection first, earlier stages before later ones."""
        first = of_bind(self.report) or of_name(self.report)
        if first is not None and first.symptom != "ok":
            return self._explain(first)
        impaired = self._impaired(first) if first is not None else []
        if first is not None:
            for finding in of_resolvers(self.report):
                impaired += self._impaired(finding)
        return self._at_addresses() + impaired

    def _at_addresses(self) -> list[Problem]:
        found = [at_address(self.report, a) for a in addresses(self.report)]
        no_way = without_a_way(self.report, found)
        for f in no_way:
            text = f"This machine has no way to {f.subject.values[0]}; the other addresses were tried."
            self.notes.append(Note(kind="info", text=text, stage="tcp", evidence=tuple(o.id for o in f.path)))
        found = [f for f in found if f not in no_way]
        self.note_late_answers(found)
        failing = [f for f in found if f.symptom != "ok"]
        problems = _merged([p for f in failing for p in self._explain(f)])
        for f in found:
            if f.symptom == "ok":
                problems += self._impaired(f)
        if failing and len(failing) == len(found):
            return problems
        whole = self._impaired(Finding(subject=Subject(kind="target"), symptom="ok", stage="tcp"))
        return [*(self._scopes(problems) if failing else problems), *whole]

    def _scopes(self, problems: list[Problem]) -> list[Problem]:
        """Some addresses work: the scope comes first and carries the cause found where it fails."""
        finding = Finding(subject=Subject(kind="target"), symptom="degraded", stage="tcp")
        weighed = [
            self.reader.weigh(c, finding.subject)
            for c in self.catalogue.explaining("degraded")
            if c.front.kind == "scope" and c.front.about == "target"
        ]
        established = weigh.leading([w for w in weighed if w.state == "established"])
        if not established or not problems:
            return [replace(p, symptom="degraded") for p in problems]
        scope, dead = established[0], problems[0]
        facts = facts_about(self.report, finding.subject)
        says = fill(scope.cause.front.says, facts)
        over = replace(
            dead,
            id="scope", symptom="degraded", cause=scope.cause.name, because=dead.cause, certainty="certain",
            title=scope.cause.title, explanation=f"{says} {dead.explanation}", hidden=(dead.id,),
            evidence=tuple(dict.fromkeys((*(e for r in scope.present for e in r.evidence), *dead.evidence))),
        )  # fmt: skip
        return [over, *problems]

    def _impaired(self, finding: Finding) -> list[Problem]:
        """Works, but: named impairments whose first sign is there. Nothing else is asked of what works."""
        kind = finding.subject.kind
        causes = [
            c for c in self.catalogue.explaining("degraded")
            if c.front.about == kind and (finding.stage in c.at or kind == "address")
            and (c.front.kind != "scope" or kind != "target")
            and c.front.requires and self.reader.read(c.front.requires[0], finding.subject).state == "present"
        ]  # fmt: skip
        if not causes:
            return []
        found = replace(finding, symptom="degraded")
        return [p for p in self._weighed_up(found, causes) if p.cause is not None and p.certainty != "undetermined"]

    def _explain(self, finding: Finding) -> list[Problem]:
        kind = finding.subject.kind
        causes = [
            c for c in self.catalogue.explaining(finding.symptom)
            if c.front.about == kind and finding.stage in c.at and c.front.kind != "scope"
        ]  # fmt: skip
        return self._weighed_up(finding, causes)

    def _weighed_up(self, finding: Finding, causes: list[Cause]) -> list[Problem]:
        """The verdict on one subject: usually one problem, several when causes coexist (front matter `with`)."""
        weighed = [self.reader.weigh(c, finding.subject) for c in causes]
        ours = [w for w in weighed if w.cause.front.kind != "remainder"]
        established = weigh.leading([w for w in ours if w.state == "established"])
        open_ = [w for w in ours if w.state == "open" and not _behind(w, established)]
        self._ask_for(finding.subject, established, open_)
        clash = [a for a in established if _rivals(a, established)]
        if clash:
            return [self._problem(finding, None, weighed, [*clash, *open_])]
        if established:
            return [self._problem(finding, e, weighed, open_) for e in established]
        supported = [
            w for w in open_
            if self.reader.any_present(w.cause.front.supports, finding.subject) and not _rivals(w, open_)
        ]  # fmt: skip
        if len(supported) == 1:
            return [self._problem(finding, supported[0], weighed, open_)]
        rest = [w for w in weighed if w.cause.front.kind == "remainder" and w.state == "established"]
        return [self._problem(finding, rest[0] if rest and not self.wants else None, weighed, open_)]

    def _problem(
        self, finding: Finding, chosen: Weighed | None, weighed: list[Weighed], open_: list[Weighed]
    ) -> Problem:
        facts = facts_about(self.report, finding.subject)
        out = [w for w in weighed if w.state == "ruled-out" and w.decider and w.decider.says]
        out.sort(key=lambda w: (w.cause.phase != finding.stage, bool(w.cause.front.refines)))  # the nearest first
        ruled_out = tuple(w.ruled_out() for w in out)
        rivals = [w for w in open_ if chosen is None or _rivals(chosen, [w])]
        readings = self._readings(finding.subject, weighed)
        own = [o.id for o in finding.path if o.outcome is not Outcome.OK] or [o.id for o in finding.path]
        own += [o.id for o in self._aside(finding.subject)]
        problem = Problem(
            id="/".join((*finding.subject.values, chosen.cause.name if chosen else "")),
            symptom=finding.symptom,
            subject=finding.subject,
            stage=finding.stage,
            evidence=tuple(dict.fromkeys((*own, *(e for r in readings for e in r.evidence)))),
            candidates=tuple(_candidate(w) for w in rivals if chosen is None or w.cause != chosen.cause),
            ruled_out=ruled_out,
            next_test=self._next_test(finding.subject, chosen, open_, facts),
        )
        if chosen is None:
            return replace(problem, title=_undecided(rivals), explanation=" ".join(_said(weighed)[:2]))
        cause = chosen.cause
        actions = cause.actions()
        facts = {**facts, "detail": facts.get("detail") or (chosen.present[0].says if chosen.present else "")}
        system = self.report.vantage.os.partition(" ")[0].lower() or "linux"
        proof = self.reader.any_present(cause.front.proof, finding.subject)
        says = [r.says for r in (*chosen.present, *((proof,) if proof else ())) if r.says]
        return replace(
            problem,
            cause=cause.name,
            certainty=self._certainty(finding.subject, chosen, rivals, open_),
            title=cause.title,
            explanation=" ".join((fill(cause.front.says, facts), *says[:3])),
            owner=self._owner(finding.subject, cause),
            signs=tuple(says),
            steps=tuple(step_of(a, system, facts) for a in actions),
        )

    def _owner(self, subject: Subject, cause: Cause) -> Owner:
        """Who must act; the server's operator is whoever runs this machine, when the server is this machine."""
        routes = [o for o in self.report.of(Route) if o.address in subject.values]
        here = bool(routes) and routes[-1].type == "local"
        return "this-machine" if here and cause.front.owner == "server-operator" else cause.front.owner

    def _certainty(
        self, subject: Subject, chosen: Weighed, rivals: list[Weighed], open_: list[Weighed]
    ) -> Certainty:
        front = chosen.cause.front
        if front.kind == "remainder":
            return "undetermined"
        # While the address itself may be wrong, what is seen there may be no more than a consequence of that.
        consequence = any(w.cause.phase == "dns" and weigh.hides(w.cause, chosen.cause) for w in open_)
        proof = self.reader.any_present(front.proof, subject)
        proven = chosen.state == "established" and proof is not None and not consequence
        alone = chosen.state == "established" and not rivals
        reached: Certainty = "certain" if proven or alone else "likely"
        cap = "certain" if proven else front.cap
        if self.report.others and any(n.kind == "state-changed" for n in self.report.notes):
            cap = min(cap, "likely", key=lambda c: _RANK[c])  # seen at different times
        system = self.report.vantage.os.partition(" ")[0].lower()
        if system and system not in front.systems:
            cap = min(cap, "likely", key=lambda c: _RANK[c])
        return min(reached, cap, key=lambda c: _RANK[c])

    def _ask_for(self, subject: Subject, established: list[Weighed], open_: list[Weighed]) -> None:
        """Count the looks that would settle something: open causes' unknown signs, and proofs of a capped one."""
        for w in open_:
            front = w.cause.front
            self._count(subject, [*w.missing, *front.supports])
        for w in established:
            front = w.cause.front
            if front.cap != "certain":
                self._count(subject, front.proof)

    def _count(self, subject: Subject, names: list[str] | tuple[str, ...]) -> None:
        wants = {r.want for n in names if (r := self.reader.read(n, subject)).state == "unknown" and r.want}
        self.wants.update(wants)

    def _next_test(
        self, subject: Subject, chosen: Weighed | None, open_: list[Weighed], facts: dict[str, str]
    ) -> NextTest | None:
        names = [] if chosen is None else [*chosen.cause.front.proof, *chosen.cause.front.supports]
        names += [n for w in open_ for n in (*w.missing, *w.cause.front.proof)]
        for name in names:
            ask = self.reader.read(name, subject).ask
            if ask is not None:
                system = self.report.vantage.os.partition(" ")[0].lower() if ask.where == "here" else "linux"
                command = ask.commands.get(system) or next(iter(ask.commands.values()))
                return NextTest(
                    where=ask.where, command=fill_command(command, facts),
                    if_=tuple(replace(a, answer=fill(a.answer, facts)) for a in ask.answers),
                )  # fmt: skip
        return None

    def _readings(self, subject: Subject, weighed: list[Weighed]) -> list[Reading]:
        fronts = [w.cause.front for w in weighed if w.state != "ruled-out"]
        names = dict.fromkeys(n for f in fronts for n in (*f.requires, *f.excludes, *f.proof))
        return [self.reader.read(n, subject) for n in names]


def _behind(w: Weighed, established: list[Weighed]) -> bool:
    return any(weigh.hides(e.cause, w.cause) or weigh.special(e.cause, w.cause) for e in established)


def _rivals(chosen: Weighed, others: list[Weighed]) -> list[Weighed]:
    return [w for w in others if weigh.compete(chosen.cause, w.cause)]


def _candidate(w: Weighed) -> Candidate:
    return Candidate(cause=w.cause.name, title=w.cause.title, missing=w.missing)


def _said(weighed: list[Weighed]) -> list[str]:
    return list(dict.fromkeys(r.says for w in weighed for r in w.present if r.says))


def _undecided(open_: list[Weighed]) -> str:
    return "The evidence fits more than one cause" if len(open_) > 1 else "The cause is not decided"


def _merged(problems: list[Problem]) -> list[Problem]:
    """Addresses that fail for the same reason are one problem."""
    merged: dict[tuple[object, ...], Problem] = {}
    for p in problems:
        key = (p.symptom, p.cause, p.certainty, p.stage, tuple(c.cause for c in p.candidates))
        if key not in merged:
            merged[key] = p
            continue
        one = merged[key]
        subject = replace(one.subject, values=(*one.subject.values, *p.subject.values))
        evidence = tuple(dict.fromkeys((*one.evidence, *p.evidence)))
        merged[key] = replace(one, subject=subject, evidence=evidence, ruled_out=_both(one.ruled_out, p.ruled_out))
    return list(merged.values())


def _both(one: tuple[RuledOut, ...], other: tuple[RuledOut, ...]) -> tuple[RuledOut, ...]:
    more = {r.cause: r.evidence for r in other}
    return tuple(replace(r, evidence=tuple(dict.fromkeys((*r.evidence, *more.get(r.cause, ()))))) for r in one)
