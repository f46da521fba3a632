"""The entry point: `portdoctor`, or `python -m portdoctor`."""

import sys


def main() -> None:
    """Run the command line. The version is said without loading it: health checks of an installation ask only that."""
    if sys.argv[1:] == ["--version"]:
        from . import __version__

        print(f"portdoctor {__version__}")
        return
    from .cli import main as run

    run()


if __name__ == "__main__":
    main()
