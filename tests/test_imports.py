"""The import law of docs/architecture.md, read from the source itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "portdoctor"
IMPURE = {"socket", "os", "time", "asyncio", "subprocess", "selectors", "threading", "ssl"}
# Reads its own files of knowledge (os, no other I/O): `catalogue` and `services`.
PURE = {"model", "text", "signs", "engine", "render", "redaction"}

_NOUNS = {"model", "outcomes", "text"}
_KNOWLEDGE = {*_NOUNS, "services", "signs", "catalogue"}
# Every folder and top-level file, from the ground up -> what of ours it may import. `__init__` has the version.
LAW: dict[str, set[str]] = {
    "__init__": set(),
    "model": set(),
    "outcomes": {"model"},
    "text": {"model"},
    "services": _NOUNS,
    "target": {*_NOUNS, "services"},
    "host": _NOUNS,
    "signs": {*_NOUNS, "services"},
    "probes": {*_NOUNS, "__init__", "services", "host"},
    "catalogue": {*_NOUNS, "services", "signs"},
    "engine": _KNOWLEDGE,
    "render": {*_KNOWLEDGE, "engine"},
    "redaction": {*_NOUNS, "services", "render"},
    "checkup": {*_KNOWLEDGE, "__init__", "target", "host", "probes", "engine"},
    "api": {*_KNOWLEDGE, "target", "host", "probes", "engine", "render", "checkup"},
    "lab": {*_KNOWLEDGE, "engine"},
    "commands": {
        *_KNOWLEDGE, "__init__", "target", "host", "probes", "engine", "render", "redaction", "checkup", "lab",
    },
    "cli": {*_NOUNS, "__init__", "target", "commands"},
    "__main__": {"__init__", "cli", "commands"},
}  # fmt: skip
ON_TOP = {"__init__", "__main__", "api", "cli", "model", "outcomes", "text"}
DATA = {"causes", "data"}  # folders without Python
NO_ROOM = {"__pycache__", "__init__.pyi", "py.typed"}  # the last two for type checkers
# A job goes by one name in every layer: file name -> the rooms that have a file of that name.
SAME_JOB = {
    "bind": {"commands", "probes", "signs"},
    "clients": {"services", "signs"},
    "explain": {"commands", "render"},
    "http": {"probes", "signs"},
    "lint": {"catalogue", "commands"},
    "listening": {"commands", "render"},
    "local": {"probes", "signs"},
    "path": {"checkup", "render"},
    "plan": {"checkup", "render"},
    "port": {"commands", "render"},
    "stimulus": {"checkup", "signs"},
    "ticket": {"commands", "render"},
    "trace": {"probes", "signs"},
}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[tuple[str, str]]:
    """(module, name) pairs that a file imports anywhere: in functions and under TYPE_CHECKING, too."""
    found: set[tuple[str, str]] = set()
    package = ("portdoctor", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *((node.module,) if node.module else ())))
            found |= {(module, alias.name) for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """The rooms that a file imports from."""
    found = set()
    for module, name in imports(path):
        parts = module.split(".")
        if parts[0] == "portdoctor":
            found.add(parts[1] if len(parts) > 1 else name if name in LAW else "__init__")
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_what_its_row_allows(path: Path) -> None:
    assert ours(path) <= LAW[room(path)] | {room(path)}


def test_the_table_has_every_room_and_no_circle() -> None:
    rooms = {entry.name.removesuffix(".py") for entry in ROOT.iterdir() if entry.name not in NO_ROOM}
    assert rooms == LAW.keys() | DATA
    assert {path.stem for path in ROOT.glob("*.py")} == ON_TOP
    above: set[str] = set()
    for name, below in LAW.items():  # each row names only rows that stand before it
        assert below <= above, name
        above.add(name)


def test_files_import_each_other_in_no_circle() -> None:
    """Not even inside a function or for types alone."""
    edges: dict[str, set[str]] = {}
    known = {".".join(("portdoctor", *p.relative_to(ROOT).with_suffix("").parts)): p for p in modules()}
    for name, path in known.items():
        edges[name] = set()
        for module, imported in imports(path):
            for target in (f"{module}.{imported}", module, f"{module}.__init__"):
                if target in known and target != name:
                    edges[name].add(target)
                    break
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for target in sorted(edges[name]):
                visit(target, (*way, name))
            done.add(name)

    for name in known:
        visit(name, ())


def test_two_files_of_one_name_have_one_job() -> None:
    shared: dict[str, set[str]] = {}
    for path in modules():
        if path.stem != "__init__":
            shared.setdefault(path.stem, set()).add(".".join(path.relative_to(ROOT).parts[:-1]))
    assert {name: rooms for name, rooms in shared.items() if len(rooms) > 1} == SAME_JOB


def test_commands_has_one_file_a_command() -> None:
    from portdoctor.commands import COMMANDS

    found = {entry.name.removesuffix(".py") for entry in (ROOT / "commands").iterdir()} - {"__pycache__", "__init__"}
    assert found == {*COMMANDS, "output"}


@pytest.mark.parametrize("path", [p for p in modules() if room(p) in PURE], ids=lambda p: str(p.relative_to(ROOT)))
def test_what_is_pure_does_no_io(path: Path) -> None:
    touched = {module.split(".")[0] for module, _ in imports(path)} & IMPURE
    assert not touched


def test_the_system_is_asked_for_in_two_places_only() -> None:
    asking = {
        room(path) for path in modules()
        if any(
            isinstance(node, ast.Attribute) and node.attr == "platform" and ast.unparse(node.value) == "sys"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }  # fmt: skip
    assert asking <= {"host", "outcomes", "lab"}  # the lab is Linux or nothing, and says so


def test_the_public_names_are_defined_where_the_package_looks() -> None:
    import portdoctor

    assert all(getattr(portdoctor, name) is not None for name in portdoctor.__all__)




# A function or class goes by one name in every layer or format of one job -> why it may be defined twice.
ONE_JOB = {
    "bind": "the Python API, the command, the probe",
    "check": "the Python API, the command",
    "counters": "the kernel's table, the probe, the sign",
    "diagnose": "the Python API, the command, the engine",
    "document": "a format that is JSON",
    "hosts_file": "the file, the probe",
    "interfaces": "the system's table, the probe, the sign",
    "lint": "the catalogue, the command",
    "listeners": "the system's table, the probe",
    "listening": "the Python API, the command",
    "listing": "the command, the page",
    "main": "a program",
    "read_route": "a system",
    "render": "a format, and what chooses it",
    "schema": "a format that is JSON, the command",
    "sockets": "a table of the kernel",
    "to_json": "a format that is JSON",
}


def test_no_public_name_has_two_meanings() -> None:
    places: dict[str, list[str]] = {}
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name[0] == "_":
                continue
            if not any(ast.unparse(each).startswith("sign(") for each in node.decorator_list):  # addressed by its file
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in twice.items() if name not in ONE_JOB} == {}
    assert ONE_JOB.keys() <= twice.keys()
