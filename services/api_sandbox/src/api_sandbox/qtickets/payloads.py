"""Qtickets JSON of the season's objects, field for field as the live service answers them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec

from api_sandbox.season.generator import Season
from api_sandbox.season.moscow_time import DAY, iso
from api_sandbox.season.people import barcode, cancel_hash, ticket_link, uniqid
from api_sandbox.season.records import Discount, Event, Order, Show, Ticket


def number(kopecks: int | None) -> int | float | None:
    """Roubles as a JSON number; whole amounts without a fraction."""
    if kopecks is None:
        return None
    return kopecks // 100 if kopecks % 100 == 0 else kopecks / 100


def order_payload(season: Season, order: Order) -> dict[str, Any]:
    """One order with its buyer and baskets."""
    code = uniqid(season.seed, order.id)
    buyer = client_payload(season, order.client_id)
    baskets = [_ticket_payload(season, order, ticket, buyer) for ticket in order.tickets]
    return {
        "id": order.id,
        "uniqid": code,
        "payed": order.payed,
        "payed_at": iso(order.payed_at),
        "client_id": order.client_id,
        "client": buyer,
        "site_id": 16,
        "site": {"id": 16, "host": "afisha.example.com"},
        "payment_id": 36,
        "payment_type_id": order.payment_type,
        "payment_card_number": season.client(order.client_id).card if order.payment_type == "card" else None,
        "payment_url": f"https://qtickets.example.com/pay/{code}",
        "cancel_url": f"https://qtickets.example.com/cancel/{code}/{cancel_hash(season.seed, order.id)}",
        "basket_user_id": order.client_id + 900_000,
        "backend_user_id": None,
        "access_code_id": None,
        "discount_id": order.discount_id,
        "promo_code_id": order.promo_code_id,
        "reserved": False,
        "reserved_to": iso(order.created_at + DAY),
        "reserve_extended": False,
        "event_id": order.event_id,
        "price": number(order.price),
        "original_price": number(sum(ticket.original_price for ticket in order.tickets)),
        "currency_id": "RUB",
        # PHP encodes an empty map as a list.
        "utm": _utm(order) or [],
        "custom": "" if order.id % 5 else {"var1": "web"},
        "fields": [] if order.id % 7 else {"comment": "у прохода"},
        # ... and a list with holes as an object.
        "baskets": baskets if order.id % 29 else {str(2 * n): basket for n, basket in enumerate(baskets)},
        "refunds": [],
        "integrations": _INTEGRATIONS.get(order.id % 11, []),
        "created_at": iso(order.created_at),
        "updated_at": iso(order.updated_at),
        "deleted_at": iso(order.deleted_at),
    }


def _utm(order: Order) -> dict[str, str] | None:
    if order.utm is None or not order.utm_in_cp1251:
        return order.utm
    return {name: quote(value, encoding="cp1251", errors="replace") for name, value in order.utm.items()}


# By the order's number: an object as recorded for one order, a list of objects as documented; else nothing.
_INTEGRATIONS: dict[int, Any] = {
    0: [{"source_name": "widget", "source_id": 100}],
    5: {"roistat": {"roistat_visit": None}},
}


def _ticket_payload(season: Season, order: Order, ticket: Ticket, buyer: dict[str, Any]) -> dict[str, Any]:
    details = buyer["details"]
    deleted = ticket.deleted_at is not None
    link = None if deleted or not order.payed else ticket_link(season.seed, ticket.id)
    # Recorded: a ticket that lapsed has zeros here although nothing was refunded; a sold one has nulls.
    refunded, deduction = ticket.refunded_amount, ticket.refund_deduction
    if ticket.refunded_at is None and deleted:
        refunded = deduction = 0
    return {
        "id": ticket.id,
        "series": f"{ticket.id % 10**9:09d}",
        "barcode": None if deleted else barcode(ticket.id),
        "show_id": ticket.show_id,
        "seat_id": ticket.seat_id,
        "seat_name": ticket.seat_name,
        "original_price": number(ticket.original_price),
        "ticket_original_price": number(ticket.original_price),
        "discount_value": number(ticket.discount),
        "price": number(ticket.price),
        "ticket_amount": 0 if deleted else number(ticket.price - ticket.service_fee),
        "service_fee_amount": number(ticket.service_fee),
        "multiprice_code": None,
        "quantity": 1,
        "client_email": buyer["email"],
        "client_phone": details["phone"],
        "client_name": details["name"],
        "client_surname": details["surname"],
        "client_middlename": details["middlename"],
        "organization_name": None,
        "legal_name": None,
        "work_position": None,
        "inn": None,
        "kpp": None,
        "comment": None,
        "pdf_url": link and f"https://qtickets.example.com/ticket/pdf/{link}",
        "passbook_url": link and f"/ticket/passbook/{link}",
        "related_baskets": [],
        "services": [],
        "checked_at": iso(ticket.checked_at),
        "created_at": iso(ticket.created_at),
        "updated_at": iso(ticket.updated_at),
        "deleted_at": iso(ticket.deleted_at),
        "refunded_at": iso(ticket.refunded_at),
        "refunded_amount": number(refunded),
        "refunded_deduction_amount": number(deduction),
        "refunds": [],
    }


def client_payload(season: Season, client_id: int) -> dict[str, Any]:
    """One buyer."""
    buyer = season.client(client_id)
    return {
        "id": buyer.id,
        "email": buyer.email,
        "details": {
            "id": buyer.id + 40_000,
            "name": buyer.name,
            "middlename": None if buyer.id % 3 else buyer.middlename,
            "surname": buyer.surname,
            "phone": buyer.phone,
            "vk_id": "",
            "facebook_id": "",
        },
    }


def event_payload(season: Season, event: Event, scheme_bytes: int) -> dict[str, Any]:
    """One event with its shows; ``scheme_bytes`` is the approximate size of each show's hall plan."""
    admission = event.shows[0].admission
    return {
        "id": event.id,
        "is_active": int(event.is_active),
        "name": {"ru": event.name, "en": f"Event {event.id}"} if event.multilingual else event.name,
        "scheme_id": 2_000 + event.id % 500,
        "currency_id": "RUB",
        "place_name": event.place_name,
        "place_address": event.city.address,
        "place_description": "",
        "city_id": event.city.id,
        "description": f"<p>{event.name}</p>",
        "site_url": f"https://afisha.example.com/event/{event.id}",
        "external_id": None,
        "ticket_id": 35,
        "mail_template_id": 31,
        "age": "6+",
        "shows": [_show_payload(show, scheme_bytes, event.exhibition) for show in event.shows],
        "payments": [_PAYMENT] if event.id % 2 else [],
        "poster": {
            "id": event.id + 60_000,
            "content_type": "image/jpeg",
            "file_size": 91_449,
            "url": f"https://qtickets.example.com/storage/{event.id}.jpg",
        },
        "event_type_id": 11 if event.exhibition or admission else 3,
        # PHP encodes an empty map as a list.
        "city": []
        if event.without_city
        else {"id": event.city.id, "name": event.city_raw, "timezone": event.city.timezone},
        "ticket": {"id": 35, "is_active": 1, "name": "Билет"},
        "mail_template": {"id": 31, "is_active": 1, "name": "Письмо"},
        "slug": f"{event.id}-event",
        "place_coordinates": [55.5, 37.5],
        "url": f"https://qtickets.example.com/event/{event.id}",
        "created_at": iso(event.created_at),
        "updated_at": iso(event.updated_at),
        "deleted_at": iso(event.deleted_at),
    }


