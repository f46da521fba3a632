"""The entry point: `portdoctor`, or `python -m portdoctor`."""

import sys

_MOST_OBJECTS = 50_000  # of a start; looking for garbage among what is imported takes as long as a bare start


def main() -> None:
    """Run the command line. The version is said without loading it: health checks of an installation ask only that."""
    if sys.argv[1:] == ["--version"]:
        from . import __version__

        print(f"portdoctor {__version__}")
        return
    import gc

    gc.set_threshold(_MOST_OBJECTS)
    from .cli import main as run

    _leave(run())


def _leave(code: int) -> None:
    """End the process at once. Nothing is left to do, and taking 300 modules down costs two bare starts."""
    import os

    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a service manager may start us without
            try:
                stream.flush()
            except OSError:
                continue  # the reader has gone
    os._exit(code)


if __name__ == "__main__":
    main()
