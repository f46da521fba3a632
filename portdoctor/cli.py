"""The commands: arguments → checkup → render → exit code. The only place that knows exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from . import __version__

if TYPE_CHECKING:
    from .cause import Catalogue
    from .checkup import Checkup
    from .live import Live
    from .model import Observation, Options
    from .run import Case
    from .target import Asked

OK, FAILED, USAGE, UNKNOWN, BUG, INTERRUPTED = 0, 1, 2, 3, 70, 130
FORMATS = ("terminal", "ticket", "markdown", "json", "jsonl", "nagios", "junit", "openmetrics", "tap")
_BATCH = ("junit", "openmetrics", "tap", "nagios")

app = typer.Typer(
    name="portdoctor",
    help="Find out why a connection fails, who must act, and what would prove it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# ClickException: typer brings its own copy of click, or the real one, depending on its version.
_CommandLineError: Any = typer.BadParameter.__mro__[2]


class Usage(Exception):
    """Bad input by the user: one sentence on stderr, exit 2."""


def _version(value: bool) -> None:
    if value:
        print(f"portdoctor {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


Targets = Annotated[list[str] | None, typer.Argument(metavar="TARGET...", help="host:port or a URL.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per target, one a line.")]
Format = Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="How to say it.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Write to this file instead of stdout.")]
Record = Annotated[str, typer.Option("--record", metavar="FILE", help="Keep the report, for `ticket` and `diagnose`.")]
Timeout = Annotated[
    float | None, typer.Option("-w", "--timeout", metavar="SECONDS", help="Per attempt [default: measured, 3 at most].")
]
Budget = Annotated[float, typer.Option("--budget", metavar="SECONDS", help="The whole diagnosis of one target.")]
Resolver = Annotated[str, typer.Option("--resolver", metavar="ADDR", help="Ask this nameserver beside getaddrinfo.")]
Causes = Annotated[
    list[str] | None, typer.Option("--causes", metavar="DIR", help="A folder with a site's own causes.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but the verdict's line.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show all the evidence.")]
Color = Annotated[str, typer.Option("--color", metavar="auto|always|never", help="Colours.")]


@app.command()
def check(
    targets: Targets = None,
    file: Annotated[str, typer.Option("-i", "--input", metavar="FILE", help="Targets, one a line; - is stdin.")] = "",
    json: Json = False,
    format: Format = "terminal",
    output: Output = "",
    record: Record = "",
    timeout: Timeout = None,
    budget: Budget = 15.0,
    ipv4: Annotated[bool, typer.Option("-4", help="IPv4 only.")] = False,
    ipv6: Annotated[bool, typer.Option("-6", help="IPv6 only.")] = False,
    source: Annotated[str, typer.Option("--source", metavar="ADDR", help="Connect from this local address.")] = "",
    resolver: Resolver = "",
    cafile: Annotated[str, typer.Option("--cafile", metavar="FILE", help="Trust the CAs in this PEM file.")] = "",
    sni: Annotated[str, typer.Option("--sni", metavar="NAME", help="Ask for this name in the TLS handshake.")] = "",
    no_controls: Annotated[
        bool, typer.Option("--no-controls", help="Touch nothing but the target's own port.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Degraded is a problem.")] = False,
    expect: Annotated[
        str, typer.Option("--expect", metavar="open|closed|refused|filtered|SYMPTOM|CAUSE", help="Exit 0 if so.")
    ] = "",
    parallel: Annotated[int, typer.Option("--parallel", metavar="N", min=1, help="Targets at a time.")] = 16,
    unordered: Annotated[bool, typer.Option("--unordered", help="Results as they come.")] = False,
    causes: Causes = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
) -> None:
    """Diagnose connections: what is wrong, who must act, what is ruled out, what to test next.

    In a failure, up to 8 further ports of the same host are tried as controls, and low TTLs towards it;
    --no-controls (or PORTDOCTOR_NO_CONTROLS=1) forbids the ports.
    """
    from .model import Options

    if ipv4 and ipv6:
        raise Usage("-4 and -6 exclude each other: leave both out to try both families.")
    asked, unreadable = _read_targets(targets or [], file)
    if not asked:
        raise Usage(unreadable[0] if unreadable else "No target: write host:port, for example shop.example.com:443.")
    options = Options(
        timeout=_positive(timeout, "--timeout"),
        budget=_positive(budget, "--budget") or 15.0,
        family=4 if ipv4 else 6 if ipv6 else None,
        source=_literal(source, "--source"),
        resolver=_literal(resolver, "--resolver"),
        cafile=_readable(cafile, "--cafile"),
        sni=sni or None,
        controls=not no_controls and os.environ.get("PORTDOCTOR_NO_CONTROLS", "") in ("", "0"),
    )
    _run(
        asked, options, _how("json" if json else format, output, record, quiet, verbose, color),
        causes=causes, strict=strict, expect=expect, unreadable=bool(unreadable), parallel=parallel,
        ordered=not unordered,
    )  # fmt: skip


@app.command()
def bind(
    target: Annotated[str, typer.Argument(metavar="[ADDR:]PORT", help=":8080, 127.0.0.1:8080, [::]:8080, udp://:53")],
    json: Json = False,
    format: Format = "terminal",
    output: Output = "",
    record: Record = "",
    budget: Budget = 15.0,
    strict: Annotated[bool, typer.Option("--strict", help="Degraded is a problem.")] = False,
    expect: Annotated[str, typer.Option("--expect", metavar="SYMPTOM|CAUSE", help="Exit 0 if so.")] = "",
    causes: Causes = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
) -> None:
    """Can a program listen here? If not: who holds the port, or which privilege is missing."""
    from .model import Options
    from .target import UsageError, parse_bind

    try:
        asked = parse_bind(target)
    except UsageError as error:
        raise Usage(str(error)) from None
    options = Options(budget=_positive(budget, "--budget") or 15.0)
    how = _how("json" if json else format, output, record, quiet, verbose, color)
    _run([asked], options, how, causes=causes, strict=strict, expect=expect)


@app.command()
def diagnose(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Recorded reports; - is stdin.")],
    json: Json = False,
    format: Format = "terminal",
    output: Output = "",
    causes: Causes = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
) -> None:
    """Diagnose recorded reports again, with today's knowledge."""
    from .verdict import diagnose as _diagnose

    catalogue = _catalogue(causes)
    cases = [(report, _diagnose(report, catalogue)) for file in files for report in _reports(file)]
    _finish(cases, _how("json" if json else format, output, "", quiet, verbose, color))


