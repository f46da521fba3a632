"""Shows the command line of a process without the secrets in its arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..text import ELLIPSIS, is_address

_SECRET = re.compile(
    r"pass|pwd|secret|token|key|auth|cred|cookie|session|bearer|sign|user|login|dsn|uri|url", re.IGNORECASE
)
_ASSIGNED = re.compile(r"(?P<name>-{0,2}[A-Za-z][\w.:-]*)=(?P<value>.*)", re.DOTALL)
_OPTION = re.compile(r"-{1,2}[A-Za-z][\w.-]*")
_SHORT = re.compile(r"(-[paPAukHK])(.+)", re.DOTALL)  # with its value: -pSECRET of mysql, -aSECRET of redis-cli
# Options of one hyphen that begin like one of these and are longer.
_LONG = frozenset(("passin", "passout", "port", "agentlib", "ppid", "pid", "addr"))
_USER = re.compile(r"(?<=://)[^/\s@]*@")
_SCHEME = re.compile(r"(?:bearer|basic|digest|negotiate|authorization|cookie|x-api-key|x-auth-token):?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?[a-zA-Z%]{0,2}|true|false|yes|no|on|off", re.IGNORECASE)
_PATH = re.compile(
    r"(?:~|\.{1,2})?/[^:@=\s]*"
    r"|[\w.-]+\.(?:py|jar|war|js|mjs|ts|rb|pl|sh|conf|cnf|cfg|ini|toml|ya?ml|json|xml)"
)
_MODULE = re.compile(r"[a-z_]+(?:\.[a-z_]+)*")  # of python -m
_OPAQUE = re.compile(
    r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9+=_-]{20,}"
    r"|[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"  # a JSON Web Token
)


def without_secrets(arguments: Sequence[str]) -> str:
    """Return the command line in which each value that may be a secret is an ellipsis.

    An option's value stays only if it is a number, an address or a path, and the name of the option is not that of a
    secret. Environment assignments are options. URLs lose user and password.
    """
    words = [word for argument in arguments for word in argument.split()]
    shown: list[str] = []
    option = ""  # the option before, whose value this word may be
    hidden = False  # this word is a credential
    for place, word in enumerate(words):
        bare = word.strip("\"'")
        if place == 0 and not _ASSIGNED.fullmatch(word):
            shown.append(_USER.sub(f"{ELLIPSIS}@", word))
        elif _SCHEME.fullmatch(bare):
            shown.append(word)
            hidden = True
        elif hidden or (_SECRET.search(option) and not word.startswith("--")):
            shown.append(ELLIPSIS)
            hidden = False
        elif found := _ASSIGNED.fullmatch(bare):
            shown.append(f"{found['name']}={_value(found['name'], found['value'])}")
        elif _OPTION.fullmatch(bare) and not _glued(bare):
            shown.append(word)
            option = bare
            continue
        elif (short := _SHORT.fullmatch(bare)) and not bare.startswith("--"):
            shown.append(short[1] + (short[2] if _NUMBER.fullmatch(short[2]) else ELLIPSIS))
        elif option:
            shown.append(_value(option, word))
        else:
            shown.append(ELLIPSIS if _OPAQUE.fullmatch(bare) else _USER.sub(f"{ELLIPSIS}@", word))
        option = ""
    return " ".join(shown)


def _glued(word: str) -> bool:
    """Return whether a word may be a short option with its value, and is no group of flags or a long option (-jar)."""
    return _SHORT.fullmatch(word) is not None and word[1:] not in _LONG and not word.startswith("--")


def _value(name: str, value: str) -> str:
    if not value or (name == "-m" and _MODULE.fullmatch(value)):
        return value
    bare = value.strip("\"'")
    host, _, port = bare.rpartition(":")
    listens = port.isdigit() and (not host or is_address(host.strip("[]")) or host == "*")
    if _SECRET.search(name) or not (_NUMBER.fullmatch(bare) or _PATH.fullmatch(bare) or is_address(bare) or listens):
        return ELLIPSIS
    return value