_PAYMENT = {"id": 36, "is_active": True, "name": "Карта", "handler": "card", "agree_url": "/agreement"}


def _price(show: Show, price: int) -> dict[str, Any]:
    tier = show.tiers.index(price)
    return {
        "id": show.id * 10 + tier,
        "default_price": number(price),
        "color_theme": f"theme{tier + 1}",
        "modifiers": [],
    }


def _show_dates(show: Show, exhibition: bool) -> dict[str, Any]:
    return {
        "sale_start_date": None if exhibition else iso(show.sale_starts_at),
        "sale_finish_date": iso(show.finishes_at if exhibition else show.starts_at),
        "open_date": iso(show.starts_at if exhibition else show.starts_at - 3600),
        "start_date": iso(show.starts_at),
        "finish_date": iso(show.finishes_at),
    }


def _show_payload(show: Show, scheme_bytes: int, exhibition: bool) -> dict[str, Any]:
    least, greatest = show.shown_prices or (None, None)
    shown = number if show.price_form == "number" else lambda price: None if price is None else _price(show, price)
    return {
        "id": show.id,
        "name": show.name,
        "is_active": int(show.deleted_at is None),
        **_show_dates(show, exhibition),
        "scheme_properties": _scheme(show.admission or exhibition, scheme_bytes),
        "prices": [_price(show, price) for price in show.tiers],
        "min_price": shown(least),
        "max_price": shown(greatest),
        "created_at": iso(show.created_at),
        "updated_at": iso(show.updated_at),
        "deleted_at": iso(show.deleted_at),
    }


