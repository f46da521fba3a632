"""`portdoctor schema`"""

from .telling import put


def schema() -> None:
    """The JSON Schema of a report."""
    import json

    from ..render.json import schema as of_a_report

    put(json.dumps(of_a_report(), indent=2))
