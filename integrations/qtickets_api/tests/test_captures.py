"""Recorded live answers through the whole loader: HTTP, decoding, staging, marts, views."""

import json
import operator
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from conftest import Loader
from qtickets_api import LOADER
from zakaz_common.moscow import MOSCOW
from zakaz_common.run_log import configure_logs
from zakaz_common.testing import warehouse_engine
from zakaz_common.testing.loader_contract import everything_in_clickhouse, found

CAPTURES = Path(__file__).parent / "captures"
ALL = "inventory,discounts,promo_codes,color_themes,barcodes"
RECORDED = datetime(2021, 7, 20, 12, tzinfo=MOSCOW)  # the orders were read then: every show is yet to end
_OPERATORS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_PREFIX = "/api/rest/v1/"
_PERSONAL = {
    "email", "phone", "surname", "name", "middlename", "client_email", "client_phone", "client_name", "client_surname",
    "payment_card_number", "payment_url", "cancel_url", "pdf_url", "passbook_url", "barcode", "uniqid",
}  # fmt: skip


def captured(name):
    return json.loads((CAPTURES / f"qtickets_{name}.json").read_text())


def shows_of(events):
    return {(event["id"], show["id"]): show for event in events for show in event["shows"]}


class Live:
    """Answers with the records as they were recorded, by the service's own rules of filters and pages."""

    LISTS: ClassVar = {"orders": 50, "events": 10, "discounts": 100, "promo-codes": 500}

    def __init__(self):
        self.rows = {name: captured(name.replace("-", "_"))["data"] for name in self.LISTS}
        self.asked = []

    def answer(self, path, body):
        """(status, document) of a GET with a JSON body."""
        self.asked.append(path)
        if path in self.LISTS:
            return 200, self.page(path, body)
        kind, _, rest = path.partition("/")
        if kind == "shows" and rest.endswith("/seats"):
            seat = {"max_quantity": 1, "free_quantity": 0, "ordered_quantity": 0, "payed_quantity": 1,
                    "disabled": False, "price": 390, "currency_id": "RUB"}  # fmt: skip
            return 200, {"data": {"zone-1;1": {name: seat[name] for name in body["select"]}}}
        if kind == "shows" and rest.endswith("/barcodes"):
            return 200, []
        if path == "color-themes":
            return 200, {"data": []}
        return 404, captured("error_404")

    def page(self, name, body):
        """Rows by conditions on columns that are never null: numbers, or times with one offset."""
        rows = self.rows[name]
        for condition in body.get("where", []):
            holds, column = _OPERATORS[condition["operator"]], condition["column"]
            rows = [row for row in rows if holds(row[column], condition["value"])]
        size, number = self.LISTS[name], body.get("page", 1)
        return {
            "data": rows[(number - 1) * size : number * size],
            "paging": {"perPage": size, "currentPage": number, "total": len(rows)},
        }


