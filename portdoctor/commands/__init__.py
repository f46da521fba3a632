"""The commands, one module each, whose function of the same name is the command. `cli` imports only the one named.

Law: no exit codes here. A command that diagnoses returns a `RunResult`, the others nothing.
Modules that declare options have no postponed annotations: typer would evaluate each string twice.
"""

from __future__ import annotations

COMMANDS = ("check", "bind", "listening", "explain", "port", "ticket", "diagnose", "lint", "lab", "schema")


class InternalError(Exception):
    """A bug found by an internal check. The message is one sentence without names or addresses."""
