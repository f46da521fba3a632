"""Writes and reads a report as JSON, one object a line, and its published schema. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from ..model import (
    MOST_OBSERVATIONS,
    MOST_OTHERS,
    SCHEMA,
    Candidate,
    Diagnosis,
    Id,
    NextTest,
    Note,
    Observation,
    Options,
    Other,
    Outcome,
    Problem,
    Report,
    RuledOut,
    Seconds,
    StageLine,
    Step,
    Target,
    Value,
    Vantage,
    Verdict,
)
from ..text import clean
from .walk import cleaned

MOST_TEXT = 4096  # characters of one string: a greeting is a sample, not a transcript


class Document(Value, frozen=True, kw_only=True):
    """What `--json` writes: the record and its diagnosis in one object.

    `verdict`, `candidates`, `ruled_out`, `next_test` and `steps` repeat the first problem. Times are seconds.
    """

    schema: Literal["portdoctor.report/1"]
    portdoctor: str
    target: Target
    vantage: Vantage
    options: Options
    verdict: Verdict
    problems: tuple[Problem, ...]
    candidates: tuple[Candidate, ...]
    ruled_out: tuple[RuledOut, ...]
    next_test: NextTest | None
    steps: tuple[Step, ...]
    unexplained: tuple[str, ...]
    stages: tuple[StageLine, ...]
    observations: tuple[Observation, ...]
    notes: tuple[Note, ...]
    interrupted: bool
    others: tuple[Report, ...] = ()


def document(report: Report, diagnosis: Diagnosis) -> Document:
    """The object that `--json` writes, before its text is cleaned."""
    first = diagnosis.problems[0] if diagnosis.problems else None
    return Document(
        schema="portdoctor.report/1",
        portdoctor=report.portdoctor,
        target=report.target,
        vantage=report.vantage,
        options=report.options,
        verdict=diagnosis.verdict,
        problems=diagnosis.problems,
        candidates=first.candidates if first else (),
        ruled_out=first.ruled_out if first else (),
        next_test=first.next_test if first else None,
        steps=first.steps if first else (),
        unexplained=diagnosis.unexplained,
        stages=diagnosis.stages,
        observations=report.observations,
        notes=(*report.notes, *(n for n in diagnosis.notes if n not in report.notes)),
        interrupted=report.interrupted,
        others=report.others,
    )


def render(report: Report, diagnosis: Diagnosis) -> str:
    """One line of JSON, without its line feed. Every string in it is clean."""
    plain = msgspec.to_builtins(document(*cleaned(report, diagnosis, MOST_TEXT)))
    for each in (plain, *plain["others"]):
        each["observations"] = [{"id": o["id"], **o} for o in each["observations"]]
    return msgspec.json.encode(plain).decode()


def schema() -> dict[str, Any]:
    """The JSON Schema of a report (draft 2020-12). Readers ignore fields that they do not know."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"PortDoctor report ({SCHEMA})",
        **msgspec.json.schema(Document),
    }


# ---------------------------------------------------------------- reading


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    target: Target
    observations: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=MOST_OBSERVATIONS)]
    portdoctor: str = ""
    vantage: Vantage = Vantage()
    options: Options = Options()
    notes: Annotated[tuple[Note, ...], Meta(max_length=MOST_OBSERVATIONS)] = ()
    interrupted: bool = False
    others: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=MOST_OTHERS)] = ()


class _AnyKind(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    id: Id = ""
    outcome: str = ""
    began: Seconds = 0.0
    took: Seconds = 0.0


_KINDS = {kind.__struct_config__.tag for kind in get_args(Observation)}
_OUTCOMES = {outcome.value for outcome in Outcome}


def load_report(text: str | bytes) -> Report:
    """The report in a recorded document, without its diagnosis, which can be recomputed.

    Unknown fields are ignored, an unknown kind of observation becomes `Other`.
    Raises ValueError, with one sentence, if it is not a report or has a value that no report has.
    """
    try:
        named = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        form = msgspec.json.decode(named.get("schema", b'""'), type=str)
        if form != SCHEMA:
            found = f"its schema is {clean(form, 60)!r}" if form else "it has no field `schema`"
            raise ValueError(f"not a report that this version reads: {found}, expected {SCHEMA!r}")
        report = _loaded(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a report of portdoctor: {_sentence(error)}") from None
    except UnicodeError:
        raise ValueError("not a report of portdoctor: the text is not UTF-8") from None
    except RecursionError:
        raise ValueError("not a report of portdoctor: it is nested too deeply") from None
    from .recorded import faults  # imported late: only a report that is read needs it

    if fault := next(faults(report), ""):
        raise ValueError(f"invalid report: {fault}")
    return report


def _loaded(text: str | bytes) -> Report:
    try:
        record = msgspec.json.decode(text, type=_Record)
    except msgspec.DecodeError as error:
        raise ValueError(f"invalid report: {_sentence(error)}") from None
    observations = []
    for number, raw in enumerate(record.observations):
        try:
            observations.append(_observation(raw))
        except msgspec.DecodeError as error:
            raise ValueError(f"invalid report: {_sentence(error, f'observations[{number}]')}") from None
    return Report(
        schema=record.schema,
        portdoctor=record.portdoctor,
        target=record.target,
        vantage=record.vantage,
        options=record.options,
        observations=tuple(observations),
        notes=record.notes,
        interrupted=record.interrupted,
        others=tuple(load_report(_alone(raw)) for raw in record.others),
    )


def _sentence(error: Exception, where: str = "") -> str:
    """Return the message of msgspec with its path in front: "target.port: expected `int` <= 65535"."""
    message, _, path = clean(str(error)).partition(" - at `$")
    place = (where + path.rstrip("`")).lstrip(".")
    return f"{place}: {message[:1].lower()}{message[1:]}" if place else message


def _alone(raw: msgspec.Raw) -> bytes:
    """A report inside another one, without the reports inside it, so that loading ends."""
    fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: value for name, value in fields.items() if name != "others"})


def load_reports(text: str | bytes, name: str = "report") -> list[Report]:
    """The reports in a file: one object, or one object a line.

    Raises ValueError with one sentence, which begins with the place of the error: `name`:line.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    whole = len(lines) < 2 or not _is_object(lines[0][1])
    reports = []
    for number, each in [(1, data)] if whole else lines:
        try:
            reports.append(load_report(each))
        except ValueError as error:
            raise ValueError(f"{name}:{number}: {error}") from None
    return reports


def _is_object(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def _observation(raw: msgspec.Raw) -> Observation:
    any_kind = msgspec.json.decode(raw, type=_AnyKind)
    if any_kind.kind in _KINDS:
        known: Observation = msgspec.json.decode(raw, type=Observation)
        return known
    outcome = Outcome(any_kind.outcome) if any_kind.outcome in _OUTCOMES else Outcome.OTHER
    return Other(
        id=any_kind.id,
        outcome=outcome,
        began=any_kind.began,
        took=any_kind.took,
        was=any_kind.kind,
        raw=bytes(raw).decode(),
    )
