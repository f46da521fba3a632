"""Fuzzes the commands that people are told to paste: a real shell reads the words that were meant, and runs no other.

Each command is filled in twice: with marks, and with hostile values. What the shell reads with the marks, the marks
replaced by the values, is what it must read with the values.
"""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from portdoctor import signs
from portdoctor.catalogue.blanks import BLANKS, fill_command
from portdoctor.catalogue.folders import load_catalogue
from portdoctor.catalogue.quoting import shell_quoted
from portdoctor.model import Connect, Datagram, Handshake, HttpReply, Lookup, Shell
from portdoctor.render import markdown, ticket
from portdoctor.render.command import broken
from portdoctor.render.lines import encodable
from portdoctor.render.reproduce import Trial, trials
from portdoctor.text import clean

from . import fuzzing, reports

SHELLS = [path for name in ("dash", "bash", "zsh") if (path := shutil.which(name))]
SINGLE, DOUBLE = "'\u2018\u2019\u201a\u201b", '"\u201c\u201d\u201e'  # what PowerShell takes for a quote
# Values that are filled in, and values that are refused.
GOOD = (
    "shop.example.com", "10.0.4.2", "fd00::2", "fe80::1%eth0", "[fd00::2]:443", "10.0.4.2:443", "443", "eth0.5",
    "https://[fd00::2]:443/", "_dns.example", "x" * 253,
)  # fmt: skip


def commands() -> list[tuple[Shell, str]]:
    """Every command of the cause files and of the signs, with its blanks."""
    found: dict[tuple[Shell, str], None] = {}
    for cause in load_catalogue():
        for action in cause.actions():
            for system, command in action.commands.items():
                found["powershell" if system == "windows" else "sh", command] = None
    for file in Path(signs.__file__).parent.glob("*.py"):
        for system, command in re.findall(r'"(linux|macos|windows)": "((?:[^"\\]|\\.)*)"', file.read_text("utf-8")):
            found["powershell" if system == "windows" else "sh", command.encode().decode("unicode_escape")] = None
    return list(found)


