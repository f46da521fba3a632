"""The whole catalogue: every cause is legal, its signs exist, its page reads well, its commands parse."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import portdoctor.signs
from portdoctor.catalogue.cause import Cause, CauseError, parse
from portdoctor.catalogue.folders import load
from portdoctor.signs import load_all

CATALOGUE = load()
CAUSES = list(CATALOGUE)
SIGNS = load_all()
NETWORK = '"tcp.silent", "target.in-network:10.20.0.0/16", '
SECTIONS = ("How we know", "Usual reasons", "What to do")
BLANKS = {
    "host", "port", "address", "service", "name", "resolver", "offender", "hop", "source", "gateway", "interface",
    "holder", "transport", "sni", "url", "endpoint", "protocol", "status", "detail",
}  # fmt: skip


def each(cause: Cause) -> str:
    return cause.name


@pytest.mark.parametrize("cause", CAUSES, ids=each)
def test_its_signs_exist(cause: Cause) -> None:
    front = cause.front
    for name in (*front.requires, *front.excludes, *front.supports, *front.proof):
        assert name.partition(":")[0] in SIGNS, f"no sign is called {name}"
        assert not SIGNS[name.partition(":")[0]].fault(name.partition(":")[2])


@pytest.mark.parametrize("cause", CAUSES, ids=each)
def test_the_causes_it_names_exist(cause: Cause) -> None:
    front = cause.front
    phases = {name.partition(".")[0] for name in CATALOGUE.names()} | {"proxy"}
    for name in (*front.hides, *front.refines, *front.with_):
        phase, _, rest = name.partition(".")
        assert name in CATALOGUE or (rest == "*" and phase in phases), f"{cause.name} names {name}"


@pytest.mark.parametrize("cause", CAUSES, ids=each)
def test_it_can_be_established_and_ruled_out(cause: Cause) -> None:
    front = cause.front
    assert front.requires, "a cause that requires nothing would always be there"
    assert not set(front.requires) & set(front.excludes)
    if front.kind == "remainder":
        assert front.cap == "certain"  # never used: a remainder is always undetermined
    if front.proof:
        assert front.cap == "likely", "a proof lifts a cap"


@pytest.mark.parametrize("cause", CAUSES, ids=each)
def test_its_page_reads_well(cause: Cause) -> None:
    assert all(cause.section(heading) for heading in SECTIONS)
    first = re.split(r"(?<=[.:?])\s", cause.meaning)[0]
    assert 0 < len(first.split()) <= 15, first
    assert 0 < len(cause.front.says.split()) <= 15
    assert cause.front.says.endswith(".")
    assert "!" not in re.sub(r"`[^`]*`", "", cause.page)
    assert not re.search(r"\d ?%", cause.page)
    assert len(cause.title) <= 72


@pytest.mark.parametrize("cause", CAUSES, ids=each)
def test_its_commands_parse(cause: Cause) -> None:
    actions = cause.actions()
    assert actions
    commands = [command for action in actions for command in action.commands.values()]
    assert commands, "a page has a command to run"
    for action in actions:
        for system, command in action.commands.items():
            assert set(re.findall(r"\{([a-z_]+)\}", command)) <= BLANKS
            if system != "windows":
                assert shlex.split(command.replace("{", "").replace("}", ""))
    assert set(re.findall(r"\{([a-z_]+)\}", cause.front.says)) <= BLANKS


GOOD = 'about = "address"\nexplains = ["timeout"]\nowner = "network"\nsays = "X."\n'


@pytest.mark.parametrize(
    ("front", "line", "says"),
    [
        (GOOD + 'explians = ["timeout"]', 6, "explians"),
        (GOOD.replace('"address"', '"adress"'), 2, "adress"),
        (GOOD.replace('"timeout"', '"time-out"'), 3, "time-out"),
        (GOOD.replace('"address"', '"address'), 2, "line 1"),
        (GOOD.replace('says = "X."', ""), 1, "says"),
    ],
)
def test_a_wrong_file_is_one_clear_message(front: str, line: int, says: str) -> None:
    with pytest.raises(CauseError) as error:
        parse("tcp.x", f"+++\n{front}\n+++\n# X\n", "site/tcp/x.md")
    assert str(error.value).startswith(f"site/tcp/x.md:{line}: ")
    assert says in str(error.value)


def test_a_sites_own_cause_is_read_beside_ours(tmp_path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "net"
    folder.mkdir()
    page = CATALOGUE["tcp.port-filtered"]
    text = Path(page.path).read_text(encoding="utf-8").replace('"tcp.silent", ', NETWORK)
    (folder / "not-on-vpn.md").write_text(text, encoding="utf-8")
    both = load([str(tmp_path)])
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
