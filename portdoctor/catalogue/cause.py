"""Parses cause files. Pure. A file is parsed only when its symptom occurs.

The front matter is TOML between ``+++`` lines, without unknown keys; the body is the page that `explain` shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..model import Certainty, EndpointRole, Origin, Owner, Shell, Stage, Step, SubjectKind, Symptom, Value
from ..signs import Sign, find
from ..text import clean
from .blanks import blanks_in, fill, fill_command

_AT_OF_PHASE: dict[str, tuple[Stage, ...]] = {
    "local": ("tcp", "udp"), "dns": ("dns",), "tcp": ("tcp",), "tls": ("tls",), "http": ("http",),
    "app": ("app",), "udp": ("udp",), "bind": ("bind",),
}  # fmt: skip


# Who an owner is, where the cause file does not name them. A blank that is not known stays in capitals: none here.
OWNER_TEXT: dict[Owner, str] = {
    "user": "you",
    "this-machine": "you, on this machine",
    "network": "whoever runs the network in the path",
    "server-operator": "the operator of {address}",
    "service-operator": "the operator of the service on {endpoint}",
    "dns-operator": "the operator of the DNS zone of {name}",
    "resolver-operator": "the operator of the resolver {resolver}",
    "proxy-operator": "the operator of the proxy",
    "certificate-owner": "the owner of the certificate of {sni}",
    "unknown": "not known yet",
}
# Where a fault lies when the cause file does not say.
ORIGIN: dict[Owner, Origin] = {
    "user": "this-machine", "this-machine": "this-machine", "network": "path", "server-operator": "target",
    "service-operator": "target", "dns-operator": "unknown", "resolver-operator": "resolver",
    "proxy-operator": "proxy", "certificate-owner": "target", "unknown": "unknown",
}  # fmt: skip


class CauseError(ValueError):
    """A cause file, or a folder of them, that cannot be used."""


class Front(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The front matter of a cause file. The table of keys in docs/own-causes.md is generated from it."""

    about: Annotated[SubjectKind, Meta(description="what the statement is about")]
    explains: Annotated[tuple[Symptom, ...], Meta(description="symptoms that the cause explains")]
    at: Annotated[
        tuple[Stage, ...], Meta(description="stages at which the symptom is seen; left out: the phase of the name")
    ] = ()
    needs: Annotated[
        tuple[Stage, ...], Meta(description="stages that the target must have; else the cause is not considered")
    ] = ()
    requires: Annotated[tuple[str, ...], Meta(description="signs that must be present")] = ()
    excludes: Annotated[tuple[str, ...], Meta(description="signs that must be absent")] = ()
    supports: Annotated[
        tuple[str, ...], Meta(description="signs of which one must be present to choose the cause by elimination")
    ] = ()
    proof: Annotated[
        tuple[str, ...], Meta(description="signs of which any one lifts the cap and outweighs causes still open")
    ] = ()
    hides: Annotated[
        tuple[str, ...], Meta(description="causes that are consequences of this one; `tcp.*` is every cause of a phase")
    ] = ()
    refines: Annotated[tuple[str, ...], Meta(description="causes of which this one is a special case")] = ()
    with_: Annotated[
        tuple[str, ...], Meta(description="causes that can be true at the same time and do not compete with this one")
    ] = msgspec.field(name="with", default=())
    owner: Annotated[Owner, Meta(description="who must act")]
    cap: Annotated[Certainty, Meta(description="the strongest certainty that the cause may claim")] = "certain"
    kind: Annotated[
        Literal["cause", "scope", "remainder"],
        Meta(description="a scope says where the fault is, not why; a remainder, that no explanation is left"),
    ] = "cause"
    systems: Annotated[
        tuple[Literal["linux", "macos", "windows"], ...],
        Meta(description="systems on which a scenario ran; on others the cap is `likely`"),
    ] = ("linux",)
    terms: Annotated[tuple[str, ...], Meta(description="standard terms of other tools, such as `NEL tcp.refused`")] = ()
    through: Annotated[
        Literal["", EndpointRole],
        Meta(description="role of the endpoints whose transport explains the cause; what is found there is the root"),
    ] = ""
    origin: Annotated[
        Literal["", Origin], Meta(description="where the fault lies; left out: it follows from the owner")
    ] = ""
    owner_text: Annotated[
        str, Meta(description="names the owner, with blanks, such as `whoever runs {offender}`")
    ] = ""
    assumes: Annotated[
        tuple[str, ...], Meta(description="what the cause takes for granted, as codes such as `clock-right`")
    ] = ()
    says: Annotated[
        str | tuple[str, ...],
        Meta(description="the finding in one sentence of at most 15 words, with blanks; or several sentences, "
             "of which the first one is used whose blanks are all known"),
    ]  # fmt: skip
    ask: Annotated[
        str,
        Meta(description="the message to the owner: at most 60 words, with blanks; none where the owner is `user`"),
    ] = ""
    prints: Annotated[
        tuple[str, ...], Meta(description="phrases that clients and libraries print when this is the cause")
    ] = ()
    answers: Annotated[
        tuple[str, ...], Meta(description="phrases that the service itself sends when this is the cause")
    ] = ()


