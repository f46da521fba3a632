"""--redact: passes results on with pseudonyms, keeps the key in a file, and searches the output for leaks first."""

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
    from ...model import Diagnosis, Report
    from ...render.state import Case

_EXISTS = "is there already, and a key is never overwritten: name a new file."
_OLD = 100  # key files of one second in one folder, before something is wrong


class Redacting(Reporter):
    """Holds everything back until the run has ended, then passes the cases on with pseudonyms.

    `text_of` gives the text that `reporter` is going to show. `key_file` gets the key; "": a new file in this folder.
    Raises UsageError, before anything is probed, if the key could not be written.
    """

    def __init__(self, reporter: Reporter, text_of: Callable[[list[Case]], str], key_file: str) -> None:
        if os.path.lexists(key_file):
            raise UsageError(f"--redact-key: {key_file} {_EXISTS}")
        folder = os.path.dirname(key_file) or "."
        if not os.access(folder, os.W_OK):
            says = f"--redact needs a place for its key, and {folder} is not writable: name one by --redact-key."
            raise UsageError(says)
        self._reporter, self._text_of, self._key_file = reporter, text_of, key_file
        self._cases: list[Case] = []

    def finished(self, report: Report, diagnosis: Diagnosis) -> None:
        self._cases.append((report, diagnosis))

    def closed(self) -> None:
        """Pass the redacted cases on, and name the file of the key on stderr.

        Raises InternalError, before anything is written, if the text or a report still holds an original.
        """
        from ...redaction.redact import redact
        from ...redaction.scrub import leaks
        from ...render.json import render

        cases, key = redact(self._cases)
        found = {o for text in (self._text_of(cases), *(render(*case) for case in cases)) for o in leaks(text, key)}
        if found:
            raise InternalError(
                f"The redacted report still holds {len(found)} of {len(key)} originals, so nothing of it is shown."
            )
        written = _keep(self._key_file, key)
        print(f"The key to the pseudonyms is in {written}: whoever has it can undo them.", file=sys.stderr)
        for case in cases:
            self._reporter.finished(*case)
        self._reporter.closed()


def _keep(file: str, key: dict[str, str]) -> str:
    """Write the key to a new file that only its owner can read, and return the name of the file."""
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
            raise UsageError(f"Cannot write the key to {name}: {error.strerror}. Nothing was shown.") from None
        with os.fdopen(opened, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        return name
    raise UsageError(f"--redact-key: {names[0]} {_EXISTS}")
