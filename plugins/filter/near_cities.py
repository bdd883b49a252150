"""Find cities that are one typing error apart, such as екатеринбург and екатринбург."""

from __future__ import annotations

from itertools import combinations
from typing import Any

DOCUMENTATION = """
name: near_cities
short_description: Find cities that are one typing error apart
description:
  - Returns pairs of cities that differ by one letter that was left out, added, mistaken or swapped with the next.
  - Pairs of which both are known (омск and томск) are two cities, and left out.
options:
  _input:
    description: Rows with C(city), its key, and C(is_known), 1 where the table of aliases has it as a city.
    type: list
    elements: dict
    required: true
"""

NOWHERE = "unattributed"


def one_edit_apart(one: str, other: str) -> bool:
    """Whether the Damerau-Levenshtein distance of two texts is 1."""
    short, long = sorted((one, other), key=len)
    if short == long or len(long) - len(short) > 1:
        return False
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    ours, theirs = short[start:], long[start:]
    if len(short) < len(long):
        return ours == theirs[1:]
    return ours[1:] == theirs[1:] or (ours[:2] == theirs[1::-1] and ours[2:] == theirs[2:])


def near_cities(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Return pairs of near cities, the known one of a pair last, in alphabetical order.

    :param rows: ``city`` (key) and ``is_known`` (1 or 0, number or text)
    """
    known = {str(row["city"]): int(row["is_known"]) for row in rows if row["city"] != NOWHERE}
    return [
        sorted(pair, key=lambda city: known[city])
        for pair in combinations(sorted(known), 2)
        if not all(known[city] for city in pair) and one_edit_apart(*pair)
    ]


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"near_cities": near_cities}
