"""Weighs the causes against the signs: the problems in order, the verdict, the follow-up probes. Pure."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from ..catalogue.blanks import fill_first
from ..catalogue.cause import Catalogue, Cause
from ..model import Diagnosis, Link, Note, Outcome, Problem, Report, Subject, Symptom, Verdict, Want, Wanted
from . import endpoints, notes, weigh
from .facts import facts_about
from .problem import evidence_of, merged, numbered, problem_of, reworded, rivals_of, rooted
from .stages import answer_notes, stage_lines, stage_of
from .subjects import Finding, addresses, at_address, connects_first, of_bind, of_name, of_resolvers, unusable_here
from .weigh import Reader, Weighed


def diagnose(report: Report, catalogue: Catalogue) -> Diagnosis:
    """Return what a report means. Raises KeyError for a cause that names an unknown sign."""
    case = _Case(report, catalogue)
    problems = numbered(case.problems())
    case.notes.extend(notes.of_lookups(report))
    case.notes.extend(notes.of_listening(report))
    explained = {o for p in problems for o in evidence_of(p)} | {o for n in case.notes for o in n.evidence}
    unexplained = tuple(o.id for o in report.observations if o.outcome is not Outcome.OK and o.id not in explained)
    stages = stage_lines(report)
    return Diagnosis(
        verdict=_verdict(report, problems),
        problems=problems,
        unexplained=unexplained,
        stages=stages,
        notes=(*case.notes, *answer_notes(report)),
        wants=tuple(Wanted(want=want, splits=splits) for want, splits in case.wants.most_common()),
    )


def _verdict(report: Report, problems: tuple[Problem, ...]) -> Verdict:
    if problems:
        p = problems[0]
        return Verdict(
            symptom=p.symptom, cause=p.cause, certainty=p.certainty,
            title=p.title, explanation=p.explanation, owner=p.owner, owner_text=p.owner_text,
        )  # fmt: skip
    missing = _not_reached(report)
    if missing or report.interrupted:
        text = f"Stages that were not completed: {', '.join(missing)}." if missing else "The checkup was interrupted."
        return Verdict(symptom="undetermined", title="The checkup is not complete", explanation=text)
    return Verdict(symptom="ok", certainty="certain", title="It works", explanation=_works(report))


def _not_reached(report: Report) -> list[str]:
    """Return the stages of the target that no observation shows to succeed: unknown is not success."""
    succeeded = {stage_of(o) for o in report.observations if o.outcome is Outcome.OK}
    return [stage for stage in report.target.stages if stage not in succeeded]


def _works(report: Report) -> str:
    stages = ", ".join(report.target.stages)
    return f"{report.target.input}: all stages succeeded ({stages})."


class _Case:
    """One report under diagnosis: its findings, its signs, and the follow-up probes that these request."""

    def __init__(self, report: Report, catalogue: Catalogue) -> None:
        self.report = report
        self.catalogue = catalogue
        self.reader = Reader(report)
        self.wants: Counter[Want] = Counter()
        self.notes: list[Note] = []

    def problems(self) -> list[Problem]:
        """Return the problems in order: what stops the user's connection first, earlier stages before later ones."""
        first = of_bind(self.report) or of_name(self.report)
        if first is not None and first.symptom != "ok":
            return [p for problem in self._explain(first) for p in self._to_the_root(problem)]
        impaired = self._impaired(first) if first is not None else []
        if first is not None:
            for finding in of_resolvers(self.report):
                impaired += [p for problem in self._impaired(finding) for p in self._to_the_root(problem)]
        return self._at_addresses() + impaired

    def _at_addresses(self) -> list[Problem]:
        found = [self._reported(at_address(self.report, a)) for a in addresses(self.report)]
        unusable = unusable_here(found)
        for f in unusable:
            text = f"This machine cannot use {f.subject.values[0]}: it has no route or no address of that IP version."
            self.notes.append(Note(kind="info", text=text, stage=f.stage, evidence=tuple(o.id for o in f.path)))
        found = [f for f in found if f not in unusable]
        self.notes.extend(notes.late_answers(self.reader, found))
        self.notes.extend(notes.accidents(self.report, found))
        self.notes.extend(notes.unaccepted(self.report))
        first = connects_first(found)
        if first is not None:  # what a client meets stands first
            found = [first, *(f for f in found if f != first)]
        failing = [f for f in found if f.symptom != "ok"]
        problems = merged([p for f in failing for p in self._explain(f)])
        problems += merged([p for f in found if f.symptom == "ok" for p in self._impaired(f)])
        problems = [self._reworded(p) for p in problems]
        self.notes.extend(notes.lost_syns(self.report, found, problems))
        if first is None or first.symptom != "ok":
            self.notes.extend(notes.working(found))
            return problems
        stage = found[0].path[0].stage
        assert stage is not None
        whole = Finding(subject=Subject(kind="target"), symptom="ok", stage=stage)
        return [*(self._scopes(problems, whole) if failing else problems), *self._impaired(whole)]

    def _reworded(self, problem: Problem) -> Problem:
        several = problem.cause is not None and len(problem.subject.values) > 1
        return reworded(self.report, self.catalogue[problem.cause or ""], problem) if several else problem

    def _reported(self, finding: Finding) -> Finding:
        """Return the finding as a service error if what the server sent is one that a cause describes.

        Whether an unknown line is an error is knowledge of the cause, which the probe does not have.
        """
        error: Symptom = "service-error"
        causes = [
            c for c in self.catalogue.explaining(error)
            if c.front.about == "address" and finding.stage in c.at and c.front.answers
        ]  # fmt: skip
        found = any(self.reader.weigh(c, finding.subject).state == "established" for c in causes)
        return replace(finding, symptom=error) if found else finding

    def _scopes(self, problems: list[Problem], whole: Finding) -> list[Problem]:
        """Some addresses work: the scope comes first and carries the cause found where it fails."""
        weighed = [
            self.reader.weigh(c, whole.subject)
            for c in self.catalogue.explaining("degraded")
            if c.front.kind == "scope" and c.front.about == "target"
        ]
        established = weigh.leading([w for w in weighed if w.state == "established"])
        if not established:
            return [replace(p, symptom="degraded") for p in problems]
        scope, dead = established[0], problems[0]
        facts = facts_about(self.report, whole.subject)
        says = fill_first(scope.cause.front.says, facts)
        over = replace(
            dead,
            id="scope", symptom="degraded", cause=scope.cause.name,
            chain=(Link(cause=scope.cause.name, subject=whole.subject), *dead.chain),
            because=dead.cause, certainty="certain",
            because_certainty=dead.certainty if dead.cause else None, candidates=(),
            title=scope.cause.title, headline=says, explanation=f"{says} {dead.explanation}", hidden=(dead.id,),
            evidence=tuple(dict.fromkeys((*(e for r in scope.present for e in r.evidence), *dead.evidence))),
        )  # fmt: skip
        return [over, *problems]

    def _impaired(self, finding: Finding) -> list[Problem]:
        """Explain what impairs something that works: causes with a required sign present, and none absent."""
        kind = finding.subject.kind
        causes = [
            c for c in self.catalogue.explaining("degraded")
            if c.front.about == kind and (finding.stage in c.at or kind == "address")
            and (c.front.kind != "scope" or kind != "target")
            and self._shows(c, finding.subject)
        ]  # fmt: skip
        found = replace(finding, symptom="degraded")
        return [p for p in self._weighed_up(found, causes) if p.certainty != "undetermined"]

    def _shows(self, cause: Cause, subject: Subject) -> bool:
        states = {self.reader.read(name, subject, cause.front).state for name in cause.front.requires}
        return "present" in states and "absent" not in states

    def _to_the_root(self, problem: Problem) -> list[Problem]:
        """A scope that the transport to other endpoints explains gives way to the root found at all of them.

        Where the roots differ, or one endpoint has none, the scope stays, and the roots follow it.
        """
        role = self.catalogue[problem.cause].front.through if problem.cause else ""
        if not role:
            return [problem]
        found = [self._root(view) for view in endpoints.views(self.report, role, problem.subject)]
        roots = merged([p for p in found if p is not None])
        if len(roots) != 1 or None in found:
            return [problem, *roots]
        return [rooted(problem, roots[0])]

    def _root(self, view: Report) -> Problem | None:
        """Why an endpoint cannot be reached, when that is established or likely."""
        inside = _Case(view, self.catalogue)
        found = [p for p in inside._at_addresses() if p.certainty != "undetermined"]
        self.wants.update(inside.wants)
        return endpoints.owned(found[0], view) if found else None

    def _explain(self, finding: Finding) -> list[Problem]:
        kind = finding.subject.kind
        causes = [
            c for c in self.catalogue.explaining(finding.symptom)
            if c.front.about == kind and finding.stage in c.at and c.front.kind != "scope"
            and set(c.front.needs) <= set(self.report.target.stages)
        ]  # fmt: skip
        return self._weighed_up(finding, causes)

    def _weighed_up(self, finding: Finding, causes: list[Cause]) -> list[Problem]:
        """The verdict on one subject: usually one problem, several when causes coexist (front matter `with`)."""
        weighed = [self.reader.weigh(c, finding.subject) for c in causes]
        ours = [w for w in weighed if w.cause.front.kind != "remainder"]
        established = weigh.leading([w for w in ours if w.state == "established"])
        open_ = [w for w in ours if w.state == "open" and not _behind(w, established)]
        self._ask_for(finding.subject, established, open_)
        clash = [a for a in established if rivals_of(a, established)]
        if clash:
            return [problem_of(self.reader, finding, None, weighed, [*clash, *open_])]
        if established:
            return [problem_of(self.reader, finding, e, weighed, open_) for e in established]
        supported = [
            w for w in open_
            if self.reader.any_present(w.cause.front.supports, finding.subject) and not rivals_of(w, open_)
        ]  # fmt: skip
        if len(supported) == 1:
            return [problem_of(self.reader, finding, supported[0], weighed, open_)]
        rest = [w for w in weighed if w.cause.front.kind == "remainder" and w.state == "established"]
        return [problem_of(self.reader, finding, rest[0] if rest and not self.wants else None, weighed, open_)]

    def _ask_for(self, subject: Subject, established: list[Weighed], open_: list[Weighed]) -> None:
        """Count the probes that would settle a sign: of open causes, and the proofs of a capped one."""
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


def _behind(w: Weighed, established: list[Weighed]) -> bool:
    return any(weigh.hides(e.cause, w.cause) or weigh.special(e.cause, w.cause) for e in established)


