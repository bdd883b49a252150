"""Faults inside records of Qtickets answers: one field of a chosen share of records, and the truth of which.

What is done to a record depends on the fault and on the record's own id alone: the same record is damaged in the
same way on every page, in every run, and the truth can be told without having served it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from api_sandbox.service.faults import Damage, Fault, Rank

# Values no reader can take for the kind of field; each fits into JSON.
_MONEY = ("free", "1,500", [1], {"x": 1}, True)
_TIME = ("0000-00-00 00:00:00", "вчера", 1_793_520_000, [1])
_ID = ("abc", {"x": 1}, 1.5, [1])
_TEXT = (12_345, [1], True)
_FLAG = ("yes", [1], {"x": 1})

# Paths by dataset and rank with unreadable values: what the warehouse's figures need is written out here once more,
# from the rules and not from a loader. ``[]`` is one of a list's elements.
FIELDS: dict[str, dict[Rank, dict[str, tuple[Any, ...]]]] = {
    "orders": {
        "identity": {
            "event_id": ("abc", 0, [1], None),
            "payed": ("yes", None, [1]),
            "created_at": (*_TIME, None),
            "payed_at": _TIME,
            "deleted_at": _TIME,
            "currency_id": ("roubles", None, 643),
            "baskets": ("none", 7, None),
            "baskets[].id": (*_ID, None),
            "baskets[].quantity": ("many", None, [1]),
            "baskets[].price": (*_MONEY, None),
            "baskets[].deleted_at": _TIME,
            "baskets[].refunded_at": _TIME,
            "baskets[].refunded_amount": _MONEY,
            "baskets[].refunded_deduction_amount": _MONEY,
        },
        "descriptive": {
            "updated_at": _TIME,
            "price": _MONEY,
            "original_price": _MONEY,
            "reserved": _FLAG,
            "payment_type_id": ([1], {"x": 1}, 1.5),
            "discount_id": _ID,
            "promo_code_id": _ID,
            "utm": ("text", 7, True),
            "baskets[].show_id": ("abc", -1, {"x": 1}),
            "baskets[].original_price": _MONEY,
            "baskets[].discount_value": _MONEY,
            "baskets[].service_fee_amount": _MONEY,
        },
        "ignored": {
            "client": ([], "x", 7),
            "site": ([], None),
            "custom": (7, [1]),
            "fields": ("x", 7),
            "integrations": ("x", 7),
            "reserved_to": _TIME,
            "payment_url": (7, []),
            "baskets[].client_email": (7, [1]),
            "baskets[].barcode": (7, [1]),
            "baskets[].seat_name": (7, [1]),
            "baskets[].checked_at": _TIME,
        },
    },
    "events": {
        "identity": {"shows[].id": (*_ID, 0, None)},
        "descriptive": {
            "name": _TEXT,
            "is_active": _FLAG,
            "created_at": _TIME,
            "updated_at": _TIME,
            "deleted_at": _TIME,
            "currency_id": (643, [1]),
            "place_name": _TEXT,
            "city_id": _ID,
            "city": ("Томск", 7, True),
            "city.name": (7, [1], True),
            "city.timezone": (7, [1]),
            "shows[].name": _TEXT,
            "shows[].is_active": _FLAG,
            "shows[].start_date": _TIME,
            "shows[].finish_date": _TIME,
            "shows[].min_price": ("free", [1], True),
            "shows[].max_price": ("free", [1], True),
            "shows[].updated_at": _TIME,
            "shows[].deleted_at": _TIME,
        },
        "ignored": {
            "poster": ([], None),
            "payments": ("x", None),
            "place_coordinates": ("x", None),
            "shows[].scheme_properties": ([], "x", None),
            "shows[].prices": ("x", None),
        },
    },
}
_MONEY_FIELDS = (
    "price",
    "original_price",
    "baskets[].price",
    "baskets[].original_price",
    "baskets[].discount_value",
    "baskets[].service_fee_amount",
    "baskets[].refunded_amount",
    "baskets[].refunded_deduction_amount",
)
# A city and ``utm_content`` decide where money belongs; text faults leave them alone, so that the truth stands.
_TEXT_FIELDS = {
    "orders": ("utm.utm_campaign", "utm.utm_source", "baskets[].seat_name", "client.details.name"),
    "events": ("name", "place_name", "place_address", "shows[].name"),
}
_SURROGATE, _INVALID = "\ue000surrogate\ue000", "\ue000invalid\ue000"
_ADDED: dict[str, str] = {
    "surrogate": _SURROGATE,
    "nul": "\x00",
    "control": "\x07\x1b[31m\x85",
    "bidi": "\u202e\u2066",
    "huge": "ж" * 32_768,
    "emoji": "🎭👨‍👩‍👧",
    "invalid_utf8": _INVALID,
}


def strikes(fault: Fault, dataset: str, number: int) -> bool:
    """Whether the fault damages the record of that id."""
    return _draw(fault, dataset, number, "strike") < fault.share


def damage(fault: Fault, dataset: str, record: dict[str, Any]) -> Damage | None:
    """Change the record in place when the fault strikes it; answers what was done."""
    number = record.get("id")
    if not isinstance(number, int) or not strikes(fault, dataset, number):
        return None
    return _ACTIONS[fault.kind](fault, dataset, record, lambda what: _draw(fault, dataset, number, what))


def damaged_body(body: bytes) -> bytes:
    """The encoded JSON with what no encoder writes: half a surrogate pair, and bytes that are no UTF-8."""
    return body.replace(_SURROGATE.encode(), b"\\ud83d").replace(_INVALID.encode(), b"\xff\xfe")


Draw = Callable[[str], float]


def _draw(fault: Fault, dataset: str, number: int, what: str) -> float:
    """A number in [0, 1) of the fault and the record."""
    digest = hashlib.blake2b(f"{fault.seed}:{fault.kind}:{dataset}:{number}:{what}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 256**7


def _spoil(fault: Fault, dataset: str, record: dict[str, Any], draw: Draw) -> Damage | None:
    fields = FIELDS.get(dataset, {}).get(fault.rank, {})
    offered = [name for name in fields if not fault.paths or name in fault.paths]
    places = [(name, found) for name in offered if (found := list(_places(record, name)))]
    if not places:
        return None
    name, found = places[int(draw("field") * len(places))]
    holder, key, path = found[int(draw("element") * len(found))]
    values = fields[name]
    holder[key] = values[int(draw("value") * len(values))]
    return Damage(dataset, record["id"], path, fault.kind, fault.rank)


def _money(fault: Fault, dataset: str, record: dict[str, Any], draw: Draw) -> Damage | None:
    changed = False
    if fault.form == "fraction":
        return Damage(dataset, record["id"], "$", fault.kind, fault.form) if _with_fractions(record) else None
    for name in _MONEY_FIELDS if dataset == "orders" else ():
        for holder, key, path in _places(record, name):
            value = holder[key]
            if isinstance(value, int | float) and value:
                holder[key] = _as_money(fault.form, value, draw(path))
                changed = True
    return Damage(dataset, record["id"], "$", fault.kind, fault.form) if changed else None


def _with_fractions(record: dict[str, Any]) -> bool:
    """A tenth of a kopeck more on one ticket, less on the next: whether rounded one by one or as sums of any of them,
    they are the prices again. Price, discount and the order's price still agree with each other.
    """
    sign = 1
    for ticket, _, _ in _places(record, "baskets[].price"):
        if ticket["price"]:
            other, turn = ("discount_value", -1) if ticket["discount_value"] else ("original_price", 1)
            ticket["price"] = _exactly(ticket["price"], sign)
            ticket[other] = _exactly(ticket[other], sign * turn)
            sign = -sign
    if sign < 0:  # an odd number of tickets
        record["price"] = _exactly(record["price"], 1)
    return any(isinstance(ticket["price"], msgspec.Raw) for ticket, _, _ in _places(record, "baskets[].price"))


def _exactly(value: float, thousandths: int) -> msgspec.Raw:
    return msgspec.Raw(f"{round(value * 1000) + thousandths}e-3".encode())


def _as_money(form: str, value: float, drawn: float) -> Any:
    if form == "noise":
        # What PHP prints of a sum of doubles: 1349.1000000000001
        return math.nextafter(float(value), math.inf if drawn < 0.5 else 0)
    if form == "string":
        return f"{value:.2f}"
    if form == "spaced":
        return f"{value:,.2f}".replace(",", (" ", "\u00a0", "\u202f")[int(drawn * 3)])
    digits = round(value * 100)
    return msgspec.Raw(f"{digits}e-2".encode() if drawn < 0.5 else f"{digits / 100_000:.5f}e3".encode())


def _text(fault: Fault, dataset: str, record: dict[str, Any], draw: Draw) -> Damage | None:
    found = [
        place
        for name in _TEXT_FIELDS.get(dataset, ())
        for place in _places(record, name)
        if isinstance(place[0][place[1]], str)
    ]
    if not found:
        return None
    holder, key, path = found[int(draw("field") * len(found))]
    holder[key] += _ADDED[fault.form]
    return Damage(dataset, record["id"], path, fault.kind, fault.form)


_ACTIONS = {"spoil": _spoil, "money": _money, "text": _text}


def _places(record: dict[str, Any], name: str) -> Iterator[tuple[Any, Any, str]]:
    """(holder, key, JSON path) of every field the name stands for, where its holder is there."""
    found: list[tuple[Any, str]] = [(record, "$")]
    *parents, last = name.replace("[]", ".[]").split(".")
    for step in parents:
        found = [(holder[key], path) for one, at in found for holder, key, path in _step(one, at, step)]
    for one, at in found:
        yield from _step(one, at, last)


def _step(holder: Any, at: str, step: str) -> Iterator[tuple[Any, Any, str]]:
    if step == "[]":
        keys: Any = range(len(holder)) if isinstance(holder, list) else holder if isinstance(holder, dict) else ()
        # The number counts the elements, also where the list came as an object with holes in its numbers.
        for place, key in enumerate(list(keys)):
            yield holder, key, f"{at}[{place}]"
    elif isinstance(holder, dict) and step in holder:
        yield holder, step, f"{at}.{step}"
