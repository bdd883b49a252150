"""Records with one odd field each: a descriptive one costs no sale, an identity one costs this order alone."""

import json
import random
from collections import defaultdict
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payloads import basket, event, order, page
from qtickets_api import LOADER, load, mart
from qtickets_api.paging.pages import decode_events, decode_orders
from qtickets_api.paging.scan import Batch
from qtickets_api.records import Basket, Event, Order, Show
from qtickets_api.rows.events import event_family
from qtickets_api.sink import StagingSink
from qtickets_api.transform import order_family
from zakaz_common.city import CityDirectory
from zakaz_common.deadline import Deadline
from zakaz_common.ranks import ranks_of
from zakaz_common.run import RunContext, run_loader
from zakaz_common.settings import CommonSettings
from zakaz_common.testing import warehouse_engine
from zakaz_common.warehouse import Warehouse

SCAN = 1_795_000_000
D = Decimal
TEXT = {"a\ud83d", "x\x00", "\u202e1", "й" * 65_536, "\x07"}

DESCRIPTIVE = {
    "updated_at": ["long ago", 5, "0000-00-00 00:00:00", "2300-01-01T00:00:00+03:00", []],
    "price": ["free", [], True, "1e99", "NaN"],
    "original_price": ["free", {}, False],
    "reserved": ["maybe", []],
    "payment_type_id": [[], 1.5],
    "discount_id": ["x", [1], 1.5, -1, 10**40],
    "promo_code_id": [{}, True, 2**63],
    "utm": ["text", 5, {"utm_source": ["x"]}, {"utm_campaign": "a\ud83d"}, {"utm_term": "\x00"}],
}
DESCRIPTIVE_OF_TICKET = {
    "show_id": ["x", 0, -1, []],
    "original_price": ["free", []],
    "discount_value": ["x", {}],
    "service_fee_amount": ["x", True],
}
IDENTITY = {
    "id": [None, 0, -5, "x", [], 1.5],
    "event_id": [None, 0, "x", {}],
    "payed": [None, "yes", 2, []],
    "created_at": [None, "yesterday", "2026-11-01T10:00:00", "0000-00-00 00:00:00", 1_793_520_000],
    "payed_at": ["soon", 5, [], "0001-01-01T00:00:00+03:00"],
    "deleted_at": ["never", False],
    "currency_id": [None, "", "roubles", 643, "RUB\n"],
    "baskets": [None, "none", 5],
}
IDENTITY_OF_TICKET = {
    "id": [None, 0, "x"],
    "quantity": [None, 2, 0, "x"],
    "price": [None, "free", "1,500", [], True, "NaN"],
    "deleted_at": ["never", 7],
    "refunded_at": ["never", 7],
    "refunded_amount": ["much", {}, -900, "-0.01"],
    "refunded_deduction_amount": ["some", []],
}


def test_every_field_of_an_order_is_in_one_of_these_tables():
    for kind, descriptive, identity in (
        (Order, DESCRIPTIVE, IDENTITY),
        (Basket, DESCRIPTIVE_OF_TICKET, IDENTITY_OF_TICKET),
    ):
        ranks = ranks_of(kind)
        assert {name for name, rank in ranks.items() if rank == "descriptive"} == set(descriptive)
        assert {name for name, rank in ranks.items() if rank == "identity"} == set(identity)


def sound(number: int, chance: random.Random) -> dict:
    tickets = [
        basket(number * 4 + place, price=chance.choice((390, 4, 1500.5, 0)), show_id=70)
        for place in range(chance.choice((1, 1, 2)))
    ]
    if chance.random() < 0.1:
        tickets[0] |= {"refunded_at": "2026-11-02T10:00:00+03:00", "refunded_amount": tickets[0]["price"]}
    day = f"2026-11-{chance.randint(1, 20):02d}T12:00:00+03:00"
    return order(
        number, event_id=33, baskets=tickets, payed_at=day, price=sum(t["price"] for t in tickets),
        original_price=1000 * len(tickets),
    )  # fmt: skip


def shown(orders: list[dict]) -> dict:
    """Day → tickets sold and revenue, from the payloads."""
    totals = defaultdict(lambda: [0, D(0)])
    for found in orders:
        for ticket in found["baskets"]:
            price, back = D(str(ticket["price"])), ticket.get("refunded_amount")
            entry = totals[found["payed_at"][:10]]
            entry[0] += back is None
            entry[1] += price - D(str(back or 0))
    return {day: tuple(value) for day, value in totals.items() if any(value)}


