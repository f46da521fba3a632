"""What is wrong in cause files: every mistake of every file, a line each, with file, line and key. Pure.

The same rules hold for our own causes (a test applies them) and for those of a site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, get_args

import msgspec

from ..model import Icmp, Outcome, Stage, SubjectKind, Symptom
from ..outcomes import symptom
from ..signs import find, load_all
from .cause import Catalogue, Cause, CauseError, Front, parse
from .lint_page import Found, near, of_page, of_sentence

_SIGNS = ("requires", "excludes", "supports", "proof")
_CAUSES = ("hides", "refines", "with")
# The stages at which something is found about such a subject.
_STAGES_OF: dict[SubjectKind, tuple[Stage, ...]] = {
    "name": ("dns",), "resolver": ("dns",), "local": ("bind",), "target": ("tcp", "udp"),
    "address": ("tcp", "udp", "tls", "http", "app"), "family": (),
}  # fmt: skip
_ONLY_AT: dict[Symptom, tuple[Stage, ...]] = {
    "name-not-resolved": ("dns",), "tls-failed": ("tls",), "service-error": ("http", "app"), "port-conflict": ("bind",),
}  # fmt: skip
_ANYWHERE: tuple[Symptom, ...] = ("ok", "degraded", "undetermined")
_PART = re.compile(r"[a-z][a-z0-9-]*")


def mistakes(texts: dict[str, tuple[str, str]], catalogue: Catalogue) -> list[str]:
    """The mistakes in the files `name -> (path, text)`. `catalogue` has every cause that may be named."""
    found = []
    for name, (path, text) in sorted(texts.items()):
        found += [f"{path}:{line}: {says}" for line, says in sorted(set(_of_file(name, text, catalogue)))]
    return found


def _of_file(name: str, text: str, catalogue: Catalogue) -> Iterator[Found]:
    phase, _, rest = name.partition(".")
    for part, what in ((phase, "folder"), (rest, "file")):
        if not _PART.fullmatch(part):
            yield 1, f"the name of the {what}, {part!r}, has more than small letters, digits and dashes"
    parts = text.split("+++\n", 2)
    if len(parts) != 3 or parts[0].strip():
        yield 1, "the file must begin with front matter between two +++ lines"
        return
    matter = parts[1]
    wrong = list(_of_matter(matter))
    yield from wrong
    if not wrong:
        with suppress(CauseError):  # of a page without a title, which is said below
            yield from _of_front(parse(name, text, ""), matter, catalogue)
    yield from of_page(parts[2], 2 + matter.count("\n"))


# ---------------------------------------------------------------- the front matter


def _of_matter(matter: str) -> Iterator[Found]:
    """What is no TOML, no key of ours, or no value that the key takes."""
    import tomllib

    try:
        values = tomllib.loads(matter)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        yield (int(at[1]) if at else matter.count("\n")) + 1, f"this is no TOML: {error}"
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(Front)}
    for key, value in values.items():
        if key not in fields:
            yield _line(matter, key), f"{key}: no key is called so{near(key, fields)}"
            continue
        try:
            msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError as error:
            yield _line(matter, key, _wrong_word(error)), f"{key}: {_refused(error, fields[key].type)}"
    for key, field in fields.items():
        if field.required and key not in values:
            yield 1, f"{key}: this key is missing"


def _wrong_word(error: msgspec.ValidationError) -> str:
    found = re.search(r"enum value '([^']*)'", str(error))
    return found[1] if found else ""


def _refused(error: msgspec.ValidationError, kind: Any) -> str:
    word = _wrong_word(error)
    allowed = _words(kind)
    if not word or not allowed:
        return str(error).replace("`", "")
    nearest = near(word, allowed)
    return f"{word!r} is none of the words it takes{nearest or ': ' + ', '.join(allowed)}"


def _words(kind: Any) -> list[str]:
    """The words of a Literal, or of a tuple of one."""
    words = [word for arg in get_args(kind) for word in (_words(arg) or [arg])]
    return [word for word in words if isinstance(word, str)]


def _line(matter: str, key: str, value: str = "") -> int:
    """The line of the file on which the key stands, or the value in its list; the first +++ is line 1."""
    lines = matter.splitlines()
    start = next((n for n, line in enumerate(lines) if re.match(rf"""["']?{re.escape(key)}["']?\s*=""", line)), -1)
    if value and start >= 0:
        for number, line in enumerate(lines[start:], start):
            if re.search(rf"""["']{re.escape(value)}["']""", line):
                return number + 2
            if number > start and re.match(r"[\w-]+\s*=", line):
                break
    return start + 2


def _of_front(cause: Cause, matter: str, catalogue: Catalogue) -> Iterator[Found]:
    values: dict[str, tuple[str, ...]] = {
        key: getattr(cause.front, "with_" if key == "with" else key) for key in (*_SIGNS, *_CAUSES)
    }
    for key in _SIGNS:
        for name in values[key]:
            if said := _about_sign(name) or _about_value(name, key, cause.front):
                yield _line(matter, key, name), f"{key}: {said}"
    for key in _CAUSES:
        for name in values[key]:
            if name not in catalogue and not _whole_phase(name, catalogue):
                yield _line(matter, key, name), f"{key}: there is no cause {name}{near(name, catalogue.names())}"
    if not values["requires"]:
        yield _line(matter, "requires"), "requires: a cause that requires no sign would always be there"
    for name in set(values["requires"]) & set(values["excludes"]):
        yield _line(matter, "excludes", name), f"excludes: {name} is required too, so the cause could never be there"
    if cause.front.proof and cause.front.cap != "likely":
        yield _line(matter, "proof"), 'proof: a proof lifts a cap; write cap = "likely" beside it'
    if cause.front.kind == "remainder" and cause.front.cap != "certain":
        yield _line(matter, "cap"), "cap: a remainder is always undetermined and has no cap"
    yield from _of_stages(cause, matter)
    for line, says in of_sentence(cause.front.says):
        yield _line(matter, "says") + line, f"says: {says}"


def _whole_phase(name: str, catalogue: Catalogue) -> bool:
    phase, _, rest = name.partition(".")
    return rest == "*" and phase in {"proxy", *(known.partition(".")[0] for known in catalogue.names())}


def _about_sign(name: str) -> str:
    base, _, parameter = name.partition(":")
    try:
        return find(name).fault(parameter)
    except KeyError:
        return f"there is no sign {base}{near(base, load_all())}"


def _about_value(name: str, key: str, front: Front) -> str:
    """What is wrong with the key whose value a sign reads; the value is passed to signs that a cause weighs only."""
    reads = find(name).reads
    if reads and key in ("supports", "proof"):
        return f"the sign {name} can only be required or excluded"
    return f"the sign {name} reads the key {reads}, which is missing" if reads and not getattr(front, reads) else ""


def _of_stages(cause: Cause, matter: str) -> Iterator[Found]:
    """Whether something can be found about that subject at those stages, with those symptoms."""
    front = cause.front
    possible = _STAGES_OF[front.about]
    if not possible:
        yield _line(matter, "about"), f"about: nothing is found about {front.about!r} as such; write about = \"target\""
        return
    if not cause.at:
        yield 1, f"at: {cause.phase} is no stage, so say at which it is seen: at = [\"{possible[0]}\"]"
        return
    for stage in cause.at:
        if stage not in possible and front.at:
            says = f"at: nothing is found about {front.about!r} at the stage {stage}; there is {', '.join(possible)}"
            yield _line(matter, "at", stage), says
    stages = [stage for stage in cause.at if stage in possible]
    if not stages and not front.at:
        yield _line(matter, "about"), f"about: nothing is found about {front.about!r} at the stage {cause.at[0]}"
    for word in front.explains:
        if stages and word not in _ANYWHERE and not any(word in _symptoms(stage) for stage in stages):
            yield _line(matter, "explains", word), f"explains: {word} is never seen at the stage {' or '.join(stages)}"


def _symptoms(stage: Stage) -> set[Symptom]:
    prohibited = Icmp(type=3, code=13, offender="192.0.2.1")
    found = {symptom(stage, outcome, icmp) for outcome in Outcome for icmp in (None, prohibited)}
    return {word for word in found if stage in _ONLY_AT.get(word, (stage,))}
