"""One hostile report through every format: nothing gets through, everything stays well-formed.

The report is built from the types of the model, so that a field that is added later is hostile too.
"""

from __future__ import annotations

import json
import re
import shlex
import time
import types
import typing
import unicodedata
from collections.abc import Callable
from enum import Enum
from typing import Any, get_args, get_origin
from xml.etree import ElementTree

import jsonschema
import junitparser
import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from portdoctor.model import Diagnosis, Greeting, Observation, Outcome, Report
from portdoctor.redaction.redact import redact
from portdoctor.render import json as json_format
from portdoctor.render import junit, markdown, nagios, openmetrics, tap, terminal, ticket
from portdoctor.render.reproduce import trials
from portdoctor.render.walk import cleaned, texts

from .test_render import nagios_line

Case = tuple[Report, Diagnosis]
PAYLOADS = {
    "escapes": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J\x08\x7f\x00",
    "lines": "one\r\ntwo\n# EOF\nnot ok 9 - three\u2028four\u2029five\x85six\x0b",
    "quotes": "\"'`\\'\\\" ${IFS}$(touch x)`touch y`;&|=|'a'=1s %s {0} {{x}}",
    "markup": "<b>&amp;</b>]]><!-- --><script>alert(1)</script> [bold red]x[/] [a](b) [link=x]:100: |a| **c** @all",
    "bidi": "\u202eexe.fdp\u202c\u2066\u2067\u2069\u200e\u200f\u061c\u200b\u200d\ufeff\u3164\ue000\U000e0041",
    "halves": "\ud800\udfff x \ufffe\uffff",
    "wide": "漢字" * 60 + "e" + "\u0301" * 40,
    "long": "A" * 3000 + "." + "b" * 3000,
    "empty": "",
    "blank": " \t ",
    "dash": "-oProxyCommand=id",
}


# Form of a field of the model -> a value of that form.
FORMED = {
    "address": "fe80::1%eth0", "network": "10.0.0.0/8", "host": "shop.example.com", "word": "AAAA",
    "time": "2026-11-22T09:14:03.120Z", "id": "o1",
}  # fmt: skip


def build(kind: Any, text: str, depth: int = 0, *, formed: bool = False) -> Any:
    """A value of a type of the model with `text` wherever the type allows any text.

    `formed`: fields that must be an address, a name or the like are.
    """
    origin, args = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        form = (args[1].extra_json_schema or {}).get("format") if formed else None
        return FORMED[form] if form else build(args[0], text, depth, formed=formed)
    if isinstance(kind, typing.TypeVar) or kind is Any:
        return text
    if origin is typing.Literal:
        return args[depth % len(args)]
    if origin in (types.UnionType, typing.Union):
        structs = [a for a in args if isinstance(a, type) and issubclass(a, msgspec.Struct)]
        if len(structs) > 1:
            return build(structs[0], text, depth + 1, formed=formed)
        return build(next(a for a in args if a is not type(None)), text, depth, formed=formed)
    if origin is tuple:
        if args[-1] is not Ellipsis:
            return tuple(build(a, text, depth, formed=formed) for a in args)
        if args[0] is Observation or get_origin(args[0]) is types.UnionType:
            return tuple(build(a, text, depth + 1, formed=formed) for a in get_args(args[0]))
        return (build(args[0], text, depth, formed=formed), build(args[0], text, depth + 1, formed=formed))
    if origin is dict:
        return {build(args[0], text, depth, formed=formed): build(args[1], text, depth, formed=formed)}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind, include_extras=True)
        left_out = {"schema", *(("others", "observations") if depth else ())} if kind is Report else set()
        fields = [f for f in kind.__struct_fields__ if f not in left_out]
        return kind(**{f: build(hints[f], text, depth + 1, formed=formed) for f in fields})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[depth % len(kind)]
    return {str: text, int: 7, float: 0.25, bool: True, bytes: text}[kind]


def hostile(text: str, *, formed: bool = False) -> Case:
    report: Report = build(Report, text, formed=formed)
    seen = tuple(msgspec.structs.replace(o, id=f"o{n}") for n, o in enumerate(report.observations, 1))
    every = tuple(o.id for o in seen)
    report = msgspec.structs.replace(report, observations=seen)
    diagnosis: Diagnosis = build(Diagnosis, text, formed=formed)
    problems = tuple(msgspec.structs.replace(p, evidence=every) for p in diagnosis.problems)
    return report, msgspec.structs.replace(diagnosis, problems=problems, unexplained=every[:2])


each_payload = pytest.mark.parametrize("case", [hostile(text) for text in PAYLOADS.values()], ids=PAYLOADS)


def harmless(output: str) -> bool:
    """No control, no direction mark, nothing unseen; only line feeds break lines."""
    bad = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return all(unicodedata.category(c) not in bad for c in output if c != "\n")


def _terminal_verbose(report: Report, diagnosis: Diagnosis) -> str:
    return terminal.render(report, diagnosis, verbose=True)


def _one(batch: Callable[[list[Case]], str]) -> Callable[[Report, Diagnosis], str]:
    return lambda report, diagnosis: batch([(report, diagnosis)])


FORMATS: dict[str, Callable[[Report, Diagnosis], str]] = {
    "json": json_format.render,
    "terminal": terminal.render,
    "terminal -v": _terminal_verbose,
    "brief": terminal.brief,
    "ticket": ticket.render,
    "markdown": markdown.render,
    "nagios": _one(nagios.render),
    "junit": _one(junit.render),
    "openmetrics": _one(openmetrics.render),
    "tap": _one(tap.render),
}
each_format = pytest.mark.parametrize("render", FORMATS.values(), ids=FORMATS)