class Pages:
    """In place of the client: pages of 50, decoded as those of the API are."""

    by_number = False
    server_time = None

    def __init__(self, orders):
        self._orders, self.seen = orders, []

    def orders(self, window, after_id, before):
        return self

    def __iter__(self):
        for start in range(0, len(self._orders), 50):
            decoded = decode_orders(page(self._orders[start : start + 50]))
            yield Batch(decoded.records, decoded.rejected, 0, 0, degraded=decoded.degraded)


@pytest.fixture
def loaded(engine, tmp_path):
    """Loads orders through the whole loader, without the network; returns the run's context."""
    warehouse_engine.empty(engine)
    settings = CommonSettings(
        clickhouse_host="x", clickhouse_user="u", clickhouse_password="p", loader_state_dir=tmp_path,
        loader_max_rejected_ratio=1,
    )  # fmt: skip

    def go(orders) -> RunContext:
        contexts = []

        def work(context):
            contexts.append(context)
            sink = StagingSink(context)
            sink.events(event_family(decode_events(page([event(33)])).records, CityDirectory({}), SCAN))
            load.read_orders(context, Pages(orders), sink, window=None)
            mart.refresh_sales_and_events(context)

        warehouse = Warehouse.from_client(engine, Deadline(600))
        assert run_loader(LOADER, settings, work, version="0", warehouse=warehouse) == 0
        return contexts[0]

    return go


def with_one_fault(number, chance, of_order, of_ticket):
    """An order with one odd field, and the path of that field."""
    found = sound(number, chance)
    places = [(name, None) for name in of_order] + [(name, 0) for name in of_ticket]
    name, ticket = places[number % len(places)]
    values = (of_order if ticket is None else of_ticket)[name]
    (found if ticket is None else found["baskets"][0])[name] = values[number // len(places) % len(values)]
    return found, f"$.{name}" if ticket is None else f"$.baskets[0].{name}"


@pytest.mark.patient
def test_of_ten_thousand_orders_with_an_odd_detail_none_is_lost(engine, loaded):
    chance = random.Random(7)
    faulty = [with_one_fault(number, chance, DESCRIPTIVE, DESCRIPTIVE_OF_TICKET) for number in range(1, 10_001)]
    context = loaded([found for found, _ in faulty])
    rows = lambda sql: [tuple(row) for row in engine.query(sql).result_rows]  # noqa: E731
    assert rows("SELECT count() FROM zakaz.stg_qtickets_orders FINAL") == [(10_000,)]
    assert rows("SELECT count() FROM meta.rejected_records") == [(0,)]
    assert {str(d): (sold, money) for d, sold, money in rows(
        "SELECT d, sum(tickets_sold), sum(revenue) FROM bi.v_sales_daily GROUP BY d"
    )} == shown([found for found, _ in faulty])  # fmt: skip
    noted = dict(rows("SELECT json_path, sum(records) FROM meta.degraded_fields GROUP BY 1"))
    fields = {f"$.{name}" for name in DESCRIPTIVE} | {f"$.baskets[].{name}" for name in DESCRIPTIVE_OF_TICKET}
    assert fields <= {path.removesuffix(".utm_source") for path in noted} | {"$.utm"}
    assert sum(noted.values()) == context.fields_degraded >= 10_000


@pytest.mark.patient
def test_ten_thousand_orders_that_no_figure_can_use_are_named_and_nothing_else_is_lost(engine, loaded):
    chance = random.Random(8)
    faulty = [with_one_fault(number, chance, IDENTITY, IDENTITY_OF_TICKET) for number in range(1, 10_001)]
    fine = [sound(number, chance) for number in range(10_001, 12_001)]
    mixed = [found for found, _ in faulty]
    for place, found in enumerate(fine):
        mixed.insert(place * 6, found)
    loaded(mixed)
    rows = lambda sql: [tuple(row) for row in engine.query(sql).result_rows]  # noqa: E731
    assert rows("SELECT count() FROM zakaz.stg_qtickets_orders FINAL") == [(2_000,)]
    rejected = rows("SELECT json_path, count() FROM meta.rejected_records WHERE dataset = 'orders' GROUP BY 1")
    wanted = defaultdict(int)
    for _, path in faulty:
        wanted[path] += 1
    assert dict(rejected) == dict(wanted)
    keys = {int(key) for (key,) in rows("SELECT record_key FROM meta.rejected_records WHERE record_key NOT LIKE 'r%'")}
    assert keys == {f["id"] for f, _ in faulty if type(f["id"]) is int}
    assert {str(d): (sold, money) for d, sold, money in rows(
        "SELECT d, sum(tickets_sold), sum(revenue) FROM bi.v_sales_daily GROUP BY d"
    )} == shown(fine)  # fmt: skip


def tickets(*orders):
    decoded = decode_orders(page(list(orders)))
    assert decoded.rejected == []
    family = order_family(decoded.records, SCAN)
    assert family.rejected == []
    return family


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=8), st.sampled_from(["float", "text"]))
def test_float_noise_in_sums_costs_nothing(kopecks, form):
    """The order's price is the sum of its tickets as floats."""
    total = 0.0
    for amount in kopecks:
        total += amount / 100
    prices = [amount / 100 if form == "float" else f"{amount // 100}.{amount % 100:02d}" for amount in kopecks]
    baskets = [basket(at + 1, price=price, original_price=price) for at, price in enumerate(prices)]
    family = tickets(order(price=total, original_price=total, baskets=baskets))
    assert list(family.children["price"]) == kopecks
    assert list(family.parents["price"]) == [sum(kopecks)]
    assert family.degraded == []


