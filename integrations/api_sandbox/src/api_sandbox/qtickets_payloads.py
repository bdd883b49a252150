"""Qtickets JSON of the season's objects, field for field as the live service answers them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from api_sandbox.generator import Season
from api_sandbox.moscow_time import iso
from api_sandbox.people import barcode, cancel_hash, uniqid
from api_sandbox.records import Discount, Event, Order, Show, Ticket


def number(kopecks: int | None) -> int | float | None:
    """Roubles as a JSON number; whole amounts without a fraction."""
    if kopecks is None:
        return None
    return kopecks // 100 if kopecks % 100 == 0 else kopecks / 100


def order_payload(season: Season, order: Order) -> dict[str, Any]:
    """One order with its buyer and baskets."""
    code = uniqid(season.seed, order.id)
    buyer = client_payload(season, order.client_id)
    return {
        "id": order.id,
        "uniqid": code,
        "payed": order.payed,
        "payed_at": iso(order.payed_at),
        "created_at": iso(order.created_at),
        "updated_at": iso(order.updated_at),
        "deleted_at": iso(order.deleted_at),
        "client_id": order.client_id,
        "client": buyer,
        "site_id": 16,
        "site": {"id": 16, "host": "afisha.example.com"},
        "payment_id": 36,
        "payment_type_id": order.payment_type,
        "payment_card_number": season.client(order.client_id).card if order.payment_type == "card" else None,
        "payment_url": f"https://qtickets.example.com/pay/{code}",
        "cancel_url": f"https://qtickets.example.com/cancel/{code}/{cancel_hash(season.seed, order.id)}",
        "access_code_id": None,
        "discount_id": order.discount_id,
        "promo_code_id": order.promo_code_id,
        "reserved": False,
        "reserved_to": None,
        "event_id": order.event_id,
        "price": number(order.price),
        "original_price": number(sum(ticket.original_price for ticket in order.tickets)),
        "currency_id": "RUB",
        # PHP encodes an empty map as a list.
        "utm": order.utm or [],
        "custom": "" if order.id % 5 else {"var1": "web"},
        "fields": [] if order.id % 7 else {"comment": "у прохода"},
        "integrations": [] if order.id % 11 else [{"source_name": "widget", "source_id": 100}],
        "refunds": [],
        "baskets": [_ticket_payload(ticket, buyer) for ticket in order.tickets],
    }


def _ticket_payload(ticket: Ticket, buyer: dict[str, Any]) -> dict[str, Any]:
    details = buyer["details"]
    payload: dict[str, Any] = {
        "id": ticket.id,
        "barcode": None if ticket.deleted_at is not None else barcode(ticket.id),
        "show_id": ticket.show_id,
        "seat_id": ticket.seat_id,
        "seat_name": ticket.seat_name,
        "quantity": 1,
        "original_price": number(ticket.original_price),
        "discount_value": number(ticket.discount),
        "price": number(ticket.price),
        "ticket_amount": number(ticket.price - ticket.service_fee),
        "service_fee_amount": number(ticket.service_fee),
        "client_email": buyer["email"],
        "client_phone": details["phone"],
        "client_name": details["name"],
        "client_surname": details["surname"],
        "client_middlename": details["middlename"],
        "checked_at": iso(ticket.checked_at),
        "created_at": iso(ticket.created_at),
        "updated_at": iso(ticket.updated_at),
        "deleted_at": iso(ticket.deleted_at),
        "refunds": [],
    }
    # Seen only where a refund took place; the rest of the recorded tickets had no such keys.
    if ticket.refunded_at is not None:
        payload["refunded_at"] = iso(ticket.refunded_at)
        payload["refunded_amount"] = number(ticket.refunded_amount)
        if ticket.refund_deduction is not None:
            payload["refunded_deduction_amount"] = number(ticket.refund_deduction)
    return payload


def client_payload(season: Season, client_id: int) -> dict[str, Any]:
    """One buyer."""
    buyer = season.client(client_id)
    return {
        "id": buyer.id,
        "email": buyer.email,
        "details": {
            "id": buyer.id + 40_000,
            "name": buyer.name,
            "middlename": buyer.middlename,
            "surname": buyer.surname,
            "phone": buyer.phone,
            "vk_id": "",
            "facebook_id": "",
        },
    }


def event_payload(season: Season, event: Event, scheme_bytes: int) -> dict[str, Any]:
    """One event with its shows; ``scheme_bytes`` is the approximate size of each show's hall plan."""
    return {
        "id": event.id,
        "is_active": int(event.is_active),
        "name": {"ru": event.name, "en": f"Event {event.id}"} if season.multilingual else event.name,
        "currency_id": "RUB",
        "place_name": event.place_name,
        "place_address": event.city.address,
        "place_description": "",
        "site_url": f"https://afisha.example.com/event/{event.id}",
        "city_id": event.city.id,
        "city": {"id": event.city.id, "name": event.city_raw, "timezone": event.city.timezone},
        "created_at": iso(event.created_at),
        "updated_at": iso(event.updated_at),
        "deleted_at": iso(event.deleted_at),
        "shows": [_show_payload(show, scheme_bytes) for show in event.shows],
    }


