"""The Python API, as the package exports it: the commands as functions."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .catalogue.folders import load_catalogue
from .checkup.batch import Case, examine, run
from .engine import verdict
from .model import Diagnosis, Options, Report, Verdict
from .target import UsageError
from .target.hosts import literal, name_of
from .target.parse import Asked, parse, parse_bind
from .text import is_address

if TYPE_CHECKING:
    from .render.listening import ListeningDocument

_DAY = 86400.0
_MOST_ATTEMPTS = 50


class Result(NamedTuple):
    """The report of one check, and its diagnosis. `str(result)` is what the terminal shows."""

    report: Report
    diagnosis: Diagnosis

    @property
    def verdict(self) -> Verdict:
        """The verdict: symptom, cause, certainty and owner."""
        return self.diagnosis.verdict

    @property
    def ok(self) -> bool:
        """Whether the target works, maybe degraded. False as well if that is not determined: see `verdict.symptom`."""
        return self.verdict.symptom in ("ok", "degraded")

    def to_json(self) -> str:
        """Return report and diagnosis as one line of JSON, as `portdoctor check --json` writes it; `load` reads it."""
        from .render.json import render

        return render(self.report, self.diagnosis)

    def __str__(self) -> str:
        from .render.terminal import render

        return render(self.report, self.diagnosis)


def check(
    target: str, *, timeout: float | None = None, budget: float = 15.0, family: Literal[4, 6] | None = None,
    source: str | None = None, resolver: str | None = None, cafile: str | os.PathLike[str] | None = None,
    sni: str | None = None, insecure: bool = False, controls: bool = True, attempts: int = 1,
) -> Result:  # fmt: skip
    """Diagnose one target, as `portdoctor check` does with the options of these names. Times are seconds.

    Raises UsageError (a ValueError) for an invalid argument or a target with several ports, StarvedError if the limits
    of time could not be kept, KeyboardInterrupt on Ctrl-C. It blocks, also in a thread that runs an event loop.
    """
    asked = _one(target)
    options = _options(timeout, budget, family, source, resolver, cafile, sni, insecure, controls, attempts)
    _agree(asked, options)
    return _blocking(asked, options)


async def acheck(
    target: str, *, timeout: float | None = None, budget: float = 15.0, family: Literal[4, 6] | None = None,
    source: str | None = None, resolver: str | None = None, cafile: str | os.PathLike[str] | None = None,
    sni: str | None = None, insecure: bool = False, controls: bool = True, attempts: int = 1,
) -> Result:  # fmt: skip
    """Do the same as `check` without blocking the running event loop: the check has a loop and a thread of its own.

    A cancellation ends the check.
    """
    asked = _one(target)
    options = _options(timeout, budget, family, source, resolver, cafile, sni, insecure, controls, attempts)
    _agree(asked, options)
    return Result(*await _beside(lambda: _examined(asked, options)))


def bind(target: str, *, listen: bool = False, budget: float = 15.0) -> Result:
    """Find out whether a program can bind ``[ADDR:]PORT``, as `portdoctor bind` does. Raises as `check`.

    `listen`: listen on the port for a moment as well, which a policy may deny.
    """
    asked = parse_bind(_text(target, "target"))
    return _blocking(asked, Options(listen=_flag(listen, "listen"), budget=_seconds(budget, "budget")))


def listening(port: int | str | None = None) -> ListeningDocument:
    """Return the sockets on which this machine is listening, on a port, a service or all ports.

    Raises UsageError for an invalid port.
    """
    from . import host
    from .render.listening import document
    from .services.ports import UnknownService, lookup

    if port is not None and (isinstance(port, bool) or not isinstance(port, int | str)):
        raise UsageError(f"invalid value {port!r} for port: pass a number or a service name")
    try:
        number = 0 if port is None else lookup(str(port))[0]
    except UnknownService as error:
        raise UsageError(str(error)) from None
    here = host.current()
    return document((here.listeners(number), here.listeners(number, "udp")), number or None, here.limits())


def diagnose(report: Report) -> Diagnosis:
    """Return the diagnosis of a recorded report by the causes of this version. Pure: it does no network I/O."""
    if not isinstance(report, Report):
        raise UsageError("invalid report: pass a Report, as check() and load() return it")
    return verdict.diagnose(report, load_catalogue())


def load(file: str | os.PathLike[str]) -> Report:
    """Return the report in a file, as `--record` and `to_json` write it.

    Raises UsageError if the file cannot be read or has no report, or several.
    """
    reports = load_many(file)
    if len(reports) != 1:
        raise UsageError(f"{os.fspath(file)} has {len(reports)} reports: use load_many()")
    return reports[0]


def load_many(file: str | os.PathLike[str]) -> list[Report]:
    """Return the reports in a file with one per line. Raises UsageError if it cannot be read, or has anything else."""
    from .render.json import load_reports

    if not isinstance(file, str | os.PathLike):
        raise UsageError(f"invalid value {file!r} for file: pass a path")
    name = os.fspath(file)
    try:
        with open(name, "rb") as opened:
            return load_reports(opened.read(), name)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None


# ---------------------------------------------------------------- running


async def _examined(asked: Asked, options: Options) -> Case:
    from . import host

    return await examine(asked, options, host.current(), load_catalogue(), raises=True)


def _blocking(asked: Asked, options: Options) -> Result:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        report, diagnosis = run(lambda: _examined(asked, options))
    else:  # a notebook: its loop must not be entered again
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            report, diagnosis = pool.submit(run, lambda: _examined(asked, options)).result()
    if report.interrupted:
        raise KeyboardInterrupt
    return Result(report, diagnosis)


async def _beside(main: Callable[[], Awaitable[Case]]) -> Case:
    """Run in another thread, in a loop that has `add_writer`, which not every loop of a program has."""
    from .probes.threads import in_thread

    ended = threading.Event()
    under_way: list[Callable[[], object]] = []

    async def whole() -> Case:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        under_way.append(lambda: loop.call_soon_threadsafe(task.cancel))
        if ended.is_set():
            raise asyncio.CancelledError
        return await main()

    try:
        return await in_thread(lambda: run(whole), "portdoctor check", long=True)
    except asyncio.CancelledError:
        ended.set()
        for cancel in under_way:
            try:
                cancel()
            except RuntimeError:  # its loop is closed: the check has just ended
                continue
        raise


# ---------------------------------------------------------------- arguments


def _one(target: str) -> Asked:
    asked = parse(_text(target, "target"))
    if len(asked) != 1:
        raise UsageError("target with several ports: call check() once for each port")
    return asked[0]


def _options(
    timeout: Any, budget: Any, family: Any, source: Any, resolver: Any, cafile: Any, sni: Any, insecure: Any,
    controls: Any, attempts: Any,
) -> Options:  # fmt: skip
    if family is not None and (isinstance(family, bool) or family not in (4, 6)):
        raise UsageError(f"invalid value {family!r} for family: pass 4, 6 or None")
    if isinstance(attempts, bool) or not isinstance(attempts, int) or not 1 <= attempts <= _MOST_ATTEMPTS:
        raise UsageError(f"invalid value {attempts!r} for attempts: pass a whole number from 1 to {_MOST_ATTEMPTS}")
    return Options(
        timeout=None if timeout is None else _seconds(timeout, "timeout"), budget=_seconds(budget, "budget"),
        family=family, source=literal(_text(source, "source"), "source"),
        resolver=literal(_text(resolver, "resolver"), "resolver"), cafile=_trusted(cafile),
        sni=name_of(_text(sni, "sni"), "sni"), insecure=_flag(insecure, "insecure"),
        controls=_flag(controls, "controls"), attempts=attempts,
    )  # fmt: skip


def _agree(asked: Asked, options: Options) -> None:
    """Raise UsageError if the families of target, source and option differ: nothing could be sent."""
    families = {"family": options.family, "source": options.source and (6 if ":" in options.source else 4)}
    host = asked.target.host
    families["target"] = (6 if ":" in host else 4) if is_address(host) else None
    found = {name: number for name, number in families.items() if number}
    if len(set(found.values())) > 1:
        raise UsageError("IPv4 and IPv6 in one check: " + ", ".join(f"{n} is IPv{v}" for n, v in found.items()))


def _text(value: Any, name: str) -> str:
    if value is None and name != "target":
        return ""
    if not isinstance(value, str) or (not value and name != "target"):
        raise UsageError(f"invalid value {value!r} for {name}: pass text")
    return value


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"invalid value {value!r} for {name}: pass True or False")
    return value


def _seconds(value: Any, name: str) -> float:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not 0 < number < _DAY:
        raise UsageError(f"invalid value {value!r} for {name}: pass a number of seconds above 0")
    return float(number)


def _trusted(file: Any) -> str | None:
    if file is None:
        return None
    if not isinstance(file, str | os.PathLike):
        raise UsageError(f"invalid value {file!r} for cafile: pass a path")
    from .probes.certificates import prepare

    name = os.fspath(file)
    try:
        prepare(name)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"invalid CA file {name} for cafile: {error.strerror or error}") from None
    return name
