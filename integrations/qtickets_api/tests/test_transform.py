from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payloads import basket, event, order, page
from qtickets_api import transform
from qtickets_api.paging.pages import decode_events, decode_orders
from qtickets_api.rows.events import event_family
from qtickets_api.transform import order_family, revenue
from zakaz_common.city import CityDirectory
from zakaz_common.columns import row_count
from zakaz_common.moscow import MOSCOW

FETCHED = datetime(2026, 11, 20, tzinfo=MOSCOW)
SCAN = int(FETCHED.timestamp())


def family_of(*orders):
    decoded = decode_orders(page(list(orders)))
    assert decoded.rejected == []
    return order_family(decoded.records, SCAN)


def read(columns):
    """The only row, as a person reads it: money in roubles, moments and days as such."""
    found = {name: value for name, (value,) in columns.items()}
    for name, value in found.items():
        if value is None:
            continue
        if name in transform.MONEY:
            found[name] = Decimal(value) / 100
        elif name.endswith("_at"):
            found[name] = datetime.fromtimestamp(value, MOSCOW)
        elif name.endswith("_date"):
            found[name] = date.fromordinal(date(1970, 1, 1).toordinal() + value)
    return found


def one_order(**changes):
    return read(family_of(order(**changes)).parents)


def one_ticket(order_changes=None, **changes):
    found = family_of(order(**(order_changes or {}), baskets=[basket(**changes)]))
    assert found.rejected == []
    return read(found.children)


def one_event(aliases=None, **changes):
    decoded = decode_events(page([event(**changes)]))
    assert decoded.rejected == []
    return read(event_family(decoded.records, CityDirectory(aliases or {}), SCAN).parents)


def rejection(*orders):
    decoded = decode_orders(page(list(orders)))
    rejected = decoded.rejected + order_family(decoded.records, SCAN).rejected
    assert len(rejected) == 1
    return rejected[0]


D = Decimal
REVENUE = [
    # paid, deleted, refunded, refunded_amount, deduction → sold, net (price 900)
    (True, False, False, None, None, True, "900"),
    (True, False, True, "900", None, False, "0"),
    (True, False, True, "800", "100", False, "100"),
    (True, False, True, "0", "900", False, "900"),
    (True, False, True, None, None, False, "900"),
    (True, False, True, None, "100", False, "900"),
    (True, True, False, None, None, False, "0"),
    (True, True, False, None, "100", False, "0"),
    (True, True, True, "900", None, False, "0"),
    (True, True, True, "800", "100", False, "100"),
    (True, True, True, "800", None, False, "100"),
    (True, True, True, "0", "900", False, "900"),
    (True, True, True, None, None, False, "0"),
    (True, True, True, None, "100", False, "100"),
    (False, False, False, None, None, False, "0"),
    (False, True, False, None, None, False, "0"),
    (False, False, True, "800", "100", False, "0"),
    (False, True, True, "800", "100", False, "0"),
]


@pytest.mark.parametrize(("paid", "deleted", "refunded", "amount", "deduction", "sold", "net"), REVENUE)
def test_revenue_of_every_combination(paid, deleted, refunded, amount, deduction, sold, net):
    found = revenue(
        paid=paid, deleted=deleted, refunded=refunded, price=900,
        refunded_amount=None if amount is None else int(amount),
        deduction=None if deduction is None else int(deduction),
    )  # fmt: skip
    assert found == (sold, int(net))


MOMENT = "2026-11-05T10:00:00+03:00"


@pytest.mark.parametrize(
    ("changes", "sold", "net"),
    [
        ({}, 1, "900.00"),
        ({"refunded_at": MOMENT, "refunded_amount": 900}, 0, "0.00"),
        ({"refunded_amount": 800}, 0, "100.00"),  # the amount alone tells a refund
        ({"refunded_amount": 0}, 1, "900.00"),  # nothing was refunded
        ({"refunded_at": MOMENT, "refunded_amount": 0}, 0, "900.00"),
        ({"deleted_at": MOMENT}, 0, "0.00"),
        ({"deleted_at": MOMENT, "refunded_amount": 800.5, "refunded_deduction_amount": 99.5}, 0, "99.50"),
    ],
)
def test_a_ticket_is_sold_and_earns_by_its_fields(changes, sold, net):
    ticket = one_ticket(**changes)
    assert (ticket["is_sold"], ticket["net_revenue"]) == (sold, D(net))


def test_a_deleted_order_deletes_its_tickets():
    ticket = one_ticket({"deleted_at": MOMENT})
    assert (ticket["is_sold"], ticket["net_revenue"], ticket["deleted_at"]) == (0, 0, datetime.fromisoformat(MOMENT))


