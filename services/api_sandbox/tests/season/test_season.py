"""The generated season: the same every time, plausible, and holding every case the loaders must survive."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_sandbox.qtickets.payloads import order_payload
from api_sandbox.season.cities import CITIES, city_key, resolve_utm_city
from api_sandbox.season.generator import CITY_ALIASES, Season
from api_sandbox.season.moscow_time import DAY, day_of, day_start
from api_sandbox.season.truth import roi
from api_sandbox.testing import make_season

END = date(2026, 11, 20)
SOURCE = Path(__file__).resolve().parents[2] / "src"


def fingerprint(season: Season) -> str:
    """Everything both APIs would answer, as one hash."""
    digest = hashlib.sha256()
    for order in season.orders.values():
        digest.update(msgspec.json.encode(order_payload(season, order)))
    for account in season.accounts:
        digest.update(repr(account).encode())
    digest.update(repr(season.events).encode())
    return digest.hexdigest()


def make(seed: int = 1, orders: int = 800, **more: object) -> Season:
    return make_season(seed=seed, orders=orders, season_end=END, season_days=60, **more)


def test_same_inputs_same_season_in_another_process() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/season'); "
        "from test_season import fingerprint, make; print(fingerprint(make()))"
    )
    # Another hash seed: iteration over a set or hash() of a text would show here.
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(SOURCE)}
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=SOURCE.parent, env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == fingerprint(make())


def test_another_seed_is_another_season() -> None:
    assert fingerprint(make(seed=2)) != fingerprint(make(seed=1))


def test_vk_scale_does_not_change_events() -> None:
    assert repr(make().events.keys()) == repr(make(vk_accounts=3, vk_banners=300).events.keys())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 400), st.integers(15, 90))
def test_every_season_keeps_the_documented_shape(seed: int, orders: int, days: int) -> None:
    season = make_season(seed=seed, orders=orders, season_end=END, season_days=days)
    assert len(season.orders) == orders
    first, last = day_start(season.first_day), day_start(END) + DAY - 1
    assert list(season.orders) == sorted(season.orders)
    created = [order.created_at for order in season.orders.values()]
    assert created == sorted(created)
    for order in season.orders.values():
        assert order.payed is (order.deleted_at is None)
        assert order.payed is (order.payed_at is not None)
        assert first - 300 <= order.created_at <= order.updated_at <= last
        assert {ticket.show_id for ticket in order.tickets} == {order.tickets[0].show_id}
        assert season.shows[order.tickets[0].show_id].event_id == order.event_id
        for ticket in order.tickets:
            assert 0 <= ticket.price <= ticket.original_price
            assert ticket.refunded_amount is None or 0 <= ticket.refunded_amount <= ticket.price
            assert ticket.updated_at <= order.updated_at


@pytest.mark.parametrize("seed", range(1, 7))
def test_every_refund_combination_occurs(seed: int) -> None:
    tickets = [t for o in make(seed, 160).orders.values() if o.payed for t in o.tickets]
    seen = {
        (
            t.refunded_at is not None,
            t.deleted_at is not None,
            t.refund_deduction is not None,
            t.refunded_amount is not None and 0 < t.refunded_amount < t.price,
            t.refunded_amount == 0,
        )
        for t in tickets
    }
    assert {
        (False, False, False, False, False),  # sold
        (False, True, False, False, False),  # taken out of a paid order
        (True, False, True, False, False),  # given back whole
        (True, False, True, True, False),  # with a deduction
        (True, False, False, True, False),  # with a deduction the API does not name
        (True, False, True, False, True),  # nothing given back
        (True, True, True, False, False),  # whole, and deleted
        (True, True, True, True, False),  # with a deduction, and deleted
    } <= seen


@pytest.mark.parametrize("seed", range(1, 7))
def test_days_with_only_ads_only_sales_and_spend_of_no_city(seed: int) -> None:
    rows = roi(make(seed, 2000))
    assert any(row.spend and not row.tickets_sold for row in rows if row.city != "unattributed")
    assert any(row.tickets_sold and not row.spend for row in rows)
    nowhere = sum(row.spend for row in rows if row.city == "unattributed")
    assert 0 < nowhere < sum(row.spend for row in rows) / 5
    assert {row.city for row in rows} - {"unattributed"} >= {city.key for city in CITIES[:6]}


@pytest.mark.parametrize("seed", range(1, 7))
def test_sales_follow_spend(seed: int) -> None:
    rows = [row for row in roi(make(seed, 3000)) if row.city != "unattributed"]
    spend = [row.spend for row in rows]
    revenue = [row.revenue for row in rows]
    mean_spend, mean_revenue = sum(spend) / len(rows), sum(revenue) / len(rows)
    together = sum((s - mean_spend) * (r - mean_revenue) for s, r in zip(spend, revenue, strict=True))
    apart = sum((s - mean_spend) ** 2 for s in spend) * sum((r - mean_revenue) ** 2 for r in revenue)
    assert together / apart**0.5 > 0.35
    assert 2 < sum(revenue) / sum(spend) < 9


def test_orders_stand_on_both_sides_of_midnight() -> None:
    payed = [(o.created_at, o.payed_at) for o in make(orders=1500).orders.values() if o.payed_at]
    assert any((first + 3 * 3600) % DAY == DAY - 1 for first, _ in payed), "created in the last second of a day"
    assert any((paid + 3 * 3600) % DAY == 0 for _, paid in payed), "paid in the first second of a day"
    assert sum(day_of(first) != day_of(paid) for first, paid in payed) >= 3, "created one day and paid the next"


def test_one_city_is_spelt_differently_from_event_to_event() -> None:
    season = make_season(seed=1, orders=10, season_end=END, season_days=400)
    spellings: dict[str, set[str]] = {}
    for event in season.events.values():
        spellings.setdefault(city_key(event.city_raw), set()).add(event.city_raw)
    assert set(spellings) == {city.key for city in CITIES}
    assert {"Орёл", "Орел"} <= spellings["орел"]
    assert any(raw != raw.strip() for raws in spellings.values() for raw in raws)


def test_every_hand_written_city_is_resolved() -> None:
    for city in CITIES:
        for spelling in city.utm_spellings:
            assert resolve_utm_city(spelling) == city.key, spelling
    assert resolve_utm_city("retarget") is None
    assert {"moskva": "москва", "spb": "санкт-петербург", "tomsk": "томск"}.items() <= CITY_ALIASES.items()


def test_utm_of_orders_names_banners_cities_or_nothing() -> None:
    season = make()
    banners = {number for account in season.accounts for number in account.banners}
    contents = [(order.utm or {}).get("utm_content", "") for order in season.orders.values()]
    automatic = {int(text) for text in contents if text.isdecimal()}
    assert automatic and automatic <= banners
    assert any("_" in text and resolve_utm_city(text.rsplit("_", 2)[0]) for text in contents)
    assert sum(order.utm is None for order in season.orders.values()) > 50


def test_personal_data_is_generated_unique_and_nobodys() -> None:
    season = make()
    people = [season.client(number) for number in season.client_ids()]
    assert len({person.email for person in people}) == len(people)
    assert all(person.email.endswith("@example.com") and person.phone.startswith("+7000") for person in people)
    strings = set(season.personal_data())
    assert {people[0].email, people[-1].phone, people[0].surname} <= strings
    assert len({text for text in strings if len(text) == 12 and text.isdecimal()}) >= sum(
        len(order.tickets) for order in season.orders.values()
    )


def test_wrong_numbers_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="season_days >= 15"):
        make_season(seed=1, orders=1, season_end=END, season_days=3)


def test_season_covers_its_days() -> None:
    season = make()
    assert season.first_day == END - timedelta(days=59)
    days = {day for account in season.accounts for banner in account.banners.values() for day in banner.days}
    assert season.first_day <= min(days) and max(days) == END
