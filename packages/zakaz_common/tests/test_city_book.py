"""What attribution reads of the warehouse."""

from datetime import date

from clickhouse_connect.driver.exceptions import DatabaseError
from zakaz_common.attribution.city_book import read_city_book
from zakaz_common.attribution.rules import Event
from zakaz_common.warehouse import Warehouse


def fill(client) -> None:
    client.command(
        "INSERT INTO zakaz.dim_events (event_id, city, first_show_at, last_show_at, _ver) VALUES "
        # half past midnight in Moscow is the day before in UTC
        "(1, 'томск', '2026-10-05 00:30:00', '2026-11-20 19:00:00', 1), (2, '', NULL, NULL, 1)"
    )
    client.command(
        "INSERT INTO zakaz.stg_qtickets_orders (order_id, event_id, is_paid, utm_source, utm_content, _ver) VALUES "
        "(1, 1, 1, 'vk', '501', 1), (2, 1, 1, 'vk', '501', 1), (3, 2, 1, 'vk', '501', 1), "
        "(4, 1, 1, '', '12345678901', 1), (5, 1, 0, 'vk', '501', 1), (6, 1, 1, 'vk', '', 1), "
        "(7, 1, 1, 'vk', 'tomsk_05_10', 1), (8, 1, 1, 'vk', '0', 1), (9, 1, 1, 'yandex', '501', 1)"
    )


def test_the_book_holds_events_aliases_and_paid_orders_by_ad(client, warehouse) -> None:
    fill(client)
    book = read_city_book(warehouse)
    assert book.events == {1: Event("томск", (date(2026, 10, 5), date(2026, 11, 20))), 2: Event("")}
    assert book.orders == {501: {"vk": {1: 2, 2: 1}, "yandex": {1: 1}}, 12345678901: {"": {1: 1}}}
    assert book.directory.resolve("spb") == "санкт-петербург"


class Denied:
    """A client that may not read orders."""

    def __init__(self, client) -> None:
        self._client = client

    def __getattr__(self, name: str):
        return getattr(self._client, name)

    def query(self, sql: str, **options):
        if "stg_qtickets_orders" in sql:
            raise DatabaseError("Code: 497. DB::Exception: not enough privileges")
        return self._client.query(sql, **options)


def test_without_the_right_to_read_orders_the_rest_is_believed(client, clock, capsys) -> None:
    fill(client)
    book = read_city_book(Warehouse.from_client(Denied(client), clock.deadline()))
    assert (len(book.events), book.orders) == (2, {})
    assert "orders_not_used_for_attribution" in capsys.readouterr().out