@given(st.lists(st.tuples(st.integers(10, 10**8), st.booleans()), min_size=1, max_size=8))
def test_tickets_with_fractions_of_a_kopeck_sum_up_to_their_order(amounts):
    """Prices in thousandths of a rouble, some refunded whole: what a discount in per cent leaves."""
    baskets = [
        basket(at + 1, price=amount / 1000, **({"refunded_amount": amount / 1000} if refunded else {}))
        for at, (amount, refunded) in enumerate(amounts)
    ]
    total = sum(amount for amount, _ in amounts)
    family = tickets(order(price=total / 1000, original_price=1000 * len(amounts), baskets=baskets))
    exact = D(sum(amount for amount, refunded in amounts if not refunded)) / 10
    sold = family.children["net_revenue"]
    assert sum(sold) == int((exact + D("0.5")) // 1)
    assert sum(family.children["price"]) == family.parents["price"][0]
    assert not any(money for money, (_, refunded) in zip(sold, amounts, strict=True) if refunded)
    kept = sum(D(rest) / 10_000 for rest in family.children["revenue_remainder"])
    assert sum(sold) + kept == exact, "what rounding took is kept beside it"
    assert {d.path for d in family.degraded} <= {"$.baskets[].price", "$.baskets[].refunded_amount"}


@pytest.mark.parametrize(
    ("sent", "stored", "noted"),
    [
        (900, 90_000, []),
        (900.004, 90_000, []),
        (None, 90_000, []),
        ("free", 90_000, ["$.price"]),
        (1000, 100_000, ["$.price"]),
        (800, 80_000, ["$.price"]),
        ("1 000", 100_000, ["$.price"]),
    ],
)
def test_an_orders_own_price_is_stored_and_a_difference_is_noted(sent, stored, noted):
    family = tickets(order(price=sent))
    assert (list(family.parents["price"]), [d.path for d in family.degraded]) == ([stored], noted)


def test_an_order_without_its_price_has_that_of_its_tickets():
    found = order(baskets=[basket(1, price=4), basket(2, price=390.5)])
    del found["price"]
    assert list(tickets(found).parents["price"]) == [39_450]


def test_the_sum_of_the_originals_is_not_judged_where_one_is_unreadable():
    baskets = [basket(1, original_price=1000), basket(2, original_price="free")]
    family = tickets(order(price=1800, original_price=2000, baskets=baskets))
    assert [d.path for d in family.degraded] == ["$.baskets[].original_price"]
    assert list(family.parents["original_price"]) == [200_000]


def test_a_sign_that_the_source_sent_itself_is_no_broken_character():
    decoded = decode_orders(page([order(1, custom="\ufffd"), order(2, discount_id="x")]))
    assert [(d.key, d.path) for d in decoded.degraded] == [("2", "$.discount_id")]


SHAPES = [
    {"min_price": 390, "max_price": "1 500,5"},
    {
        "min_price": {"id": 7, "default_price": 390, "color_theme": "5", "modifiers": []},
        "max_price": {"default_price": "1500.5"},
    },
]


@pytest.mark.parametrize("prices", SHAPES)
def test_a_price_of_a_show_is_a_number_or_an_object(prices):
    family = event_family(decode_events(page([event(shows=[{"id": 1, **prices}])])).records, CityDirectory({}), SCAN)
    assert (list(family.children["min_price"]), list(family.children["max_price"])) == ([39_000], [150_050])
    assert family.degraded == []


ODD_EVENT = {
    "name": [5, [], "\ud83d", {"ru": 5, "en": []}],
    "is_active": ["yes", []], "created_at": ["long ago", 5], "updated_at": ["never", []],
    "deleted_at": [0, "x"], "currency_id": [5, []], "place_name": [5, "\x00"], "city_id": ["x", [], -1, 10**40],
    "city": ["Орёл", 5, {"name": 5}, {"id": -1, "name": 5}, {"name": "О\u202eрёл"}], "shows": [None, 5, "x"],
}  # fmt: skip
ODD_SHOW = {
    "name": [5, "\x07", {"ru": {"x": "y"}}],
    "is_active": ["yes"], "start_date": ["soon", 5], "finish_date": ["2300-01-01T00:00:00+03:00"],
    "min_price": ["free", [], {"default_price": "free"}, {"default_price": []}, True], "max_price": ["x"],
    "updated_at": [5], "deleted_at": ["x"],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in ODD_EVENT.items() for v in values])
