"""Start-up is part of the time to a verdict: what must not be loaded on the way to a refused loopback port."""

from __future__ import annotations

import ast
import json
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

HEAVY = {
    "ssl", "tempfile", "random", "unicodedata",
    "rich", "dns", "psutil", "truststore", "platformdirs", "cryptography", "jsonschema", "http.client", "email",
    "importlib.metadata", "importlib.resources", "dataclasses", "portdoctor.lab", "portdoctor.redaction",
    "portdoctor.render.terminal", "portdoctor.probes.lookup", "portdoctor.probes.handshake", "xml.etree.ElementTree",
    "portdoctor.checkup.conversation",
    "portdoctor.engine.expect", "portdoctor.services.usual", "portdoctor.probes.http",
    "portdoctor.signs.app", "portdoctor.signs.bind", "portdoctor.signs.conflict", "portdoctor.signs.dns",
    "portdoctor.signs.tls", "portdoctor.signs.certificate", "portdoctor.signs.http", "portdoctor.signs.udp",
    "portdoctor.host.procfs", "portdoctor.host.owners",
    "portdoctor.catalogue.pasted", "portdoctor.catalogue.printed", "portdoctor.catalogue.symptoms",
    "portdoctor.commands.bind", "portdoctor.commands.explain", "portdoctor.commands.lab",
}  # fmt: skip
MOST_MODULES = 295  # measured 2026-11: 293 with Python 3.11 to 3.13, of which typer, asyncio and msgspec are 200
MOST_OF_OURS = 82  # measured: 80


def loaded(*args: str) -> set[str]:
    code = (
        "import sys, json, os\n"
        "leave = os._exit\n"
        "def told(code):\n"
        "    print(json.dumps(sorted(sys.modules)), file=sys.stderr, flush=True)\n"
        "    leave(code)\n"
        "os._exit = told\n"
        f"sys.argv = ['portdoctor', *{list(args)!r}]\n"
        "from portdoctor.__main__ import main\n"
        "main()\n"
        "told(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return set(json.loads(done.stderr.splitlines()[-1]))


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_refused_port_loads_nothing_heavy() -> None:
    modules = loaded("check", f"127.0.0.1:{closed_port()}", "--json")
    assert not modules & HEAVY
    assert "portdoctor.engine.verdict" in modules
    ours = {m for m in modules if m.startswith("portdoctor")}
    faces = {m for m in ours if (file := ROOT.joinpath(*m.split("."), "__init__.py")).exists() and is_empty(file)}
    assert len(modules - faces) <= MOST_MODULES
    assert len(ours - faces) <= MOST_OF_OURS


def is_empty(face: Path) -> bool:
    """Whether a package's own file has a docstring and nothing to run."""
    return len(ast.parse(face.read_text(encoding="utf-8")).body) <= 1


def test_a_command_loads_no_other_command() -> None:
    modules = loaded("port", "443")
    assert "portdoctor.commands.port" in modules
    assert not modules & {"asyncio", "ssl", "portdoctor.checkup", "portdoctor.engine", "portdoctor.commands.check"}


def test_the_version_loads_no_command_line() -> None:
    assert not loaded("--version") & (HEAVY | {"typer", "asyncio", "msgspec"})
