"""Optional datasets against the sandbox, and what happens where the API refuses them."""

import json

import pytest
from api_sandbox.qtickets.payloads import barcodes_payload
from api_sandbox.qtickets.seats import seats_payload
from qtickets_api.optional.load import count_barcodes, inventory_row
from qtickets_api.optional.records import Seat
from zakaz_common.http import TransientError
from zakaz_common.moscow import now_moscow

pytestmark = pytest.mark.patient

ALL = "inventory,discounts,promo_codes,color_themes,barcodes"


@pytest.fixture
def full(loader):
    return loader.having(qtickets_optional_datasets=ALL)


def open_shows(season):
    since = now_moscow().timestamp() - 2 * 86400
    return {s.id: s for s in season.shows.values() if s.deleted_at is None and s.finishes_at >= since}


def test_the_optional_datasets_equal_the_source_and_are_not_written_twice(full, api):
    season = api.season
    assert full.run() == 0
    shows = open_shows(season)
    assert shows
    places = {}
    for show in shows.values():
        names = ["free_quantity", "ordered_quantity", "payed_quantity", "max_quantity", "disabled"]
        seats = [s for s in seats_payload(season, show, names).values() if not s["disabled"]]
        places[show.event_id, show.id] = tuple(
            sum(s[name] for s in seats)
            for name in ("max_quantity", "free_quantity", "payed_quantity", "ordered_quantity")
        )
    sql = "SELECT event_id, show_id, tickets_total, tickets_available, tickets_sold, tickets_reserved"
    found = {row[:2]: row[2:] for row in full.rows(f"{sql} FROM zakaz.stg_qtickets_inventory FINAL")}
    assert found == places
    latest = "SELECT event_id, show_id, tickets_total, tickets_available, tickets_sold"
    found = {row[:2]: row[2:] for row in full.rows(f"{latest} FROM zakaz.fact_qtickets_inventory_latest FINAL")}
    assert found == {key: value[:3] for key, value in places.items()}
    barcodes = {
        (s.event_id, s.id): (len(b), sum(x["checked_at"] is not None for x in b))
        for s in shows.values()
        for b in [barcodes_payload(season, s.id)]
    }
    counts = "SELECT event_id, show_id, barcodes_total, barcodes_checked FROM zakaz.stg_qtickets_barcodes FINAL"
    assert {row[:2]: row[2:] for row in full.rows(counts)} == barcodes
    discounts = "SELECT discount_id, name, kind, value FROM zakaz.stg_qtickets_discounts FINAL"
    # Recorded answers do not say how large the reduction is.
    assert sorted(full.rows(discounts)) == sorted((d.id, d.name, "P", None) for d in season.discounts)
    codes = "SELECT promo_code_id, discount_id, code FROM zakaz.stg_qtickets_promo_codes FINAL"
    assert sorted(full.rows(codes)) == sorted((d.id, d.rule_id, d.code) for d in season.promo_codes)
    assert full.one("SELECT count() FROM zakaz.stg_qtickets_color_themes FINAL") == 6
    assert json.loads(full.one("SELECT any(colors) FROM zakaz.stg_qtickets_color_themes FINAL"))["text"] == "#ffffff"
    assert full.run() == 0
    assert full.last_run("rows_written") == (0,)


@pytest.mark.parametrize(
    ("route", "status", "dataset"),
    [("*/discounts", 403, "discounts"), ("*/seats", 404, "inventory"),
     pytest.param("*/barcodes", 403, "barcodes", marks=pytest.mark.slow),
     pytest.param("*/promo-codes", 503, "promo_codes", marks=pytest.mark.slow)],
)  # fmt: skip
def test_a_refused_dataset_is_skipped_with_its_reason(full, api, capsys, route, status, dataset):
    api.inject("status", route=route, times=0, status=status)
    assert full.run() == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(last["skipped"]) == [dataset]
    assert str(status) in last["skipped"][dataset]
    full.assert_equal_to(api.season)


def test_orders_and_events_are_not_optional(full, api):
    api.inject("status", route="*/events", times=0, status=403)
    assert full.run() == 78


def test_a_deadline_in_an_optional_dataset_keeps_the_sales(full, api):
    api.inject("status", route="*/seats", times=0, status=429, retry_after=100_000)
    assert full.run() == 0
    assert full.last_run("status") == ("success",)
    full.assert_equal_to(api.season)