def test_the_hostile_report_is_hostile_everywhere() -> None:
    report, diagnosis = hostile(PAYLOADS["escapes"])
    assert {type(o) for o in report.observations} == set(get_args(Observation))
    assert diagnosis.problems[0].steps
    assert diagnosis.problems[0].next_test
    assert sum("\x1b" in text for text in (*texts(report), *texts(diagnosis))) > 150


@each_payload
@each_format
def test_nothing_gets_through(case: Case, render: Callable[[Report, Diagnosis], str]) -> None:
    output = render(*case)
    assert harmless(output)
    output.encode()


@each_payload
@each_format
def test_nothing_gets_through_after_redaction(case: Case, render: Callable[[Report, Diagnosis], str]) -> None:
    (report,), _ = redact([case[0]])
    assert harmless(render(report, case[1]))


@each_payload
def test_json_parses_and_is_refused_by_its_first_value_without_the_right_form(case: Case) -> None:
    text = json_format.render(*case)
    assert "\n" not in text
    jsonschema.Draft202012Validator(json_format.schema()).validate(json.loads(text))
    with pytest.raises(ValueError, match=r"^invalid report: target\.(host|service): .* is not a") as refused:
        json_format.load_report(text)
    assert harmless(str(refused.value))


@pytest.mark.parametrize("text", PAYLOADS.values(), ids=PAYLOADS)
def test_a_report_with_hostile_texts_is_read_again_unchanged(text: str) -> None:
    report, diagnosis = hostile(text, formed=True)
    written = json_format.render(report, diagnosis)
    assert json_format.render(json_format.load_report(written), diagnosis) == written


@each_payload
def test_the_terminal_form_still_fits(case: Case) -> None:
    """No text pushes the owner off the screen; what people must read is never cut, so the whole may be longer."""
    for columns in (40, 80, 120):
        lines = terminal.render(*case, columns=columns).splitlines()
        assert any(line.startswith("  Owner  ") for line in lines[: 25 * 80 // columns])
        assert len(lines) <= 120 * 80 // columns


@each_payload
def test_a_ticket_s_head_cannot_be_pushed_away(case: Case) -> None:
    head = ticket.render(*case).splitlines()[:15]
    assert any(line.startswith("Symptom ") for line in head)
    assert any(line.startswith("Owner ") for line in ticket.render(*case).splitlines())


@each_payload
def test_nagios_is_one_line(case: Case) -> None:
    nagios_line(nagios.render([case]))
    nagios_line(nagios.render([case, case]))


@each_payload
def test_xml_parses_and_junitparser_reads_it(case: Case) -> None:
    text = junit.render([case])
    root = ElementTree.fromstring(text)
    assert {e.tag for e in root.iter()} <= {"testsuites", "testsuite", "testcase", "failure", "error", "system-out"}
    assert len(list(next(iter(junitparser.JUnitXml.fromstring(text.encode()))))) == 1


@each_payload
def test_openmetrics_parses_and_has_no_free_text(case: Case) -> None:
    text = openmetrics.render([case, case])
    families = list(text_string_to_metric_families(text))
    assert len(families) >= 4
    success = [s.labels["target"] for f in families if f.name == "probe_success" for s in f.samples]
    assert len(set(success)) == 2
    assert text.splitlines().count("# EOF") == 1
    assert {label for f in families for s in f.samples for label in s.labels} <= {
        "target", "stage", "symptom", "cause", "certainty",
    }  # fmt: skip


@each_payload
def test_tap_has_one_point(case: Case) -> None:
    lines = tap.render([case]).splitlines()
    assert len([line for line in lines if re.match(r"(not )?ok\b", line)]) == 1
    for line in lines:
        if line.startswith("  ") and line.strip() not in ("---", "..."):
            json.loads(line.partition(": ")[2])


@each_payload
def test_markdown_makes_no_tag_no_row_no_link(case: Case) -> None:
    text = markdown.render(*case)
    outside = re.sub(r"(`+).*?\1", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<", outside)
    assert not re.search(r"(?<!\\)\]\(", outside)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {3, 5}


@each_payload
def test_commands_keep_hostile_words_in_quotes(case: Case) -> None:
    report, diagnosis = cleaned(*case)
    host = report.target.host
    for trial in trials(report, diagnosis.problems[0]):
        if "PowerShell" in trial.what:
            continue
        parts = shlex.split(trial.command)
        if host and trial.command.startswith("getent "):
            assert parts[-1] == host
        assert "touch" not in parts  # $(touch x) stays inside a word in single quotes


def test_a_banner_of_ten_megabytes_stays_small_and_quick() -> None:
    report, diagnosis = hostile("x")
    banner = "\x1b[31m\u202e<b>\n" * 1_000_000
    flood = Greeting(id="o99", outcome=Outcome.OTHER_PROTOCOL, address="203.0.113.45", port=22, text=banner)
    case = msgspec.structs.replace(report, observations=(*report.observations, flood)), diagnosis
    began = time.process_time()
    for render in FORMATS.values():
        output = render(*case)
        assert len(output) < 200_000
        assert harmless(output)
    redact([case[0]])
    assert time.process_time() - began < 10
