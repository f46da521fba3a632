"""Fuzzes what PortDoctor reads from people and servers: targets, configuration, cause files, banners in Markdown."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from portdoctor.catalogue.cause import CauseError, parse_cause
from portdoctor.catalogue.folders import HERE, load_catalogue
from portdoctor.catalogue.lint import lint_texts
from portdoctor.commands.output import settings
from portdoctor.model import Note
from portdoctor.render import markdown
from portdoctor.render.recorded import faults
from portdoctor.target import UsageError
from portdoctor.target.parse import Several, parse, parse_bind
from portdoctor.target.words import read_lines
from portdoctor.text import visible

from . import fuzzing, reports

CATALOGUE = load_catalogue()
TARGETS = (
    "example.com:443", "https://user:pw@example.com:8443/a?b#c", "[fe80::1%eth0]:22", "10.0.0.5:22,80,8000-8010",
    "udp://h:53", "xn--bcher-kva.example:https", "bücher.example:443", "postgresql+psycopg://h/db", ":8080", "*:80",
    "host:1-65535", "tls://h:1",
)  # fmt: skip
CONFIG = (
    '# settings\ntimeout = 2.5\nparallel = 4\nno-controls = true\nformat = "json"\ncafile = "ca.pem"\n'
    'causes = ["causes", "more"]\nresolver = "192.0.2.53"\n'
)  # fmt: skip


def one_sentence(message: str) -> None:
    assert message
    for line in message.split("\n"):
        assert len(visible(line)) < 2000


@pytest.mark.timeout(0)
def test_a_target_is_read_or_refused_by_one_sentence() -> None:
    read = 0
    for number, chance in fuzzing.inputs(3000):
        text = fuzzing.broken(chance.choice(TARGETS).encode(), chance).decode("utf-8", "surrogateescape")
        about = f"input {number} of seed {fuzzing.SEED}: {text[:200]!r}"
        for read_as in (parse, parse_bind):
            try:
                found = read_as(text)
            except UsageError as error:
                one_sentence(str(error))
                continue
            except Exception as error:
                raise AssertionError(about) from error
            targets = [found[0], found[-1]] if isinstance(found, Several) else [found]
            for asked in targets:
                assert list(faults(asked.target)) == [], about
                read += 1
        list(read_lines(text.split("\n")))
    assert read > 100


@pytest.mark.timeout(0)
def test_a_configuration_file_is_read_or_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    read = 0
    for number, chance in fuzzing.inputs(1500):
        data = fuzzing.broken(CONFIG.encode(), chance)
        file.write_bytes(data)
        refused = ""
        try:
            settings.given({"PORTDOCTOR_CONFIG": str(file)})
            read += 1
        except UsageError as error:
            refused = str(error)
        except Exception as error:
            raise AssertionError(f"input {number} of seed {fuzzing.SEED}: {data[:300]!r}") from error
        if refused:
            one_sentence(refused)
            assert all(str(file) in line for line in refused.split("\n"))
    assert read > 20


@pytest.mark.timeout(0)
def test_a_cause_file_is_read_or_refused_with_its_line() -> None:
    texts = [text for phase in ("tcp", "dns", "app") for text in _texts(os.path.join(HERE, phase))]
    clean = 0
    for number, chance in fuzzing.inputs(150):
        data = fuzzing.broken(chance.choice(texts).encode(), chance)
        text = data.decode("utf-8", "surrogateescape")
        about = f"input {number} of seed {fuzzing.SEED}"
        try:
            found = lint_texts({"tcp.fuzzed": ("tcp/fuzzed.md", text)}, CATALOGUE)
            assert all(re.match(r"tcp/fuzzed\.md:\d+: ", line) for line in found), about
            clean += not found
            cause = parse_cause("tcp.fuzzed", text, "tcp/fuzzed.md")
            cause.actions()
        except CauseError as error:
            one_sentence(str(error))
        except Exception as error:
            raise AssertionError(about) from error
    assert clean > 3


def _texts(folder: str) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(Path(folder).glob("*.md"))]


@pytest.mark.parametrize(
    "content",
    ["attempts = " + "9" * 5000, "a = " + "[" * 3000 + "]" * 3000, 'cafile = "a\\u0000b"', 'causes = ["a\\u0000b"]'],
    ids=["digits", "brackets", "NUL", "NUL in a list"],
)
def test_a_configuration_that_breaks_the_parser_is_one_sentence(content: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    with pytest.raises(UsageError, match=rf"^{re.escape(str(file))}:1: ") as refused:
        settings.given({"PORTDOCTOR_CONFIG": str(file)})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 3000 + "]" * 3000], ids=["digits", "brackets"])
def test_a_cause_file_that_breaks_the_parser_is_one_sentence(value: str) -> None:
    text = f"+++\nabout = {value}\n+++\n# Title\n"
    with pytest.raises(CauseError, match=r"^x\.md:1: "):
        parse_cause("tcp.x", text, "x.md")
    assert lint_texts({"tcp.x": ("x.md", text)}, CATALOGUE)[0].startswith("x.md:")


# What GitHub and GitLab make a link or a mention of, in what Markdown takes for text.
_LINK = re.compile(r"://|(?i:www\.)|(?<![\w])@\w|\w@\w|(?<!\w)[#!$~%&]\d|(?i:\bGH-\d|mailto:)")


@pytest.mark.timeout(0)
def test_a_banner_makes_no_link_no_mention_and_no_html_in_markdown() -> None:
    parser = MarkdownIt("commonmark").enable("table")
    bait = (
        "http://e.example/", "<http://e.example>", "www.e.example", "WWW.e.example", "@all", "a@e.example", "#12",
        "org/r#12", "GH-12", "!12", "$12", "~bug", "<b>", "<!-- x", "![x](http://e)", "[x]: http://e", "|", "\\", "*",
        "[x](javascript:x)", "&amp;", "`", "``", "# x", "- x", "1. x", "<script>", "mailto:a@e.example", "--", "==",
        "$$x$$", ":smile:", "^x^", "[^1]",
    )  # fmt: skip
    for number, chance in fuzzing.inputs(150):
        text = chance.choice(("", " ")).join(random.Random(chance.random()).choices(bait, k=chance.randint(1, 6)))
        report, diagnosis = chance.choice(list(reports.ALL.values()))()
        seen = tuple(replace(o, os_says=text) for o in report.observations)
        noted = replace(report, observations=seen, notes=(Note(kind="info", text=text),))
        problems = tuple(replace(p, explanation=f"It said {text} here.", ask=text) for p in diagnosis.problems)
        page = markdown.render(noted, replace(diagnosis, problems=problems))
        about = f"input {number} of seed {fuzzing.SEED}: {text!r}"
        for token in parser.parse(page):
            kinds = [token, *(token.children or [])]
            assert not {t.type for t in kinds} & {"link_open", "image", "html_inline", "html_block"}, about
            said = "".join(t.content for t in kinds[1:] if t.type in ("text", "text_special"))
            assert not _LINK.search(said), f"{about}: {said}"


@pytest.mark.parametrize("most", [5, 6, 7, 8])
def test_few_descriptors_end_in_one_sentence_or_a_report(most: int) -> None:
    """A service manager may allow few: what they do not suffice for is no bug and no fault of the target."""
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))\n"
        "sys.argv = ['portdoctor', 'check', '127.0.0.1:1', '-q', '--no-controls']\n"
        "from portdoctor.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (1, 2, 3)
    if done.returncode == 2:
        assert done.stderr.startswith("error: this process cannot open another file"), done.stderr
        assert done.stderr.count("\n") == 1


def test_names_with_escape_codes_do_not_reach_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "\x1b]0;title\x07.json"
    file.write_text("{")
    config = tmp_path / "config.toml"
    config.write_text('"\\u001b[31mred" = 1\ncafile = "\\u001b[31m"\n')
    for words, env in (
        (["diagnose", str(file)], {}), (["check", "-i", str(file)], {}), (["check", "\x1b[31m:22", "h:1:2\x9b"], {}),
        (["check", "127.0.0.1:1", "--causes", str(file)], {}), (["check", "127.0.0.1:1", "--cafile", str(file)], {}),
        (["lint", str(file)], {}), (["check", "127.0.0.1:1"], {"PORTDOCTOR_CONFIG": str(config)}),
    ):  # fmt: skip
        command = [sys.executable, "-m", "portdoctor", *words]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **env}
        )
        assert done.returncode == 2, (words, done.stderr)
        assert fuzzing.harmless(done.stderr + done.stdout), words
