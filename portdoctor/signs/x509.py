"""What signs need to read a certificate: names, times, days, and the handshake that sent it. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address

from ..model import Ending, Handshake, HttpReply, Report, Subject

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT")  # RFC 9110, 5.6.7


def handshake_of(report: Report, subject: Subject) -> Handshake | None:
    """Return the last handshake on the user's own connection to the address."""
    found = [o for o in report.of(Handshake) if o.role == "target" and o.address in subject.values]
    return found[-1] if found else None


def now_of(report: Report) -> str | None:
    """Return the time of the report by this machine's clock, to the second: comparable with a certificate's times."""
    started = report.vantage.started
    return f"{started[:19]}Z" if len(started) >= 20 and started.endswith("Z") else None


def http_date(report: Report, subject: Subject) -> tuple[Ending, str] | None:
    """Return the server's clock: the Date of an HTTP response from the address, plus its Age if a cache sent it."""
    for o in report.of(HttpReply):
        found = _HTTP_DATE.fullmatch(o.headers.get("date", "")) if o.address in subject.values else None
        if found is None or found[2] not in _MONTHS:
            continue
        at = f"{found[3]}-{_MONTHS.index(found[2]) + 1:02}-{found[1]}T{found[4]}Z"
        age = o.headers.get("age", "0")
        return (o, _later(at, int(age)) if age.isdigit() and len(age) < 9 else at)
    return None


def _later(at: str, seconds: int) -> str:
    from datetime import datetime, timedelta

    try:
        moment = datetime.fromisoformat(at) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):  # a Date such as 31 Feb
        return at
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def days_between(start: str | None, end: str) -> int:
    """Return the whole days from one time to another, negative if it is earlier; 0 if one cannot be read."""
    from datetime import datetime

    try:
        apart = datetime.fromisoformat(end) - datetime.fromisoformat(start or "")
    except ValueError:
        return 0
    return int(apart.total_seconds() / 86400)


def time_text(at: str) -> str:
    """Return a time for people: "2026-11-15 09:14 UTC"."""
    return f"{at[:10]} {at[11:16]} UTC" if len(at) >= 16 else at


def common_name(name: str) -> str:
    """Return the common name of a distinguished name, or all of it: "CN=Example CA, O=Example" -> “Example CA”."""
    first = name.partition(", ")[0]
    return f"“{first.removeprefix('CN=')}”" if first.startswith("CN=") else f"“{name}”" if name else "its issuer"


def name_matches(name: str, wanted: str) -> bool:
    """Return whether a name of a certificate matches. Only the whole first label may be "*" (RFC 9525, 6.3)."""
    name, wanted = name.lower().rstrip("."), wanted.lower().rstrip(".").partition("%")[0]
    if ":" in wanted:
        return _same_address(name, wanted)
    if name == wanted:
        return True
    label, _, rest = wanted.partition(".")
    is_address = wanted.replace(".", "").isdigit()
    return bool(label) and name.startswith("*.") and not is_address and "." in rest and name[2:] == rest


def _same_address(one: str, other: str) -> bool:
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return False
