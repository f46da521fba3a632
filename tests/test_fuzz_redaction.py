"""Fuzzes redaction: no secret that was planted in a report is found in an output, and no output is refused."""

from __future__ import annotations

import pytest

from . import conftest, fuzzing
from .seeded import trial


@pytest.mark.timeout(0)
def test_no_planted_secret_is_found() -> None:
    """With PORTDOCTOR_FUZZ=N it plants about 200 secrets in each of N reports; `-s` shows how many."""
    planted, found = 0, []
    for number, chance in fuzzing.inputs(60):
        count, leaked = trial(number, chance)
        planted += count
        found += leaked
        if number % 1000 == 999:
            print(f"{number + 1} reports, {planted} secrets, {len(found)} found", flush=True)
    print(f"{planted} secrets planted, {len(found)} found")
    assert planted > 100
    assert found == []


@pytest.mark.parametrize("name", ["PORTDOCTOR_FUZZ", "PORTDOCTOR_FUZZ_SEED"])
def test_the_number_of_inputs_and_the_seed_reach_the_fuzzers(name: str) -> None:
    assert not conftest._FOREIGN.fullmatch(name)
    assert conftest._FOREIGN.fullmatch("PORTDOCTOR_REDACT")