COMMANDS = [(shell, command) for shell, command in commands() if "{" in command]
MARKS = {blank: f"MARK{number}X" for number, blank in enumerate(BLANKS)}


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose programs log their words instead of what they do, under every name that a command uses."""
    folder = tmp_path_factory.mktemp("stubs")
    names = {word for _, command in COMMANDS for word in re.findall(r"[a-z][\w.-]+", command)}
    tools = "nc curl dig getent openssl tcpdump traceroute sudo ss lsof nmap ntpdate chronyd snmpget rpcinfo sipsak"
    names |= {*tools.split(), "turnutils_stunclient", "coap-client"}
    for name in names - {"in", "do", "done", "for", "x", "id"}:
        stub = folder / name
        stub.write_text(f'#!{shutil.which("sh")}\nprintf "%s\\0" {name} "$@" END >> "$LOG"\n')
        stub.chmod(0o755)
    return folder


def read_by(shell: str, command: str, stubs: Path) -> list[list[str]]:
    """The words of every program that the shell runs for the command, sorted. Nothing else can run."""
    log = stubs / f"log-{os.getpid()}"
    log.write_text("")
    done = subprocess.run(
        [shell, "-c", command], capture_output=True, text=True, timeout=20, check=False, cwd=stubs, errors="replace",
        env={"PATH": str(stubs), "LOG": str(log), "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "not found" not in done.stderr, (command, done.stderr)
    assert "yntax error" not in done.stderr, (command, done.stderr)
    words = log.read_text(encoding="utf-8", errors="surrogateescape").split("\0")[:-1]
    calls: list[list[str]] = [[]]
    for word in words:
        if word == "END":
            calls.append([])
        else:
            calls[-1].append(word)
    return sorted(calls[:-1])


def read_by_powershell(command: str) -> list[str]:
    """The words of a PowerShell command line, its operators and variables as words of their own.

    Strict: as about_Parsing and about_Quoting_Rules describe. Raises ValueError for a string that does not end.
    """
    words: list[str] = []
    word: str | None = None
    place = 0
    while place < len(command):
        c = command[place]
        place += 1
        if c in SINGLE:
            word = word or ""
            while True:
                if place >= len(command):
                    raise ValueError(f"a string does not end: {command}")
                if command[place] in SINGLE:
                    if command[place + 1 : place + 2] and command[place + 1] in SINGLE:
                        place += 1
                    else:
                        place += 1
                        break
                word += command[place]
                place += 1
        elif c in DOUBLE:
            end = next(n for n in range(place, len(command)) if command[n] in DOUBLE)
            assert "`" not in command[place:end]
            word = (word or "") + command[place:end]
            words += re.findall(r"\$[\w:]+", command[place:end])
            place = end + 1
        elif c == " " or c in "|;&<>(){}@,$`#":
            if word is not None:
                words.append(word)
            word = None
            if c != " ":
                words.append(c)
        else:
            word = (word or "") + c
    return [*words, *([word] if word is not None else [])]


def hostile_facts(chance: random.Random) -> dict[str, str]:
    def fact() -> str:
        return chance.choice((chance.choice(GOOD), chance.choice(fuzzing.TEXTS), spoiled(chance)))

    return {blank: fact() for blank in BLANKS}


def spoiled(chance: random.Random) -> str:
    """A name with something in it that a shell would act on."""
    bait = (
        "';touch x;'", "$(touch x)", "`touch x`", ";touch x", "|touch x", "&", "\u2019;touch x;\u2019", " -x", "\n",
        "\\", '"', "!x", "{a,b}", "*", "?", "[a]", "~", "%", "=", "#", "<x", ">x", "\u201d", "\u2192",
    )  # fmt: skip
    name = chance.choice(GOOD)
    place = chance.randrange(len(name) + 1)
    return name[:place] + chance.choice(bait) + name[place:]


def meant(words: list[str], facts: dict[str, str]) -> list[str]:
    """The words that were read with the marks, with the facts, or the blank in capitals where a fact is refused."""
    from portdoctor.catalogue.blanks import _PLAIN

    known = {blank: fact if fact and _PLAIN.fullmatch(fact) else blank.upper() for blank, fact in facts.items()}
    for blank, mark in MARKS.items():
        before_port = f"[{known[blank]}]" if ":" in known[blank] else known[blank]
        words = [word.replace(f"{mark}:{MARKS['port']}", f"{before_port}:{MARKS['port']}") for word in words]
    for blank, mark in MARKS.items():
        words = [word.replace(mark, known[blank]) for word in words]
    return words


@pytest.mark.timeout(0)
def test_a_shell_reads_the_words_of_a_cause_s_command(stubs: Path) -> None:
    plain = {command: fill_command(command, MARKS, shell) for shell, command in COMMANDS}
    known: dict[tuple[str, str], list[list[str]]] = {}
    for number, chance in fuzzing.inputs(150):
        shell, command = chance.choice(COMMANDS)
        facts = hostile_facts(chance)
        filled = fill_command(command, facts, shell)
        about = f"input {number} of seed {fuzzing.SEED}: {filled!r}"
        assert clean(filled, 500) == filled, about
        if filled == fill_command(command, {}, shell):
            facts = dict.fromkeys(BLANKS, "")  # too long, or nothing known
        if shell == "powershell":
            assert read_by_powershell(filled) == meant(read_by_powershell(plain[command]), facts), about
            continue
        for path in SHELLS:
            if (path, command) not in known:
                known[path, command] = read_by(path, plain[command], stubs)
            expected = sorted(meant(words, facts) for words in known[path, command])
            assert read_by(path, filled, stubs) == expected, about
            assert read_by(path, "\n".join(broken(filled, 40)), stubs) == expected, about


def trials_about(text: str, chance: random.Random) -> list[Trial]:
    """The commands for a report in which every name and address is the text."""
    seed = chance.choice([make for make in reports.ALL.values() if make is not reports.bind_conflict])
    report, diagnosis = seed()
    swapped = []
    for o in report.observations:
        match o:
            case Lookup():
                swapped.append(replace(o, name=text, qtype=text, resolver=text, via=chance.choice(("system", "wire"))))
            case Handshake():
                swapped.append(replace(o, address=text, sni=text))
            case Connect() | Datagram() | HttpReply():
                swapped.append(replace(o, address=text))
    swapped.append(HttpReply(id="o9", outcome="ok", address=text, port=443, status=200))  # type: ignore[arg-type]
    swapped.append(Datagram(id="o8", outcome="ok", address=text, port=443, payload=chance.choice(PAYLOADS)))  # type: ignore[arg-type]
    report = replace(report, target=replace(report.target, host=text), observations=tuple(swapped))
    return list(trials(report, diagnosis.problems[0] if diagnosis.problems else None))


PAYLOADS = (
    "DNS query", "mDNS query", "NTP request", "SNMP discovery", "STUN binding", "QUIC version negotiation",
    "TFTP read request", "SIP OPTIONS", "memcached version", "RPC null call", "CoAP ping", "else",
)  # fmt: skip


@pytest.mark.timeout(0)
def test_a_shell_reads_the_words_of_a_standard_tool(stubs: Path) -> None:
    """Even if a value that is no address got as far as a command: it stays one word."""
    ran = 0
    for number, chance in fuzzing.inputs(60):
        text = clean(chance.choice((chance.choice(fuzzing.TEXTS), spoiled(chance))))[:200]
        if not text or text.startswith("-") or ":" in text or "%" in text:
            continue
        choice = random.Random(number)
        state = choice.getstate()
        marked = trials_about("MARKX", choice)
        choice.setstate(state)
        found = trials_about(text, choice)
        assert len(found) == len(marked)
        for trial, mark in zip(found, marked, strict=True):
            about = f"input {number} of seed {fuzzing.SEED}: {trial.command!r}"
            if trial.shell == "powershell":
                expected = [word.replace("MARKX", text) for word in read_by_powershell(mark.command)]
                assert read_by_powershell(trial.command) == expected, about
                continue
            for path in SHELLS[: 1 + number % len(SHELLS)]:
                ran += 1
                for form in (lambda t: t, lambda t: encodable(t, "ascii")):
                    expected_calls = [
                        [word.replace("MARKX", form(text)) for word in words]
                        for words in read_by(path, mark.command, stubs)
                    ]
                    assert read_by(path, form(trial.command), stubs) == sorted(expected_calls), about
                    page = "\n".join(broken(form(trial.command), 30))
                    assert read_by(path, page, stubs) == sorted(expected_calls), about
    assert ran > 20


@pytest.mark.parametrize("shell", ["sh", "powershell"])
def test_quoting_keeps_every_word_through_every_encoding(shell: Shell, stubs: Path) -> None:
    words = [clean(text) for text in (*fuzzing.TEXTS, *GOOD) if clean(text)]
    words += [clean(spoiled(random.Random(n))) for n in range(300)]
    for encoding in ("utf-8", "ascii", "latin-1", "cp1252", "cp437"):
        line = encodable(" ".join(["printf", *(shell_quoted(word, shell) for word in words)]), encoding)
        expected = encodable("\0".join(["printf", *words]), encoding).split("\0")
        if shell == "powershell":  # a quote that is doubled and then escaped shows twice, and ends nothing
            once = [re.sub(r"(\\u201[89ab])\1", r"\1", word) for word in read_by_powershell(line)]
            assert once == [re.sub(r"(\\u201[89ab])\1", r"\1", word) for word in expected]
        else:
            assert shlex.split(line) == expected
            for path in SHELLS:
                assert read_by(path, line.replace("printf", "nc", 1), stubs) == [["nc", *expected[1:]]]


def test_a_fence_of_markdown_holds_the_command() -> None:
    """No command can end the code block in which it stands, in Markdown and in a ticket."""
    for text in ("```", "`" * 7, "~~~", "\n```\n# head", "    x"):
        report, diagnosis = reports.refused()
        step = replace(diagnosis.problems[0].steps[0], command=f"echo {text}")
        problem = replace(diagnosis.problems[0], steps=(step,))
        page = markdown.render(report, replace(diagnosis, problems=(problem,)))
        assert "\n# head" not in page
        inside, fence = 0, ""
        for line in page.splitlines():
            if mark := re.match(r"`{3,}", line):
                if not fence:
                    fence = mark[0]
                elif line == fence:
                    fence = ""
            inside += bool(fence) and "echo" in line
        assert (inside, fence) == (1, "")
        assert "\n# head" not in ticket.render(report, replace(diagnosis, problems=(problem,)))

