"""`portdoctor version`"""

from .. import __version__
from .output.stdout import Stdout


def version() -> None:
    """Show the version."""
    Stdout().print(f"portdoctor {__version__}")
