"""Seats of a show: a dict keyed by seat id, with quantities only where ``select`` names them."""

from __future__ import annotations

from typing import Any

from api_sandbox.qtickets.payloads import number
from api_sandbox.season.generator import Season
from api_sandbox.season.records import Show
from api_sandbox.season.sales import seat_of

_DEFAULT = ("seat_id", "name", "available", "disabled", "admission", "price", "currency_id")
_QUANTITIES = ("free_quantity", "ordered_quantity", "payed_quantity", "max_quantity")
SEAT_FIELDS = frozenset(_DEFAULT + _QUANTITIES)


def seats_payload(season: Season, show: Show, select: list[str] | None) -> dict[str, dict[str, Any]]:
    """The flat form of the answer. A sold out show still has a tenth of its hall free or technical.

    ``select`` of None means the default fields, which hold no quantity.
    """
    fields = tuple(select) if select else _DEFAULT
    held: dict[str, list[int]] = {}  # seat id → [ordered and unpaid, paid]
    for order in season.orders.values():
        if order.event_id != show.event_id:
            continue
        for ticket in order.tickets:
            if ticket.show_id == show.id and ticket.deleted_at is None and ticket.refunded_at is None:
                held.setdefault(ticket.seat_id, [0, 0])[order.payed] += 1
    # Rounded up to a whole row beyond what was ever handed out, never smaller than a small hall.
    capacity = max(100, -(-(show.seats_taken + show.seats_taken // 8) // 20) * 20)
    if show.admission:
        return {seat_of(show, 0)[0]: _seat(show, 0, fields, held, capacity)}
    return {seat_of(show, n)[0]: _seat(show, n, fields, held, 1) for n in range(capacity)}


def _seat(
    show: Show, number_in_hall: int, fields: tuple[str, ...], held: dict[str, list[int]], maximum: int
) -> dict[str, Any]:
    seat_id, name = seat_of(show, number_in_hall)
    ordered, payed = held.get(seat_id, (0, 0))
    disabled = not show.admission and number_in_hall % 97 == 96 and ordered + payed == 0
    free = 0 if disabled else maximum - ordered - payed
    values: dict[str, Any] = {
        "seat_id": seat_id,
        "name": name,
        "available": free > 0,
        "disabled": disabled,
        "admission": show.admission,
        "price": number(show.tiers[number_in_hall // 20 % len(show.tiers)]),
        "currency_id": "RUB",
        "free_quantity": free,
        "ordered_quantity": ordered,
        "payed_quantity": payed,
        "max_quantity": maximum,
    }
    return {field: values[field] for field in fields}
