"""A site's own causes: as strict as ours, one clear line a mistake, and they decide like the others."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from portdoctor import cli
from portdoctor.catalogue.folders import HERE, load_catalogue, read_folder
from portdoctor.catalogue.lint import lint_texts
from portdoctor.engine.verdict import diagnose
from portdoctor.model import Diagnosis, Report
from portdoctor.render.json import load_report

ROOT = Path(__file__).parent.parent
OURS = load_catalogue()
EXAMPLE = re.findall(r"```markdown\n(.*?)```", (ROOT / "docs/own-causes.md").read_text(encoding="utf-8"), re.S)[0]
SILENT = load_report((ROOT / "scenarios/tcp/host-silent.json").read_text(encoding="utf-8"))
FILTERED = load_report((ROOT / "scenarios/tcp/port-filtered-ip4.json").read_text(encoding="utf-8"))

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["portdoctor", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        code = cli.main()
        return (code, *capsys.readouterr())

    return _run


def network_of(report: Report) -> str:
    """A network around the address that the report is about."""
    (address,) = diagnose(report, OURS).problems[0].subject.values
    assert ":" not in address
    return f"{address.rpartition('.')[0]}.0/24"


def written(folder: Path, text: str, name: str = "tcp/not-on-vpn") -> str:
    file = folder / f"{name}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return str(file)


def told(text: str, name: str = "tcp.not-on-vpn") -> list[str]:
    return lint_texts({name: ("net.md", text)}, OURS)


# ---------------------------------------------------------------- as strict as ours


def test_ours_have_no_errors() -> None:
    assert lint_texts(read_folder(HERE), OURS) == []


def test_the_example_of_the_documentation_is_without_lint_texts() -> None:
    assert told(EXAMPLE) == []


def changed(old: str, new: str) -> str:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed("requires =", "requirse ="), "4: unknown key 'requirse' (did you mean 'requires'"),
        (changed('"tcp.silent"', '"tcp.silnt"'), "4: requires: unknown sign 'tcp.silnt' (did you mean 'tcp.silent'"),
        (changed("target.in-network:10.20.0.0/16", "target.in-network"), "4: requires: the sign target.in-network"),
        (changed('"tcp.silent",', '"tcp.silent:yes",'), "4: requires: the sign tcp.silent takes no parameter"),
        (changed('"tcp.silent"', '"app.service-says"'), "4: requires: the sign app.service-says reads the key answers"),
        (changed("cap =", 'answers = ["x"]\nproof = ["app.service-says"]\ncap ='), "8: proof: the sign app.service"),
        (changed("10.20.0.0/16\"", "10.20.0.5/16\""), "4: requires: '10.20.0.5/16' is not a network: 10.20.0.5/16 has"),
        (changed('"tcp.silent", "target.in-network:10.20.0.0/16"', ""), "4: requires: without a required sign"),
        (changed("requires = ", 'excludes = ["tcp.silent"]\nrequires = '), "4: excludes: 'tcp.silent' is also req"),
        (changed('"tcp.host-silent"', '"tcp.host-silnt"'), "5: refines: unknown cause 'tcp.host-silnt' (did you mean"),
        (changed('"tcp.host-silent"', '"pct.*"'), "5: refines: unknown cause 'pct.*'"),
        (changed('["timeout"]', '["time-out"]'), "3: explains: invalid value 'time-out' (did you mean 'timeout'"),
        (changed('["timeout"]', '["tls-failed"]'), "3: explains: 'tls-failed' is not a symptom of stage tcp"),
        (changed('["timeout"]', '"timeout"'), "3: explains: Expected array, got str"),
        (changed("owner =", 'at = ["dns"]\nowner ='), "6: at: no problem is about 'address' at stage dns"),
        (changed("owner =", 'at = ["tpc"]\nowner ='), "6: at: invalid value 'tpc' (did you mean 'tcp'"),
        (changed("owner =", 'systems = ["beos"]\nowner ='), "6: systems: invalid value 'beos': write linux, macos"),
        (changed('"this-machine"\ncap', '"me"\ncap'), "6: owner: invalid value 'me': write user, this-machine, "),
        (changed('"address"', '"family"'), "2: about: invalid value 'family'"),
        (changed('"address"', '"address'), "2: invalid TOML: "),
        (changed("cap =", 'proof = ["tcp.silent"]\ncap ='), ""),
        (changed('cap = "likely"', 'proof = ["tcp.silent"]'), "7: proof: there is no cap to lift"),
        (changed("cap =", 'kind = "remainder"\ncap ='), "8: cap: a remainder is always undetermined"),
        (changed('owner = "this-machine"\n', ""), "1: missing key 'owner'"),
        (changed("{address} responds", "{adress} answers"), "8: says: unknown blank 'adress' (did you mean 'address'"),
        (changed("the VPN.\"", "the VPN\""), "8: says: the sentence does not end with a full stop"),
        (changed("VPN.\"", f"VPN {'and so on ' * 5}.\""), "8: says: the sentence has 22 words; at most 15"),
        (changed("cap =", 'ask = "Please start the VPN on {host}."\ncap ='), ""),
        (changed("cap =", 'ask = "Please start the VPN"\ncap ='), "7: ask: the message does not end with a full stop"),
        (changed("cap =", f'ask = "{"and so on " * 21}."\ncap ='), "7: ask: the message has 64 words; at most 60"),
        (changed("cap =", 'ask = "Start {wpn}."\ncap ='), "7: ask: unknown blank 'wpn'"),
        (changed("cap =", 'prints = ["no VPN for {text}"]\nanswers = ["08006"]\ncap ='), ""),
        (changed("cap =", 'prints = [\n  "no VPN",\n  " "]\ncap ='), "9: prints: the phrase is empty"),
        (changed("cap =", 'answers = ["{code} "]\ncap ='), "7: answers: the phrase is empty, or has nothing"),
        (changed("cap =", 'answers = ["no {user} here"]\ncap ='), "7: answers: unknown blank 'user' in a phrase"),
        (changed("cap =", 'answers = ["no {VPN}"]\ncap ='), "7: answers: malformed blank in 'no {VPN}'"),
        (changed("cap =", f'answers = ["{"x" * 201}"]\ncap ='), "7: answers: the phrase has 201 characters; at most"),
        (changed("+++\n# The", "# The"), "1: the file does not begin with front matter between two +++ lines"),
        (changed("# The VPN is not connected\n", ""), "11: the page does not begin with a title line"),
        (changed("# The VPN is", f"# {'The ' * 20}VPN is"), "10: the title has 100 characters; at most 72"),
        (changed("## Usual reasons", "## Reasons"), "10: the page has no text under ## Usual reasons"),
        (changed("- The VPN was not started after the last restart.\n- Its session ended overnight.\n", ""), "18: "),
        (changed("Machines in 10.20.0.0/16 respond only through the VPN.\n", ""), "10: the page has no text between"),
        (changed("Machines in", f"{'Some of the ' * 4}machines in"), "12: first sentence: the sentence has 20 words"),
        (changed("Its session", "The session to {adress}"), "21: unknown blank 'adress'"),
        (changed("overnight.", "overnight!"), "21: exclamation mark"),
        (changed("overnight.", "in 90 % of the cases."), "21: percentage: give the numbers"),
        (changed("(this-machine, risk low)", "(here, risk low)"), "29: malformed step: write"),
        (changed("ip route get {address}", "ip route get '{address}"), "26: a shell cannot parse this command: No c"),
        (changed("route get {address}`\n  - macOS", "route get {adress}`\n  - macOS"), "26: unknown blank 'adress'"),
        (changed("  - Linux: `", "  - BeOS: `"), "26: malformed step: write"),
        ("", "1: the file does not begin"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_with_file_line_and_key(text: str, said: str) -> None:
    found = told(text)
    if not said:
        assert found == []
        return
    assert any(line.startswith(f"net.md:{said}") for line in found), found
    assert all(re.match(r"net\.md:\d+: \S", line) for line in found)


def test_every_error_of_a_file_is_reported_at_once() -> None:
    text = changed('"tcp.silent"', '"tcp.silnt"').replace("owner =", "ownr =").replace("overnight.", "overnight!")
    assert [line.split(":")[1] for line in told(text)] == ["6", "21"]  # signs are checked when all keys are valid
    text = changed('"tcp.silent"', '"tcp.silnt"').replace("overnight.", "overnight!")
    assert [line.split(":")[1] for line in told(text)] == ["4", "21"]


def test_a_phase_of_its_own_says_at_which_stage_it_is_seen() -> None:
    (line,) = told(EXAMPLE, "office.not-on-vpn")
    assert line == """net.md:1: at: 'office' is not a stage: name one, such as at = ["tcp"]"""
    assert told(changed("owner =", 'at = ["tcp"]\nowner ='), "office.not-on-vpn") == []
    (line,) = told(EXAMPLE, "dns.not-on-vpn")
    assert line.startswith("net.md:2: about: no problem is about 'address' at stage dns")


def test_names_of_folders_and_files() -> None:
    assert "invalid folder name 'Tcp'" in told(changed("owner =", 'at = ["tcp"]\nowner ='), "Tcp.not-on-vpn")[0]
    assert "invalid file name 'not on vpn'" in told(EXAMPLE, "tcp.not on vpn")[0]


# ---------------------------------------------------------------- the command line


def test_an_error_is_refused_before_anything_is_probed(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, changed('"tcp.silent"', '"tcp.silnt"'))
    for words in (["check", "127.0.0.1:1"], ["explain", "--list"], ["bind", ":1"]):
        code, out, err = run(*words, "--causes", str(tmp_path))
        assert (code, out) == (2, "")
        assert err == f"{path}:4: requires: unknown sign 'tcp.silnt' (did you mean 'tcp.silent'?)\n"


def test_where_a_cause_may_lie(run: Run, tmp_path: Path) -> None:
    code, _, err = run("explain", "--list", "--causes", str(tmp_path))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no cause files" in err
    (tmp_path / "README.md").write_text("# What this is\n", encoding="utf-8")
    (tmp_path / "lost.md").write_text(EXAMPLE, encoding="utf-8")
    _, _, err = run("explain", "--list", "--causes", str(tmp_path))
    assert err == f"{tmp_path}/lost.md:1: the file must be in the folder of its phase, such as tcp/lost.md\n"
    code, _, err = run("explain", "--list", "--causes", str(tmp_path / "nothing"))
    assert (code, len(err.splitlines())) == (2, 1)


def test_a_file_that_is_no_text(run: Run, tmp_path: Path) -> None:
    path = Path(written(tmp_path, EXAMPLE))
    path.write_bytes(EXAMPLE.encode().replace(b"overnight", b"overn\xefght"))
    assert run("explain", "--list", "--causes", str(tmp_path)) == (2, "", f"{path}:21: the file is not UTF-8\n")


def test_the_list_says_where_each_comes_from(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, EXAMPLE)
    code, out, err = run("explain", "--list", "--causes", str(tmp_path))
    assert (code, err) == (0, "")
    flat = "".join(out.split())
    assert f"tcp.not-on-vpnTheVPNisnotconnected[{path}]" in flat
    assert HERE not in out
    _, out, _ = run("explain", "tcp.not-on-vpn", "--causes", str(tmp_path))
    assert "The VPN is not connected" in out
    assert path in "".join(out.split())
    _, out, _ = run("explain", "timeout", "--causes", str(tmp_path))
    assert "tcp.not-on-vpn" in out


def test_the_folder_of_the_user_is_read_without_an_option(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portdoctor.host.config_folder", lambda: str(tmp_path))
    assert "not-on-vpn" not in run("explain", "--list")[1]
    (tmp_path / "causes").mkdir()
    assert run("explain", "--list")[0] == 0  # nothing in it yet
    path = written(tmp_path / "causes", EXAMPLE)
    assert path in "".join(run("explain", "--list")[1].split())


def test_two_folders_and_the_later_one_counts(run: Run, tmp_path: Path) -> None:
    written(tmp_path / "a", EXAMPLE)
    written(tmp_path / "a", EXAMPLE, "tcp/other")
    later = written(tmp_path / "b", EXAMPLE)
    _, out, _ = run("explain", "--list", "--causes", str(tmp_path / "a"), "--causes", str(tmp_path / "b"))
    assert f"[{later}]" in "".join(out.split())
    assert "tcp.other" in out


def test_one_of_ours_can_be_replaced(run: Run, tmp_path: Path) -> None:
    written(tmp_path, changed("Machines in 10.20.0.0/16", "Our machines"), "tcp/host-silent")
    assert "Our machines respond only" in run("explain", "tcp.host-silent", "--causes", str(tmp_path))[1]


# ---------------------------------------------------------------- they decide


def judged(report: Report, folder: Path, text: str) -> Diagnosis:
    written(folder, text)
    catalogue = load_catalogue([str(folder)])
    assert lint_texts(read_folder(str(folder)), catalogue) == []
    return diagnose(report, catalogue)


def for_the_network_of(report: Report, text: str = EXAMPLE) -> str:
    return text.replace('target.in-network:10.20.0.0/16"', f'target.in-network:{network_of(report)}"')


@pytest.mark.parametrize("report", [SILENT, FILTERED], ids=["host-silent", "port-filtered"])
def test_a_special_case_of_ours_is_the_answer(report: Report, tmp_path: Path) -> None:
    before = diagnose(report, OURS).verdict
    found = judged(report, tmp_path, for_the_network_of(report))
    assert before.cause in ("tcp.host-silent", "tcp.port-filtered")
    assert (found.verdict.cause, found.verdict.certainty) == ("tcp.not-on-vpn", "likely")
    assert (found.verdict.symptom, found.verdict.owner) == ("timeout", "this-machine")
    assert found.verdict.explanation.startswith(f"{found.problems[0].subject.values[0]} responds only through the VPN.")
    assert "Start the VPN, then check again." in [step.text for step in found.problems[0].steps]


def test_without_refines_it_clashes_and_nothing_is_claimed(tmp_path: Path) -> None:
    text = re.sub(r"refines = .*\n", "", for_the_network_of(SILENT))
    found = judged(SILENT, tmp_path, text)
    assert (found.verdict.cause, found.verdict.certainty) == (None, "undetermined")
    assert {"tcp.not-on-vpn", "tcp.host-silent"} <= {c.cause for c in found.problems[0].candidates}


def test_elsewhere_it_is_ruled_out_by_what_was_asked_for(tmp_path: Path) -> None:
    found = judged(SILENT, tmp_path, EXAMPLE)
    assert found.verdict == diagnose(SILENT, OURS).verdict
    (mine,) = [r for r in found.problems[0].ruled_out if r.cause == "tcp.not-on-vpn"]
    assert mine.because == "No address that was probed is in 10.20.0.0/16."


def test_a_recorded_report_is_told_by_a_sites_cause(run: Run, tmp_path: Path) -> None:
    written(tmp_path, for_the_network_of(SILENT))
    recorded = str(ROOT / "scenarios/tcp/host-silent.json")
    code, out, err = run("diagnose", recorded, "--causes", str(tmp_path))
    assert (code, err) == (1, "")
    assert "tcp.not-on-vpn" in out
    assert "ip route get 10.0.4.2" in out