@pytest.mark.parametrize(
    ("payed_at", "created_at", "day"),
    [
        ("2026-01-31T23:59:59+03:00", "2026-01-30T10:00:00+03:00", date(2026, 1, 31)),
        ("2026-02-01T00:00:00+03:00", "2026-01-30T10:00:00+03:00", date(2026, 2, 1)),
        ("2026-01-31T22:30:00Z", "2026-01-30T10:00:00+03:00", date(2026, 2, 1)),
        ("2026-02-01T03:30:00+07:00", "2026-01-30T10:00:00+03:00", date(2026, 1, 31)),
        (None, "2026-01-31T22:30:00Z", date(2026, 2, 1)),
    ],
)
def test_a_sale_belongs_to_the_moscow_day_of_its_payment(payed_at, created_at, day):
    assert one_ticket({"payed_at": payed_at, "created_at": created_at})["sale_date"] == day


def test_moments_are_kept_as_moscow_time_whatever_their_offset():
    found = one_order(updated_at="2026-11-01T07:05:00.900Z")
    assert found["updated_at"] == datetime(2026, 11, 1, 10, 5, tzinfo=MOSCOW)
    assert found["updated_at"].utcoffset() == datetime(2026, 1, 1, tzinfo=MOSCOW).utcoffset()
    assert found["_ver"] == SCAN << 32 | int(datetime(2026, 11, 1, 7, 5, tzinfo=UTC).timestamp())


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_money_is_exact_to_the_kopeck(kopecks):
    text = f"{'-' if kopecks < 0 else ''}{abs(kopecks) // 100}.{abs(kopecks) % 100:02d}"
    body = page([order(price=0)]).replace(b'"price": 0', f'"price": {text}'.encode(), 1)
    assert order_family(decode_orders(body).records, SCAN).parents["price"] == [kopecks]


NO_AMOUNT = ["1e20", '"NaN"', '"Infinity"', '"-Infinity"', "null", '"1,500"', '""', "[]", "true", "1e400"]


@pytest.mark.parametrize("price", NO_AMOUNT)
def test_an_amount_of_a_ticket_that_is_none_is_rejected_with_its_place(price):
    body = page([order(baskets=[basket(5), basket(6, price=7777)])])
    decoded = decode_orders(body.replace(b'"price": 7777', f'"price": {price}'.encode()))
    found = order_family(decoded.records, SCAN)
    assert row_count(found.parents) == row_count(found.children) == 0
    assert [(r.key, r.path) for r in decoded.rejected + found.rejected] == [("1", "$.baskets[1].price")]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"payed": "yes"}, "$.payed"),
        ({"payed": None}, "$.payed"),
        ({"id": 0}, "$.id"),
        ({"event_id": "33"}, "$.event_id"),
        ({"created_at": "0000-00-00 00:00:00"}, "$.created_at"),
        ({"created_at": "2026-11-01T10:00:00"}, "$.created_at"),
        ({"created_at": "2300-01-01T00:00:00+03:00"}, "$.created_at"),
        ({"payed_at": "yesterday"}, "$.payed_at"),
        ({"deleted_at": 5}, "$.deleted_at"),
        ({"currency_id": ""}, "$.currency_id"),
        ({"baskets": None}, "$.baskets"),
        ({"baskets": [basket(price="free")]}, "$.baskets[0].price"),
        ({"baskets": [basket(10), basket(11, quantity=2)]}, "$.baskets[1].quantity"),
        ({"baskets": [basket(refunded_amount="much")]}, "$.baskets[0].refunded_amount"),
        ({"baskets": [basket(refunded_deduction_amount=[])]}, "$.baskets[0].refunded_deduction_amount"),
        ({"baskets": [basket(deleted_at="0000-00-00 00:00:00")]}, "$.baskets[0].deleted_at"),
        ({"baskets": [basket(10), basket(0)]}, "$.baskets[1].id"),
        ({"baskets": [basket(10), "ticket"]}, "$.baskets[1]"),
    ],
)
def test_a_wrong_field_rejects_the_order_whole_and_names_its_place(changes, path):
    assert rejection(order(**changes)).path == path


@pytest.mark.parametrize("field", ["payed", "created_at", "event_id", "baskets", "currency_id"])
def test_a_missing_required_field_is_rejected(field):
    broken = order()
    del broken[field]
    found = rejection(broken)
    assert field in found.reason
    assert found.key == "1"


def test_a_reason_shows_no_value_of_the_record():
    found = rejection(order(currency_id="buyer@example.com"))
    assert "buyer" not in found.reason + found.path + found.key


def test_a_bad_order_does_not_take_the_good_ones_along():
    decoded = decode_orders(page([order(1), order(2, payed=None), order(3)]))
    assert [o.id for o in decoded.records] == [1, 3]
    assert [r.key for r in decoded.rejected] == ["2"]
    assert decoded.ids == [1, 2, 3]


@pytest.mark.parametrize("utm", [[], {}, None, {"utm_source": None}, {"utm_source": []}])
def test_an_empty_utm_in_every_spelling(utm):
    found = one_order(utm=utm)
    assert [found[f"utm_{n}"] for n in ("source", "medium", "campaign", "content", "term")] == [""] * 5