@app.command()
def ticket(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A recorded report; - is stdin.")] = "-",
    output: Output = "",
    causes: Causes = None,
) -> None:
    """A recorded report as text for a ticket."""
    from .verdict import diagnose as _diagnose

    catalogue = _catalogue(causes)
    _finish([(r, _diagnose(r, catalogue)) for r in _reports(file)], _how("ticket", output, "", False, False, "never"))


@app.command()
def explain(
    name: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="A symptom, a cause, or an error.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="All symptoms and causes.")] = False,
    causes: Causes = None,
) -> None:
    """Explain a symptom, a cause, or a pasted error message."""
    from .explaining import explain_text, listing

    catalogue = _catalogue(causes)
    if list_:
        _print(listing(catalogue))
        return
    words = " ".join(name or [])
    if not words and not sys.stdin.isatty():
        words = sys.stdin.read(1_000_000)
    if not words.strip():
        raise Usage("Name a cause or a symptom: portdoctor explain tcp.no-listener. `explain --list` shows all.")
    text = explain_text(words.strip(), catalogue)
    if text.startswith("Nothing here is called"):
        raise Usage(text)
    _print(text)


@app.command()
def port(
    which: Annotated[str, typer.Argument(metavar="PORT|NAME", help="443, https, udp/53")],
    json: Json = False,
) -> None:
    """What a port is: its name, its range, what usually lives there, who holds it here."""
    from .portfacts import facts_of, said

    _print(said(facts_of(which), as_json=json))


@app.command()
def schema() -> None:
    """The JSON Schema of a report."""
    import json

    from .render.json import schema as _schema

    _print(json.dumps(_schema(), indent=2))


# ---------------------------------------------------------------- input


