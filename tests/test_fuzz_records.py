"""Fuzzes recorded reports: a report that is read is shown in every format, every other one is refused by a sentence."""

from __future__ import annotations

import json
import random
import time
from functools import cache
from typing import Any

import pytest

from portdoctor.catalogue.folders import load_catalogue
from portdoctor.engine.merge import MergeError, merge
from portdoctor.engine.verdict import diagnose
from portdoctor.lab import scenario
from portdoctor.model import Report
from portdoctor.redaction.redact import redact
from portdoctor.render import json as json_format
from portdoctor.render.walk import map_text
from portdoctor.text import clean

from . import fuzzing
from .test_hostile import FORMATS

CATALOGUE = load_catalogue()
NAMES = [name for name in scenario.scenario_names() if scenario.recording_path(name).exists()]
LONGEST = 10.0  # seconds for one input, in all formats, on a loaded machine
_KEPT = ("schema", "target", "vantage", "options", "observations", "notes", "others")


@cache
def recorded(name: str) -> bytes:
    document = json.loads(scenario.recording_path(name).read_bytes())
    return json.dumps({key: value for key, value in document.items() if key in _KEPT}).encode()


def places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            places(value[key], found)
    return found


def mutated(chance: random.Random) -> bytes:
    """A recording with a few values replaced: by hostile ones, or by those of the same field elsewhere."""
    document = json.loads(recorded(chance.choice(NAMES)))
    donor = places(json.loads(recorded(chance.choice(NAMES))), [])
    for _ in range(chance.choice((1, 1, 1, 2, 4, 12))):
        found = places(document, [])
        if not found:
            break
        container, key = chance.choice(found)
        match chance.randrange(8):
            case 0 | 1:
                container[key] = fuzzing.hostile(chance)
            case 2:
                alike = [v for v in (*fuzzing.NUMBERS, *fuzzing.TEXTS) if type(v) is type(container[key])]
                container[key] = chance.choice(alike) if alike else None
            case 3 | 4 | 5:
                same = [holder[name] for holder, name in donor if name == key and isinstance(name, str)]
                container[key] = json.loads(json.dumps(chance.choice(same))) if same else container[key]
            case 6:
                del container[key]
            case 7 if isinstance(container, list):
                container.insert(chance.randrange(len(container) + 1), json.loads(json.dumps(container[key])))
                chance.shuffle(container)
    return json.dumps(document).encode("utf-8", "surrogatepass")


def check(data: bytes) -> bool:
    """Whether the report was read; it is then shown in every format."""
    try:
        found = json_format.load_reports(data, "name.json")
    except ValueError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert refused.startswith("name.json:")
        assert fuzzing.harmless(refused)
        assert "\n" not in refused
        return False
    for report in found:
        show(report)
    return True


def show(report: Report) -> None:
    case = (report, diagnose(report, CATALOGUE))
    for name, render in FORMATS.items():
        output = render(*case)
        assert fuzzing.harmless(output), name
        assert len(output) < 4_000_000, f"{name}: {len(output)} characters"
    again = json_format.load_report(json_format.render(*case))
    assert again.target == map_text(report.target, lambda text: clean(text, json_format.MOST_TEXT))
    (changed,), _ = redact([report])
    json_format.load_report(json_format.render(changed, diagnose(changed, CATALOGUE)))
    try:
        both = merge([report, report])
    except MergeError:
        return
    json_format.render(both, diagnose(both, CATALOGUE))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", ["values", "bytes"])
def test_no_recorded_report_hangs_or_crashes(kind: str) -> None:
    read = 0
    for number, chance in fuzzing.inputs(300):
        data = mutated(chance) if kind == "values" else fuzzing.broken(recorded(chance.choice(NAMES)), chance)
        began = time.process_time()
        try:
            read += check(data)
        except Exception as error:
            raise AssertionError(f"input {number} of seed {fuzzing.SEED}: {error!r}") from error
        assert time.process_time() - began < LONGEST, f"input {number} of seed {fuzzing.SEED}"
    assert read > 10


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("observations", 0, "began"), 1e70, r"observations\[0\].began: expected `float` <= 1000000.0"),
        (("observations", 0, "id"), "x" * 80, r"observations\[0\].id: .* is not the id of an observation, such as o3"),
        (("observations", 0, "qtype"), "A; touch x", r"observations\[0\].qtype: 'A; touch x' is not a word"),
        (("target", "port"), 65536, "target.port: expected `int` <= 65535"),
        (("target", "host"), "$(touch x)", r"target.host: '\$\(touch x\)' is not a host name or an IP address"),
        (("vantage", "resolvers"), ["10.0.0.1;id"], r"vantage.resolvers\[0\]: '10.0.0.1;id' is not an IP address"),
        (("vantage", "started"), "2026-13-01T00:00:00Z", "vantage.started: .* is not a time such as"),
        (("observations", 0, "outcome"), "x", r"observations\[0\].outcome: invalid enum value 'x'"),
    ],
)
def test_a_value_that_no_report_has_is_refused_by_one_sentence(place: tuple[Any, ...], value: Any, says: str) -> None:
    document = json.loads(recorded("dns/nxdomain"))
    container = document
    for key in place[:-1]:
        container = container[key]
    container[place[-1]] = value
    with pytest.raises(ValueError, match=f"^name.json:1: invalid report: {says}"):
        json_format.load_reports(json.dumps(document), "name.json")


def test_every_number_in_a_report_has_bounds() -> None:
    """Numbers without bounds hang a renderer, or fail in it: each field of the model says which it has."""
    schema = json_format.schema()["$defs"]
    recomputed = {"Verdict", "Problem", "Candidate", "RuledOut", "NextTest", "Step", "StageLine", "Answer", "Link"}

    def numbers(kind: Any, at: str) -> list[str]:
        if isinstance(kind, list):
            return [n for each in kind for n in numbers(each, at)]
        if not isinstance(kind, dict):
            return []
        if kind.get("type") in ("integer", "number"):
            return [] if {"minimum", "maximum"} <= kind.keys() else [at]
        return [n for key, each in kind.items() for n in numbers(each, f"{at}.{key}")]

    assert [n for name in schema.keys() - recomputed for n in numbers(schema[name], name)] == []
