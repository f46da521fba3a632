"""--redact: what is told gets pseudonyms, the key goes into a file of its own, and the text is searched for leaks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

from ...checkup.batch import Case
from ...target import UsageError
from .. import Bug

_OLD = 100  # key files of one second in one folder, before something is wrong


def reserve(file: str) -> None:
    """Refuse now what cannot be written later: no look is worth its time without its key. Raises UsageError."""
    if file and os.path.lexists(file):
        raise UsageError(f"--redact-key: {file} is there already, and a key is never overwritten: name a new file.")
    folder = os.path.dirname(file) or "."
    if not os.access(folder, os.W_OK):
        raise UsageError(f"--redact needs a place for its key, and {folder} is not writable: name one by --redact-key.")


def conceal(cases: Sequence[Case], file: str, told: Callable[[list[Case]], str]) -> list[Case]:
    """The cases with pseudonyms, their key kept in `file` ("": a new one in this folder) and named on stderr.

    `told` gives the text that is going to be shown. Raises Bug, before anything is kept or shown, when that text
    or the report itself still holds an original.
    """
    from ...redaction.redact import leaks, redact_all
    from ...render.json import render

    changed, key = redact_all(cases)
    texts = (told(changed), *(render(*case) for case in changed))
    found = {original for text in texts for original in leaks(text, key)}
    if found:
        raise Bug(f"The redacted report still holds {len(found)} of {len(key)} originals, so nothing of it is shown.")
    written = _keep(file, key)
    print(f"The key to the pseudonyms is in {written}: whoever has it can undo them.", file=sys.stderr)
    return changed


def _keep(file: str, key: dict[str, str]) -> str:
    """Write the key for its owner's eyes only, into a file that was not there. The name of the file."""
    import json

    text = json.dumps({pseudonym: original for original, pseudonym in key.items()}, indent=2, ensure_ascii=False)
    names = [file] if file else _names()
    for name in names:
        try:
            opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"Cannot write the key to {name}: {error.strerror}. Nothing was told.") from None
        with os.fdopen(opened, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        return name
    raise UsageError(f"--redact-key: {names[0]} is there already, and a key is never overwritten: name a new file.")


def _names() -> list[str]:
    stem = f"portdoctor-redaction-key-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    return [f"{stem}.json", *(f"{stem}-{number}.json" for number in range(2, _OLD))]