def _show_payload(show: Show, scheme_bytes: int) -> dict[str, Any]:
    return {
        "id": show.id,
        "event_id": show.event_id,
        "name": show.name,
        "is_active": int(show.deleted_at is None),
        "start_date": iso(show.starts_at),
        "finish_date": iso(show.finishes_at),
        "open_date": iso(show.starts_at - 3600),
        "sale_start_date": iso(show.sale_starts_at),
        "sale_finish_date": iso(show.starts_at),
        "prices": [
            {"id": show.id * 10 + tier, "default_price": number(price), "color_theme": f"theme{tier + 1}"}
            for tier, price in enumerate(show.tiers)
        ],
        "min_price": number(min(show.tiers)),
        "max_price": number(max(show.tiers)),
        "scheme_properties": _scheme(show.admission, scheme_bytes),
        "created_at": iso(show.created_at),
        "updated_at": iso(show.updated_at),
        "deleted_at": iso(show.deleted_at),
    }


@lru_cache(maxsize=4)
def _scheme(admission: bool, size: int) -> msgspec.Raw:
    """A hall plan of about ``size`` bytes, encoded once."""
    seats = {
        f"PARTER-{n // 40 + 1};{n % 40 + 1}": {
            "x": n % 40 * 24,
            "y": n // 40 * 24,
            "r": 9,
            "zone": "ENTRANCE" if admission else "PARTER",
        }
        for n in range(max(1, size // 62))
    }
    return msgspec.Raw(msgspec.json.encode({"width": 960, "height": 640, "zones": [], "seats": seats}))


def discount_payload(season: Season, discount: Discount) -> dict[str, Any]:
    """A discount rule or, where it has a code, a promo code."""
    payload = {
        "id": discount.id,
        "name": discount.name,
        "type": "percent",
        "value": discount.percent,
        "is_active": 1,
        "created_at": iso(discount.created_at),
        "updated_at": iso(discount.created_at),
        "deleted_at": None,
    }
    if discount.code:
        payload |= {"code": discount.code, "use_limit": 0}
    return payload


def color_themes_payload() -> list[dict[str, Any]]:
    """Shades by which a hall plan shows its prices."""
    shades = ("#1f77b4", "#2ca02c", "#ff7f0e", "#d62728", "#9467bd", "#8c564b")
    return [
        {"id": n + 1, "name": f"theme{n + 1}", "colors": {"background": shade, "text": "#ffffff"}}
        for n, shade in enumerate(shades)
    ]


def barcodes_payload(season: Season, show_id: int) -> list[dict[str, Any]]:
    """Valid barcodes of a show: tickets of paid orders, neither deleted nor refunded."""
    return [
        {
            "barcode": barcode(ticket.id),
            "basket_id": ticket.id,
            "order_id": order.id,
            "seat_id": ticket.seat_id,
            "checked_at": iso(ticket.checked_at),
        }
        for order in season.orders.values()
        if order.payed
        for ticket in order.tickets
        if ticket.show_id == show_id and ticket.deleted_at is None and ticket.refunded_at is None
    ]
