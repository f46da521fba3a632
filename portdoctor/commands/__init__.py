"""The commands, a module each; its function of the same name is the command. `cli` imports only the one named.

Law: nothing here knows an exit code. A command that diagnoses returns a `RunResult`, the others nothing.
No postponed annotations in modules that declare options: typer would have to evaluate each text again, twice.
"""

from __future__ import annotations

COMMANDS = ("check", "bind", "listening", "explain", "port", "ticket", "diagnose", "lint", "lab", "schema")


class InternalError(Exception):
    """An error of ours that a check of our own found: one sentence without any name or address in it."""