def _read_targets(texts: list[str], file: str) -> tuple[list[Asked], list[str]]:
    """All targets that can be read; each that cannot is said on stderr with its line."""
    from .target import UsageError, parse, read_lines

    asked: list[Asked] = []
    wrong: list[str] = []
    for text in texts:
        try:
            asked += parse(text)
        except UsageError as error:
            wrong.append(str(error))
    if len(texts) + bool(file) > 1 or file:
        for message in wrong:
            print(message, file=sys.stderr)
    if file:
        for number, found in read_lines(_lines(file)):
            if isinstance(found, UsageError):
                wrong.append(f"line {number}: {found}")
                print(wrong[-1], file=sys.stderr)
            else:
                asked += found
    return asked, wrong


def _lines(file: str) -> list[str]:
    if file == "-":
        return sys.stdin.read().splitlines()
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            return opened.read().splitlines()
    except OSError as error:
        raise Usage(f"Cannot read {file}: {error.strerror}.") from None


def _reports(file: str) -> list[Any]:
    from .render.json import load_all

    try:
        if file == "-":
            text = sys.stdin.read()
        else:
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
        return load_all(text)
    except OSError as error:
        raise Usage(f"Cannot read {file}: {error.strerror}.") from None
    except ValueError as error:
        raise Usage(f"{file} holds no report: {error}") from None


def _positive(value: float | None, option: str) -> float | None:
    if value is not None and not 0 < value < 86400:
        raise Usage(f"{option} takes seconds above 0, for example {option} 5.")
    return value


def _literal(text: str, option: str) -> str | None:
    import ipaddress

    if not text:
        return None
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Usage(f"{option} takes an IP address, for example {option} 192.0.2.7; {text!r} is none.") from None
    return text


def _readable(file: str, option: str) -> str | None:
    if file and not os.access(file, os.R_OK):
        raise Usage(f"{option}: cannot read {file}.")
    return file or None


def _catalogue(folders: list[str] | None) -> Catalogue:
    from .catalogue import CauseError, load

    try:
        return load(folders or ())
    except CauseError as error:
        raise Usage(str(error)) from None


# ---------------------------------------------------------------- running and telling


class _How:
    """How to tell it: the format and where it goes."""

    def __init__(self, format: str, output: str, record: str, quiet: bool, verbose: bool, color: str) -> None:
        self.format, self.output, self.record = format, output, record
        self.quiet, self.verbose, self.color = quiet, verbose, color


def _how(format: str, output: str, record: str, quiet: bool, verbose: bool, color: str) -> _How:
    if format not in FORMATS:
        raise Usage(f"--format takes one of {', '.join(FORMATS)}; {format!r} is none.")
    if color not in ("auto", "always", "never"):
        raise Usage(f"--color takes auto, always or never; {color!r} is none.")
    return _How(format, output, record, quiet, verbose, color)


def _run(
    asked: list[Asked], options: Options, how: _How, *, causes: list[str] | None = None, strict: bool = False,
    expect: str = "", unreadable: bool = False, parallel: int = 16, ordered: bool = True,
) -> None:  # fmt: skip
    from . import host
    from .progress import Progress
    from .run import examine_all, run

    catalogue = _catalogue(causes)
    _known_expectation(expect, catalogue)
    live = _live(asked, options, how)
    one_by_one = how.format in ("json", "jsonl") and not how.output

    async def main() -> list[Case]:
        cases = []
        with Progress(len(asked), options) as progress:

            def told(checkup: Checkup, o: Observation) -> None:
                progress.told(checkup, o)
                if live:
                    live.told(checkup, o)

            async for case in examine_all(
                asked, options, host.current(), catalogue, parallel=parallel, ordered=ordered, told=told
            ):
                cases.append(case)
                if one_by_one:
                    _print(_render([case], how))
        return cases

    cases = run(main)
    if live:
        live.ended(*cases[0])
    _finish(cases, how, strict=strict, expect=expect, unreadable=unreadable, printed=one_by_one or live is not None)


