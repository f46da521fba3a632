"""Every format, with hand-made reports: its content, its size, and that independent parsers accept it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import jsonschema
import junitparser
import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.catalogue.quoting import shell_quoted
from portdoctor.engine.verdict import diagnose
from portdoctor.model import Handshake, Hop, Lookup, Note, Other, Outcome, Owner, Report, Symptom, Trace
from portdoctor.render import json as json_format
from portdoctor.render import junit, markdown, nagios, openmetrics, overview, tap, terminal, ticket
from portdoctor.render.command import broken
from portdoctor.render.lines import Line, encodable, plain
from portdoctor.render.path import drawn, path_to
from portdoctor.render.phrases import OWNERS, TITLES, own_steps
from portdoctor.render.reproduce import trials
from portdoctor.render.state import duration, health_of, names_of, worst
from portdoctor.text import is_clean, seconds, width

from . import reports

CATALOGUE = load_catalogue()
RECORDINGS = sorted((Path(__file__).parent.parent / "scenarios").glob("*/*.json"))
Make = Callable[[], reports.Case]
each_report = pytest.mark.parametrize("make", reports.ALL.values(), ids=reports.ALL)


# ---------------------------------------------------------------- JSON


@each_report
def test_json_is_one_valid_line_with_fields_in_order(make: Make) -> None:
    text = json_format.render(*make())
    assert "\n" not in text
    document = json.loads(text)
    jsonschema.Draft202012Validator(json_format.schema()).validate(document)
    assert list(document) == [
        "schema", "portdoctor", "target", "vantage", "options", "verdict", "problems", "candidates", "ruled_out",
        "next_test", "steps", "unexplained", "stages", "observations", "notes", "interrupted", "others",
    ]  # fmt: skip
    for o in document["observations"]:
        assert list(o)[:5] == ["id", "kind", "outcome", "began", "took"]


@each_report
def test_the_first_problem_is_repeated_on_top(make: Make) -> None:
    document = json.loads(json_format.render(*make()))
    if not document["problems"]:
        assert not any(document[field] for field in ("candidates", "ruled_out", "next_test", "steps"))
        return
    first = document["problems"][0]
    for field in ("candidates", "ruled_out", "next_test", "steps"):
        assert document[field] == first[field]
    for field in ("symptom", "cause", "certainty", "title", "explanation", "owner"):
        assert document["verdict"][field] == first[field]


@each_report
def test_a_recorded_document_loads_as_the_same_report(make: Make) -> None:
    report, diagnosis = make()
    assert json_format.load_report(json_format.render(report, diagnosis)) == report


def test_the_schema_is_a_valid_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_format.schema())
    assert set(json_format.schema()["$defs"]) >= {"Document", "Connect", "Trace", "Problem"}


def _edited(make: Make, **changes: Any) -> str:
    return json.dumps(json.loads(json_format.render(*make())) | changes)


def test_unknown_fields_are_ignored_and_an_unknown_kind_is_kept() -> None:
    strange = {"id": "o9", "kind": "smoke-signal", "outcome": "puffed", "began": 1.5, "took": 2, "colour": "grey"}
    document = json.loads(json_format.render(*reports.refused()))
    document["observations"].append(strange)
    document["observations"][0]["mood"] = "fine"
    document["weather"] = {"sun": True}
    report = json_format.load_report(json.dumps(document))
    other = report.observations[-1]
    assert isinstance(other, Other)
    assert (other.id, other.was, other.outcome, other.began) == ("o9", "smoke-signal", Outcome.OTHER, 1.5)
    assert json.loads(other.raw) == strange
    assert report.observations[:-1] == reports.refused()[0].observations


@pytest.mark.parametrize(
    "text",
    ["", "no", "[]", "{}", '"x"', '{"schema": 7}', '{"schema": "portdoctor.report/2"}', b"\xff\xfe", "\ud800",
     '{"schema": "portdoctor.report/1"}', "\x00", '{"schema": "portdoctor.report/1", "target": 1, "observations": []}',
     '{"schema": ' + "[" * 100_000],
    ids=lambda text: repr(text)[:40],
)  # fmt: skip
def test_what_is_not_a_report_raises_one_sentence(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="report") as caught:
        json_format.load_report(text)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, msgspec.DecodeError)


def test_an_error_in_an_observation_names_the_field() -> None:
    observations = json.loads(json_format.render(*reports.refused()))["observations"]
    observations[1]["port"] = "many"
    with pytest.raises(ValueError, match=r"invalid report: observations\[1\]\.port: expected `int`, got `str`"):
        json_format.load_report(_edited(reports.refused, observations=observations))


def test_several_reports_in_one_file() -> None:
    lines = [json_format.render(*make()) for make in reports.ALL.values()]
    assert json_format.load_reports("\n".join(lines) + "\n\n") == [make()[0] for make in reports.ALL.values()]
    pretty = json.dumps(json.loads(lines[0]), indent=2)
    assert json_format.load_reports(pretty) == [reports.ok()[0]]
    with pytest.raises(ValueError, match=r"^many\.jsonl:2: not a report"):
        json_format.load_reports(lines[0] + "\n{}\n", "many.jsonl")


def test_a_merged_report_keeps_its_vantage_points_and_loads_one_level() -> None:
    report, diagnosis = merged()
    assert json_format.load_report(json_format.render(report, diagnosis)) == report
    nested = msgspec.structs.replace(report, others=(report,))
    assert json_format.load_report(json_format.render(nested, diagnosis)).others[0].others == ()


def merged() -> reports.Case:
    """The filtered case with a second vantage point, whose observation ids have the prefix "b."."""
    report, diagnosis = reports.filtered()
    second, _ = reports.ok()
    seen = tuple(msgspec.structs.replace(o, id=f"b.{o.id}") for o in second.observations)
    return msgspec.structs.replace(report, others=(msgspec.structs.replace(second, observations=seen),)), diagnosis


def test_a_merged_report_shows_both_vantage_points() -> None:
    for text in (terminal.render(*merged(), verbose=True), ticket.render(*merged()), markdown.render(*merged())):
        assert "b.o2" in text
        assert text.count("09:14:03 UTC from 192.0.2.7") == 2


# ---------------------------------------------------------------- terminal


def fits(lines: list[Line], columns: int) -> bool:
    """Whether every line fits; a command that cannot be broken may be longer."""
    text = [each for each in lines if not any(span.style == "cyan" for span in each)]
    return all(width("".join(span.text for span in each).rstrip()) <= columns for each in text)


@each_report
def test_the_terminal_report_fits(make: Make) -> None:
    for columns in (40, 60, 80, 120):
        assert fits(terminal.report_lines(*make(), columns=columns), columns)
        assert all(line == line.rstrip() for line in terminal.render(*make(), columns=columns).splitlines())
    assert len(terminal.render(*make()).splitlines()) <= 25


@each_report
def test_the_answer_comes_first(make: Make) -> None:
    report, diagnosis = make()
    lines = terminal.render(report, diagnosis).splitlines()
    assert lines[0][:2] in ("✓ ", "! ", "✗ ", "? ")
    assert report.target.host in lines[0]
    labels = [found[1] for line in lines if (found := re.match(r"  (\w+)", line))]
    for problem in diagnosis.problems[:1]:
        assert lines[0].endswith(f"  {problem.certainty}")
        assert labels.index("Owner") < labels.index(diagnosis.stages[0].name)
        assert ("Ask" in labels) == bool(problem.ask)
        assert ("Check" in labels) == (problem.next_test is not None)
        assert ("Do" in labels) == bool(own_steps(problem))
        assert not problem.cause or any(line.startswith(f"  {problem.cause}") for line in lines)


def test_likely_names_its_rivals() -> None:
    text = terminal.render(*reports.refused())
    assert text.splitlines()[0].endswith(" likely")
    report, diagnosis = reports.undecided()
    assert "  either  " in terminal.render(report, diagnosis)
    assert "  or  " not in terminal.render(*reports.filtered())
    likely = msgspec.structs.replace(diagnosis.problems[0], cause="tcp.host-silent", certainty="likely")
    text = terminal.render(report, msgspec.structs.replace(diagnosis, problems=(likely,)))
    assert re.search(r"\n  or     a reason for silence", text)


@each_report
def test_verbose_leaves_nothing_out(make: Make) -> None:
    report, diagnosis = make()
    text = " ".join(terminal.render(report, diagnosis, verbose=True).split())
    for problem in diagnosis.problems[:1]:
        assert all(r.cause in text for r in problem.ruled_out)
        assert all(c.cause in text for c in problem.candidates)
        assert all(" ".join(s.text.rstrip(".").split()) in text for s in problem.steps)
    assert all(f"{o.id} " in text for o in report.observations)
    assert "-v" not in text


def test_what_is_left_out_is_counted() -> None:
    assert re.search(r"\d causes ruled out: -v", terminal.render(*reports.undecided()))


def test_the_path_and_the_comparison() -> None:
    text = terminal.render(*reports.filtered())
    assert "  you ── 198.51.100.1 ── 10.0.12.2 ─✗ 203.0.113.45:8080\n" in text
    assert re.search(r"\n  port 8080 +no response in 1.9 s; reached hop 2\n  port 80 +connects", text)


def test_ascii_when_the_encoding_has_no_lines() -> None:
    text = terminal.render(*reports.filtered(), encoding="ascii")
    assert "you -- 198.51.100.1 -- 10.0.12.2 -x 203.0.113.45:8080" in text
    assert text.isascii()
    assert encodable("a → b…", "latin-1") == "a -> b..."
    assert encodable("日本", "ascii") == "\\u65e5\\u672c"


def test_styles_can_be_dropped() -> None:
    lines = terminal.report_lines(*reports.refused())
    assert {span.style for line in lines for span in line} > {"", "bold", "bold red"}
    assert plain(lines) == terminal.render(*reports.refused())


def test_the_brief_form_is_one_line() -> None:
    assert terminal.brief(*reports.refused()) == "shop.example.com:8443 connection-refused (tcp.no-listener, likely)"
    assert terminal.brief(*reports.ok()) == "shop.example.com:443 ok"


def test_an_interrupted_check_says_so() -> None:
    report, diagnosis = reports.filtered()
    interrupted = msgspec.structs.replace(report, interrupted=True)
    for render in (terminal.render, ticket.render, markdown.render):
        assert "nterrupted" in render(interrupted, diagnosis)


def test_a_second_problem_has_its_own_headline_and_owner() -> None:
    report, diagnosis = reports.refused()
    second = msgspec.structs.replace(diagnosis.problems[0], id="p2", headline="Another thing.", cause="dns.slow")
    third = msgspec.structs.replace(second, id="p3", headline="A third thing.")
    text = terminal.render(report, msgspec.structs.replace(diagnosis, problems=(*diagnosis.problems, second, third)))
    assert re.search(r"\n✗ .*another thing +likely\n  Owner ", text)
    assert re.search(r"\n✗ .*a third thing +likely\n(?!  Owner )", text) or "1 more problem: -v" in text
    hidden = terminal.render(*reports.one_dead())
    assert len(re.findall(r"(?m)^[✗!]", hidden)) == 1


# ---------------------------------------------------------------- many targets


def test_equal_causes_are_folded_and_different_devices_are_not() -> None:
    report, diagnosis = reports.refused()
    (problem,) = diagnosis.problems
    elsewhere = msgspec.structs.replace(problem, owner_text="whoever runs 10.0.12.2")
    moved = msgspec.structs.replace(diagnosis, problems=(elsewhere,))
    cases = [reports.ok(), (report, diagnosis), (report, diagnosis), (report, moved)]
    kinds = [overview.failure_kind(d) for _, d in cases]
    assert kinds[0] is None
    assert kinds[1] == kinds[2] != kinds[3]
    counts = {kind: kinds.count(kind) for kind in kinds}
    text = plain(overview.totals(dict(zip(reversed(kinds), reversed(cases), strict=True)), counts, 80))
    assert "1 of 4 targets work\n" in text
    assert "  2 of 4 fail alike: nothing is listening" in text
    assert "whoever runs 10.0.12.2" in text
    assert len(re.findall(r"(?m)^✗ ", text)) == 2  # the report of the first of each kind


@each_report
def test_a_target_of_many_takes_one_line(make: Make) -> None:
    for columns in (40, 60, 80, 120):
        (text,) = plain([overview.row(*make(), columns)]).splitlines()
        assert width(text) <= columns
        assert text[:2] in ("✓ ", "! ", "✗ ", "? ")


def test_all_recordings_fold_by_cause() -> None:
    """No fold joins two root causes, two owners or two certainties."""
    seen: dict[object, set[object]] = {}
    for path in RECORDINGS:
        diagnosis = diagnose(json_format.load_report(path.read_text(encoding="utf-8")), CATALOGUE)
        if kind := overview.failure_kind(diagnosis):
            for p in diagnosis.problems[:1]:
                root = p.chain[-1].cause if p.chain else p.cause
                seen.setdefault(kind, set()).add((p.symptom, root, p.certainty, p.owner))
    assert len(seen) > 100
    assert all(len(roots) == 1 for roots in seen.values())


# ---------------------------------------------------------------- the path


def _with_hops(hops: tuple[Hop, ...], *more: Trace) -> Report:
    report, _ = reports.refused()
    trace = Trace(id="o8", outcome=Outcome.OK, address=reports.SHOP, port=8443, hops=hops)
    return msgspec.structs.replace(report, observations=(*report.observations, trace, *more))


def _hop(ttl: int, outcome: Outcome, address: str | None = None) -> Hop:
    return Hop(ttl=ttl, outcome=outcome, address=address)


def _says(report: Report) -> str:
    path = path_to(report, reports.SHOP)
    assert path
    return path.caption


def test_a_silent_middle_hop_is_no_loss() -> None:
    near, far = _hop(1, Outcome.TTL_EXPIRED, "10.0.0.1"), _hop(3, Outcome.TTL_EXPIRED, "10.0.2.1")
    hops = (near, _hop(2, Outcome.TIMEOUT), far, _hop(4, Outcome.REFUSED))
    path = path_to(_with_hops(hops), reports.SHOP)
    assert path
    assert path.hops == ("10.0.0.1", "*", "10.0.2.1")
    assert path.says == "refused at hop 4"


def test_a_nearer_refusal_is_named_and_a_dnat_on_the_host_is_not() -> None:
    hops = (_hop(1, Outcome.TTL_EXPIRED, "10.0.0.1"), _hop(2, Outcome.REFUSED))
    router = Trace(
        id="o9", outcome=Outcome.OK, address=reports.SHOP, port=80, role="control",
        hops=(_hop(1, Outcome.TTL_EXPIRED, "10.0.0.1"), _hop(2, Outcome.TTL_EXPIRED, "10.0.1.1"), _hop(3, Outcome.OK)),
    )  # fmt: skip
    assert _says(_with_hops(hops, router)) == "refused at hop 2; port 80 gets further"
    dnat = msgspec.structs.replace(
        router, hops=(router.hops[0], _hop(2, Outcome.TTL_EXPIRED, reports.SHOP), router.hops[2])
    )
    assert _says(_with_hops(hops, dnat)) == "refused at hop 2"
    same = msgspec.structs.replace(router, hops=(router.hops[0], _hop(2, Outcome.OK)))
    assert _says(_with_hops(hops, same)) == "refused at hop 2"


def test_silence_in_one_round_does_not_hide_a_response_in_another() -> None:
    hops = (_hop(1, Outcome.TIMEOUT),)
    quiet = Trace(id="o9", outcome=Outcome.OK, address=reports.SHOP, port=8443, round=2, hops=hops)
    assert _says(_with_hops((_hop(1, Outcome.TTL_EXPIRED, "10.0.0.1"),), quiet)) == "lost at or beyond 10.0.0.1"


def test_no_path_without_a_response() -> None:
    assert path_to(_with_hops((_hop(1, Outcome.TIMEOUT), _hop(2, Outcome.TIMEOUT))), reports.SHOP) is None
    assert path_to(reports.refused()[0], reports.SHOP) is None


def test_a_long_path_is_folded_and_fits() -> None:
    hops = tuple(_hop(n, Outcome.TTL_EXPIRED, f"2001:db8:{n}:ffff:ffff:ffff:ffff:{n}") for n in range(1, 30))
    path = path_to(_with_hops(hops), reports.SHOP)
    assert path
    lines = drawn(path)
    assert all(len(line) <= 80 for line in lines)
    assert any("hops)" in line for line in lines)


# ---------------------------------------------------------------- ticket, Markdown


@each_report
def test_the_first_fifteen_lines_of_a_ticket_can_be_read_alone(make: Make) -> None:
    report, diagnosis = make()
    head = " ".join(" ".join(ticket.render(report, diagnosis).splitlines()[:15]).split())
    assert diagnosis.verdict.symptom in head
    assert "2026-11-22 09:14:03 UTC from 192.0.2.7" in head
    for problem in diagnosis.problems[:1]:
        assert "Owner" in head
        assert problem.cause is None or f"{problem.cause}" in head
        assert not problem.ruled_out or "Ruled out" in head
        assert "Exact error" in head


def test_the_exact_error_has_errno_and_icmp() -> None:
    text = " ".join(ticket.render(*reports.one_dead()).split())
    assert "No route to host (EHOSTUNREACH, errno 113; ICMPv6 type 1 code 3 from 2001:db8:1::1), after 3.1 s" in text
    assert "by RST (no ICMP error)" in " ".join(ticket.render(*reports.refused()).split())


@each_report
def test_a_ticket_has_all_the_evidence_and_fits_a_mail(make: Make) -> None:
    report, diagnosis = make()
    text = ticket.render(report, diagnosis)
    assert max(map(width, text.splitlines())) <= 78
    assert all(re.search(rf"^  {o.id} ", text, re.MULTILINE) for o in report.observations)
    joined = " ".join(text.split())
    for problem in diagnosis.problems[:1]:
        assert all(r.cause in joined for r in problem.ruled_out)
        assert all(c.cause in joined for c in problem.candidates)


@each_report
@pytest.mark.parametrize("render", [ticket.render, markdown.render], ids=["ticket", "markdown"])
def test_no_name_of_this_machine_or_user_unless_asked(make: Make, render: Callable[..., str]) -> None:
    report, diagnosis = make()
    told = Note(kind="info", text="Run by dana on workstation-7, file /home/dana/ca.pem.")
    report = msgspec.structs.replace(report, notes=(*report.notes, told))
    text = render(report, diagnosis)
    assert "dana" not in text
    assert "workstation-7" not in text
    assert report.target.host in text
    assert "workstation-7 by dana" in " ".join(render(report, diagnosis, names=True).split())


@each_report
def test_the_commands_of_a_ticket_can_be_pasted(make: Make) -> None:
    report, diagnosis = make()
    problem = diagnosis.problems[0] if diagnosis.problems else None
    found = trials(report, problem)
    assert found
    for trial in found:
        assert trial.what
        assert trial.expect
        assert shlex.split(trial.command)
        assert "\n" not in trial.command
        # Broken for the page, the shell still reads the same words: a mark before the line's end joins the lines.
        page = "\n".join(broken(trial.command, 40, trial.shell))
        joined = page.replace(" `\n" if "PowerShell" in trial.what else " \\\n", " ")
        assert shlex.split(joined) == shlex.split(trial.command)


def test_the_standard_tools_send_the_same_request() -> None:
    commands = [t.command for t in trials(*_first(reports.tls_expired()))]
    assert any(
        c.startswith("openssl s_client -connect 203.0.113.45:443 -servername shop.example.com") for c in commands
    )
    assert "nc -vz -w 5 203.0.113.45 443" in commands
    assert "Test-NetConnection 203.0.113.45 -Port 443" in commands
    commands = [t.command for t in trials(*_first(reports.no_name()))]
    assert "dig @192.0.2.53 shpo.example.com A" in commands
    assert "sudo ss -antp 'sport = :8080'" in [t.command for t in trials(*_first(reports.bind_conflict()))]
    resolved = [t.command for t in trials(*_first(reports.ok())) if t.command.startswith("curl")]
    assert resolved == [
        "curl -sv -o /dev/null --resolve shop.example.com:443:203.0.113.45 https://shop.example.com:443/"
    ]


def _first(case: reports.Case) -> tuple[Report, Any]:
    return case[0], case[1].problems[0] if case[1].problems else None


def test_quoting() -> None:
    for word in ("a b", "$(reboot)", "`x`", "it's", "[::1]:443", "a;b", "-n", "", "*"):
        assert shlex.split(shell_quoted(word)) == [word]
    assert shell_quoted("it's $x", "powershell") == "'it''s $x'"


def test_markdown_markup_is_escaped() -> None:
    assert markdown.escaped("<b>*x*</b> [a](b) | `c` @") == r"\<b\>\*x\*\<\/b\> \[a\](b) \| \`c\` \@"
    assert markdown.escaped("by @d, see #1 or www.x") == "by `@d,` see `#1` or `www.x`"
    assert markdown.escaped("# head") == r"\# head"
    assert markdown.escaped("1. item") == r"1\. item"
    assert markdown.code("a`b``c") == "```a`b``c```"
    assert markdown.code("`") == "`` ` ``"


@each_report
def test_markdown_tables_have_their_cells(make: Make) -> None:
    for line in markdown.render(*make()).splitlines():
        if line.startswith("| `o"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 5


# ---------------------------------------------------------------- formats for machines


CASES = [make() for make in reports.ALL.values()]
STATES = [health_of(diagnosis) for _, diagnosis in CASES]
PERFDATA = re.compile(r"(?:'[^'=]+'|[^\s'=]+)=-?\d+(?:\.\d+)?(?:s|us|ms|%|[KMGT]?B|c)?(?:;[^;\s]*){0,4}")


def nagios_line(text: str) -> tuple[str, list[str]]:
    """(message, performance data) of a plugin's output; fails where its grammar is broken."""
    assert text.endswith("\n")
    assert text.count("\n") == 1
    message, _, data = text[:-1].partition(" | ")
    assert "|" not in message
    assert re.match(r"PORTDOCTOR (OK|WARNING|CRITICAL|UNKNOWN) - \S", message)
    found = PERFDATA.findall(data)
    assert " ".join(found) == data
    return message, found


