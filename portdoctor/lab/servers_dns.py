"""A small DNS server with configurable faults, for the lab only. RFC 1035, 6891, 8914.

Options: ``NAME=ADDRESS[,ADDRESS]`` a name's records; ``NAME=cname:OTHER`` an alias; ``NAME=SERVFAIL`` an rcode for
one name, ``rcode=SERVFAIL`` for everything; ``ede=22`` or ``ede=22:text`` adds an extended error; ``silent=yes`` or
``silent=AAAA`` does not respond (to that type); ``delay=2`` seconds; ``tc=yes`` truncates over UDP; ``tcp=no`` has no
TCP; ``malformed=yes`` sends a malformed message; ``wrong=id`` or ``wrong=question`` sends another id or question;
``edns=drop`` ignores queries with EDNS; ``cd=NAME`` fails that name unless checking is disabled; ``fails=3:SERVFAIL``
answers the first three queries for each name and type with that rcode, ``fails=3:silent`` does not respond to them, and
``fails=3:SERVFAIL:plain`` counts only queries without EDNS. Other names do not exist.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections import Counter
from typing import NamedTuple

_RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
_TYPES = {1: "A", 5: "CNAME", 28: "AAAA"}
_QR, _AA, _TC, _RD, _RA, _CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0010
_TTL = 60


class _Query(NamedTuple):
    id: int
    flags: int
    name: str
    qtype: str
    question: bytes
    edns: bool


def _read(message: bytes) -> _Query | None:
    """A query with one question; None for anything else."""
    try:
        number, flags, questions, _, _, additional = struct.unpack_from("!6H", message)
        labels, place = [], 12
        while message[place]:
            length = message[place]
            labels.append(message[place + 1 : place + 1 + length].decode("ascii"))
            place += 1 + length
        qtype, _ = struct.unpack_from("!2H", message, place + 1)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    if questions != 1 or flags & _QR:
        return None
    kind = _TYPES.get(qtype, str(qtype))
    return _Query(number, flags, ".".join(labels).lower(), kind, message[12 : place + 5], additional > 0)


def _name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def _record(owner: str, qtype: int, data: bytes) -> bytes:
    return _name(owner) + struct.pack("!2HIH", qtype, 1, _TTL, len(data)) + data


def answer_dns(
    message: bytes, options: dict[str, str], transport: str, asked: Counter[tuple[str, str]] | None = None
) -> bytes | None:
    """The response to one query in wire format; None for no response. `asked` counts queries, for `fails`."""
    query = _read(message)
    if query is None or options.get("silent") in ("yes", query.qtype):
        return None
    if options.get("edns") == "drop" and query.edns:
        return None
    time.sleep(float(options.get("delay", 0)))
    if options.get("malformed"):
        return message[:2] + b"\x84\x00\x00\x01\x00\x09rubbish"
    answers: list[bytes] = []
    rcode = options.get("rcode") or _look_up(query, options, answers)
    first, failure, which = (*options.get("fails", "0::").split(":"), "")[:3]
    if asked is not None and not (which == "plain" and query.edns):
        asked[query.name, query.qtype] += 1
        if asked[query.name, query.qtype] <= int(first):
            if failure == "silent":
                return None
            rcode, answers = failure, []
    if options.get("cd") == query.name and not query.flags & _CD:
        rcode, answers = "SERVFAIL", []
    flags = _QR | _RA | query.flags & (_RD | _CD) | _RCODES[rcode]
    if options.get("tc") and transport == "udp":
        flags, answers = flags | _TC, []
    question = query.question
    if options.get("wrong") == "question":
        question = _name("something.else.example") + question[-4:]
    number = query.id + (options.get("wrong") == "id")
    extra = _opt(options) if query.edns else b""
    head = struct.pack("!6H", number & 0xFFFF, flags, 1, len(answers), 0, bool(extra))
    return head + question + b"".join(answers) + extra


def _opt(options: dict[str, str]) -> bytes:
    """The EDNS record, with the extended error when there is one."""
    data = b""
    if "ede" in options:
        code, _, text = options["ede"].partition(":")
        error = struct.pack("!H", int(code)) + text.encode()
        data = struct.pack("!2H", 15, len(error)) + error
    return b"\0" + struct.pack("!2HIH", 41, 1232, 0, len(data)) + data


def _look_up(query: _Query, options: dict[str, str], answers: list[bytes]) -> str:
    """Append the records of a name to `answers`, following at most eight aliases. Return the rcode."""
    name, value = query.name, options.get(query.name)
    for _ in range(8):
        if value is None:
            return "NXDOMAIN"
        if value in _RCODES:
            return value
        if not value.startswith("cname:"):
            break
        target = value.removeprefix("cname:")
        answers.append(_record(name, 5, _name(target)))
        name, value = target, options.get(target)
    family = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}.get(query.qtype)
    for address in (value or "").split(","):
        if family and address and not address.startswith("cname:") and (":" in address) == (family == socket.AF_INET6):
            answers.append(_record(name, 1 if query.qtype == "A" else 28, socket.inet_pton(family, address)))
    return "NOERROR"


def serve_dns_stream(sock: socket.socket, options: dict[str, str], asked: Counter[tuple[str, str]]) -> None:
    """DNS over one TCP connection: messages with a length prefix (RFC 7766)."""
    with sock, contextlib.suppress(OSError, struct.error):
        while True:
            (length,) = struct.unpack("!H", sock.recv(2, socket.MSG_WAITALL))
            reply = answer_dns(sock.recv(length, socket.MSG_WAITALL), options, "tcp", asked)
            if reply is not None:
                sock.sendall(struct.pack("!H", len(reply)) + reply)
