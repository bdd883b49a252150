"""The truth against a second computation, from what the APIs answer over the wire."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import Caller

from api_sandbox.season.records import Ticket
from api_sandbox.season.sales import landing_utm
from api_sandbox.season.truth import banner_cities, roubles, ticket_revenue
from api_sandbox.testing import make_season

MOSCOW = timezone(timedelta(hours=3))
# What the README lists, written out once more: the test must not borrow the generator's table.
ALIASES = {
    "moskva": "москва",
    "msk": "москва",
    "spb": "санкт-петербург",
    "sankt-peterburg": "санкт-петербург",
    "tomsk": "томск",
    "kazan": "казань",
    "orel": "орел",
    "nizhniy novgorod": "нижний новгород",
    "rostov-na-donu": "ростов-на-дону",
    "ekaterinburg": "екатеринбург",
    "ekb": "екатеринбург",
}


def ticket(**fields: int | None) -> Ticket:
    return Ticket(1, 1, "A;1", "A", 100_000, 10_000, 0, 0, 0, **fields)


@pytest.mark.parametrize(
    ("fields", "earned"),
    [
        ({}, 90_000),
        ({"deleted_at": 5}, 0),
        ({"refunded_at": 5, "refunded_amount": 90_000, "refund_deduction": 0}, 0),
        ({"refunded_at": 5, "refunded_amount": 80_000, "refund_deduction": 10_000}, 10_000),
        ({"refunded_at": 5, "refunded_amount": 80_000, "refund_deduction": None}, 10_000),
        ({"refunded_at": 5, "refunded_amount": 0, "refund_deduction": 90_000}, 90_000),
        ({"refunded_at": 5, "refunded_amount": None}, 90_000),
        ({"refunded_at": 5, "refunded_amount": 80_000, "deleted_at": 5}, 10_000),
        ({"refunded_at": 5, "refunded_amount": 90_000, "deleted_at": 5}, 0),
        ({"refunded_at": 5, "refunded_amount": None, "refund_deduction": 10_000, "deleted_at": 5}, 10_000),
        ({"refunded_at": 5, "refunded_amount": None, "deleted_at": 5}, 0),
    ],
)
def test_revenue_of_a_paid_ticket(fields: dict[str, int | None], earned: int) -> None:
    assert ticket_revenue(ticket(**fields)) == earned


def test_roubles_are_exact_decimal_strings() -> None:
    assert [roubles(n) for n in (0, 5, 100, 123_456, -150)] == ["0.00", "0.05", "1.00", "1234.56", "-1.50"]


def key(raw: str) -> str:
    return raw.strip().lower().replace("ё", "е")


def written_city(text: str, cities: set[str]) -> str | None:
    for content in parse_qs(text).get("utm_content", []):
        parts = content.rsplit("_", 2)
        if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
            name = key(parts[0]).replace("_", " ")
            name = ALIASES.get(name, name)
            if name in cities:
                return name
    return None


def test_truth_equals_a_recomputation_over_the_wire(shared: Caller) -> None:
    events = {event["id"]: event for event in shared.all_rows("/events")}
    assert [] in [event["city"] for event in events.values()], "an event without a city sells nothing"
    cities = {key(event["city"]["name"]) for event in events.values() if event["city"]}
    orders = shared.all_rows("/orders")
    figures: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 5)
    of_banner: dict[str, str] = {}
    for order in orders:
        if not order["payed"]:
            continue
        city = key(events[order["event_id"]]["city"]["name"])
        day = datetime.fromisoformat(order["payed_at"]).astimezone(MOSCOW).date().isoformat()
        if order["utm"] and order["utm"].get("utm_content", "").isdecimal():
            of_banner[order["utm"]["utm_content"]] = city
        row = figures[day, city]
        baskets = order["baskets"]
        for basket in baskets if isinstance(baskets, list) else baskets.values():
            refunded = basket.get("refunded_at")
            if basket["deleted_at"] is None or refunded:
                row[1] += Decimal(str(basket["price"])) - Decimal(str(basket.get("refunded_amount") or 0))
            row[0] += basket["deleted_at"] is None and not refunded
    vendor = next(one.vendor for one in shared.sandbox.season.accounts if one.name == shared.sandbox.vk_clients[0][2])
    for client_id, secret, _ in shared.sandbox.vk_clients:
        token = shared.vk_grant(client_id=client_id, client_secret=secret).json()["access_token"]
        groups = {g["id"]: g for g in shared.vk_rows("ad_groups", token, fields="id,utm,enable_utm")}
        banners = shared.vk_rows("banners", token, fields="id,ad_group_id,urls")
        found = {}
        for banner in banners:
            group = groups[banner["ad_group_id"]]
            texts = (urlsplit(banner["urls"]["primary"]["url"]).query, group["utm"] if group["enable_utm"] else "")
            written = next((c for text in texts if (c := written_city(text, cities))), "unattributed")
            found[banner["id"]] = of_banner.get(str(banner["id"]), written)
        season = shared.sandbox.season
        for item in shared.vk(
            "statistics/banners/day.json",
            token,
            id=",".join(str(banner["id"]) for banner in banners),
            date_from=season.first_day,
            date_to=season.season_end,
        ).json()["items"]:
            for day in item["rows"]:
                row = figures[day["date"], found[item["id"]]]
                row[2] += day["base"]["shows"]
                row[3] += day["base"]["clicks"]
                row[4] += Decimal(day["base"]["spent"])
    expected = {place: row for place, row in figures.items() if any(row)}
    truth = {
        (row["d"], row["city"]): [
            Decimal(row["tickets_sold"]),
            Decimal(row["revenue"]),
            Decimal(row["impressions"]),
            Decimal(row["clicks"]),
            Decimal(row["spend"]),
        ]
        for row in shared.sandbox.roi(advertising=[vendor])
    }
    assert truth == expected
    assert len({city for _, city in truth}) >= 6


def test_some_banners_are_known_only_from_orders(shared: Caller) -> None:
    """The share setting must make a case that a UTM-only attribution would get wrong."""
    season = shared.sandbox.season
    cities = banner_cities(season)
    assert any(
        cities[banner.id] != "unattributed" and "utm_content" not in banner.url
        for account in season.accounts
        for banner in account.banners.values()
        if "{{banner_id}}" in account.groups[banner.group_id].utm
    )


def test_orders_of_another_source_with_the_number_of_a_banner_tell_nothing_of_it() -> None:
    season = make_season(seed=1, orders=300, season_days=40)
    before = banner_cities(season)
    sold = {
        int(content) for o in season.orders.values() if (content := (o.utm or {}).get("utm_content", "")).isdecimal()
    }
    account, banner = next(
        (account, banner)
        for account in season.accounts
        for banner in account.banners.values()
        if banner.id in sold and before[banner.id] != "unattributed"
    )
    strangers = [o for o in season.orders.values() if season.events[o.event_id].city.key != before[banner.id]]
    for order in strangers:
        order.utm, order.payed = {"utm_source": "leaflet", "utm_content": str(banner.id)}, True
    assert banner_cities(season)[banner.id] == before[banner.id]
    for order in strangers:
        order.utm = landing_utm(account, banner)
    assert banner_cities(season)[banner.id] != before[banner.id]