def test_disabled_seats_are_not_for_sale():
    seats = {
        "a": Seat(max_quantity=1, free_quantity=1, price=900.0),
        "b": Seat(max_quantity=1, free_quantity=0, payed_quantity=1, price=500.0),
        "c": Seat(max_quantity=50, free_quantity=20, ordered_quantity=3, payed_quantity=27, price=None),
        "d": Seat(max_quantity=1, free_quantity=1, disabled=True, price=1.0),
    }
    row = inventory_row(1, 2, seats.values(), now_moscow(), lambda _: pytest.fail)
    assert row[2:8] == (52, 21, 28, 3, 500_00, 900_00)


def test_a_hall_without_seats_is_passed_over(full, api):
    api.inject("edit", route="*/seats", times=0, edits=[{"path": "data", "value": []}])
    assert full.run() == 0
    assert full.one("SELECT count() FROM zakaz.stg_qtickets_inventory FINAL") == 0


def test_one_odd_seat_costs_no_hall(full, api):
    api.inject("edit", route="*/seats", nth=1, edits=[{"path": "data.*.price", "value": "free"}])
    assert full.run() == 0
    assert full.one("SELECT count() FROM zakaz.stg_qtickets_inventory FINAL WHERE min_price IS NULL") == 1
    assert full.rows("SELECT dataset, json_path FROM meta.degraded_fields") == [("inventory", "$.data[].price")]


def test_a_hall_without_quantities_costs_no_other_hall(full, api):
    api.inject("edit", route="*/seats", nth=1, edits=[{"path": "data.*.max_quantity", "value": None}])
    assert full.run() == 0
    (rejected,) = full.rows("SELECT dataset, json_path FROM meta.rejected_records")
    assert rejected == ("inventory", "$.data[].max_quantity")
    assert full.one("SELECT count() FROM zakaz.stg_qtickets_inventory FINAL") == len(open_shows(api.season)) - 1


def test_places_that_are_sent_without_quantities_everywhere_are_skipped(full, api, capsys):
    api.inject("edit", route="*/seats", times=0, edits=[{"path": "data.*.max_quantity", "value": None}])
    assert full.run() == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["skipped"] == {"inventory": "the seats come without quantities"}


@pytest.mark.parametrize("odd", ["many", 2**63 - 1])
def test_places_that_cannot_be_counted_are_rejected_by_show(full, api, odd):
    api.inject("edit", route="*/seats", nth=1, edits=[{"path": "data.*.max_quantity", "value": odd}])
    assert full.having(loader_max_rejected_ratio=0.4).run() == 0
    ((dataset, path),) = full.rows("SELECT dataset, json_path FROM meta.rejected_records")
    assert (dataset, path) == ("inventory", "$.data[0].max_quantity")
    assert full.one("SELECT count() FROM zakaz.stg_qtickets_inventory FINAL") > 0


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        (b'[{"checked_at": "2026-11-01"}, {"checked_at": null}, {}]', (3, 1)),
        (b'[{"checked_at": 5}, "barcode", null]', (1, 1)),
        (b'[{"name": "\\ud83d", "checked_at": "x"}]', (1, 1)),
    ],
)
def test_barcodes_are_counted_whatever_stands_between_them(body, counted):
    assert count_barcodes(body) == counted


@pytest.mark.parametrize("body", [b"null", b"5", b'"x"', b'{"data": [{"checked_at": null}]}', b'["123", "456"]'])
def test_what_is_no_list_of_barcodes_is_not_counted_as_none(body):
    with pytest.raises(TransientError):
        count_barcodes(body)


def test_an_answer_that_is_no_list_of_barcodes_costs_the_counts_alone(full, api):
    api.inject("status", route="*/barcodes", times=0, status=200, body=None)
    assert full.run() == 0
    full.assert_equal_to(api.season)
    assert full.one("SELECT count() FROM zakaz.stg_qtickets_barcodes FINAL") == 0


def test_colours_of_a_theme_are_kept_as_text(full, api):
    """However long they are: cut, they would be no JSON."""
    odd = ["\u202e", "#ffffff" * 500]
    api.inject("edit", route="*/color-themes", nth=1, edits=[{"path": "data.0.colors", "value": odd}])
    assert full.run() == 0
    stored = "SELECT colors FROM zakaz.stg_qtickets_color_themes FINAL ORDER BY length(colors) DESC LIMIT 1"
    assert json.loads(full.one(stored))[1] == odd[1]
    assert "\u202e" not in full.one(stored)
