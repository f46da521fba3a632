"""The import law of docs/architecture.md, read from the source itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "portdoctor"
FORBIDDEN = {"socket", "os", "time", "asyncio", "subprocess", "selectors", "threading", "ssl"}
PURE = (
    "signs", "verdict", "problem", "weigh", "facts", "stages", "subjects", "cause", "render", "text", "expect", "merge",
)  # fmt: skip
# layer -> the layers of ours that it may import
LAW = {
    "model": set(),
    "outcomes": {"model"},
    "text": {"model"},
    "clients": {"model", "outcomes"},
    "signs": {"model", "outcomes", "text", "ports", "recognise", "services", "clients", "signs"},
    "weigh": {"model", "signs", "cause"},
    "cause": {"model"},
    "problem": {"model", "outcomes", "signs", "cause", "weigh", "facts", "subjects"},
    "verdict": {"problem", "model", "outcomes", "signs", "cause", "weigh", "facts", "stages", "subjects"},
    "host": {"model", "outcomes", "host", "text"},
    "probes": {"model", "outcomes", "host", "probes", "text", "ports", "recognise", "services", "hosts", "target"},
    "render": {
        "model", "outcomes", "text", "ports", "render", "stages", "subjects", "cause", "usual", "services", "recognise",
    },
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path, *, typing_too: bool = False) -> set[tuple[str, str]]:
    """(module, name) pairs that a file imports anywhere, except under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not typing_too
    ]  # fmt: skip
    inside = {id(n) for s in skipped for n in ast.walk(s)}
    found: set[tuple[str, str]] = set()
    package = ("portdoctor", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *((node.module,) if node.module else ())))
            found |= {(module, alias.name) for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """The layers of ours that a file imports."""
    found = set()
    for module, name in imports(path):
        parts = module.split(".")
        if parts[0] == "portdoctor":
            found.add(parts[1] if len(parts) > 1 else name)
    return found - {"", "__version__"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_layer_imports_only_what_is_below_it(path: Path) -> None:
    name = layer(path)
    if name in LAW:
        assert ours(path) <= LAW[name] | {name}
    assert "cli" not in ours(path) or name in ("__main__", "cli", "lab", "commands")
    assert "lab" not in ours(path) or name in ("cli", "lab", "commands")
    assert "commands" not in ours(path) or name in ("cli", "commands")


@pytest.mark.parametrize("path", [p for p in modules() if layer(p) in PURE], ids=lambda p: str(p.relative_to(ROOT)))
def test_what_is_pure_looks_at_nothing(path: Path) -> None:
    touched = {module.split(".")[0] for module, _ in imports(path)} & FORBIDDEN
    assert not touched


def test_the_system_is_asked_for_in_two_places_only() -> None:
    asking = {
        layer(path) for path in modules()
        if any(
            isinstance(node, ast.Attribute) and node.attr == "platform" and ast.unparse(node.value) == "sys"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }  # fmt: skip
    assert asking <= {"host", "outcomes", "lab"}  # the lab is Linux or nothing, and says so