def _live(asked: list[Asked], options: Options, how: _How) -> Live | None:
    """For a single target told to a person: the first line now, the rest as it comes."""
    if how.format != "terminal" or how.output or how.quiet or len(asked) != 1:
        return None
    from . import host
    from .cause import Catalogue
    from .checkup import Checkup
    from .live import Live, Paper

    live = Live(Paper(sys.stdout, _colour(how.color)), how.verbose)
    live.began(Checkup(asked[0], options, host.current(), Catalogue({})).report())
    return live


def _finish(
    cases: list[Case], how: _How, *, strict: bool = False, expect: str = "", unreadable: bool = False,
    printed: bool = False,
) -> NoReturn:  # fmt: skip
    if how.record:
        from .render.json import render

        _write(how.record, "".join(render(*case) + "\n" for case in cases))
    if how.format == "terminal" and not how.output and not printed:
        from .live import whole

        whole(cases, verbose=how.verbose, quiet=how.quiet, colour=_colour(how.color))
    elif how.output:
        _write(how.output, _render(cases, how) + "\n")
    elif not printed:
        _print(_render(cases, how))
    raise typer.Exit(_exit_code(cases, how, strict, expect, unreadable))


def _render(cases: list[Case], how: _How) -> str:
    import importlib

    if how.format in ("json", "jsonl"):
        from .render.json import render

        return "\n".join(render(*case) for case in cases)
    module = importlib.import_module(f".render.{how.format}", __package__)
    if how.format in _BATCH:
        return str(module.render(cases)).rstrip("\n")
    return "\n\n".join(str(module.render(*case)).rstrip("\n") for case in cases)


def _exit_code(cases: list[Case], how: _How, strict: bool, expect: str, unreadable: bool) -> int:
    if any(report.interrupted for report, _ in cases):
        return INTERRUPTED
    symptoms = [d.verdict.symptom for _, d in cases]
    if expect:
        from .expect import met

        answers = [met(expect, report, d) for report, d in cases]
        return FAILED if False in answers else UNKNOWN if None in answers or unreadable else OK
    fine = ("ok", "undetermined") if strict else ("ok", "degraded", "undetermined")
    failed = any(s not in fine for s in symptoms)
    unknown = unreadable or "undetermined" in symptoms
    if how.format == "nagios":
        return 2 if failed else UNKNOWN if unknown else 1 if "degraded" in symptoms else OK
    return FAILED if failed else UNKNOWN if unknown else OK


def _known_expectation(expect: str, catalogue: Catalogue) -> None:
    if not expect:
        return
    from .expect import known

    if not known(expect, catalogue):
        raise Usage(f"--expect takes open, closed, refused, filtered, a symptom or a cause; {expect!r} is none.")


def _colour(choice: str) -> bool:
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def _print(text: str) -> None:
    print(text, flush=True)


def _write(file: str, text: str) -> None:
    try:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise Usage(f"Cannot write {file}: {error.strerror}.") from None


def _mount_lab() -> None:
    """The lab's commands, loaded only when they are asked for."""
    from .lab.commands import app as lab

    app.add_typer(lab, name="lab")


def main() -> NoReturn:
    """The entry point. 2: the user's mistake, in one sentence. 70: ours, with a traceback. 130: interrupted."""
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    if words[:1] == ["lab"] or (not words and "--version" not in sys.argv):
        _mount_lab()
    nagios = "--format=nagios" in sys.argv or "--format nagios" in " ".join(sys.argv)
    code: object = BUG
    try:
        code = app(standalone_mode=False) or OK
    except (Usage, _CommandLineError) as error:
        message = str(error) if isinstance(error, Usage) else error.format_message()
        if type(error).__name__ != "NoArgsIsHelpError":
            print(message, file=sys.stderr)
        code = UNKNOWN if nagios else USAGE
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        code = OK
        _close_quietly()
    except Exception:  # noqa: BLE001  the last line of defence: a bug is ours and is never shown as a network fault
        import traceback

        traceback.print_exc()
        print("This is a bug in portdoctor, not a fault of the network.", file=sys.stderr)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _close_quietly()
    sys.exit(code if isinstance(code, int) else OK)


def _close_quietly() -> None:
    """The reader has gone: let nothing more be written at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
