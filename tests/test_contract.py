"""What scripts rely on, sentence by sentence: the JSON of every recording and of live runs, and what ends a run."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema
import pytest

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.commands.output import reading
from portdoctor.commands.output.stdout import Stdout
from portdoctor.engine.expect import met
from portdoctor.engine.verdict import diagnose
from portdoctor.lab.recording import recorded
from portdoctor.lab.scenario import recording_path, scenario_names
from portdoctor.model import (
    Certainty,
    Connect,
    Diagnosis,
    Errno,
    Icmp,
    Outcome,
    Owner,
    Report,
    Symptom,
    Target,
    Verdict,
)
from portdoctor.render.json import render, schema
from portdoctor.target import UsageError

from .loopback import reset, server
from .loopback import saying as says

CATALOGUE = load_catalogue()
KINDS = {cause.name: cause.front.kind for cause in CATALOGUE}
SCHEMA = jsonschema.Draft202012Validator(schema())
TOP = (
    "schema", "portdoctor", "target", "vantage", "verdict", "problems", "candidates", "ruled_out", "next_test", "steps",
    "unexplained", "stages", "observations", "notes", "interrupted",
)  # fmt: skip
OF_A_PROBLEM = (
    "id", "symptom", "cause", "because", "certainty", "title", "explanation", "owner", "subject", "evidence",
    "candidates", "ruled_out", "next_test", "steps", "hidden",
)  # fmt: skip
OF_AN_OBSERVATION = ("id", "kind", "outcome", "began", "took", "errno", "icmp", "os_says")
SUBJECTS = ("target", "name", "resolver", "address", "local")
STAGES = ("dns", "tcp", "udp", "tls", "http", "app", "bind")

Json = dict[str, Any]


def breaches(report: Json) -> list[str]:
    """What in a report breaks the contract, a sentence each."""
    found = [f"{key} is missing" for key in TOP if key not in report]
    found += [f"the schema says: {e.message[:90]}" for e in SCHEMA.iter_errors(report)]
    everything = [o for each in (report, *report["others"]) for o in each["observations"]]
    ids = {o["id"] for o in everything}
    found += [f"{o['id']} lacks {k}" for o in everything for k in OF_AN_OBSERVATION if k not in o]
    found += [f"{o['id']} has the time {o['began']} {o['took']}" for o in everything if min(o["began"], o["took"]) < 0]
    if len(ids) < len(everything):
        found.append("two observations have one id")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", report["vantage"]["started"]):
        found.append(f"started {report['vantage']['started']}")
    found += _of_verdict(report["verdict"], "verdict")
    for problem in report["problems"]:
        found += [f"{problem['id']} lacks {key}" for key in OF_A_PROBLEM if key not in problem]
        found += [*_of_verdict(problem, problem["id"]), *_of_problem(problem, ids)]
    found += _of_first(report)
    found += [f"stage {s['name']}: {s}" for s in report["stages"] if not _is_stage(s)]
    return [*found, *_unaccounted(report)]


def _of_verdict(v: Json, where: str) -> list[str]:
    found = []
    if v["symptom"] not in get_args(Symptom) or v["certainty"] not in get_args(Certainty):
        found.append(f"{where}: {v['symptom']} {v['certainty']}")
    if v["owner"] not in get_args(Owner):
        found.append(f"{where}: owner {v['owner']}")
    if not v["title"] or not v["explanation"] or re.search(r"\{[a-z_]+\}", v["title"] + v["explanation"]):
        found.append(f"{where}: says {v['title']!r}, {v['explanation']!r}")
    kind = KINDS.get(v["cause"] or "")
    if v["cause"] is None:
        right = "certain" if v["symptom"] == "ok" else "undetermined"
        return [*found, f"{where}: no cause, and {v['certainty']}"] if v["certainty"] != right else found
    if kind is None or v["symptom"] == "ok":
        found.append(f"{where}: {v['symptom']} by {v['cause']}")
    if (kind == "remainder") != (v["certainty"] == "undetermined"):
        found.append(f"{where}: {v['cause']}, a {kind}, is {v['certainty']}")
    return found


def _of_problem(p: Json, ids: set[str]) -> list[str]:
    found = [f"{p['id']}: evidence {e} is not there" for e in p["evidence"] if e not in ids]
    if not p["evidence"] or p["symptom"] == "ok" or p["subject"]["kind"] not in SUBJECTS:
        found.append(f"{p['id']}: {p['symptom']} about {p['subject']} by {p['evidence']}")
    out, open_ = {r["cause"] for r in p["ruled_out"]}, {c["cause"] for c in p["candidates"]}
    for r in p["ruled_out"]:
        if not (r["because"] and r["evidence"] and ids.issuperset(r["evidence"])):
            found.append(f"{p['id']}: {r['cause']} is ruled out because {r['because']!r} by {r['evidence']}")
    if out & open_ or p["cause"] in out | open_:
        found.append(f"{p['id']}: {p['cause']} beside {sorted(out & open_)}")
    if p["certainty"] == "certain" and open_:
        found.append(f"{p['id']}: certain, and still open: {sorted(open_)}")
    test = p["next_test"]
    if test is not None and not (test["where"] and test["command"] and test["if"]):
        found.append(f"{p['id']}: next test {test}")
    for answer in test["if"] if test else ():
        if not answer["answer"] or answer["then"] not in KINDS or answer["then"] in out:
            found.append(f"{p['id']}: the next test leads to {answer['then']}")
    for step in p["steps"]:
        fine = step["scope"] in ("this-machine", "network", "server") and step["risk"] in ("none", "low", "high")
        if not fine or not step["text"] or re.search(r"\{[a-z_]+\}", step["text"] + step["command"]):
            found.append(f"{p['id']}: step {step}")
    return found


def _of_first(report: Json) -> list[str]:
    """The verdict and the lists on top repeat the first problem."""
    if not report["problems"]:
        empty = {"candidates": [], "ruled_out": [], "next_test": None, "steps": []}
        return [f"{key} without a problem" for key, nothing in empty.items() if report[key] != nothing]
    first = report["problems"][0]
    of_verdict = ("symptom", "cause", "certainty", "title", "explanation", "owner")
    found = [f"verdict.{key} is not the first problem's" for key in of_verdict if report["verdict"][key] != first[key]]
    on_top = ("candidates", "ruled_out", "next_test", "steps")
    return found + [f"{key} is not the first problem's" for key in on_top if report[key] != first[key]]


def _is_stage(s: Json) -> bool:
    if s["name"] not in STAGES:
        return False
    if s["status"] == "skipped":
        return bool(s["skipped_because"])
    return s["status"] in ("ok", "failed", "slow") and s["skipped_because"] is None and bool(s["summary"])


def _unaccounted(report: Json) -> list[str]:
    """Every observation that did not end well is in some evidence, or called unexplained."""
    told = {*report["unexplained"], *(e for note in report["notes"] for e in note["evidence"])}
    for p in report["problems"]:
        told |= {*p["evidence"], *(e for r in p["ruled_out"] for e in r["evidence"])}
    bad = [o for o in report["observations"] if o["outcome"] != "ok" and o["id"] not in told]
    return [f"{o['id']} ({o['kind']} {o['outcome']}) is left out" for o in bad]


@pytest.mark.parametrize("name", [n for n in scenario_names() if recording_path(n).exists()])
def test_every_recording_keeps_the_contract(name: str) -> None:
    report = recorded(name)
    assert report is not None
    assert breaches(json.loads(render(report, diagnose(report, CATALOGUE)))) == []


# ---------------------------------------------------------------- live runs


def done(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-W", "error", "-m", "portdoctor", *words]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


@pytest.fixture
def closed() -> Iterator[int]:
    """A loopback port that refuses, and stays so: it is bound and does not listen."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def test_live_reports_keep_the_contract_and_stand_in_the_order_asked(closed: int) -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with server(says(ok, after_hearing=True)) as good, server(reset) as broken, server(says(b"SSH-2.0-x\r\n")) as other:
        targets = [
            f"http://someone:secret@127.0.0.1:{good}/page?token=secret#secret", f"127.0.0.1:{closed}",
            f"http://127.0.0.1:{broken}", f"https://127.0.0.1:{other}", f"localhost:{closed}", f"[::1]:{closed}",
            f"udp://127.0.0.1:{closed}", f"tcp://127.0.0.1:{good},{closed}",
        ]  # fmt: skip
        ran = done("check", *targets, "--json")
    assert (ran.returncode, ran.stderr) == (1, b"")
    reports = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [found for r in reports for found in breaches(r)] == []
    assert b"secret" not in ran.stdout
    assert [r["target"]["port"] for r in reports] == [good, closed, broken, other, closed, closed, closed, good, closed]
    assert reports[0]["verdict"] | {"title": "", "explanation": "", "owner_text": ""} == {
        "symptom": "ok", "cause": None, "certainty": "certain", "title": "", "explanation": "", "owner": "unknown",
        "owner_text": "",
    }  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_refused_port_of_this_machine_is_certain_and_acted_on_here(host: str) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    report = json.loads(done("check", f"{host}:{port}", "--json").stdout)
    assert breaches(report) == []
    assert (report["verdict"]["cause"], report["verdict"]["certainty"]) == ("tcp.no-listener", "certain")
    assert report["verdict"]["owner"] == "this-machine"
    assert {step["scope"] for step in report["steps"]} == {"this-machine"}


