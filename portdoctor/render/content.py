"""The content of a ticket: a head that can be read alone, then sections. `ticket` and `markdown` lay it out."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import msgspec

from ..engine.stages import stage_of
from ..model import Connect, Diagnosis, Ending, Outcome, Problem, Report
from ..text import at, seconds, sentence
from . import phrases
from .path import drawn, path_to
from .reproduce import Trial, trials
from .table import observed
from .walk import cleaned, map_text


class Section(NamedTuple):
    """A titled part. `rows`: the cells of a table with `columns`; a "picture" is shown unchanged."""

    title: str
    kind: Literal["list", "picture", "table", "trials"]
    rows: tuple[tuple[str, ...], ...] = ()
    columns: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()


class Item(NamedTuple):
    """A sentence of the head. Where space is short the text is shortened, never the names in the tail."""

    text: str
    tail: str = ""

    def whole(self) -> str:
        return f"{self.text} {self.tail}".strip()


class Content(NamedTuple):
    """`head`: (label, items) in reading order."""

    title: str
    head: tuple[tuple[str, tuple[Item, ...]], ...]
    sections: tuple[Section, ...]
    foot: str


def content(report: Report, diagnosis: Diagnosis, *, names: bool = False) -> Content:
    """The ticket of one report. `names`: include the names of this machine and its user."""
    report, diagnosis = cleaned(report, diagnosis)
    if not names:
        report, diagnosis = _anonymous(report, diagnosis)
    first = diagnosis.problems[0] if diagnosis.problems else None
    sections = [
        _next_test(first),
        _steps(first),
        _others(report, diagnosis),
        _evidence(report),
        _addresses(report),
        _path(report),
        Section("Reproduce with standard tools", "trials", trials=trials(report, first)),
        _unseen(report, diagnosis),
    ]
    version = f"portdoctor {report.portdoctor}".strip()
    system = f" on {report.vantage.os}" if report.vantage.os else ""
    return Content(
        title=f"{phrases.target(report)}: {phrases.TITLES[diagnosis.verdict.symptom]}",
        head=tuple((label, tuple(items)) for label, items in _head(report, diagnosis, first, names) if items),
        sections=tuple(s for s in sections if s is not None and (s.rows or s.trials)),
        foot=f"Created by {version}{system}. Times without a unit are seconds since the start of the check.",
    )


def _head(report: Report, diagnosis: Diagnosis, first: Problem | None, names: bool) -> list[tuple[str, list[Item]]]:
    v = report.vantage
    who = f" on {v.host}" + (f" by {v.user}" if v.user else "") if names and v.host else ""
    checked = [phrases.when_and_where(report, date=True) + who, *phrases.also_asked(report)]
    head = [
        ("Symptom", [Item(phrases.happened(report, diagnosis, first), f"({diagnosis.verdict.symptom})")]),
        ("Checked", [Item(sentence(text)) for text in checked]),
    ]
    if report.interrupted:
        head.append(("Note", [Item("The check was interrupted: the results are incomplete.")]))
    if first is None:
        return head
    o = phrases.failing(report, first)
    says = first.explanation or sentence(first.title)
    open_ = phrases.still_open(diagnosis, first)
    head += [
        ("Exact error", [Item(_exact(report, o))] if o else []),
        (phrases.CERTAINTIES[first.certainty], [Item(says, phrases.cause_label(first))]),
        (phrases.open_label(first), [Item(c.title, f"({c.cause})") if c.title else Item(c.cause) for c in open_]),
        ("Ruled out", [Item(f"{r.cause}: {r.because}") for r in first.ruled_out]),
        ("Owner", [Item(sentence(first.owner_text or phrases.OWNERS[first.owner].removeprefix("you, or ")))]),
        ("Ask", [Item(first.ask)] if first.ask else []),
    ]
    return head


def _exact(report: Report, o: Ending) -> str:
    said = phrases.error_text(o)
    refused = isinstance(o, Connect) and o.outcome is Outcome.REFUSED and o.icmp is None
    if refused and report.vantage.can.error_queue:
        said += ", by RST (no ICMP error)"
    elif refused:
        said += "; this system does not show whether by RST or by an ICMP error"
    return f"{said}, after {seconds(o.took)}"


def _next_test(first: Problem | None) -> Section | None:
    if first is None or first.next_test is None:
        return None
    test = first.next_test
    trial = Trial("", test.command, "\n".join(f"{a.answer} → {a.then}" for a in test.if_), test.shell)
    where = phrases.WHERE.get(test.where, test.where)
    return Section(f"Check {where}", "trials", trials=(trial,))


def _steps(first: Problem | None) -> Section | None:
    if first is None:
        return None
    found = tuple(
        Trial(f"{s.text} ({phrases.WHERE[s.scope]}, risk {s.risk})", s.command, shell=s.shell) for s in first.steps
    )
    return Section("Steps", "trials", trials=found)


def _others(report: Report, diagnosis: Diagnosis) -> Section:
    rows = []
    for p in diagnosis.problems[1:]:
        says = p.explanation or sentence(p.title)
        rows.append((f"{phrases.happened(report, diagnosis, p)} {says} {phrases.cause_label(p)}".strip(),))
    return Section("Other problems", "list", tuple(rows))


def _evidence(report: Report) -> Section:
    rows = [(o.id, f"{o.began:.3f}", *observed(o)) for o in sorted(phrases.everything(report), key=lambda o: o.began)]
    return Section("Evidence", "table", tuple(rows), ("id", "at", "probe", "result"))


def _addresses(report: Report) -> Section:
    rows: dict[str, list[str]] = {}
    for o in report.observations:
        address = getattr(o, "address", None)
        stage = stage_of(o)
        if address is None or stage in (None, "dns", "bind"):
            continue
        said = "ok" if o.outcome is Outcome.OK else str(o.outcome).replace("-", " ")
        rows.setdefault(address, []).append(f"{stage} {said} in {seconds(o.took)}")
    listed = tuple((at(a, report.target.port), ", ".join(said)) for a, said in rows.items())
    return Section("Addresses tried", "table", listed, ("address", "result"))


def _path(report: Report) -> Section:
    tried = dict.fromkeys(o.address for o in report.of(Connect) if o.role == "target")
    rows = [(text,) for a in tried if (path := path_to(report, a)) for text in drawn(path, 76)]
    return Section("Path", "picture", tuple(rows))


def _unseen(report: Report, diagnosis: Diagnosis) -> Section:
    seen = {o.id: o for o in phrases.everything(report)}
    left = [f"Not explained: {i}, {': '.join(observed(seen[i]))}" for i in diagnosis.unexplained if i in seen]
    notes = [n.text for n in dict.fromkeys((*report.notes, *diagnosis.notes))]
    skipped = [
        f"Stage {s.name} skipped: {s.skipped_because}" for s in diagnosis.stages if s.status == "skipped"
    ]
    rows = tuple((sentence(text),) for text in dict.fromkeys((*left, *notes, *skipped, *report.vantage.limits)))
    return Section("Limits and notes", "list", rows)


# ---------------------------------------------------------------- names of this machine and its user


# Account names that identify no person and are common words or program names.
_SHARED_ACCOUNTS = (
    "root", "admin", "administrator", "user", "test", "guest", "nobody", "service", "system", "ubuntu", "debian",
    "nginx", "postgres", "www-data",
)  # fmt: skip
# Host names that are common words: replacing them would garble the text and hide nothing.
_COMMON_HOST_NAMES = (
    "client", "server", "host", "localhost", "gateway", "router", "firewall", "proxy", "network", "machine", "device",
    "service", "target", "resolver", "listener", "container", "database", "address", "name", "port",
)  # fmt: skip


def _anonymous(report: Report, diagnosis: Diagnosis) -> tuple[Report, Diagnosis]:
    """Both without the names of this machine and its user. The target keeps its name."""
    v = report.vantage
    swaps: list[tuple[re.Pattern[str], str]] = []
    short = v.host.partition(".")[0]
    if len(v.host) > 1 and v.host.lower() not in (report.target.host.lower(), *_COMMON_HOST_NAMES):
        swaps.append((_word(v.host), "this-host"))
        theirs = report.target.host.lower().split(".")
        if len(short) > 3 and short.lower() not in (*theirs, *_COMMON_HOST_NAMES):
            swaps.append((_word(short), "this-host"))
    if v.user:
        swaps.append((re.compile(rf"(?i)(?<=home[/\\]){re.escape(v.user)}\b"), "this-user"))
        swaps.append((re.compile(rf"(?i)(?<=users[/\\]){re.escape(v.user)}\b"), "this-user"))
    if v.user and v.user.lower() not in _SHARED_ACCOUNTS:
        swaps.append((_word(v.user), "this-user"))
    if not swaps:
        return report, diagnosis

    def change(text: str) -> str:
        for pattern, instead in swaps:
            text = pattern.sub(instead, text)
        return text

    changed = msgspec.structs.replace(map_text(report, change), target=report.target)
    return changed, map_text(diagnosis, change)


def _word(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?i)(?<![\w.-]){re.escape(text)}(?![\w-])")