@lru_cache(maxsize=4)
def _scheme(zones_only: bool, size: int) -> msgspec.Raw:
    """A hall plan of about ``size`` bytes, encoded once: halls have rows, exhibitions zones without seats."""
    spread = {"enabled": ""}
    if zones_only:
        names = [f"vhodnoj-bilet-{n}" for n in range(1, max(2, size // 200))]
        admin: dict[str, Any] = {
            name: {"opened": "10", "was_opened": "10", "rows": {"1": {"was_opened": "10"}}} for name in names
        }
        zones: dict[str, Any] = {
            name: {"disabled": "0", "spread": spread, "price_id": "111111", "rows": [""]} for name in names
        }
    else:
        rows = [str(n) for n in range(1, max(2, size // 105))]
        admin = {
            "PARTERRE": {"opened": "10", "was_opened": "10", "rows": {row: {"opened": "4"} for row in rows}},
            "BALCONY": {"opened": "2"},
        }
        numbered = {row: {"disabled": "0", "price_id": "222222", "spread": spread} for row in rows}
        zones = {"PARTERRE": {"disabled": "0", "price_id": "", "label": "", "rows": numbered}}
    return msgspec.Raw(msgspec.json.encode({"admin": {"zones": admin}, "zones": zones}))


def discount_payload(season: Season, discount: Discount) -> dict[str, Any]:
    """A discount rule with the events and shows it is for. The size of the reduction is not told, as recorded."""
    events = [season.events[number] for number in discount.event_ids]
    return {
        "id": discount.id,
        "is_active": int(discount.deleted_at is None),
        "name": discount.name,
        "active_from": iso(discount.active_from),
        "active_to": iso(discount.active_to),
        "type": "P",
        "events": [
            {"id": event.id, "is_active": int(event.is_active), "name": event.name, "deleted_at": iso(event.deleted_at)}
            for event in events
        ],
        "shows": [
            {
                "id": show.id,
                "is_active": int(show.deleted_at is None),
                "event_id": event.id,
                **_show_dates(show, event.exhibition),
                "created_at": iso(show.created_at),
                "updated_at": iso(show.updated_at),
                "deleted_at": iso(show.deleted_at),
            }
            for event in events[:1]
            for show in event.shows
        ],
        "created_at": iso(discount.created_at),
        "updated_at": iso(discount.updated_at),
        "deleted_at": iso(discount.deleted_at),
    }


def promo_code_payload(season: Season, code: Discount) -> dict[str, Any]:
    """A promo code of a discount rule."""
    return {
        "id": code.id,
        "is_active": int(code.deleted_at is None),
        "type": 0,
        "discount_id": code.rule_id,
        "code": code.code,
        "max_uses_count": 0,
        "active_from": iso(code.active_from),
        "active_to": iso(code.active_to),
        "created_at": iso(code.created_at),
        "updated_at": iso(code.updated_at),
        "deleted_at": iso(code.deleted_at),
    }


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
