"""Finds the errors in the front matter of a cause file: keys, values, signs, causes, stages, phrases. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from ..model import Icmp, Outcome, Stage, SubjectKind, Symptom
from ..outcomes import symptom
from ..signs import find, load_all
from ..text import PHRASE_BLANKS, clean, did_you_mean, nearest, words
from .blanks import blanks_in, wordings
from .cause import Catalogue, Cause, Front
from .lint_page import Finding, of_blanks, of_sentence
from .toml_lines import line_of_error, line_of_key

_SIGNS = ("requires", "excludes", "supports", "proof")
_CAUSES = ("hides", "refines", "with")
_PHRASES = ("prints", "answers")
_MOST_ASK = 60  # words, to fit into a chat message
_MOST_PHRASE = 200  # characters
# Kind of subject -> the stages at which a problem can be about it.
_STAGES_OF: dict[SubjectKind, tuple[Stage, ...]] = {
    "name": ("dns",), "resolver": ("dns",), "local": ("bind",), "target": ("tcp", "udp"),
    "address": ("tcp", "udp", "tls", "http", "app"),
}  # fmt: skip
_ONLY_AT: dict[Symptom, tuple[Stage, ...]] = {
    "name-not-resolved": ("dns",), "tls-failed": ("tls",), "service-error": ("http", "app"), "port-conflict": ("bind",),
}  # fmt: skip
_AT_ANY_STAGE: tuple[Symptom, ...] = ("ok", "degraded", "undetermined")


def of_keys(matter: str) -> Iterator[Finding]:
    """Yield invalid TOML, unknown and missing keys, and invalid values. The first line with +++ is line 1."""
    try:
        values = tomllib.loads(matter)
    except RecursionError:
        yield 1, "invalid TOML: it is nested too deeply"
        return
    except ValueError as error:  # TOMLDecodeError, or an integer of more digits than Python reads
        yield line_of_error(matter, str(error)) + 1, f"invalid TOML: {error}"
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(Front)}
    meant: list[str] = []
    for key, value in values.items():
        if key not in fields:
            meant += nearest(key, fields)
            yield _line(matter, key), f"unknown key {clean(key, 60)!r}{did_you_mean(key, fields)}"
            continue
        try:
            msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError as error:
            yield _line(matter, key, _refused_word(error)), f"{key}: {_refusal(error, fields[key].type)}"
    for key, field in fields.items():
        if field.required and key not in values and key not in meant:
            yield 1, f"missing key {key!r}"


def _refused_word(error: msgspec.ValidationError) -> str:
    found = re.search(r"enum value '([^']*)'", str(error))
    return found[1] if found else ""


def _refusal(error: msgspec.ValidationError, kind: Any) -> str:
    word = _refused_word(error)
    allowed = allowed_words(kind)
    if not word or not allowed:
        return str(error).replace("`", "")
    return f"invalid value {word!r}" + (did_you_mean(word, allowed) or f": write {words(allowed, 'or')}")


def allowed_words(kind: Any) -> list[str]:
    """Return the values of a Literal, or of a tuple of one; an empty list for any other type."""
    found = [word for arg in get_args(kind) for word in (allowed_words(arg) or [arg])]
    return [word for word in found if isinstance(word, str)]


def _line(matter: str, key: str, value: str = "") -> int:
    """Return the line in the file, where the first +++ is line 1."""
    return line_of_key(matter, key, value) + 1


def of_front(cause: Cause, matter: str, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield the errors in values that have the right type. `catalogue` has every cause that may be named."""
    front = cause.front
    for key in _SIGNS:
        for name in getattr(front, key):
            if wrong := _wrong_with_sign(name, key, front):
                yield _line(matter, key, name), f"{key}: {wrong}"
    for key in _CAUSES:
        for name in front.with_ if key == "with" else getattr(front, key):
            if name not in catalogue and not _is_phase(name, catalogue):
                yield _line(matter, key, name), f"{key}: unknown cause {name!r}{did_you_mean(name, catalogue.names())}"
    if not front.requires:
        yield _line(matter, "requires"), "requires: without a required sign the cause would always be established"
    for name in set(front.requires) & set(front.excludes):
        text = f"excludes: {name!r} is also required: the cause could never be established"
        yield _line(matter, "excludes", name), text
    if front.proof and front.cap != "likely":
        yield _line(matter, "proof"), 'proof: there is no cap to lift: add cap = "likely"'
    if front.kind == "remainder" and front.cap != "certain":
        yield _line(matter, "cap"), "cap: a remainder is always undetermined and takes no cap"
    yield from _of_stages(cause, matter)
    for said in wordings(front.says):
        yield from ((_line(matter, "says", said), f"says: {text}") for text in of_sentence(said))
    yield from ((_line(matter, "ask"), f"ask: {text}") for text in _of_ask(front))
    for key in _PHRASES:
        for phrase in getattr(front, key):
            yield from ((_line(matter, key, phrase), f"{key}: {text}") for text in _of_phrase(phrase))


