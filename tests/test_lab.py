"""The lab itself: the format, the layout, the small servers, the matrix, and what is left behind (nothing)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import dns.message
import dns.rcode
import msgspec
import psutil
import pytest

from portdoctor.lab import judge, servers
from portdoctor.lab.ability import ROOTLESS, Ability, Check, alternatives
from portdoctor.lab.layout import Layout, rules
from portdoctor.lab.matrix import Case, as_markdown, matrix_page, table
from portdoctor.lab.recording import keepable
from portdoctor.lab.result import ScenarioRun
from portdoctor.lab.run import run_scenario
from portdoctor.lab.scenario import Scenario, ScenarioError, complaints, load_scenario, parse_scenario
from portdoctor.lab.servers_dns import answer_dns
from portdoctor.lab.vary import variants
from portdoctor.model import Candidate, Diagnosis, Problem, Report, Target, Verdict

from .conftest import lab_is_required

ROOT = Path(__file__).resolve().parent.parent


def scenario(text: str = "", head: str = "") -> Scenario:
    base = 'about = "A."\ncommand = "check server:80"\npath = "client r1 r2 server"\n'
    end = '\n[expect]\nsymptom = "ok"\ncertainty = "certain"\n'
    return parse_scenario((base + head + "\n" + text + end).encode(), "tcp/x")


# ------------------------------------------------- the format


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[at.r2]\nfroward = "drop"', "froward"),
        ('[at.r9]\nforward = "drop"', "r9"),
        ('[at.r2]\nhosts = ["10.0.0.1 x"]', "for the client only"),
        ('[at.r2]\nroutes = "10.9.0.0/16 via {r7.ip4}"', "r7"),
        ('[at.r2]\ndown = ["nobody"]', "nobody"),
    ],
)
def test_a_wrong_key_or_name_is_an_error_that_names_it(text, message):
    with pytest.raises(ScenarioError, match=f"scenarios/tcp/x.toml: .*{message}"):
        scenario(text)


def test_a_certain_diagnosis_of_something_else_is_refused():
    with pytest.raises(ScenarioError, match="injected"):
        parse_scenario(
            b'about = "A."\ncommand = "check server:80"\ninjected = "tcp.x"\n[expect]\nsymptom = "timeout"\n'
            b'cause = "tcp.y"\ncertainty = "certain"\n', "tcp/x",
        )  # fmt: skip


def test_blanks_are_filled_and_other_braces_stay():
    ready = judge.ready(scenario('[at.server]\nforward = "tcp dport { 80, 81 } dnat to {r1.ip4}"\nnginx = "x {}"'))
    assert ready.node("server").forward == "tcp dport { 80, 81 } dnat to 10.0.1.2"
    assert ready.node("server").nginx == "x {}"


def test_blanks_can_name_one_link():
    ready = judge.ready(scenario('[at.r2]\nroutes = "10.9.0.0/16 via {r1>r2.ip4}"'))
    assert ready.node("r2").routes == "10.9.0.0/16 via 10.0.2.1"


# ------------------------------------------------- the layout


def test_hop_k_is_10_0_k_2():
    layout = Layout(scenario())
    assert [layout.address(n, 4) for n in layout.nodes] == ["10.0.1.1", "10.0.1.2", "10.0.2.2", "10.0.3.2"]
    assert layout.address("server", 6) == "fd00:0:0:3::2"
    assert layout.gateways("client") == ["10.0.1.2", "fd00:0:0:1::2"]


def test_routers_know_every_network_and_further_address():
    layout = Layout(scenario('[at.dns]\naddresses = ["203.0.113.5"]', 'branches = ["r1 dns"]'))
    assert "10.0.4.0/24 via 10.0.2.1 dev eth0" in layout.routes("r2")
    assert "203.0.113.5 via 10.0.4.2 dev eth2" in layout.routes("r1")
    assert layout.routes("client") == []


def test_a_path_of_one_node_is_loopback():
    layout = Layout(msgspec.structs.replace(scenario(), path="client", at={}))
    assert layout.address("client", 4) == "127.0.0.1"
    assert layout.gateways("client") == []


def test_rules_come_in_the_chains_they_are_written_in():
    text = rules(scenario('[at.r1]\nforward = "tcp dport 80 drop"\nprerouting = "dnat ip to 10.0.0.1"'), "r1")
    assert "hook forward priority 0" in text
    assert "type nat hook prerouting priority dstnat" in text
    assert "hook input" not in text


# ------------------------------------------------- the small servers


def test_a_server_that_cannot_be_read_says_how_to_write_it():
    for text in ("http", "nonsense :80", "http 80", "http :80 fast"):
        with pytest.raises(servers.SpecError):
            servers.read_spec(text)
    spec = servers.read_spec('greeting [::1]:25 text="220 hello there"')
    assert (spec.address, spec.port, spec.options) == ("::1", 25, {"text": "220 hello there"})


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def serve():
    """Start small servers in a process of their own; they end with the test."""
    started = []

    def start(text: str) -> int:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "portdoctor.lab.servers", text.replace(":0", f"127.0.0.1:{port}") + " for=20"],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        return port

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ask(port: int, text: bytes = b"", limit: int = 65536) -> bytes:
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as sock:
        if text:
            sock.sendall(text)
        while len(got) < limit and (more := sock.recv(4096)):
            got += more
    return got


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_http_servers(serve):
    assert ask(serve("http :0 status=502 server=nginx"), GET).startswith(b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx")
    assert b"Location: /again" in ask(serve("redirect :0 to=/again"), GET)
    assert ask(serve("stuffed :0 count=1000"), GET).count(b"\r\n") > 1000
    assert len(ask(serve("endless :0"), GET, 100_000)) >= 100_000


def test_conversations_that_end_badly(serve):
    with pytest.raises(ConnectionResetError):
        ask(serve("reset :0"))
    assert ask(serve("close :0")) == b""
    assert ask(serve("greeting :0 text=SSH-2.0-lab close=yes")) == b"SSH-2.0-lab\r\n"


def test_a_full_queue_answers_nobody(serve):
    port = serve("full :0")
    with pytest.raises(TimeoutError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        pass


DNS = {
    "a.example": "192.0.2.1,2001:db8::1",
    "alias.example": "cname:a.example",
    "loop.example": "cname:loop.example",
    "bad.example": "SERVFAIL",
}


@pytest.mark.parametrize(
    ("name", "qtype", "rcode", "answers"),
    [
        ("a.example", "A", "NOERROR", 1),
        ("a.example", "AAAA", "NOERROR", 1),
        ("a.example", "MX", "NOERROR", 0),
        ("alias.example", "A", "NOERROR", 2),
        ("loop.example", "A", "NOERROR", 1),
        ("bad.example", "A", "SERVFAIL", 0),
        ("none.example", "A", "NXDOMAIN", 0),
    ],
)
def test_the_dns_server_speaks_dns(name, qtype, rcode, answers):
    query = dns.message.make_query(name, qtype, use_edns=0)
    wire = answer_dns(query.to_wire(), DNS | {"ede": "22:none reachable"}, "udp")
    assert wire is not None
    response = dns.message.from_wire(wire)
    assert query.is_response(response)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert len(response.answer) == answers
    assert "No Reachable Authority" in str(response.options[0])


def test_the_dns_server_misbehaves_when_told():
    query = dns.message.make_query("a.example", "AAAA", use_edns=False).to_wire()
    assert answer_dns(query, DNS | {"silent": "AAAA"}, "udp") is None
    assert answer_dns(b"rubbish", DNS, "udp") is None
    wrong = answer_dns(query, DNS | {"wrong": "id"}, "udp")
    assert wrong is not None
    assert wrong[:2] != query[:2]
    with_edns = dns.message.make_query("a.example", "AAAA", use_edns=0).to_wire()
    asked: Counter[tuple[str, str]] = Counter()
    first = [answer_dns(query, DNS | {"fails": "2:REFUSED"}, "udp", asked) for _ in range(3)]
    assert [dns.message.from_wire(wire).rcode() for wire in first if wire] == [5, 5, 0]
    asked.clear()
    plain = [answer_dns(q, DNS | {"fails": "1:silent:plain"}, "udp", asked) for q in (with_edns, query, query)]
    assert [wire is not None for wire in plain] == [True, False, True]
    cut = answer_dns(query, DNS | {"tc": "yes"}, "udp")
    assert cut is not None
    assert dns.message.from_wire(cut, raise_on_truncation=False).flags & 0x0200


# ------------------------------------------------- comparing


REPORT = Report(target=Target(input="x:1", host="x", port=1))


def test_what_differs_is_named():
    found = Diagnosis(
        verdict=Verdict(symptom="timeout", cause="tcp.port-filtered", certainty="likely"),
        problems=(Problem(id="p1", symptom="timeout", candidates=(Candidate(cause="tcp.host-silent"),)),),
    )
    expected = parse_scenario(
        b'about = "A."\ncommand = "check server:80"\nnear_miss_of = ["tcp.port-filtered"]\n[expect]\n'
        b'symptom = "timeout"\ncause = "tcp.host-silent"\ncertainty = "likely"\nruled_out = ["tcp.no-listener"]\n'
        b'candidates = ["tcp.path-dead"]\noffender = "10.0.1.2"\n', "tcp/x",
    )  # fmt: skip
    assert judge.of_diagnosis(expected, REPORT, found) == [
        "cause tcp.port-filtered, expected tcp.host-silent",
        "tcp.no-listener is not ruled out",
        "tcp.path-dead is not among the candidates",
        "offender none, expected 10.0.1.2",
        "the verdict is tcp.port-filtered, of which this is a near miss",
    ]


def test_an_error_of_the_lab_is_not_a_diagnosis():
    assert judge.of_run(scenario(), ScenarioRun(failure="nft failed")) == ["nft failed"]
    assert judge.of_run(scenario(), ScenarioRun(exit=70, complaints="boom")) == ["no report; exit 70: boom"]


def test_a_recording_has_no_details_of_the_machine():
    kept = keepable(f'{{"vantage":{{"os":"Linux 6.1"}},"x":"{sys.executable} {ROOT}/y"}}')
    assert msgspec.json.decode(kept) == {"vantage": {"os": "Linux"}, "x": "/usr/bin/python3 /opt/portdoctor/y"}


# ------------------------------------------------- the matrix


def test_only_certain_and_wrong_is_wrong():
    def score(injected, diagnosed, certainty):
        return Case("n", injected, (injected,) if injected else (), diagnosed, certainty).score

    assert score("tcp.a", "tcp.a", "certain") == "certain"
    assert score("tcp.a", "tcp.a", "likely") == "likely"
    assert score("tcp.a", "tcp.b", "likely") == "other"
    assert score("tcp.a", "tcp.b", "certain") == "WRONG"
    assert score("tcp.a", None, "certain") == "WRONG"  # "it works", while it is broken
    assert score("tcp.a", "tcp.a", "undetermined") == "open"
    assert score(None, None, "certain") == "certain"


def test_the_matrix_counts_every_case_once():
    cases = [Case(str(n), f"tcp.{n % 2}", (f"tcp.{n % 2}",), "tcp.0", "likely") for n in range(10)]
    assert table(cases)[-1] == ["all", "10", "0", "5", "0", "5", "0"]
    assert as_markdown(table(cases)).splitlines()[1] == "| --- | --: | --: | --: | --: | --: | --: |"
    assert "Certain and wrong: 0 of 10." in matrix_page(cases, markdown=False)


def test_every_variant_is_a_scenario():
    every = list(variants())
    assert len({v.scenario.name for v in every}) == len(every) > 200
    for variant in every:
        assert complaints(variant.scenario) == []
        assert "{" not in judge.ready(variant.scenario).command
        assert all(variant.right)


# ------------------------------------------------- where it cannot run


def test_a_machine_that_cannot_run_it_gets_alternatives():
    text = alternatives(Ability((Check("a user namespace", False, "no"),), ROOTLESS))
    assert "`check` and `bind` do not need it" in text
    assert "a user namespace is not permitted" in text
    assert "as root" in text
    assert "--privileged" in text


def test_a_program_that_is_absent_is_called_missing():
    assert "the program nft is missing" in alternatives(Ability((Check("the program nft", False, "not found"),), ()))


def without_tools(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest where the lab's programs are not to be found."""
    chosen = "tests/test_scenarios.py::test_the_real_network_gives_the_right_diagnosis"
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", chosen, "-k", "tcp/works", *arguments],
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | {"PATH": "/nowhere"} | environment,
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip


