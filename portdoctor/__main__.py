"""The entry point: `portdoctor`, or `python -m portdoctor`."""

import sys

_MOST_OBJECTS = 50_000  # of a start; looking for garbage among what is imported takes as long as a bare start


def main() -> None:
    """Run the command line. The version is printed without loading it: installation checks ask only that."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_what_is_closed()
    _keep_to_ascii()
    if sys.argv[1:] == ["--version"]:
        from . import __version__

        try:
            print(f"portdoctor {__version__}", flush=True)
        except OSError:
            _leave(2)
        return
    try:
        import gc

        from .commands.output.interrupts import postponed

        gc.set_threshold(_MOST_OBJECTS)
        with postponed():
            from .cli import main as run
        code = run()
    except KeyboardInterrupt:  # before there was anything to report
        code = 130
    _leave(code)


def _open_what_is_closed() -> None:
    """A service manager may start us without stdin, stdout or stderr: a socket of ours must not get their number."""
    import os

    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="backslashreplace"))  # noqa: SIM115


def _keep_to_ascii() -> None:
    """Who asks for the C locale gets ASCII, though Python itself takes it for UTF-8 (PEP 540)."""
    import os

    say = os.environ.get
    named = say("LC_ALL") or (say("LC_CTYPE", "") not in ("", "C.UTF-8") and say("LC_CTYPE")) or say("LANG")
    if named in ("C", "POSIX") and not (say("PYTHONIOENCODING") or say("PYTHONUTF8")):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="ascii", errors="backslashreplace")  # type: ignore[union-attr]


def _leave(code: int) -> None:
    """End the process at once. Nothing is left to do, and taking 300 modules down costs two bare starts."""
    import os

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue  # the reader has gone
    os._exit(code)


if __name__ == "__main__":
    main()
