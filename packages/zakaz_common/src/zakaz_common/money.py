"""Money as APIs print it, in whole kopecks.

PHP and JavaScript print a sum of kopecks with the noise of binary fractions (`1349.1000000000001`), and some
fields come as text. An amount is read from its digits; what is off a whole kopeck by no more than such noise is
that kopeck; a true fraction of a kopeck is rounded half up and kept in `fractions`, for who must not lose it.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

Sent = float | str | None
"""An amount in roubles as it came: a JSON number, text, or nothing."""
FRACTION = "a fraction of a kopeck was rounded"
"""Why an amount was changed."""

_MOST = Decimal(10) ** 15  # kopecks; a double keeps 15 digits, so a smaller amount prints as it was sent
_NOISE = Decimal("1e-4")  # kopecks: 10^-6 roubles
_REMEMBERED = 16_384
_BLANKS = re.compile("[ \t\u00a0\u2007\u2009\u202f]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d{1,3})?", re.ASCII)
_COMMA_DECIMALS = re.compile(r"[+-]?\d+,\d{1,2}", re.ASCII)
_COMMA_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+", re.ASCII)


class MoneyError(ValueError):
    """The text or number is no amount of money that could be stored."""


def exact_kopecks(value: float | str) -> Decimal:
    """The amount in kopecks, without binary noise; a fraction of a kopeck is kept.

    Text may hold blanks, a sign, an exponent, and a decimal comma where it cannot be a thousands sign: `1,500` is
    refused. Raises MoneyError for what is no amount, and for 10^13 roubles or more.
    """
    exact = Decimal(_digits(value) if isinstance(value, str) else repr(value))
    if not exact.is_finite() or abs(exact := exact.scaleb(2)) >= _MOST:
        raise MoneyError("the amount is out of range")
    whole = exact.to_integral_value(ROUND_HALF_UP)
    return whole if abs(exact - whole) <= _NOISE else exact


def _digits(text: str) -> str:
    digits = _BLANKS.sub("", text).replace("\u2212", "-").lower() if len(text) <= 64 else ""
    if _NUMBER.fullmatch(digits):
        return digits
    if _COMMA_DECIMALS.fullmatch(digits):
        return digits.replace(",", ".")
    if _COMMA_THOUSANDS.fullmatch(digits):
        return digits.replace(",", "")
    raise MoneyError("an amount of money such as 1234.56 was expected")


class Kopecks(dict[Sent, int | None]):
    """Whole kopecks by amount as sent, rounded half up. Prices repeat, and a lookup costs a fifth of a Decimal.

    `fractions` holds the exact kopecks of the amounts that were rounded; None is None. Raises MoneyError.
    """

    def __init__(self) -> None:
        super().__init__({None: None})
        self.fractions: dict[Sent, Decimal] = {}

    def __missing__(self, value: float | str) -> int:
        exact = exact_kopecks(value)
        whole = rounded(exact)
        if whole != exact:
            self.fractions[value] = exact
        self[value] = whole
        return whole

    def forget(self) -> None:
        """Give memory back once many different amounts were seen. Not between a lookup and its `fractions`."""
        if len(self) > _REMEMBERED:
            self.clear()
            self[None] = None
            self.fractions.clear()

    def exact(self, value: Sent) -> Decimal:
        """The exact kopecks of an amount that was looked up; 0 for None."""
        return self.fractions[value] if value in self.fractions else Decimal(self[value] or 0)


def rounded(kopecks: Decimal) -> int:
    """Whole kopecks, halves away from zero."""
    return int(kopecks.to_integral_value(ROUND_HALF_UP))


def shared_out(amounts: Sequence[Decimal]) -> list[int]:
    """Whole kopecks for exact amounts, so that any first ones of them sum up to their exact sum, rounded."""
    total, given, found = Decimal(0), 0, []
    for amount in amounts:
        total += amount
        found.append(rounded(total) - given)
        given += found[-1]
    return found