class Action(Value, frozen=True, kw_only=True):
    """One step under "What to do", with its command per system ("linux", "macos", "windows" or "any")."""

    text: str
    scope: Literal["this-machine", "network", "server"]
    risk: Literal["none", "low", "high"]
    commands: dict[str, str] = msgspec.field(default_factory=dict)


class Cause(Value, frozen=True, kw_only=True):
    """One explanation: the front matter for the engine (`front`), and the page for people."""

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
        """The stages at which the symptom of this cause is seen."""
        return self.front.at or _AT_OF_PHASE.get(self.phase, ())

    @property
    def meaning(self) -> str:
        """The first paragraph of the page."""
        head = self.page.partition("\n## ")[0]
        return " ".join(line for line in head.splitlines()[1:] if line.strip())

    def section(self, heading: str) -> str:
        """Return the text under ``## heading``, "" when the page has no such heading."""
        found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self.page, re.M | re.S)
        return found.group(1).strip() if found else ""

    def actions(self) -> list[Action]:
        """Return the steps under "What to do", in order. Raises CauseError for a malformed one."""
        return list(_actions(self.section("What to do")))


ACTION = re.compile(r"^- (?P<text>.*?) \((?P<scope>this-machine|network|server), risk (?P<risk>none|low|high)\)$")
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
            raise CauseError(f"malformed step: {clean(line, 80)!r}")
    if action:
        yield action


def suits(action: Action, facts: dict[str, str]) -> bool:
    """Return whether every fact that the sentence of a step names is known; without it, the step is left out."""
    return all(facts.get(blank) for blank in blanks_in(action.text))


def step_of(action: Action, system: str, facts: dict[str, str]) -> Step:
    """Return the step with its command: that of `system` for a step on this machine, else for any system or Linux."""
    commands = action.commands
    order = (system if action.scope == "this-machine" else "any", "any", "linux", *commands)
    chosen = next((name for name in order if name in commands), "")
    shell: Shell = "powershell" if chosen == "windows" else "sh"
    command = fill_command(commands.get(chosen, ""), facts, shell)
    return Step(text=fill(action.text, facts), command=command, shell=shell, scope=action.scope, risk=action.risk)


def sign_named(name: str) -> Sign:
    """Return the sign that a cause file names. Raises CauseError for an unknown sign or an invalid parameter."""
    try:
        sign = find(name)
    except KeyError:
        raise CauseError(f"unknown sign {name!r}") from None
    if fault := sign.fault(name.partition(":")[2]):
        raise CauseError(fault)
    return sign


def parse_cause(name: str, text: str, path: str) -> Cause:
    """Parse one cause file. Raises CauseError for an invalid one; `lint` finds every error, with its line."""
    parts = text.split("+++\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise CauseError(f"{path}:1: the file does not begin with front matter between two +++ lines")
    try:
        front = msgspec.toml.decode(parts[1], type=Front)
    except (msgspec.DecodeError, ValueError) as error:  # also an integer of more digits than Python reads
        raise CauseError(f"{path}:1: {clean(str(error), 300)}") from None
    except RecursionError:
        raise CauseError(f"{path}:1: invalid TOML: it is nested too deeply") from None
    page = parts[2].strip()
    title = page.partition("\n")[0]
    if not title.startswith("# "):
        raise CauseError(f"{path}:1: the page does not begin with a title line (# …)")
    return Cause(name=name, front=front, title=title[2:], page=page, path=path)


class Catalogue:
    """All causes by name. Files are parsed on demand, which keeps the start fast."""

    def __init__(self, texts: dict[str, tuple[str, str]]) -> None:
        self._texts = texts  # name -> (path, text)
        self._parsed: dict[str, Cause] = {}
        self._by_symptom: dict[str, list[Cause]] = {}

    def __iter__(self) -> Iterator[Cause]:
        return (self[name] for name in sorted(self._texts))

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def __getitem__(self, name: str) -> Cause:
        """Return the cause of that name. Raises KeyError when there is none, CauseError for an invalid file."""
        if name not in self._parsed:
            path, text = self._texts[name]
            self._parsed[name] = parse_cause(name, text, path)
        return self._parsed[name]

    def names(self) -> list[str]:
        return sorted(self._texts)

    def printing(self) -> list[Cause]:
        """Return the causes that list phrases of programs, by name."""
        return [self[name] for name, (_, text) in sorted(self._texts.items()) if "\nprints" in text]

    def explaining(self, symptom: Symptom) -> list[Cause]:
        """Return the causes that explain a symptom, by name."""
        if symptom not in self._by_symptom:
            quoted = f'"{symptom}"'  # the cheap test first: most files are about other symptoms
            likely = [name for name, (_, text) in sorted(self._texts.items()) if quoted in text]
            self._by_symptom[symptom] = [self[n] for n in likely if symptom in self[n].front.explains]
        return self._by_symptom[symptom]
