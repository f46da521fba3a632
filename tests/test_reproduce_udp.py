"""The commands with which a reader asks a UDP service again: right words for a shell, and honest about silence."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from portdoctor.model import Datagram, Errno, Icmp, Outcome
from portdoctor.probes import payloads
from portdoctor.render.reproduce_udp import SILENCE, questions

NAMES = sorted({make().name for make in (*payloads._OF_SERVICE.values(), *payloads._OF_PORT.values())})
NO_TOOL = {"echo", "SSDP search", "SQL Server Browser query"}


def exchange(name: str, address: str = "203.0.113.9", outcome: Outcome = Outcome.TIMEOUT, port: int = 5300) -> Datagram:
    return Datagram(outcome=outcome, address=address, port=port, payload=name, sent=3, took=3.0)


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
@pytest.mark.parametrize("port", [53, 111, 123, 5300])
@pytest.mark.parametrize("name", [*NAMES, "empty datagram"])
def test_a_command_is_one_that_a_shell_reads_as_meant(name: str, port: int, address: str) -> None:
    for _, command, said in questions(exchange(name, address, port=port), "shop.example"):
        assert address in " ".join(shlex.split(command))
        assert said
        assert "-z" not in command, "success by silence"


def test_every_question_of_ours_has_its_tool() -> None:
    asked = {name: questions(exchange(name, port=123 if name == "NTP request" else 111), "x")[0][1] for name in NAMES}
    assert {name for name, command in asked.items() if command.startswith("echo | nc")} == NO_TOOL


def test_silence_is_never_called_success_or_failure() -> None:
    found = questions(exchange("DNS query"), "x")
    assert found[0][2] == SILENCE
    assert found[-1][2].startswith("open|filtered")


def test_a_closed_port_is_called_closed() -> None:
    refused = Datagram(
        outcome=Outcome.REFUSED, address="203.0.113.9", port=53, payload="DNS query",
        errno=Errno(name="ECONNREFUSED", number=111), icmp=Icmp(type=3, code=3, offender="203.0.113.9"),
    )  # fmt: skip
    assert [said for *_, said in questions(refused, "x")][-1] == "closed"


def test_the_dns_command_works_with_the_real_tool() -> None:
    command = questions(exchange("DNS query", "127.0.0.1", port=9), "x")[0][1]
    tool = shutil.which("dig")
    if tool is None:
        assert shlex.split(command)[0] == "dig"
        return
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=20, check=False)
    assert not [word for word in ("Invalid", "Usage") if word in done.stderr + done.stdout]
