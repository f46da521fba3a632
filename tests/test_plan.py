"""--plan sends nothing, and no recorded checkup sent more than its plan lists."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from portdoctor import cli, host
from portdoctor.checkup import followup
from portdoctor.checkup.checkup import MOST_ADDRESSES
from portdoctor.checkup.plan import plan
from portdoctor.model import Connect, Datagram, Lookup, Options, Report, Trace
from portdoctor.render import plan as form
from portdoctor.render.json import load_report
from portdoctor.render.plan import Plan
from portdoctor.services.ports import controls_for
from portdoctor.target.parse import parse, parse_bind

RECORDINGS = sorted((Path(__file__).parent.parent / "scenarios").glob("*/*.json"))
EIGHT = 8  # other ports of a host that are probed at most, as README.md states
TARGETS = ("shop.example.com:443", "10.0.0.1:22", "udp://192.0.2.1:53", "tcp://[2001:db8::1]:1", "localhost:5432")


def planned(text: str, options: Options | None = None) -> Plan:
    return plan(parse(text)[0].target, options or Options(), host.current())


def most(it: Plan, *probes: str) -> int:
    """How many of these probes are sent to one address, or one resolver, at most."""
    return sum(step.most for step in it.steps if step.probe in probes)


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["portdoctor", *words])
    code = cli.main()
    return (code, *capsys.readouterr())


# ---------------------------------------------------------------- nothing is sent


@pytest.mark.parametrize("words", [["check", *TARGETS], ["bind", ":80"], ["bind", "localhost:8080"]], ids=" ".join)
@pytest.mark.parametrize("form", ["terminal", "json"])
def test_no_socket_is_opened_and_no_name_looked_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], socket_disabled: None, words: list[str],
    form: str,
) -> None:  # fmt: skip
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr("socket.getaddrinfo", never)
    code, out, err = run(monkeypatch, capsys, *words, "--plan", "--format", form)
    assert (code, err) == (0, "")
    assert "getaddrinfo" in out or "bind" in out


def test_an_unreadable_target_is_reported_and_the_others_are_planned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(monkeypatch, capsys, "check", "10.0.0.1:22", "example.com", "--plan")
    assert code == 3
    assert out.startswith("Plan for 10.0.0.1:22: nothing was sent")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("more", [["--format", "tap"], ["--redact"]], ids=" ".join)
def test_options_that_a_plan_does_not_support(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    code, out, err = run(monkeypatch, capsys, "check", "10.0.0.1:22", "--plan", *more)
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_a_plan_can_go_to_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "plan"
    assert run(monkeypatch, capsys, "check", "10.0.0.1:22", "--plan", "--json", "-o", str(file)) == (0, "", "")
    assert json.loads(file.read_text())["schema"] == "portdoctor.plan/1"


# ---------------------------------------------------------------- its form


@pytest.mark.parametrize("text", TARGETS)
def test_it_is_valid_by_its_schema_and_fits_80_columns(text: str) -> None:
    it = planned(text, Options(attempts=4, resolver="192.0.2.53"))
    jsonschema.Draft202012Validator(form.schema()).validate(json.loads(form.to_json(it)))
    lines = form.render(it).splitlines()
    assert max(map(len, lines)) <= 80
    for step in it.steps:
        assert any(line.startswith(f"  {step.stage:<5}{step.probe:<15}{step.most:>4} × ") for line in lines)


def test_the_schema_command_prints_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(monkeypatch, capsys, "schema", "plan")
    assert code == 0
    assert json.loads(out) == json.loads(json.dumps(form.schema()))


# ---------------------------------------------------------------- it agrees with the checkup


def test_every_probe_is_in_some_plan() -> None:
    plans = [planned(text) for text in ("https://shop.example.com", "udp://192.0.2.1:53")]
    plans.append(planned("https://shop.example.com", Options(resolver="127.0.0.53")))  # a stub resolver has upstreams
    said = {step.probe for it in plans for step in it.steps} | {name for it in plans for name in it.reads}
    assert set(followup.FOLLOW_UPS) <= said
    assert {name for name, row in followup.FOLLOW_UPS.items() if not row.sends} == set(plans[0].reads)


def test_further_ports_are_eight_at_most() -> None:
    for text in TARGETS[:4]:
        assert most(planned(text), "controls", "negative") <= EIGHT


def test_other_ports_are_named_and_can_be_forbidden() -> None:
    (controls,) = [step for step in planned("10.0.0.1:22").steps if step.probe == "controls"]
    assert controls.ports == controls_for(22)
    assert "443, 80" in form.render(planned("10.0.0.1:22"))
    forbidden = planned("10.0.0.1:22", Options(controls=False))
    assert all(step.ports == (22,) for step in forbidden.steps)
    assert "--no-controls" in form.render(forbidden)


def test_the_resolvers_are_listed() -> None:
    it = planned("shop.example.com:443", Options(resolver="192.0.2.53"))
    asked = {to for step in it.steps if step.per == "resolver" for to in step.to}
    assert asked == {*host.current().resolvers(), "192.0.2.53"}
    assert it.addresses == MOST_ADDRESSES
    for text in ("localhost:80", "10.0.0.1:80"):
        assert not [step for step in planned(text).steps if step.per == "resolver"]
    assert planned("10.0.0.1:80").addresses == 1


def test_attempts_and_waiting_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    it = planned("10.0.0.1:22", Options(attempts=5))
    assert most(it, "attempts") == 4
    assert most(it, "series") == 0
    _, out, _ = run(monkeypatch, capsys, "check", "10.0.0.1:22", "--plan", "--wait", "10")
    assert "6 checks at most" in " ".join(out.split())  # at 0, 0.5, 1.5, 3.5, 7.5 and 10 s


def test_binding_sends_nothing() -> None:
    it = plan(parse_bind(":8080").target, Options(), host.current())
    assert [(step.probe, step.most) for step in it.steps] == [("bind", 2)]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_no_recorded_checkup_sent_more_than_its_plan(path: Path) -> None:
    report = load_report(path.read_text(encoding="utf-8"))
    it = plan(report.target, report.options, host.current())
    for one in (report, *report.others):
        if one.target != report.target:
            it = plan(one.target, one.options, host.current())
        _kept(one, it)


def _kept(report: Report, it: Plan) -> None:
    """Compare by role. Some recordings are older: they have eight controls, and no random ports."""
    by_role = Counter((o.address, o.role) for o in report.of(Connect))
    most_by_role = {
        "target": most(it, "connect"), "control": EIGHT, "negative": most(it, "negative"),
        "repeat": most(it, "again", "repeat", "series", "attempts", "plain-http", "handshake", "small-segments"),
        "elsewhere": most(it, "elsewhere"),
    }  # fmt: skip
    for (address, role), count in by_role.items():
        assert count <= most_by_role[role], f"{count} connections ({role}) to {address}"
    assert len({o.address for o in report.of(Connect) if o.role == "target"}) <= it.addresses
    for address, count in Counter(t.address for t in report.of(Trace) for _ in t.hops).items():
        assert count <= most(it, "trace"), f"{count} packets with a low TTL to {address}"
    for (address, role), count in Counter((o.address, o.role) for o in report.of(Datagram)).items():
        assert count <= {"target": 1, "repeat": most(it, "repeat")}[role], f"{count} exchanges with {address}"
    asked = Counter(o.resolver for o in report.of(Lookup) if o.via == "wire")
    planned_questions = most(it, "wire", "wire-cd", "alive", "near-names", "repeat-lookup")
    if any(step.per == "resolver" for step in it.steps):  # this machine may have no resolver at all
        assert all(count <= planned_questions for count in asked.values())
    controls = {o.port for o in report.of(Connect) if o.role == "control"}
    allowed = {port for step in it.steps if step.probe == "controls" for port in step.ports}
    assert controls <= allowed or len(controls) == EIGHT
