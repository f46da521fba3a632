"""`python -m portdoctor` is `portdoctor`."""

from .cli import main

main()