def test_bind_gives_the_same_object() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = done("bind", f"127.0.0.1:{taken.getsockname()[1]}", "--json")
    report = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert breaches(report) == []
    assert report["verdict"]["symptom"] == "port-conflict"


# ---------------------------------------------------------------- streams and files


@pytest.mark.parametrize("close", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug(close: str, closed: int) -> None:
    line = f"exec {sys.executable} -m portdoctor check tcp://127.0.0.1:{closed} {close}"
    ran = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (1, b"")


@pytest.mark.parametrize(("locale", "ascii_only"), [("LC_ALL=C", True), ("LANG=C", True), ("LANG=C.UTF-8", False)])
def test_the_c_locale_gets_ascii(locale: str, ascii_only: bool) -> None:
    words = [sys.executable, "-m", "portdoctor", "diagnose", str(recording_path("tcp/port-filtered"))]
    ran = subprocess.run(["env", "-i", locale, *words], capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr, ran.stdout.isascii()) == (1, b"", ascii_only)


def test_a_full_disk_is_one_sentence(closed: int) -> None:
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "portdoctor", "check", f"127.0.0.1:{closed}"]
        ran = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (2, b"error: cannot write to stdout: No space left on device\n")


def test_stdout_that_is_full_is_told_as_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(UsageError, match="cannot write to stdout"):
            Stdout().print("a line")


