"""Start-up is part of the time to a verdict: what must not be loaded on the way to a refused loopback port."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

HEAVY = {
    "rich", "dns", "psutil", "truststore", "platformdirs", "cryptography", "jsonschema", "http.client", "email",
    "importlib.metadata", "importlib.resources", "dataclasses", "portdoctor.lab", "portdoctor.redact",
    "portdoctor.render.terminal", "portdoctor.probes.lookup", "portdoctor.probes.handshake", "xml.etree.ElementTree",
}  # fmt: skip
MOST_MODULES = 330  # measured 2026-11: typer and asyncio alone are about 250


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
    assert "portdoctor.verdict" in modules
    assert len(modules) <= MOST_MODULES


def test_the_version_loads_no_command_line() -> None:
    assert not loaded("--version") & (HEAVY | {"typer", "asyncio", "msgspec"})
