"""Orders and events as the API sends them, small and made up."""

import json
from typing import Any


def basket(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": number, "barcode": "1234567890123", "show_id": 70, "seat_id": "A-1;1", "seat_name": "Ряд 1",
        "quantity": 1, "original_price": 1000, "discount_value": 100, "price": 900, "ticket_amount": 855,
        "service_fee_amount": 45, "client_email": "buyer@example.com", "client_phone": "+70000000000",
        "created_at": "2026-11-01T10:00:00+03:00", "updated_at": "2026-11-01T10:05:00+03:00", "deleted_at": None,
        "refunds": [], **changes,
    }  # fmt: skip


def order(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": number, "uniqid": "abc", "payed": True, "payed_at": "2026-11-01T10:05:00+03:00",
        "created_at": "2026-11-01T10:00:00+03:00", "updated_at": "2026-11-01T10:05:00+03:00", "deleted_at": None,
        "client_id": 5, "client": {"id": 5, "email": "buyer@example.com"}, "payment_type_id": "card",
        "payment_card_number": "220000******1234", "cancel_url": "https://q.example/cancel/secret",
        "discount_id": None, "promo_code_id": None, "reserved": False, "event_id": 33, "price": 900,
        "original_price": 1000, "currency_id": "RUB", "utm": [], "custom": "", "fields": [], "integrations": [],
        "refunds": [], "baskets": [basket(number * 10)], **changes,
    }  # fmt: skip


def event(number: int = 33, **changes: Any) -> dict[str, Any]:
    return {
        "id": number, "is_active": 1, "name": "Концерт", "currency_id": "RUB", "place_name": "Клуб",
        "place_address": "", "city_id": 2, "city": {"id": 2, "name": "Орёл", "timezone": "Europe/Moscow"},
        "created_at": "2026-10-01T10:00:00+03:00", "updated_at": "2026-10-02T10:00:00+03:00", "deleted_at": None,
        "shows": [{"id": 70, "name": "", "is_active": 1, "start_date": "2026-12-01T19:00:00+03:00",
                   "min_price": 900, "max_price": 1500.5, "scheme_properties": {"seats": {"A": {"x": 1}}}}],
        **changes,
    }  # fmt: skip


def page(records: list[dict[str, Any]], total: int | None = None, per_page: int = 50, number: int = 1) -> bytes:
    paging = {"perPage": per_page, "currentPage": number, "total": len(records) if total is None else total}
    return json.dumps({"data": records, "paging": paging}).encode()
