"""Amounts as PHP and JavaScript print them."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zakaz_common.money import Kopecks, MoneyError, exact_kopecks, rounded, shared_out

KOPECKS = st.integers(-(10**9), 10**9)


@pytest.mark.parametrize(
    ("sent", "kopecks"),
    [
        (1349.1000000000001, "134910"),
        (2365.9500000000003, "236595"),
        (0.1 + 0.2, "30"),
        (-0.0, "0"),
        (1e3, "100000"),
        (-5.5, "-550"),
        (234.567, "23456.7"),
        (1.005, "100.5"),
        (0.001, "0.1"),
        (9_999_999_999_999.0, "999999999999900"),
        ("1349.1000000000001", "134910"),
        ("1 349.10", "134910"),
        ("1\u00a0349,1", "134910"),
        ("1,349.10", "134910"),
        ("1e3", "100000"),
        ("1.5E+2", "15000"),
        ("+7", "700"),
        ("\u22127.5", "-750"),
        ("7.", "700"),
    ],
)
def test_an_amount_is_read_from_its_digits(sent, kopecks):
    assert exact_kopecks(sent) == Decimal(kopecks)


@pytest.mark.parametrize(
    "sent",
    ["", " ", "free", "1,500", "1,500,000", "1.500,00", "12,345", "NaN", "inf", "1e999", "1" * 14, "0x10", "1_000", "٣",
     "1" + " " * 70, "1.2.3", "--1", "1e", 1e13, float("inf"), float("nan"), "9" * 70],
)  # fmt: skip
def test_what_is_no_amount_is_refused_without_showing_it(sent):
    with pytest.raises(MoneyError) as refusal:
        exact_kopecks(sent)
    assert sent == "" or str(sent).strip() == "" or str(sent) not in str(refusal.value)


def php(amount: float, precision: int) -> str:
    """As PHP's json_encode prints it: 17 digits before 7.1 (or a setting of today's), the shortest since."""
    return repr(amount) if precision < 0 else f"{amount:.{precision}g}"


@given(st.lists(KOPECKS, min_size=1, max_size=30), st.sampled_from([-1, 17]), st.booleans())
def test_any_printed_sum_of_kopecks_is_that_sum(amounts, precision, as_text):
    """Added up as floats, in roubles, one after the other: the way PHP and JavaScript make an order's total."""
    total = 0.0
    for amount in amounts:
        total += amount / 100
    printed = php(total, precision)
    assert exact_kopecks(printed if as_text else float(printed)) == sum(amounts)


@given(st.decimals(-(10**6), 10**6, places=6))
def test_a_fraction_of_a_kopeck_is_rounded_half_up(amount):
    exact = exact_kopecks(str(amount))
    wanted = (amount * 100).to_integral_value(ROUND_HALF_UP)
    assert rounded(exact) == wanted
    assert abs(exact - amount * 100) <= Decimal("1e-4")


@pytest.mark.parametrize(("exact", "whole"), [("100.5", 101), ("2.5", 3), ("-2.5", -3), ("2.4999", 2), ("-0.5", -1)])
def test_halves_go_away_from_zero(exact, whole):
    assert rounded(Decimal(exact)) == whole


@given(st.lists(st.decimals(0, 10**6, places=3), max_size=20))
def test_shares_sum_up_to_the_rounded_sum_and_each_is_next_to_its_amount(amounts):
    shares = shared_out(amounts)
    assert sum(shares) == rounded(sum(amounts, Decimal(0)))
    assert all(abs(share - amount) < 1 for share, amount in zip(shares, amounts, strict=True))
    assert all(share == 0 for share, amount in zip(shares, amounts, strict=True) if amount == 0)


def test_rounded_amounts_are_remembered_with_their_fraction():
    seen = Kopecks()
    assert [seen[sent] for sent in (234.567, "234.567", 1.0, None)] == [23457, 23457, 100, None]
    assert seen.fractions == {234.567: Decimal("23456.7"), "234.567": Decimal("23456.7")}
    assert [seen.exact(sent) for sent in (234.567, 1.0, None)] == [Decimal("23456.7"), 100, 0]


def test_memory_is_given_back_only_when_asked():
    seen = Kopecks()
    for number in range(20_000):
        seen[number / 1000]
    assert seen.fractions
    seen.forget()
    assert (dict(seen), seen.fractions) == ({None: None}, {})
