"""--redact: replaces names and addresses by pseudonyms, writes the key to a file, and checks the output for leaks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...target import UsageError
from .. import InternalError
from .reporter import Reporter

if TYPE_CHECKING:
    from ...catalogue.cause import Catalogue
    from ...model import Diagnosis, Report
    from ...render.state import Case

_EXISTS = "already exists, and a key is never overwritten: name a new file"
_OLD = 100  # limit of key files created in one second in one folder


class Redacting(Reporter):
    """Collects all reports until the run has ended, then passes them to `reporter` with pseudonyms.

    They are diagnosed again, by `catalogue`, so that the diagnosis contains nothing that the redacted report does not.
    `text_of`: returns the text that `reporter` will show. `key_file`: the file for the key; "": a new file in the
    current folder. Raises UsageError, before anything is probed, if the key cannot be written.
    """

    def __init__(
        self, reporter: Reporter, text_of: Callable[[list[Case]], str], catalogue: Catalogue, key_file: str
    ) -> None:
        if os.path.lexists(key_file):
            raise UsageError(f"--redact-key: {key_file} {_EXISTS}")
        folder = os.path.dirname(key_file) or "."
        if not os.access(folder, os.W_OK):
            says = f"cannot write the key of --redact to {folder}: name a file in another folder by --redact-key"
            raise UsageError(says)
        self._reporter, self._text_of, self._catalogue, self._key_file = reporter, text_of, catalogue, key_file
        self._reports: list[Report] = []

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        self._reports.append(report)

    def closed(self) -> None:
        """Forward the redacted cases, and print the name of the key file to stderr.

        Raises InternalError, before anything is written, if the text or a report still contains an original.
        """
        from ...engine.verdict import diagnose
        from ...redaction.leaks import leaks, originals
        from ...redaction.pseudonyms import PseudonymsExhausted
        from ...redaction.redact import redact
        from ...render.json import render
        from ...text import words

        try:
            reports, key = redact(self._reports)
        except PseudonymsExhausted as error:
            raise UsageError(str(error)) from None
        cases = [(report, diagnose(report, self._catalogue)) for report in reports]
        outputs = (self._text_of(cases), *(render(*case) for case in cases))
        if found := leaks(outputs, originals(self._reports), key.values()):
            raise InternalError(f"The redacted report still contains {words(sorted(found))}, so it is not shown.")
        written = _keep(self._key_file, key)
        print(f"The key to the pseudonyms is in {written}. Keep it secret: it reverses redaction.", file=sys.stderr)
        for case in cases:
            self._reporter.finished(*case)
        self._reporter.closed()


def _keep(file: str, key: dict[str, str]) -> str:
    """Write the key to a new file with mode 0600, and return the name of the file."""
    import json

    text = json.dumps({pseudonym: original for original, pseudonym in key.items()}, indent=2, ensure_ascii=False)
    stem = f"portdoctor-redaction-key-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    names = [file] if file else [f"{stem}.json", *(f"{stem}-{number}.json" for number in range(2, _OLD))]
    for name in names:
        try:
            opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"cannot write the key to {name}: {error.strerror}; no result is shown") from None
        with os.fdopen(opened, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        return name
    raise UsageError(f"--redact-key: {names[0]} {_EXISTS}")