def test_the_nagios_line() -> None:
    message, data = nagios_line(nagios.render([reports.refused()]))
    assert message == "PORTDOCTOR CRITICAL - shop.example.com:8443 connection-refused (tcp.no-listener)"
    assert data == [f"time={duration(reports.refused()[0]):.3f}s;;;0", "dns=0.012s", "tcp=0.024s"]


def test_nagios_shows_its_limits_and_what_exceeds_them() -> None:
    took = duration(reports.ok()[0])
    message, data = nagios_line(nagios.render([reports.ok()], ["warning"], (took / 2, 60.0)))
    assert message == f"PORTDOCTOR WARNING - shop.example.com:443 ok, took {seconds(took)}"
    assert data[0] == f"time={took:.3f}s;{took / 2:g};60;0"
    assert "took" not in nagios.render([reports.ok()], ["ok"], (took * 2, None))


@each_report
def test_nagios_keeps_its_grammar(make: Make) -> None:
    nagios_line(nagios.render([make()]))


def test_nagios_of_a_batch_names_what_is_not_ok() -> None:
    message, _ = nagios_line(nagios.render(CASES))
    assert message.startswith("PORTDOCTOR CRITICAL - 7 of 8 targets not ok, shop.example.com:8443 connection-refused")
    assert nagios_line(nagios.render([reports.ok(), reports.ok()]))[0] == "PORTDOCTOR OK - 2 targets ok"


