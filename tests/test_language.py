"""The vocabulary: words that the project does not use, each with its replacement, in all texts that people read."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Pattern (whole words, any case; a space also matches a line break) -> what to write instead.
AVOID = {
    r"by chance": "random",
    r"without a word": "silently dropped",
    r"g[ia]ves? no answers?": "did not respond",
    r"no answer (?:comes|came|to|in)": "no response to …, no response in …",
    r"silent for \d\S*": "no response in …",
    r"(?:the |its |a )?way back": "the return path",
    r"on (?:the|its|their) way": "in the path",
    r"(?:said|says|say) a byte": "sent any data",
    r"byte had been said": "data was sent",
    r"says? nothing|said nothing": "did not respond, sent no data",
    r"told": "shown, reported; told apart: distinguished",
    r"tells": "shows, reports",
    r"look(?:s|ed|ing)? (?:at|into)": "probe, check, inspect, read",
    r"(?:the|a|one|no|each|every|further|closer) looks?(?= (?:is|was|that|gave|would|may)\b|[,.;:])": "probe",
    r"(?:is|are|was|were) well(?![- ](?:known|formed|defined|below|above|within|over|under))": "succeeded",
    r"held by": "in use by",
    r"holds? (?:the|this|that|a) (?:local )?(?:port|socket)": "is using the port",
    r"an authority": "a certificate authority (CA)",
    r"whole chain": "the full certificate chain",
    r"signed by itself": "self-signed",
    r"for another name": "does not match the host name",
    r"whom": "Owner; who",
    r"what happened": "the symptom (a headline needs no label)",
    r"this machine's own firewall": "the local firewall",
    r"(?:is|are) called so": "unknown key",
    r"outdo(?:es|ne)?": "overrides",
    r"a mistake|mistakes": "an error, invalid …",
    r"whence": "source, from where",
    r"mend(?:s|ed|ing)?": "fix",
    r"foretell(?:s|ing)?|foretold": "plan",
    r"unheard": "reader closed; not received",
    r"hears?|heard": "receive, read",
    r"conceal(?:s|ed|ing)?": "redact",
    r"tidings": "report",
    r"by itself|by themselves": "automatically; alone",
    r"(?<!-u\x20)(?<![-\w:\"'`/=])nobody(?![-\w:\"'`/])": "no one, no process, no response",
    r"look-ups?": "lookup",
    r"(?:pass|passes|passed|passing) on": "forward",
    r"for ever": "without end",
    r"from afar": "from another host",
    r"vanish(?:es|ed)?": "is dropped",
    r"(?:its|their|the system's|the service's|the tool's) own words": "its error message",
    r"in other words|so to speak": "(leave out)",
    r"the honest rest": "a remainder",
    r"heeded": "honoured",
    r"maim(?:s|ed)?": "garble",
}
_WORDS = {
    re.compile(rf"(?<![\w-])(?:{pattern.replace(' ', chr(92) + 's+')})(?![\w-])", re.IGNORECASE): instead
    for pattern, instead in AVOID.items()
}

LEGITIMATE = (
    "The port is open by default. Signed by a private CA. The server sends first; the client speaks TLS 1.3.",
    "A well-known port; the address is well known. The time is well within the limit.",
    "As user www-data or `nobody`; snmpget -u nobody -r 1; nobody:x:65534; tcp.forwarded-to-nobody",
    "The DNS answer has no record. No answer section. The firewall was closed by mistake.",
    "ClientHello, recommended, amend, authority section, authoritative, lookup, look up, looks like",
    "either way, IPv6 only, gateway, halfway, always, the host's own firewall, its own schema",
    "The test ends by a timeout. It passes the test. Passing one argument. Held open for 10 s.",
)


def _lines_without(text: str, keys: tuple[str, ...]) -> str:
    """The text with the values of these TOML keys blanked: they quote what other programs print."""
    names = "|".join(keys)
    quoted = re.compile(rf"^(?:{names}) = (?:\[[^\]\n]*\]|\[\n.*?^\]|\"[^\n]*)", re.MULTILINE | re.DOTALL)
    return quoted.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def _python_texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of each run of string literals and of comments. A literal of one word is a name, not a text."""
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    begin, text, last = 0, "", None
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            continue
        if token.type not in kinds or token.type != last:
            if " " in text:
                yield begin, text
            text = ""
        if token.type in kinds:
            words = token.string.lstrip("#") if token.type == tokenize.COMMENT else _unquoted(token.string)
            gap = "\n" * (token.start[0] - begin - text.count("\n")) if text else ""
            begin = begin if text else token.start[0]
            text += gap + words
        last = token.type
    if " " in text:
        yield begin, text


def _unquoted(literal: str) -> str:
    return re.sub(r"^[a-zA-Z]*(?:\"\"\"|'''|\"|')|(?:\"\"\"|'''|\"|')$", "", literal)


def texts() -> Iterator[tuple[Path, int, str]]:
    """(file, first line, text) of everything that people read."""
    for folder in ("portdoctor", "packaging", "benchmarks", "scenarios"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from ((path, line, text) for line, text in _python_texts(path))
    documents = (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md")
    for path in sorted(documents):
        yield path, 1, path.read_text(encoding="utf-8")
    for path in sorted((*(ROOT / "portdoctor").rglob("*.md"), *(ROOT / "portdoctor" / "data").glob("*.toml"))):
        if path.name != "programs.toml":
            yield path, 1, _lines_without(path.read_text(encoding="utf-8"), ("prints", "answers", "phrases"))
    for path in sorted((ROOT / "scenarios").glob("*/*.toml")):
        yield path, 1, path.read_text(encoding="utf-8")


def found_in(text: str) -> list[tuple[int, str, str]]:
    """(line within the text, the words, what to write instead) of each word to avoid."""
    return [
        (text.count("\n", 0, found.start()), " ".join(found[0].split()), instead)
        for pattern, instead in _WORDS.items()
        for found in pattern.finditer(text)
    ]


def test_texts_use_the_vocabulary() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{first + line}: {words!r}: write {instead!r}"
        for path, first, text in texts()
        for line, words, instead in found_in(text)
    ]
    assert not wrong, f"{len(wrong)} words to avoid:\n" + "\n".join(wrong)


@pytest.mark.parametrize("text", LEGITIMATE, ids=lambda text: text[:30])
def test_legitimate_uses_are_not_reported(text: str) -> None:
    assert found_in(text) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("ports picked by\nchance", 0, "by chance"),
        ("The packets are\ndropped without a word.", 1, "without a word"),
        ("The way back is broken.", 0, "The way back"),
        ("Nobody answers.", 0, "Nobody"),
        ("every stage is well", 0, "is well"),
        ("An option outdoes a variable.", 0, "outdoes"),
        ("the server looks at the name", 0, "looks at"),
    ],
)
def test_words_to_avoid_are_found_with_their_line(text: str, line: int, words: str) -> None:
    assert [found[:2] for found in found_in(text)] == [(line, words)]


def test_every_kind_of_text_is_read() -> None:
    files = {path for path, _, _ in texts()}
    for name in ("README.md", "CHANGELOG.md", "docs/lab.md", "portdoctor/render/phrases.py", "packaging/manpage.py",
                 "portdoctor/causes/tcp/port-filtered.md", "portdoctor/data/symptoms.toml",
                 "scenarios/tcp/port-filtered.toml"):  # fmt: skip
        assert ROOT / name in files
