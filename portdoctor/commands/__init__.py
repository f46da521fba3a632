"""The commands, one module each, whose function of the same name is the command. `cli` imports only the one named.

Law: no exit codes here. A command that diagnoses returns a `RunResult`, the others nothing.
Modules that declare options have no postponed annotations: typer would evaluate each string twice.
"""

from __future__ import annotations

COMMANDS = (
    "check", "bind", "listening", "explain", "port", "ticket", "diagnose", "lint", "lab", "schema", "help", "version",
)  # fmt: skip

DIAGNOSING = ("check", "bind", "ticket", "diagnose")  # whose exit code is the result

# command -> {a command line of it: what it answers}
EXAMPLES: dict[str, dict[str, str]] = {
    "check": {
        "portdoctor shop.example.com:443": "Why does this connection fail, and who must act?",
        "portdoctor check db 5432 --format ticket --redact": "Write text for a ticket, with pseudonyms for names.",
        "portdoctor check --wait 1m --expect open tcp://db:5432": "Wait until a port is open, at most a minute.",
        "portdoctor check --format nagios web=https://10.0.0.5": "Run as a Nagios plugin, with an alias.",
        "portdoctor check -i targets.txt --json": "Check each line of a file, for a script.",
        "portdoctor check --plan shop.example.com:443": "Show what a check would send, without sending it.",
    },
    "bind": {"portdoctor bind :8080": "Can a program listen on port 8080? If not, what is using it?"},
    "listening": {"portdoctor listening 443": "What is listening on port 443, and who can reach it?"},
    "explain": {
        'portdoctor explain "connect ECONNREFUSED ::1:5432"': "What does this error mean?",
        "portdoctor explain tcp.port-filtered": "How is this cause determined, and what can be done?",
    },
    "port": {"portdoctor port 5432": "What usually uses this port, and what uses it on this machine?"},
    "ticket": {"portdoctor ticket report.json --redact": "A report saved by `check --record`, for a ticket."},
    "diagnose": {
        "portdoctor diagnose --merge client.json server.json": "One diagnosis from the reports of two machines.",
    },
    "lint": {"portdoctor lint causes/": "Are the cause files in this folder correct?"},
    "lab": {"portdoctor lab run tcp/port-filtered": "Build a network with this fault, and diagnose it."},
    "schema": {"portdoctor schema": "The JSON Schema of a report."},
    "help": {"portdoctor help lab run": "The help of `portdoctor lab run`."},
}


class InternalError(Exception):
    """A bug found by an internal check. The message is one sentence without names or addresses."""
