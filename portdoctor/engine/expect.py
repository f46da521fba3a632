"""What `--expect` means: whether a diagnosis is as expected. Pure."""

from __future__ import annotations

from typing import get_args

from ..catalogue.cause import Catalogue
from ..model import Connect, Datagram, Diagnosis, Outcome, Report, Symptom
from .subjects import addresses, at_address, unusable_here

WORDS = ("open", "closed", "refused", "filtered")


def known(expect: str, catalogue: Catalogue) -> bool:
    """Whether `expect` is a word, a symptom or a cause."""
    return expect in WORDS or expect in get_args(Symptom) or expect in catalogue


def met(expect: str, report: Report, diagnosis: Diagnosis) -> bool | None:
    """True or False; None when what was seen does not decide it."""
    v = diagnosis.verdict
    tried = [o for o in report.observations if isinstance(o, Connect | Datagram) and o.role == "target"]
    if expect == "open":
        found = [at_address(report, a) for a in addresses(report)]
        no_way = {a for f in unusable_here(found) for a in f.subject.values}  # nothing was sent there
        ends = [o for o in tried if o.address not in no_way]
        if ends and all(o.outcome is Outcome.OK and not getattr(o, "self_connected", False) for o in ends):
            return True
        return None if v.symptom == "undetermined" else not ends and v.symptom == "ok"
    if expect == v.symptom:
        return True
    if v.symptom == "undetermined":
        return None
    if expect in ("closed", "refused"):
        return v.symptom == "connection-refused"
    if expect == "filtered":
        prohibited = any(o.outcome is Outcome.PROHIBITED for o in tried)
        return v.symptom == "timeout" or (v.symptom == "unreachable" and prohibited)
    if any(expect in (p.cause, *(link.cause for link in p.chain)) for p in diagnosis.problems):
        return True
    candidates = [c.cause for p in diagnosis.problems[:1] for c in p.candidates]
    return None if v.cause is None and expect in candidates else False
