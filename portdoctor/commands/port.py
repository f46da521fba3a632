"""`portdoctor port PORT|NAME`"""

from typing import Annotated

import typer

from ..target import UsageError
from .output.reading import service_names
from .output.stdout import Stdout


def port(
    which: Annotated[str, typer.Argument(metavar="PORT|NAME", autocompletion=service_names, help="443 or https.")],
    json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Describe a port, and what uses it.

    Shows the registered name, the range, the usual services, and the process using it on this machine.
    """
    from .. import host
    from ..render.port import facts, render, to_json
    from ..services.ports import UnknownService, lookup

    try:
        first, *others = lookup(which)
    except UnknownService as error:
        raise UsageError(str(error)) from None
    here = host.current()
    known = facts(
        which, first, policy=here.port_policy(), listeners=(here.listeners(first), here.listeners(first, "udp")),
        others=tuple(others),
    )  # fmt: skip
    Stdout().print(to_json(known) if json else render(known), json=json)