def test_utm_is_cleaned_and_split():
    found = one_order(
        utm={"utm_source": " Telegram_ADS", "utm_campaign": 77, "utm_content": "%D0%BE%D1%80%D1%91%D0%BB_05_10"}
    )
    assert (found["utm_source"], found["utm_campaign"], found["utm_content"]) == ("telegram_ads", "77", "орёл_05_10")


def test_baskets_may_come_as_an_object():
    assert row_count(family_of(order(baskets={"3": basket(5), "7": basket(6)})).children) == 2
    assert row_count(family_of(order(baskets=[])).children) == 0


def test_a_payment_type_is_kept_when_it_is_a_number():
    assert one_order(payment_type_id=36)["payment_type_id"] == 36
    assert one_order(payment_type_id="36")["payment_type_id"] == 36
    for word in ("card", "1" * 20, 10**40, -1, None):
        assert one_order(payment_type_id=word)["payment_type_id"] is None


def test_of_two_versions_of_an_order_in_a_batch_only_the_newer_and_its_tickets_count():
    newer = order(1, updated_at="2026-11-02T10:00:00+03:00", baskets=[basket(11)])
    older = order(1, updated_at="2026-11-01T10:00:00+03:00", baskets=[basket(11), basket(12)])
    for both in ([newer, older], [older, newer]):
        found = family_of(*both)
        assert list(found.children["ticket_id"]) == [11]
        assert row_count(found.parents) == 1


def test_new_fields_change_nothing():
    plain, extended = order(), order(brand_new={"a": [1]}, baskets=[basket(10, brand_new=1)])
    assert family_of(plain) == family_of(extended)


def test_no_row_holds_personal_data():
    found = family_of(order(baskets=[basket(1), basket(2)]))
    text = repr(found)
    for secret in ("buyer", "example", "70000", "1234", "secret", "seat", "Ряд"):
        assert secret not in text


@pytest.mark.parametrize(
    ("name", "aliases", "city"),
    [
        ("Орёл", {}, "орел"),
        (" Нижний Новгород ", {}, "нижний новгород"),
        ("СПб", {"спб": "санкт-петербург"}, "санкт-петербург"),
        ({"en": "Tula", "ru": "Тула"}, {}, "тула"),
        ("", {}, "unattributed"),
    ],
)
def test_the_city_of_an_event(name, aliases, city):
    found = one_event(aliases, city={"id": 2, "name": name, "timezone": "Europe/Moscow"})
    assert found["city"] == city


@pytest.mark.parametrize("city", [[], None])
def test_an_event_without_a_city_is_unattributed(city):
    found = one_event(city=city)
    assert (found["city"], found["city_raw"], found["timezone"]) == ("unattributed", "", "")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Концерт ", "Концерт"), ({"ru": "Концерт", "en": "Gig"}, "Концерт"), ({"en": "Gig"}, "Gig"), ({}, "")],
)
def test_the_name_of_an_event(name, shown):
    assert one_event(name=name)["name"] == shown


def test_an_event_without_updated_at_has_the_version_of_its_fetch_and_stable_content():
    found = one_event(updated_at=None)
    assert found["_ver"] == SCAN << 32 | SCAN
    assert found["updated_at"] == found["created_at"]


def test_shows_keep_their_times_and_prices():
    found = read(event_family(decode_events(page([event()])).records, CityDirectory({}), SCAN).children)
    assert found["starts_at"] == datetime(2026, 12, 1, 19, tzinfo=MOSCOW)
    assert found["finishes_at"] is None
    assert (found["min_price"], found["max_price"]) == (D("900.00"), D("1500.50"))
    assert (found["event_id"], found["show_id"], found["timezone"]) == (33, 70, "Europe/Moscow")


def test_an_event_loads_whatever_its_shows_are():
    shows = [{"id": 1, "min_price": "free", "name": 5}, {"id": None, "name": "lost"}, {"id": 2, "max_price": 1.006}]
    decoded = decode_events(page([event(33), event(34, shows=shows, name=None, created_at="long ago")]))
    found = event_family(decoded.records, CityDirectory({}), SCAN)
    assert list(found.parents["event_id"]) == [33, 34]
    assert list(found.children["show_id"]) == [70, 1, 2]
    assert found.children["max_price"][2] == 101
    assert [(r.dataset, r.key, r.path) for r in decoded.rejected_parts] == [("shows", "34", "$.shows[1].id")]
    assert sorted(d.path for d in decoded.degraded + found.degraded) == [
        "$.created_at", "$.shows[0].name", "$.shows[id=1].min_price"
    ]  # fmt: skip


def test_of_two_states_of_an_event_with_one_time_the_later_read_counts():
    both = [event(name="раньше", shows=[{"id": 1}, {"id": 2}]), event(name="позже", shows=[{"id": 1}])]
    found = event_family(decode_events(page(both)).records, CityDirectory({}), SCAN)
    assert (list(found.parents["name"]), list(found.children["show_id"])) == (["позже"], [1])


def test_an_event_without_a_time_of_creation_has_that_of_its_last_change():
    assert one_event(created_at=None)["created_at"] == datetime(2026, 10, 2, 10, tzinfo=MOSCOW)
