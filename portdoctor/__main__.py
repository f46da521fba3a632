"""The entry point: `portdoctor`, or `python -m portdoctor`."""

import sys

_MOST_OBJECTS = 50_000  # allocated during start-up; garbage collection of imports doubles the start-up time


def main() -> None:
    """Run the command line. `--version` is answered without loading it, for installation checks."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_missing_streams()
    _write_ascii_in_c_locale()
    if sys.argv[1:] in (["--version"], ["-V"]):
        from . import __version__

        try:
            print(f"portdoctor {__version__}", flush=True)
        except OSError:
            _exit(2)
        return
    import gc

    from .commands.output.interrupts import install

    install()
    gc.set_threshold(_MOST_OBJECTS)
    from .cli import main as run

    _exit(run())


def _open_missing_streams() -> None:
    """Open missing standard streams on the null device, so that no socket gets their file descriptor.

    Service managers may start a process without stdin, stdout or stderr.
    """
    import os

    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="backslashreplace"))  # noqa: SIM115


def _write_ascii_in_c_locale() -> None:
    """Write ASCII in the C locale, which Python itself treats as UTF-8 (PEP 540)."""
    import os

    get = os.environ.get
    named = get("LC_ALL") or (get("LC_CTYPE", "") not in ("", "C.UTF-8") and get("LC_CTYPE")) or get("LANG")
    if named in ("C", "POSIX") and not (get("PYTHONIOENCODING") or get("PYTHONUTF8")):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="ascii", errors="backslashreplace")  # type: ignore[union-attr]


def _exit(code: int) -> None:
    """Flush and exit at once: unloading 300 modules would take twice as long as starting Python."""
    import os

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue  # the reader closed the pipe
    os._exit(code)


if __name__ == "__main__":
    main()
