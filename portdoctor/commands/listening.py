"""`portdoctor listening [PORT]`"""

from typing import Annotated

import typer

from ..target import UsageError
from .output.reading import service_names
from .output.stdout import Stdout


def listening(
    which: Annotated[
        str,
        typer.Argument(metavar="[PORT]", autocompletion=service_names, help="443 or https [default: all ports]."),
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """List the ports on which this machine is listening.

    For each: the process, its user, and from where it can be reached.
    """
    from .. import host
    from ..render.listening import document, render, to_json
    from ..services.ports import UnknownService, lookup

    try:
        port = lookup(which)[0] if which else 0
    except UnknownService as error:
        raise UsageError(str(error)) from None
    here = host.current()
    found = document((here.listeners(port), here.listeners(port, "udp")), port or None, here.limits())
    Stdout().print(to_json(found) if json else render(found), json=json)