def test_an_odd_detail_of_an_event_is_counted_and_the_event_loads(field, value):
    decoded = decode_events(page([event(33, **{field: value})]))
    family = event_family(decoded.records, CityDirectory({}), SCAN)
    assert list(family.parents["event_id"]) == [33]
    noted = {d.path for d in decoded.degraded + family.degraded}
    assert f"$.{field}" in noted or f"$.{field}.name" in noted


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in ODD_SHOW.items() for v in values])
def test_an_odd_detail_of_a_show_is_counted_and_the_show_loads(field, value):
    decoded = decode_events(page([event(33, shows=[{"id": 1, field: value}, {"id": 2}])]))
    family = event_family(decoded.records, CityDirectory({}), SCAN)
    assert list(family.children["show_id"]) == [1, 2]
    noted = {d.path.replace("id=1", "0").removesuffix(".default_price") for d in decoded.degraded + family.degraded}
    assert noted == {f"$.shows[0].{field}"}


def test_every_field_of_an_event_is_in_one_of_these_tables():
    assert set(ranks_of(Event)) == {"id", *ODD_EVENT}
    assert set(ranks_of(Show)) == {"id", *ODD_SHOW}


def test_a_byte_that_is_no_text_costs_its_own_parameter_alone():
    body = page([order(1, utm={"utm_source": "vk", "utm_term": "x"})]).replace(
        b'"utm_term": "x"', b'"utm_term": "\xff"'
    )
    family = order_family(decode_orders(body).records, SCAN)
    assert (list(family.parents["utm_source"]), list(family.parents["utm_term"])) == (["vk"], ["\ufffd"])
    assert [d.path for d in family.degraded] == ["$.utm.utm_term"]


@pytest.mark.parametrize("name", [{}, {"ru": ""}, {"ru": " "}, {"ru": None, "en": "Show"}])
def test_a_name_that_says_nothing_wrong_is_not_counted(name):
    assert event_family(decode_events(page([event(1, name=name)])).records, CityDirectory({}), SCAN).degraded == []


BROKEN = [b"\\ud83d", b"\\udc00x", b"\xff\xfe", b"a\x00b", b"a\nb"]


@pytest.mark.parametrize("piece", BROKEN)
@pytest.mark.parametrize("place", [b'"custom": "', b'"email": "', b'"utm_source": "', b'"uniqid": "'])
def test_a_broken_character_anywhere_costs_neither_its_order_nor_the_page(piece, place):
    odd = order(2, utm={"utm_source": "vk"}, custom="x", client={"email": "a"})
    body = page([order(1), odd, order(3)])
    at = body.index(place, body.index(b'"id": 2,'))
    decoded = decode_orders(body[: at + len(place)] + piece + body[at + len(place) :])
    family = order_family(decoded.records, SCAN)
    assert [found.id for found in decoded.records] == [1, 2, 3]
    assert (decoded.rejected, family.rejected) == ([], [])
    # What is ignored is not looked at, unless the page could not be read for it.
    if piece.startswith(b"\\u") or (place == b'"utm_source": "' and piece != b"a\nb"):
        noted = decoded.degraded + family.degraded
        assert {d.key for d in noted} == {"2"}


@pytest.mark.parametrize(
    ("paging", "size"),
    [({"perPage": "50", "currentPage": "1", "total": "2"}, 2), ({"perPage": 50.0, "currentPage": 1, "total": 2}, 2)],
)
def test_an_untidy_paging_costs_no_page(paging, size):
    body = json.dumps({"data": {"0": order(1), "3": order(2)}, "paging": paging}).encode()
    decoded = decode_orders(body)
    assert ([found.id for found in decoded.records], decoded.paging.total) == ([1, 2], size)


def test_a_context_of_a_bench_is_enough():
    """What benches give a read: no warehouse, nothing but these."""
    context = SimpleNamespace(
        read=lambda *_: None, degrade=lambda _: None, settings=SimpleNamespace(loader_batch_rows=100)
    )
    batches = []
    sink = SimpleNamespace(orders=batches.append, begin_orders=lambda _: SCAN)
    load.read_orders(context, Pages([order(1)]), sink, window=None)
    assert list(batches[0].parents["order_id"]) == [1]
