"""`make status` must name cities that are one typing error apart, and leave real neighbours alone."""

from __future__ import annotations

import pytest
from filter.near_cities import near_cities, one_edit_apart
from hypothesis import given
from hypothesis import strategies as st


def rows(known: str, unknown: str = "") -> list[dict[str, object]]:
    # the module answers with text
    return [{"city": city, "is_known": "1"} for city in known.split()] + [
        {"city": city, "is_known": "0"} for city in unknown.split()
    ]


@pytest.mark.parametrize(
    "slip",
    ["екатринбург", "екатеринбургг", "екатерингбург", "екатиринбург", "екатеринбурк", "екатернибург", "кеатеринбург"],
)
def test_a_slip_is_found_with_the_city_it_is_near(slip):
    assert near_cities(rows("екатеринбург", slip)) == [[slip, "екатеринбург"]]


def test_two_known_cities_are_two_cities():
    assert near_cities(rows("омск томск тула")) == []
    assert near_cities(rows("омск", "томск")) == [["томск", "омск"]]


def test_money_without_a_city_is_near_none():
    assert near_cities(rows("", "unattributed unattribute")) == []


def test_each_pair_stands_once_in_order():
    assert near_cities(rows("", "вв ва вб")) == [["ва", "вб"], ["ва", "вв"], ["вб", "вв"]]


def distance(one: str, other: str) -> int:
    """Damerau-Levenshtein with adjacent swaps, by the textbook's table."""
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(other) + 1)}
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(one), len(other)]


@given(st.text("абв", max_size=5), st.text("абв", max_size=5))
def test_one_edit_is_the_distance_of_one(one, other):
    assert one_edit_apart(one, other) == (distance(one, other) == 1)