def test_the_last_line_says_that_the_lab_did_not_run():
    done = without_tools(PORTDOCTOR_LAB="")
    assert done.returncode == 0, done.stdout
    assert done.stdout.rstrip().splitlines()[-1] == "lab: not run, 1 scenarios"
    assert without_tools(PORTDOCTOR_LAB="require").returncode == 1


# ------------------------------------------------- for real


@pytest.mark.lab
def test_networks_run_at_the_same_time_and_nothing_is_left(lab: Ability, record_property):
    if not lab.ok:
        record_property("lab-not-run", "test_lab")
        assert not lab_is_required()
        return
    text = '[at.r1]\nforward = "tcp dport 9 drop"\n[at.server]\nserve = ["http :80", "hold :9"]'
    results: list[ScenarioRun] = []

    def three() -> None:
        results.extend(run_scenario(scenario(text), lab) for _ in range(3))

    threads = [threading.Thread(target=three) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {o.failure for o in results} == {""}
    assert [o.exit for o in results] == [0] * 6
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert '"about":"A."' not in left


@pytest.mark.lab
def test_a_lab_that_is_killed_leaves_nothing(lab: Ability, record_property):
    if not lab.ok:
        record_property("lab-not-run", "test_lab")
        assert not lab_is_required()
        return
    words = [sys.executable, "-m", "portdoctor", "lab", "run", "http/no-response"]  # 8 s
    caller = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        inside = wait_for(lambda: [p for p in psutil.Process(caller.pid).children() if runs_a_scenario(p)])
        started = wait_for(lambda: inside[0].children(recursive=True))
    finally:
        caller.kill()
        caller.wait()
    wait_for(lambda: not [p for p in (*inside, *started) if p.is_running()], limit=5.0)


def runs_a_scenario(process):
    try:
        return "portdoctor.lab.inside" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # `lab run` first starts programs that end at once
        return False


def wait_for(found, limit=30.0):
    """The first true value of `found`; ends long before the scenario would."""
    deadline = time.monotonic() + limit
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


# ------------------------------------------------- on any host

ON_ANOTHER_HOST = (
    "local/route-unexpected-gateway", "local/no-route", "local/lifetime-too-short", "tcp/works", "local/no-route-ipv6",
    "tcp/port-filtered", "tcp/no-listener", "tcp/host-silent", "tcp/icmp-rate-limit-spent", "tcp/listen-queue-full",
    "tcp/self-connect", "bind/privileged-port", "bind/in-use", "dns/nxdomain", "udp/closed", "http/works",
)  # fmt: skip
CALLER = {
    **dict.fromkeys(("HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9"),
    **dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PORTDOCTOR_CONFIG"), "/no/such/file"),
    "NO_PROXY": "*", "PORTDOCTOR_FORMAT": "json", "PORTDOCTOR_TIMEOUT": "0.1", "LC_ALL": "C", "LANG": "C",
    "COLUMNS": "20", "TZ": "Asia/Tokyo", "RES_OPTIONS": "timeout:1", "LOCALDOMAIN": "example",
    "HOME": "/no/such/folder",
}  # fmt: skip


@pytest.mark.lab
@pytest.mark.parametrize("name", ON_ANOTHER_HOST)
def test_settings_and_variables_of_the_host_change_no_diagnosis(name, lab: Ability, record_property, monkeypatch):
    if not lab.ok:
        record_property("lab-not-run", name)
        assert not lab_is_required()
        return
    for variable, value in CALLER.items():
        monkeypatch.setenv(variable, value)
    other_host = lab._replace(prefix=(*lab.prefix, sys.executable, "-P", str(ROOT / "tests" / "other_host.py")))
    one = load_scenario(name)
    assert judge.of_run(one, run_scenario(one, other_host)) == []


def test_waiting_for_a_processor_does_not_count_against_within():
    text = b'about = "A."\ncommand = "check server:80"\n[expect]\nsymptom = "ok"\ncertainty = "certain"\nwithin = 2\n'
    verdict = {"symptom": "ok", "cause": None, "certainty": "certain"}
    report = json.dumps({"verdict": verdict, "target": {"input": "x", "host": "x", "port": 1}})

    def wrong(took, queued):
        result = ScenarioRun(report=report, exit=0, took=took, queued=queued)
        return judge.of_run(parse_scenario(text, "tcp/x"), result)

    assert wrong(3.0, 1.5) == []
    assert wrong(3.0, 0.5) == ["took 2.5 s without the wait for a processor, expected at most 2.0 s"]