def _is_phase(name: str, catalogue: Catalogue) -> bool:
    """Return whether the name means every cause of a phase, such as "tcp.*"."""
    phase, _, rest = name.partition(".")
    return rest == "*" and any(known.startswith(f"{phase}.") for known in catalogue.names())


def _wrong_with_sign(name: str, key: str, front: Front) -> str:
    base, _, parameter = name.partition(":")
    try:
        sign = find(name)
    except KeyError:
        return f"unknown sign {base!r}{did_you_mean(base, load_all())}"
    if fault := sign.fault(parameter):
        return fault
    if sign.reads and key in ("supports", "proof"):  # such a sign gets its value only while the cause is weighed
        return f"the sign {name} can only be required or excluded"
    if sign.reads and not getattr(front, sign.reads):
        return f"the sign {name} reads the key {sign.reads}, which is missing"
    return ""


def _of_ask(front: Front) -> Iterator[str]:
    if not front.ask:
        return
    owner: str = front.owner
    if owner == "user":
        yield "the owner is the user, so no message is sent: leave it out"
    count = len(front.ask.split())
    if count > _MOST_ASK:
        yield f"the message has {count} words; at most {_MOST_ASK} are allowed"
    if not front.ask.rstrip().endswith((".", "?")):
        yield "the message does not end with a full stop or a question mark"
    yield from of_blanks(front.ask)


def _of_phrase(phrase: str) -> Iterator[str]:
    text = phrase
    for blank in blanks_in(phrase):
        text = text.replace(f"{{{blank}}}", "")
        if blank not in PHRASE_BLANKS:
            known = words([f"{{{name}}}" for name in PHRASE_BLANKS], "or")
            yield f"unknown blank {blank!r} in a phrase" + (did_you_mean(blank, PHRASE_BLANKS) or f": write {known}")
    if not text.strip():
        yield "the phrase is empty, or has nothing but blanks"
    if len(phrase) > _MOST_PHRASE:
        yield f"the phrase has {len(phrase)} characters; at most {_MOST_PHRASE} are allowed"
    if "{" in text or "}" in text:
        yield f"malformed blank in {phrase!r}: write it as {{text}}"


def _of_stages(cause: Cause, matter: str) -> Iterator[Finding]:
    """Yield stages and symptoms at which no problem can be about that kind of subject."""
    front = cause.front
    possible = _STAGES_OF[front.about]
    if not cause.at:
        yield 1, f'at: {cause.phase!r} is not a stage: name one, such as at = ["{possible[0]}"]'
        return
    for stage in cause.at:
        if stage not in possible and front.at:
            text = f"at: no problem is about {front.about!r} at stage {stage}; possible: {', '.join(possible)}"
            yield _line(matter, "at", stage), text
    stages = [stage for stage in cause.at if stage in possible]
    if not stages and not front.at:
        yield _line(matter, "about"), f"about: no problem is about {front.about!r} at stage {cause.at[0]}"
    for word in front.explains:
        if stages and word not in _AT_ANY_STAGE and not any(word in _symptoms(stage) for stage in stages):
            yield _line(matter, "explains", word), f"explains: {word!r} is not a symptom of stage {words(stages, 'or')}"


def _symptoms(stage: Stage) -> set[Symptom]:
    prohibited = Icmp(type=3, code=13, offender="192.0.2.1")
    found = {symptom(stage, outcome, icmp) for outcome in Outcome for icmp in (None, prohibited)}
    return {word for word in found if stage in _ONLY_AT.get(word, (stage,))}
