"""From answers to rows: strict about what is counted, exact about money."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vk_ads.paging.statistics import Slice
from vk_ads.transform import DAILY_COLUMNS, daily_rows, read_cabinet

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 3)


def raw(document: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(document).encode())


def cabinet():
    rejected: list = []
    found = read_cabinet(
        [(7, raw({"id": 7, "name": "план"}))],
        [(4, raw({"id": 4, "ad_plan_id": 7}))],
        [(1, raw({"id": 1, "ad_group_id": 4})), (2, raw({"id": 2, "ad_group_id": 99}))],
        lambda *told: rejected.append(told),
    )
    assert not rejected
    return found


def base(**changes: object) -> dict:
    return {"shows": 10, "clicks": 2, "goals": 1, "spent": "12.34", "vk": {"goals": 1}} | changes


def rows_of(*days: tuple[str, object], banner: object = 1, ids: tuple[int, ...] = (1, 2)):
    item = {"id": banner, "rows": [{"date": day, "base": figures} for day, figures in days]}
    rejected: list[tuple[str, str, str]] = []
    daily = daily_rows(
        "main",
        Slice(ids, FIRST, LAST, [raw(item)]),
        cabinet(),
        currency="RUB",
        vat_rate=Decimal("0.22"),
        version=5,
        reject=lambda *told: rejected.append(told),
    )
    return daily, rejected


def test_a_row_carries_the_banners_place_and_the_rate() -> None:
    daily, rejected = rows_of(("2026-11-01", base()))
    assert daily.rows == [(FIRST, "main", 1, 7, 4, 10, 2, 1, Decimal("12.34"), Decimal("0.22"), "RUB", 5)]
    assert len(daily.rows[0]) == len(DAILY_COLUMNS)
    assert (daily.answered, rejected) == ({1}, [])


def test_a_banner_whose_group_is_not_listed_keeps_its_spend() -> None:
    daily, _ = rows_of(("2026-11-01", base()), banner=2)
    assert daily.rows[0][3:5] == (0, 99)
    assert daily.rows[0][8] == Decimal("12.34")


@pytest.mark.parametrize("spent", ["0", "0.00", "0.0000"])
def test_a_day_on_which_nothing_happened_gives_no_row_however_it_is_sent(spent: str) -> None:
    empty = base(shows=0, clicks=0, goals=0, spent=spent)
    daily, rejected = rows_of(("2026-11-01", empty), ("2026-11-02", base()))
    assert [row[0] for row in daily.rows] == [date(2026, 11, 2)]
    assert (daily.answered, rejected) == ({1}, [])


@pytest.mark.parametrize("one", [{"shows": 1}, {"clicks": 1}, {"goals": 1}, {"spent": "0.01"}])
def test_a_day_with_any_figure_is_kept(one: dict) -> None:
    empty: dict = base(shows=0, clicks=0, goals=0, spent="0")
    assert len(rows_of(("2026-11-01", empty | one))[0].rows) == 1


@pytest.mark.parametrize(("spent", "kopecks"), [("0.005", 1), ("0.0049", 0), ("12.345", 1235), ("12.3449", 1234)])
def test_finer_money_is_rounded_half_up(spent: str, kopecks: int) -> None:
    daily, rejected = rows_of(("2026-11-01", base(spent=spent)))
    assert (daily.rows[0][8] * 100, rejected) == (kopecks, [])


@pytest.mark.parametrize("spent", ["1,500", "NaN", None, "", "1" * 16, True, [], "free"])
def test_money_that_is_not_a_plain_decimal_is_rejected(spent: object) -> None:
    daily, [(key, place, reason)] = rows_of(("2026-11-01", base(spent=spent)))
    assert (daily.rows, daily.answered) == ([], set())
    assert (key, place) == ("main/1", "$.base.spent")
    assert str(spent) not in reason or spent in (None, "")


@pytest.mark.parametrize(
    ("spent", "kopecks"),
    [
        ("12,50", 1250),
        ("-1", -100),
        ("1e3", 100_000),
        (12.5, 1250),
        (" 1 234.5 ", 123_450),
        (1349.1000000000001, 134_910),
    ],
)
def test_money_is_read_however_it_is_printed(spent: object, kopecks: int) -> None:
    daily, rejected = rows_of(("2026-11-01", base(spent=spent)))
    assert (daily.rows[0][8] * 100, rejected) == (kopecks, [])


@pytest.mark.parametrize("field", ["shows", "clicks"])
@pytest.mark.parametrize("value", [-1, 1.5, "1", None, True])
def test_a_count_that_is_not_a_number_is_rejected(field: str, value: object) -> None:
    _, [(_, place, _)] = rows_of(("2026-11-01", base(**{field: value})))
    assert place == f"$.base.{field}"


@pytest.mark.parametrize("day", ["2026-10-31", "2026-11-04", "0000-00-00", "2026-11-1", 20261101, None])
def test_a_day_that_was_not_asked_for_or_is_none_is_rejected(day: object) -> None:
    daily, [(_, place, _)] = rows_of((day, base()))  # type: ignore[arg-type]
    assert (daily.rows, place) == ([], "$.date")


@pytest.mark.parametrize("banner", [3, 0, -1, "x", None, 1.0])
def test_an_item_of_another_banner_is_rejected(banner: object) -> None:
    daily, [(_, place, _)] = rows_of(("2026-11-01", base()), banner=banner)
    assert (daily.rows, daily.answered, place) == ([], set(), "$.id")


@given(st.integers(0, 10**14))
def test_kopecks_arrive_exactly(kopecks: int) -> None:
    daily, _ = rows_of(("2026-11-01", base(spent=f"{kopecks // 100}.{kopecks % 100:02d}")))
    assert daily.rows[0][8] * 100 == kopecks


@given(st.decimals(0, 10**9, places=6))
def test_finer_amounts_are_rounded_to_the_kopeck(amount: Decimal) -> None:
    daily, _ = rows_of(("2026-11-01", base(spent=str(amount))))
    assert abs(daily.rows[0][8] - amount) <= Decimal("0.005")
