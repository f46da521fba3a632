"""Names that differ little from one that does not exist."""

from __future__ import annotations

import pytest

from portdoctor.probes.near_names import MOST, near_names


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("shopp.example", "shop.example"),
        ("gogle.com", "google.com"),
        ("www.example.con", "www.example.com"),
        ("db.internal.example.org", "internal.example.org"),
    ],
)
def test_a_near_name_is_found_in_at_most_three_queries(name: str, near: str) -> None:
    found = near_names(name)
    assert near in found
    assert name not in found
    assert len(found) <= MOST
