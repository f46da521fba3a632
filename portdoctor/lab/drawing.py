"""Prints a scenario for people: the network, the settings of its nodes, and the expected diagnosis. Pure."""

from __future__ import annotations

import msgspec

from .judge import ready
from .layout import Layout
from .scenario import Node, Scenario, recording_path


def draw_scenario(scenario: Scenario) -> str:
    """The description of one scenario."""
    scenario = ready(scenario)
    layout = Layout(scenario)
    e = scenario.expect
    lines = [f"{scenario.name}: {scenario.about}", ""]
    for chain in (scenario.path, *scenario.branches):
        lines.append("  " + " ── ".join(_mark(scenario, n) for n in chain.split()))
    lines += [f"  {'':2}{n:10} {', '.join(layout.address(n, f) for f in layout.families)}" for n in layout.nodes]
    for name, node in scenario.at.items():
        lines += [f"  at {name}: {words}" for words in _special(msgspec.to_builtins(node))]
    lines += ["", f"  $ portdoctor {scenario.command}", ""]
    verdict = e.cause or "no single cause"
    lines.append(f"  expected: {e.symptom}, {verdict}, {e.certainty}; exit {e.exit_code}")
    facts = (
        ("because", e.because), ("ruled out", ", ".join(e.ruled_out)), ("candidates", ", ".join(e.candidates)),
        ("near miss of", ", ".join(scenario.near_miss_of)), ("ICMP sender", e.offender), ("place", e.hop),
    )  # fmt: skip
    lines += [f"  {what}: {value}" for what, value in facts if value]
    lines += [f"  not distinguishable from {cause}: {why}" for cause, why in scenario.inseparable.items()]
    if scenario.handmade:
        lines.append(f"  recording written by hand: {scenario.handmade}")
    elif not recording_path(scenario.name).exists():
        lines.append("  not recorded yet")
    return "\n".join(lines) + "\n"


def _mark(scenario: Scenario, node: str) -> str:
    """The node's name, with a cross if it has a fault."""
    here = scenario.node(node)
    rules = (here.input, here.forward, here.output, here.prerouting, here.nft, here.routes, here.down)
    return f"{node} ✗" if any(rules) or here.default_route is not True else node


def _special(values: dict[str, object]) -> list[str]:
    usual = msgspec.to_builtins(Node())
    found = []
    for key, value in values.items():
        if value == usual[key]:
            continue
        if isinstance(value, dict):
            found += [f"{key}: {k} = {v}" if len(str(v)) < 60 else f"{key}: {k}" for k, v in value.items()]
            continue
        items = value if isinstance(value, list | tuple) else [value]
        found += [f"{key}: {' '.join(str(item).split())}" for item in items]
    return found