def test_states() -> None:
    assert STATES == ["ok", "failed", "failed", "warning", "failed", "failed", "failed", "failed"]
    assert health_of(reports.one_dead()[1], strict=True) == "failed"
    assert worst(["ok", "warning", "unknown"]) == "unknown"
    assert worst(["unknown", "failed"]) == "failed"
    assert worst([]) == "unknown"
    assert nagios.EXIT == {"ok": 0, "warning": 1, "failed": 2, "unknown": 3}


def test_given_states_replace_those_of_the_verdicts() -> None:
    assert nagios.render([reports.refused()], ["ok"]).startswith("PORTDOCTOR OK - ")
    assert "not ok" not in tap.render([reports.refused()], ["ok"])
    assert "<failure" not in junit.render([reports.refused()], ["ok"])
    assert 'probe_success{target="shop.example.com:8443"} 1' in openmetrics.render([reports.refused()], ["ok"])


def test_junit_is_parsed_by_its_own_library() -> None:
    suite = next(iter(junitparser.JUnitXml.fromstring(junit.render(CASES).encode())))
    cases = list(suite)
    assert [c.name for c in cases][:2] == ["shop.example.com:443", "shop.example.com:8443"]
    results = [[type(r).__name__ for r in c.result] for c in cases]
    assert results == [{"failed": ["Failure"], "unknown": ["Error"]}.get(state, []) for state in STATES]
    assert (suite.tests, suite.failures, suite.errors) == (8, STATES.count("failed"), STATES.count("unknown"))
    assert "tcp.no-listener" in cases[1].result[0].text
    root = ElementTree.fromstring(junit.render([]))
    assert root.get("tests") == "0"


