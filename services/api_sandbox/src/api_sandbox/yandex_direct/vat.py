"""VAT of Direct: by the day of the click for roubles, one rate for every other currency. Rates are per cent."""

from __future__ import annotations

from datetime import date

_RISE = date(2026, 1, 1)
# What clients.get tells; currencies that are not here are not taxed.
_OTHERS = {"BYN": 20, "KZT": 16}


def rate(currency: str, day: date) -> int:
    """Per cent on top of the price of a click of that day."""
    if currency == "RUB":
        return 22 if day >= _RISE else 20
    return _OTHERS.get(currency, 0)
