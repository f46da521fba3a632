"""A cause: knowledge as data. Pure. A file is parsed when its symptom comes up, not before.

Front matter is TOML between ``+++`` lines (unknown keys refused), the body is the page of `explain`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from ..model import Certainty, Owner, Stage, Step, SubjectKind, Symptom, Value

_AT_OF_PHASE: dict[str, tuple[Stage, ...]] = {
    "local": ("tcp", "udp"), "dns": ("dns",), "tcp": ("tcp",), "tls": ("tls",), "http": ("http",),
    "app": ("app",), "udp": ("udp",), "bind": ("bind",), "proxy": ("tcp",),
}  # fmt: skip


class CauseError(ValueError):
    """A cause file that cannot be used: the message names file, line and key."""


class Front(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The front matter of a cause file; docs/architecture.md says what each key means."""

    about: SubjectKind
    explains: tuple[Symptom, ...]
    at: tuple[Stage, ...] = ()
    needs: tuple[Stage, ...] = ()
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    supports: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    refines: tuple[str, ...] = ()
    with_: tuple[str, ...] = msgspec.field(name="with", default=())
    owner: Owner
    cap: Certainty = "certain"
    kind: Literal["cause", "scope", "remainder"] = "cause"
    systems: tuple[str, ...] = ("linux",)
    terms: tuple[str, ...] = ()
    says: str
    ask: str = ""
    prints: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


class Action(Value, frozen=True, kw_only=True):
    """Something to do, with its command per system ("" = any)."""

    text: str
    scope: Literal["this-machine", "network", "server"]
    risk: Literal["none", "low", "high"]
    commands: dict[str, str] = msgspec.field(default_factory=dict)


class Cause(Value, frozen=True, kw_only=True):
    """One explanation: what the engine needs (`front`), and the page for people."""

    name: str
    front: Front
    title: str
    page: str
    path: str

    @property
    def phase(self) -> str:
        return self.name.partition(".")[0]

    @property
    def at(self) -> tuple[Stage, ...]:
        """The stages at which this cause shows itself."""
        return self.front.at or _AT_OF_PHASE.get(self.phase, ())

    @property
    def meaning(self) -> str:
        """The first paragraph of the page."""
        head = self.page.partition("\n## ")[0]
        return " ".join(line for line in head.splitlines()[1:] if line.strip())

    def section(self, heading: str) -> str:
        """The text under ``## heading``, empty when the page has none."""
        found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self.page, re.M | re.S)
        return found.group(1).strip() if found else ""

    def actions(self) -> list[Action]:
        """The list under "What to do", in order."""
        return list(_actions(self.section("What to do")))


ACTION = re.compile(r"^- (?P<text>.*?) \((?P<scope>this-machine|network|server), risk (?P<risk>none|low|high)\)$")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./\[\]][A-Za-z0-9_@%+=:,./\[\]-]*")  # no quoting, no option, no expansion
COMMAND = re.compile(r"^\s+- (?:(?P<system>Linux|macOS|Windows|Any): )?`(?P<command>.+)`$")


def _actions(text: str) -> Iterator[Action]:
    action: Action | None = None
    for line in text.splitlines():
        if found := ACTION.match(line):
            if action:
                yield action
            action = Action(text=found["text"], scope=found["scope"], risk=found["risk"])  # type: ignore[arg-type]
        elif action and (found := COMMAND.match(line)):
            system = (found["system"] or "Any").lower()
            action = msgspec.structs.replace(action, commands={**action.commands, system: found["command"]})
        elif line.strip():
            raise CauseError(f"not a step and not a command: {line!r}")
    if action:
        yield action


def step_of(action: Action, system: str, facts: dict[str, str]) -> Step:
    """The step for a reader: this machine's own command where it acts here, else the Linux one."""
    commands = action.commands
    local = commands.get(system) if action.scope == "this-machine" else None
    command = local or commands.get("any") or commands.get("linux") or next(iter(commands.values()), "")
    command = fill_command(command, facts)
    return Step(text=fill(action.text, facts), command=command, scope=action.scope, risk=action.risk)


def fill(text: str, facts: dict[str, str]) -> str:
    """Put the facts in the place of ``{name}``; a fact that is not known stays its name in capitals."""

    def bracketed(found: re.Match[str]) -> str:
        return f"[{found[0]}]" if ":" in facts.get(found[1], "") else found[0]

    text = re.sub(r"\{([a-z_]+)\}(?=:\{port\})", bracketed, text)  # RFC 3986: an IPv6 address before a port
    return re.sub(r"\{([a-z_]+)\}", lambda found: facts.get(found[1]) or found[1].upper(), text)


def fill_command(command: str, facts: dict[str, str]) -> str:
    """As `fill`, for text that people paste into a shell: a fact that a shell would read otherwise stays a blank."""
    return fill(command, {blank: fact for blank, fact in facts.items() if _PLAIN.fullmatch(fact)})


def parse(name: str, text: str, path: str) -> Cause:
    """One cause file. Raises CauseError with file, line and key."""
    parts = text.split("+++\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise CauseError(f"{path}:1: the file must begin with front matter between two +++ lines")
    try:
        front = msgspec.toml.decode(parts[1], type=Front)
    except msgspec.DecodeError as error:
        raise CauseError(f"{path}:{_line_of(parts[1], str(error))}: {error}") from None
    page = parts[2].strip()
    title = page.partition("\n")[0]
    if not title.startswith("# "):
        raise CauseError(f"{path}: the page must begin with a title line: # …")
    return Cause(name=name, front=front, title=title[2:], page=page, path=path)


def _line_of(text: str, error: str) -> int:
    """The line of the file at which a decoding error lies, as far as its words tell; the +++ line is 1."""
    if found := re.search(r"line (\d+)", error):
        return int(found[1]) + 1
    if found := re.search(r"unknown field `([^`]+)`|\$\.(\w+)", error):
        key = found[1] or found[2]
        for number, line in enumerate(text.splitlines(), 2):
            if re.match(rf"{re.escape(key)}\s*=", line):
                return number
    return 1


class Catalogue:
    """All causes by name. Parsed on demand: a start must not pay for pages that it does not show."""

    def __init__(self, texts: dict[str, tuple[str, str]]) -> None:
        self._texts = texts  # name -> (path, text)
        self._parsed: dict[str, Cause] = {}
        self._by_symptom: dict[str, list[Cause]] = {}

    def __iter__(self) -> Iterator[Cause]:
        return (self[name] for name in sorted(self._texts))

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def __getitem__(self, name: str) -> Cause:
        """The cause of that name. Raises KeyError when there is none, CauseError when its file is wrong."""
        if name not in self._parsed:
            path, text = self._texts[name]
            self._parsed[name] = parse(name, text, path)
        return self._parsed[name]

    def names(self) -> list[str]:
        return sorted(self._texts)

    def printing(self) -> list[Cause]:
        """The causes that list what programs print, by name."""
        return [self[name] for name, (_, text) in sorted(self._texts.items()) if "\nprints" in text]

    def explaining(self, symptom: Symptom) -> list[Cause]:
        """The causes that explain a symptom, by name."""
        if symptom not in self._by_symptom:
            quoted = f'"{symptom}"'  # the cheap test first: most files are about something else
            likely = [name for name, (_, text) in sorted(self._texts.items()) if quoted in text]
            self._by_symptom[symptom] = [self[n] for n in likely if symptom in self[n].front.explains]
        return self._by_symptom[symptom]