def test_openmetrics_is_parsed_by_its_own_library() -> None:
    families = {f.name: f for f in text_string_to_metric_families(openmetrics.render(CASES))}
    assert set(families) == {
        "probe_success", "probe_duration_seconds", "probe_dns_lookup_time_seconds", "probe_http_status_code",
        "probe_ssl_earliest_cert_expiry", "portdoctor_stage_duration_seconds", "portdoctor_diagnosis_info",
    }  # fmt: skip
    assert {f.type for f in families.values()} == {"gauge"}  # node_exporter and promtool know no info metric
    info = {s.labels["target"]: s.labels for s in families["portdoctor_diagnosis_info"].samples}
    assert info["shop.example.com:8443"] == {
        "target": "shop.example.com:8443", "symptom": "connection-refused", "cause": "tcp.no-listener",
        "certainty": "likely",
    }  # fmt: skip
    success = {s.labels["target"]: s.value for s in families["probe_success"].samples}
    assert success["shop.example.com:8443"] == 0
    stages = {(s.labels["target"], s.labels["stage"]) for s in families["portdoctor_stage_duration_seconds"].samples}
    assert ("shop.example.com:8443", "tcp") in stages


def test_the_values_of_a_web_server_are_metrics() -> None:
    found = {
        f.name: f.samples[0].value for f in text_string_to_metric_families(openmetrics.render([reports.tls_expired()]))
    }
    (shake,) = [o for o in reports.tls_expired()[0].of(Handshake) if o.role == "target"]
    ends = [datetime.strptime(c.not_after or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for c in shake.chain]
    assert found["probe_ssl_earliest_cert_expiry"] == min(ends).timestamp()
    found = {f.name: f.samples[0].value for f in text_string_to_metric_families(openmetrics.render([reports.ok()]))}
    assert found["probe_http_status_code"] == 200
    assert found["probe_dns_lookup_time_seconds"] == next(o.took for o in reports.ok()[0].of(Lookup) if o.own)


def test_two_urls_of_one_host_are_two_series_cases_and_labels() -> None:
    report, diagnosis = reports.ok()

    def typed(*texts: str) -> list[reports.Case]:
        targets = [msgspec.structs.replace(report.target, input=text) for text in texts]
        return [(msgspec.structs.replace(report, target=t), diagnosis) for t in targets]

    shop = "shop.example.com:443"
    assert names_of(typed(shop)) == [shop]
    assert names_of(typed(shop, f"https://{shop}")) == [shop, f"https://{shop}"]
    same = typed(*["https://shop.example.com"] * 3, "https://shop.example.com (2)")
    names = ["https://shop.example.com", *(f"https://shop.example.com ({n})" for n in (3, 4, 2))]
    assert sorted(names_of(same)) == sorted(names)
    series = {f.name: f.samples for f in text_string_to_metric_families(openmetrics.render(same))}
    assert len({s.labels["target"] for s in series["probe_success"]}) == 4
    suite = next(iter(junitparser.JUnitXml.fromstring(junit.render(same).encode())))
    assert len({c.name for c in suite}) == 4
    labels = re.findall(r"'([^']+) time'=", nagios.render(same))
    assert len(set(labels)) == len(labels) == 4
    assert len({line.partition(" - ")[2] for line in tap.render(same).splitlines() if " - " in line}) == 4


def test_tap_names_the_owner_by_its_token_and_in_words() -> None:
    block = [line.strip() for line in tap.render([reports.refused()]).splitlines() if line.startswith("  owner")]
    owner = reports.refused()[1].verdict.owner
    assert block[0] == f'owner: "{owner}"'
    assert block[1].startswith('owner_text: "')


def test_tap_has_a_plan_and_a_point_for_each() -> None:
    lines = tap.render(CASES).splitlines()
    assert lines[:2] == ["TAP version 14", "1..8"]
    points = [line for line in lines if re.match(r"(not )?ok \d+ - ", line)]
    assert [p.startswith("ok") for p in points] == [s in ("ok", "warning") for s in STATES]
    for line in lines:
        if line.startswith("  ") and line.strip() not in ("---", "..."):
            json.loads(line.partition(": ")[2])
    assert lines.count("  ---") == lines.count("  ...") == 7


# ---------------------------------------------------------------- every recording


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_recording_renders(path: Path) -> None:
    report = json_format.load_report(path.read_text(encoding="utf-8"))
    diagnosis = diagnose(report, CATALOGUE)
    for columns in (40, 60, 80, 120):
        assert fits(terminal.report_lines(report, diagnosis, columns=columns), columns)
    lines = terminal.render(report, diagnosis).splitlines()
    # What people must read is not cut, whatever its length: only then may the report be longer.
    assert len(lines) <= 25 or not any(line.startswith(("  you ", "  Note ", "  port ")) for line in lines)
    text = ticket.render(report, diagnosis)
    head = " ".join(" ".join(text.splitlines()[:15]).split())
    verdict = diagnosis.verdict
    assert verdict.symptom in head
    if diagnosis.problems:
        assert "Owner" in head
        assert verdict.cause is None or verdict.cause in head
    for output in (text, "\n".join(lines), markdown.render(report, diagnosis)):
        assert is_clean(output, lines=True)
    jsonschema.Draft202012Validator(json_format.schema()).validate(json.loads(json_format.render(report, diagnosis)))


# ---------------------------------------------------------------- texts


def test_every_symptom_and_owner_has_a_text() -> None:
    assert set(TITLES) == set(get_args(Symptom))
    assert set(OWNERS) == set(get_args(Owner))


@pytest.mark.parametrize("symptom", get_args(Symptom))
def test_every_symptom_makes_a_sentence_in_every_format(symptom: Symptom) -> None:
    report, diagnosis = reports.refused()
    problem = msgspec.structs.replace(diagnosis.problems[0], symptom=symptom)
    verdict = msgspec.structs.replace(diagnosis.verdict, symptom=symptom)
    case = report, msgspec.structs.replace(diagnosis, problems=(problem,), verdict=verdict)
    for render in (terminal.render, ticket.render, markdown.render, json_format.render):
        assert render(*case)
    for batch in (nagios.render, junit.render, openmetrics.render, tap.render):
        assert batch([case])
