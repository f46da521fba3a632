"""A site's own causes: as strict as ours, one clear line a mistake, and they decide like the others."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from portdoctor import cli
from portdoctor.catalogue.folders import HERE, load, read
from portdoctor.catalogue.lint import mistakes
from portdoctor.engine.verdict import diagnose
from portdoctor.model import Diagnosis, Report
from portdoctor.render.json import load as load_report

ROOT = Path(__file__).parent.parent
OURS = load()
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
    return mistakes({name: ("net.md", text)}, OURS)


# ---------------------------------------------------------------- as strict as ours


def test_ours_are_without_mistakes() -> None:
    assert mistakes(read(HERE), OURS) == []


def test_the_example_of_the_documentation_is_without_mistakes() -> None:
    assert told(EXAMPLE) == []


def changed(old: str, new: str) -> str:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed("requires =", "requirse ="), "4: requirse: no key is called so; did you mean requires"),
        (changed('"tcp.silent"', '"tcp.silnt"'), "4: requires: there is no sign tcp.silnt; did you mean tcp.silent"),
        (changed("target.in-network:10.20.0.0/16", "target.in-network"), "4: requires: the sign target.in-networ"),
        (changed('"tcp.silent",', '"tcp.silent:yes",'), "4: requires: the sign tcp.silent takes no parameter"),
        (changed('"tcp.silent"', '"app.service-says"'), "4: requires: the sign app.service-says reads the key answers"),
        (changed("cap =", 'answers = ["x"]\nproof = ["app.service-says"]\ncap ='), "8: proof: the sign app.service"),
        (changed("10.20.0.0/16\"", "10.20.0.5/16\""), "4: requires: '10.20.0.5/16' is not a network: 10.20.0.5/16 has"),
        (changed('"tcp.silent", "target.in-network:10.20.0.0/16"', ""), "4: requires: a cause that requires no sign"),
        (changed("requires = ", 'excludes = ["tcp.silent"]\nrequires = '), "4: excludes: tcp.silent is required too"),
        (changed('"tcp.host-silent"', '"tcp.host-silnt"'), "5: refines: there is no cause tcp.host-silnt; did you"),
        (changed('["timeout"]', '["time-out"]'), "3: explains: 'time-out' is none of the words it takes; did you"),
        (changed('["timeout"]', '["tls-failed"]'), "3: explains: tls-failed is never seen at the stage tcp"),
        (changed('["timeout"]', '"timeout"'), "3: explains: Expected array, got str"),
        (changed("owner =", 'at = ["dns"]\nowner ='), "6: at: nothing is found about 'address' at the stage dns"),
        (changed("owner =", 'at = ["tpc"]\nowner ='), "6: at: 'tpc' is none of the words it takes; did you mean tcp"),
        (changed('"this-machine"\ncap', '"me"\ncap'), "6: owner: 'me' is none of the words it takes: this-machine"),
        (changed('"address"', '"family"'), "2: about: nothing is found about 'family' as such"),
        (changed('"address"', '"address'), "2: this is no TOML: "),
        (changed("cap =", 'proof = ["tcp.silent"]\ncap ='), ""),
        (changed('cap = "likely"', 'proof = ["tcp.silent"]'), "7: proof: a proof lifts a cap"),
        (changed('owner = "this-machine"\n', ""), "1: owner: this key is missing"),
        (changed("{address} answers", "{adress} answers"), "8: says: there is no blank {adress}; did you mean address"),
        (changed("the VPN.\"", "the VPN\""), "8: says: the sentence has no full stop"),
        (changed("VPN.\"", f"VPN {'and so on ' * 5}.\""), "8: says: the sentence has 22 words, 15 at most"),
        (changed("+++\n# The", "# The"), "1: the file must begin with front matter between two +++ lines"),
        (changed("# The VPN is not connected\n", ""), "11: the page must begin with a title line: # …"),
        (changed("# The VPN is", f"# {'The ' * 20}VPN is"), "10: the title has more than 72 characters"),
        (changed("## Usual reasons", "## Reasons"), "10: the page has no text under ## Usual reasons"),
        (changed("- The VPN was not started after the last restart.\n- Its session ended over night.\n", ""), "18: "),
        (changed("Machines in 10.20.0.0/16 answer only through the VPN.\n", ""), "10: the page says nothing between"),
        (changed("over night.", "over night!"), "21: no exclamation marks"),
        (changed("over night.", "in 90 % of the cases."), "21: no percentages"),
        (changed("(this-machine, risk low)", "(here, risk low)"), "29: no step, - Text."),
        (changed("ip route get {address}", "ip route get '{address}"), "26: no shell reads this command: No clos"),
        (changed("route get {address}`\n  - macOS", "route get {adress}`\n  - macOS"), "26: there is no blank {"),
        (changed("  - Linux: `", "  - BeOS: `"), "26: no step, - Text."),
        ("", "1: the file must begin"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_file_line_and_key(text: str, said: str) -> None:
    found = told(text)
    if not said:
        assert found == []
        return
    assert any(line.startswith(f"net.md:{said}") for line in found), found
    assert all(re.match(r"net\.md:\d+: \S", line) for line in found)


def test_every_mistake_of_a_file_is_said_at_once() -> None:
    text = changed('"tcp.silent"', '"tcp.silnt"').replace("owner =", "ownr =").replace("over night.", "over night!")
    assert [line.split(":")[1] for line in told(text)] == ["1", "6", "21"]  # signs are looked at in keys that are well
    text = changed('"tcp.silent"', '"tcp.silnt"').replace("over night.", "over night!")
    assert [line.split(":")[1] for line in told(text)] == ["4", "21"]


def test_a_phase_of_its_own_says_at_which_stage_it_is_seen() -> None:
    (line,) = told(EXAMPLE, "office.not-on-vpn")
    assert line == 'net.md:1: at: office is no stage, so say at which it is seen: at = ["tcp"]'
    assert told(changed("owner =", 'at = ["tcp"]\nowner ='), "office.not-on-vpn") == []
    (line,) = told(EXAMPLE, "dns.not-on-vpn")
    assert line.startswith("net.md:2: about: nothing is found about 'address' at the stage dns")


def test_names_of_folders_and_files() -> None:
    assert "the name of the folder, 'Tcp'" in told(changed("owner =", 'at = ["tcp"]\nowner ='), "Tcp.not-on-vpn")[0]
    assert "the name of the file, 'not on vpn'" in told(EXAMPLE, "tcp.not on vpn")[0]


# ---------------------------------------------------------------- the command line


def test_a_mistake_is_refused_before_anything_is_looked_at(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, changed('"tcp.silent"', '"tcp.silnt"'))
    for words in (["check", "127.0.0.1:1"], ["explain", "--list"], ["bind", ":1"]):
        code, out, err = run(*words, "--causes", str(tmp_path))
        assert (code, out) == (2, "")
        assert err == f"{path}:4: requires: there is no sign tcp.silnt; did you mean tcp.silent or udp.silent?\n"


def test_where_a_cause_may_lie(run: Run, tmp_path: Path) -> None:
    code, _, err = run("explain", "--list", "--causes", str(tmp_path))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "there is no cause in this folder" in err
    (tmp_path / "README.md").write_text("# What this is\n", encoding="utf-8")
    (tmp_path / "lost.md").write_text(EXAMPLE, encoding="utf-8")
    _, _, err = run("explain", "--list", "--causes", str(tmp_path))
    assert err == f"{tmp_path}/lost.md:1: a cause lies in a folder of its phase, as tcp/lost.md\n"
    code, _, err = run("explain", "--list", "--causes", str(tmp_path / "nothing"))
    assert (code, len(err.splitlines())) == (2, 1)


def test_a_file_that_is_no_text(run: Run, tmp_path: Path) -> None:
    path = Path(written(tmp_path, EXAMPLE))
    path.write_bytes(EXAMPLE.encode().replace(b"over night", b"over n\xefght"))
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
    assert "Our machines answer only" in run("explain", "tcp.host-silent", "--causes", str(tmp_path))[1]


# ---------------------------------------------------------------- they decide


def judged(report: Report, folder: Path, text: str) -> Diagnosis:
    written(folder, text)
    catalogue = load([str(folder)])
    assert mistakes(read(str(folder)), catalogue) == []
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
    assert found.verdict.explanation.startswith(f"{found.problems[0].subject.values[0]} answers only through the VPN.")
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
    assert mine.because == "No address that was tried lies in 10.20.0.0/16."


def test_a_recorded_report_is_told_by_a_sites_cause(run: Run, tmp_path: Path) -> None:
    written(tmp_path, for_the_network_of(SILENT))
    recorded = str(ROOT / "scenarios/tcp/host-silent.json")
    code, out, err = run("diagnose", recorded, "--causes", str(tmp_path))
    assert (code, err) == (1, "")
    assert "tcp.not-on-vpn" in out
    assert "ip route get 10.0.4.2" in out
