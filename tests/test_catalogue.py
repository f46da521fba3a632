"""The whole catalogue. What the linter checks is in test_own_causes.py and test_lint.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import portdoctor.signs
from portdoctor.catalogue.blanks import BLANKS, fill
from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.facts import facts_about
from portdoctor.engine.verdict import diagnose
from portdoctor.model import Lookup
from portdoctor.render.json import load_report
from portdoctor.signs import load_all

ROOT = Path(__file__).parent.parent
CATALOGUE = load_catalogue()
SIGNS = load_all()
NETWORK = '"tcp.silent", "target.in-network:10.20.0.0/16", '


def test_every_blank_can_be_filled_and_no_other_word() -> None:
    filled = set()
    for path in (ROOT / "scenarios").glob("*/*.json"):
        report = load_report(path.read_bytes())
        for problem in diagnose(report, CATALOGUE).problems:
            filled |= facts_about(report, problem.subject).keys()
    # `engine/problem.py` adds the sentence of a sign. The lab has no systemd: tests/test_bind.py has a service.
    assert filled | {"detail", "unit"} == BLANKS.keys()


def test_the_message_names_every_address_that_fails_alike() -> None:
    report = load_report((ROOT / "scenarios" / "tcp" / "rejected-by-firewall.json").read_bytes())
    found = diagnose(report, CATALOGUE).problems[0]
    assert "from fd00:0:0:1::1 and 10.0.1.1 to [fd00:0:0:4::2]:8080 and 10.0.4.2:8080." in found.ask
    assert found.owner_text == "whoever runs fd00:0:0:2::2 and 10.0.2.2"
    assert found.headline == "fd00:0:0:2::2, a device in the path, rejects this connection (ICMPv6 1/1)."
    assert found.explanation.startswith(found.headline)


def test_the_message_names_the_resolver_that_blocks_and_not_the_first_one() -> None:
    report = load_report((ROOT / "scenarios" / "dns" / "blocked-by-one-resolver.json").read_bytes())
    blocking = {o.resolver for o in report.of(Lookup) if o.ede}
    found = diagnose(report, CATALOGUE).problems[0]
    assert len(blocking) == 1
    assert report.vantage.resolvers[0] not in blocking
    assert f"Resolver {blocking.pop()} blocks it" in found.ask


def test_a_headline_names_the_address_only_where_the_target_does_not_show_it() -> None:
    cases = {"both-addresses-dead": " on 10.0.4.2", "ecmp-refused": ""}
    for scenario, where in cases.items():
        report = load_report((ROOT / "scenarios" / "tcp" / f"{scenario}.json").read_bytes())
        headline = diagnose(report, CATALOGUE).problems[0].headline
        assert headline == f"Nothing is listening{where} (connection refused)."


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{address}:{port} on {interface}", "[fd00::2]:8080 on INTERFACE"),
        ("{host}:{port}, {name}:{port}", "HOST:8080, x:8080"),
        ("{address}", "fd00::2"),
    ],
)
def test_filling_blanks(text: str, filled: str) -> None:
    assert fill(text, {"address": "fd00::2", "port": "8080", "name": "x"}) == filled


def test_a_fact_is_never_filled_itself() -> None:
    assert fill("{name}:{port}", {"name": "{port}:", "port": "1"}) == "[{port}:]:1"


def test_a_sites_own_cause_is_read_beside_ours(tmp_path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "net"
    folder.mkdir()
    page = CATALOGUE["tcp.port-filtered"]
    text = Path(page.path).read_text(encoding="utf-8").replace('"tcp.silent", ', NETWORK)
    (folder / "not-on-vpn.md").write_text(text, encoding="utf-8")
    both = load_catalogue([str(tmp_path)])
    assert "net.not-on-vpn" in both
    assert "tcp.port-filtered" in both


def test_every_sign_that_is_written_is_found() -> None:
    files = (Path(portdoctor.signs.__file__).parent).glob("*.py")
    made = re.compile(r"^@sign\((?:.*?)^def (\w+)", re.M | re.S)
    written = {f"{f.stem}.{name.replace('_', '-')}" for f in files for name in made.findall(f.read_text("utf-8"))}
    assert written == set(SIGNS)
    assert all(portdoctor.signs.find(name) is found for name, found in SIGNS.items())


@pytest.mark.parametrize(
    "name", ["silent", "tcp", "tcp.", "tcp.no-such", "tcp.sign", "no-such.silent", "base.sign", "tcp.own_attempt",
             "route.sent-by-this-machine", "..tcp.silent", "tcp.refused_by_rst"],
)  # fmt: skip
def test_what_is_no_sign_is_not_found(name: str) -> None:
    with pytest.raises(KeyError):
        portdoctor.signs.find(name)


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_has_a_title_and_says_how_it_is_seen(name: str) -> None:
    sign = SIGNS[name]
    assert (sign.__doc__ or "").strip()
    for parameter in sign.values or ({"X"} if sign.parameter else {""}):
        title = sign.title_of(parameter)
        assert title
        assert title[:1] == title[:1].lower() or title.split()[0].isupper() or title.startswith(("IPv", "DNS", "TCP"))
        assert not title.endswith(".")
        assert "{" not in title
        assert bool(parameter) or "{parameter}" not in sign.title


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_tells_which_parameters_it_takes(name: str) -> None:
    sign = SIGNS[name]
    assert bool(sign.fault("")) is bool(sign.parameter)
    if sign.values:
        assert not any(map(sign.fault, sign.values))
        assert sign.fault("no-such")
    if not sign.parameter:
        assert "takes no parameter" in sign.fault("x")