@contextmanager
def serving(live: Live) -> Iterator[str]:
    """A real server for it; yields the address of the API."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            status, document = live.answer(self.path.removeprefix(_PREFIX), body)
            sent = json.dumps(document, ensure_ascii=False).encode()
            self.send_response_only(status)
            self.send_header("Date", format_datetime(RECORDED, usegmt=False))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{_PREFIX.rstrip('/')}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def secrets_of(value, name=""):
    """Whatever identifies a buyer or opens a ticket in recorded orders, by the names of its fields."""
    if isinstance(value, dict):
        return set().union(*(secrets_of(inner, key) for key, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(secrets_of(inner, name) for inner in value))
    return {value} if isinstance(value, str) and value and name in _PERSONAL else set()


@pytest.fixture(scope="module")
def live():
    return Live()


@pytest.fixture(scope="module")
def loaded(engine, tmp_path_factory, live):
    """The loader after one run of everything that was recorded."""
    warehouse_engine.empty(engine)
    configure_logs("debug", LOADER)
    directory = tmp_path_factory.mktemp("captures")
    with serving(live) as url:
        loader = Loader(
            engine,
            directory / "state",
            {"qtickets_base_url": url, "qtickets_token": "recorded-token", "qtickets_optional_datasets": ALL,
             "loader_log_level": "debug", "loader_metrics_file": directory / "m.prom"},
        )  # fmt: skip
        assert loader.run() == 0
        yield loader


def test_every_recorded_record_loads_and_none_is_rejected(loaded):
    assert loaded.rows("SELECT * FROM meta.rejected_records") == []
    assert loaded.last_run("status", "rows_rejected") == ("success", 0)
    for table, name in (
        ("orders", "orders"),
        ("events", "events"),
        ("discounts", "discounts"),
        ("promo_codes", "promo_codes"),
    ):
        key = f"{name.removesuffix('s')}_id"
        ids = {row[0] for row in loaded.rows(f"SELECT {key} FROM zakaz.stg_qtickets_{table} FINAL")}
        assert ids == {record["id"] for record in captured(name)["data"]}, name


def test_sales_are_those_of_the_recorded_tickets(loaded):
    orders = captured("orders")["data"]
    sold = [ticket for order in orders if order["payed"] for ticket in order["baskets"] if not ticket["deleted_at"]]
    revenue = sum(Decimal(str(ticket["price"])) for ticket in sold)
    assert (len(sold), revenue) == (80, 7875), "counted by hand from the file"
    assert loaded.rows("SELECT sum(tickets_sold), sum(revenue) FROM bi.v_sales_daily") == [(len(sold), revenue)]
    lapsed = [ticket["id"] for order in orders for ticket in order["baskets"] if ticket["deleted_at"]]
    found = loaded.rows(
        "SELECT ticket_id, is_sold, net_revenue FROM zakaz.stg_qtickets_tickets FINAL WHERE is_sold = 0"
    )
    assert sorted(found) == sorted((number, 0, 0) for number in lapsed) and len(lapsed) == 6


def test_shows_carry_the_prices_of_their_objects_and_their_real_end(loaded):
    wanted = {
        key: (
            *(show[name] and Decimal(show[name]["default_price"]) for name in ("min_price", "max_price")),
            int(datetime.fromisoformat(show["start_date"]).timestamp()),
            int(datetime.fromisoformat(show["finish_date"]).timestamp()),
        )
        for key, show in shows_of(captured("events")["data"]).items()
    }
    columns = "event_id, show_id, min_price, max_price, toUnixTimestamp(starts_at), toUnixTimestamp(finishes_at)"
    assert {row[:2]: row[2:] for row in loaded.rows(f"SELECT {columns} FROM zakaz.stg_qtickets_shows FINAL")} == wanted
    assert any(prices[:2] == (None, None) for prices in wanted.values())
    assert any(prices[:2] == (390, 590) and prices[3] - prices[2] > 30 * 86_400 for prices in wanted.values())


def test_the_inventory_has_every_show_on_sale(loaded):
    on_sale = {key for key, show in shows_of(captured("events")["data"]).items() if show["is_active"]}
    assert set(loaded.rows("SELECT event_id, show_id FROM bi.v_inventory")) == on_sale and len(on_sale) > 25
    assert {city for (city,) in loaded.rows("SELECT city FROM bi.v_inventory")} == {
        "томск", "прокопьевск", "барнаул", "междуреченск",
    }  # fmt: skip


def test_a_second_run_writes_nothing(loaded, live):
    assert loaded.run() == 0
    assert loaded.last_run("rows_written", "rows_rejected") == (0, 0)
    assert live.asked.count("orders") > 1


def test_nothing_personal_is_anywhere(loaded, capsys):
    assert loaded.run() == 0
    orders = captured("orders")["data"] + [captured("order")["data"]]
    secrets = {text for text in secrets_of(orders) if not text.startswith(("name ", "surname "))}
    words = {text for text in secrets_of(orders) if text.startswith(("name ", "surname ", "client_"))}
    assert len(secrets) > 200 and len(words) > 20
    output = capsys.readouterr()
    state = b"".join(p.read_bytes() for p in loaded.state_dir.rglob("*") if p.is_file()).decode()
    metrics = loaded.settings["loader_metrics_file"].read_text()
    cells = everything_in_clickhouse(loaded)
    text = "\n".join([cells, output.out, output.err, metrics, state])
    assert found(secrets, text) == []
    # Names of people are «surname 1» there, which no table, log or metric may hold either; «name 1» is an event's too.
    assert [word for word in words if word.startswith(("surname ", "client_")) and word in text] == []
    assert "@" not in text.replace("@timestamp", "") and "recorded-token" not in text


def test_the_search_would_find_a_recorded_buyer():
    assert "buyer1@example.org" in secrets_of(captured("order")) and "900000000000" in secrets_of(captured("orders"))
