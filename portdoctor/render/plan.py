"""What a check may send, to which addresses and at most how much, as text and JSON. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from ..model import PLAN_SCHEMA, Plan, PlannedProbe, Target, When
from ..text import clean, plural, words, wrapped

COLUMNS = 80
_TEXT = 29  # columns before a step's text
_HEADINGS: dict[When, str] = {
    "always": "Always",
    "when-silent": "While a connection or a resolver does not respond",
    "when-it-fails": "After a failure, only the probes that can decide between the candidates",
}



def schema() -> dict[str, Any]:
    """The JSON Schema of a plan (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What PortDoctor may send ({PLAN_SCHEMA})",
        **msgspec.json.schema(Plan),
    }


def to_json(plan: Plan) -> str:
    """One line of JSON, without its line feed."""
    return msgspec.json.encode(plan).decode()


def render(plan: Plan) -> str:
    """The plan as text of 80 columns, without the final line feed."""
    t = plan.target
    asked = f"{t.alias} ({t.input})" if t.alias else t.input
    lines = [f"Plan for {clean(asked)}: nothing was sent or looked up."]
    for when, heading in _HEADINGS.items():
        steps = [step for step in plan.steps if step.when == when]
        if steps:
            lines += ["", heading, *(line for step in steps for line in _step(step, t))]
    lines += ["", "Read on this machine, without sending anything", *_item(words(plan.reads))]
    lines += ["", "Limits", *(line for text in _limits(plan) for line in _item(text))]
    return "\n".join(lines)


def _step(step: PlannedProbe, target: Target) -> list[str]:
    itself = step.to == (target.host,) and step.ports == (target.port,)
    where = "" if itself else f" to {_whom(step, target)}"
    head, *rest = wrapped(clean(f"{step.what}{where}", 1000), COLUMNS - _TEXT)
    start = f"  {step.stage:<5}{step.probe:<15}{step.most:>4} × "
    return [start + head, *(" " * _TEXT + line for line in rest)]


def _whom(step: PlannedProbe, target: Target) -> str:
    ports = f"port{'s' if len(step.ports) > 1 else ''} {words(map(str, step.ports))}" if step.ports else ""
    if step.to == (target.host,):
        return ports or f"{step.to[0]}, random ports"
    each = "each of " if step.per == "resolver" and len(step.to) > 1 else ""
    return each + words(step.to) + (f", {ports}" if ports else "")


def _item(text: str) -> list[str]:
    head, *rest = wrapped(text, COLUMNS - 4)
    return [f"  {head}", *(f"    {line}" for line in rest)]


def _limits(plan: Plan) -> list[str]:
    counted = "each number is the maximum that one check sends"
    if "bind" not in plan.target.stages:
        many = plural(plan.addresses, "address", "addresses")
        counted += f": to each address of the target ({many} at most), or to each resolver"
    said = [counted, f"{plan.seconds:g} s for one check" + (f", {plan.tries} checks at most" if plan.tries > 1 else "")]
    if not plan.options.controls:
        said.append("no other port of the target: --no-controls")
    return [*said, "the system retransmits packets that get no response"]
