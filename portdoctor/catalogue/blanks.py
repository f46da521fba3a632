"""Blanks in the text of a cause, such as {address}: their names and meanings, and how to fill them in. Pure."""

from __future__ import annotations

import re

from ..model import Shell
from ..text import bracketed
from .quoting import shell_quoted

# Blank -> what replaces it. `engine/facts.py` finds the values; a blank without a value becomes its name in capitals.
BLANKS: dict[str, str] = {
    "host": "the host of the target: a name, or an address",
    "name": "the host of the target, in commands that look it up",
    "port": "the port of the target",
    "transport": "`tcp` or `udp`",
    "service": "the service of the port, such as `https`; without one, `tcp port 8080`",
    "address": "the address that the statement is about; for `bind`, the local address",
    "which": "the address, where the target does not show it: one of several addresses, or a resolver's",
    "endpoint": "address and port, such as `10.0.4.2:8080` or `[fd00::2]:8080`",
    "sni": "the name in the TLS handshake (SNI)",
    "url": "the URL of the target, with `/` as its path",
    "resolver": "the resolver that the statement is about, or the first configured one",
    "upstream": "the first server that the resolver on this machine forwards to",
    "source": "the local address that the connection uses",
    "gateway": "the gateway of the route to the address",
    "interface": "the interface of the route to the address",
    "prefix": "the prefix of the route to the address",
    "offender": "the sender of the ICMP error",
    "icmp": "the ICMP error, such as `ICMP 3/13`",
    "hop": "the last hop that the trace to the asked port reached",
    "reset_by": "the devices that can have sent the RST: the router at its hop, or the one before it",
    "holder": "the process that is using the local port, such as `nginx (pid 812, user www-data, started 3 h ago)`",
    "program": "the name of that process",
    "pid": "its pid, unless it belongs to a systemd service",
    "unit": "the systemd service to which it belongs",
    "listener": "the addresses and ports on which programs of this machine listen on the port",
    "cert_names": "the names in the server's certificate",
    "cert_issuer": "the issuer of the server's certificate",
    "expired": "how long ago the server's certificate expired, such as `12 days ago`",
    "expires": "when it expires, such as `in 5 days`",
    "valid_from": "the first day of a certificate that is not valid yet",
    "valid_until": "the last day of the server's certificate",
    "protocol": "the protocol that the peer used",
    "expected": "the protocol that was expected of it",
    "status": "status code and reason phrase of the HTTP response",
    "began": "the start of the check in seconds since 1970, as `journalctl --since @…` takes it",
    "detail": "the sentence of the first required sign",
}
_BLANK = re.compile(r"\{([a-z_]+)\}(?=(:\{port\})?)")  # the second group: a port follows
# A fact that may stand in a command: a name, an address, a number, a URL. It begins no option and ends no quotes.
_PLAIN = re.compile(r"[A-Za-z0-9_:./\[][A-Za-z0-9_@%+=:,./\[\]-]*")
# A word of a command with a blank, between spaces or operators of the shell.
_WORD = re.compile(r"(?<![^\s;|(])[\w@%+=:,./{}-]*\{[a-z_]+\}[\w@%+=:,./{}-]*(?![^\s;|)])", re.ASCII)
_LONGEST = 480  # characters of a command; `render.walk.cleaned` cuts after 500
_QUOTED = re.compile(r"""('[^']*'|"[^"]*")""")


def blanks_in(text: str) -> list[str]:
    """Return the names of the blanks in a text, known or not, in order."""
    return [found[1] for found in _BLANK.finditer(text)]


def fill(text: str, facts: dict[str, str]) -> str:
    """Replace each ``{name}`` by its fact; without one, by the name in capitals."""

    def put(found: re.Match[str]) -> str:
        value = facts.get(found[1]) or found[1].upper()
        return bracketed(value) if found[2] else value

    return _BLANK.sub(put, text)


def wordings(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the wordings of a text that may have several."""
    return (text,) if isinstance(text, str) else text


def fill_first(text: str | tuple[str, ...], facts: dict[str, str]) -> str:
    """As `fill`, with the first wording whose facts are all known, or else the last one."""
    several = wordings(text)
    return fill(next((one for one in several if all(facts.get(blank) for blank in blanks_in(one))), several[-1]), facts)


def fill_message(text: str, facts: dict[str, str]) -> str:
    """As `fill`, without the sentences in which a fact is missing: a message that people send has no blanks."""
    sentences = re.split(r"(?<=[.?]) +", text)
    return " ".join(fill(one, facts) for one in sentences if all(facts.get(blank) for blank in blanks_in(one)))


def fill_command(command: str, facts: dict[str, str], shell: Shell = "sh") -> str:
    """As `fill`, for commands that people paste into a shell: a word with a blank is quoted after it is filled in.

    A fact that is neither a name, an address nor a number is not filled in. Neither is any fact in a command that
    would become longer than a renderer shows: cut, its quotes would stay open.
    """
    known = {blank: fact for blank, fact in facts.items() if _PLAIN.fullmatch(fact)}
    parts = _QUOTED.split(command)  # every second part is in quotes
    parts[1::2] = [fill(part, known) for part in parts[1::2]]
    parts[::2] = [_WORD.sub(lambda found: shell_quoted(fill(found[0], known), shell), part) for part in parts[::2]]
    filled = fill("".join(parts), {})
    return filled if len(filled) <= _LONGEST else fill(command, {})