def test_lists_are_read_as_editors_and_shells_write_them(tmp_path: Any) -> None:
    for text in ("127.0.0.1:1\r\n127.0.0.1:2\r\n", "127.0.0.1:1\r127.0.0.1:2", "127.0.0.1:1\n# \x0c\n127.0.0.1:2"):
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            (tmp_path / "list").write_bytes(text.encode(encoding))
            asked, readable = reading.targets_of([], str(tmp_path / "list"))
            assert ([a.target.port for a in asked], readable) == ([1, 2], True)


def test_bytes_that_are_no_text_are_no_name(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list").write_bytes(b"127.0.0.1:1\nn\xffme:22\n")
    asked, readable = reading.targets_of([], str(tmp_path / "list"))
    assert (len(asked), readable) == (1, False)
    assert capsys.readouterr().err.startswith("error: line 2: ")


def test_a_family_forbids_addresses_of_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="omit -6"):
        reading.targets_of(["127.0.0.1:1"], "", family=6)
    asked, readable = reading.targets_of(["127.0.0.1:1", "[::1]:1", "localhost:1"], "", family=6)
    assert ([a.target.host for a in asked], readable) == (["::1", "localhost"], False)
    assert "omit -6" in capsys.readouterr().err


# ---------------------------------------------------------------- --expect


def _seen(*ends: Connect) -> tuple[Report, Diagnosis]:
    target = Target(input="shop:80", host="shop", port=80)
    return Report(target=target, observations=ends), Diagnosis(verdict=Verdict(symptom="ok", certainty="certain"))


def test_open_asks_only_the_addresses_that_this_machine_has_a_way_to() -> None:
    works = Connect(id="o1", outcome=Outcome.OK, address="192.0.2.1", port=80)
    no_way = Connect(
        id="o2", outcome=Outcome.NET_UNREACHABLE, address="2001:db8::1", port=80,
        errno=Errno(name="ENETUNREACH", number=101),
    )  # fmt: skip
    by_a_router = Connect(
        id="o2", outcome=Outcome.NET_UNREACHABLE, address="2001:db8::1", port=80,
        icmp=Icmp(type=1, code=0, offender="2001:db8::ff"),
    )  # fmt: skip
    assert met("open", *_seen(works, no_way)) is True
    assert met("open", *_seen(works, by_a_router)) is False


@pytest.mark.parametrize(("status", "noted"), [(b"200 OK", 0), (b"404 Not Found", 1), (b"401 Unauthorized", 1)])
def test_an_answer_of_the_4xx_is_ok_with_a_note(status: bytes, noted: int) -> None:
    with server(says(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n", after_hearing=True)) as port:
        ran = done("check", f"http://127.0.0.1:{port}/", "--json")
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["verdict"]["symptom"]) == (0, "ok")
    assert [note["text"] for note in report["notes"]] == [
        f"The service answers this request with {status.decode()}." for _ in range(noted)
    ]
