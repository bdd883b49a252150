"""One source's part of the shared mart, over a staging finer than it: a row a network, spend without an ad."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from zakaz_common.ads_mart import AdsMart
from zakaz_common.warehouse import Warehouse

MAY_1, MAY_2 = date(2026, 5, 1), date(2026, 5, 2)
AD = "if(t.ad_id = 0, concat('campaign ', toString(t.campaign_id)), toString(t.ad_id)) AS ad_id"
ADS = f"""
    SELECT t.account AS account, {AD}, t.city AS city, t.name AS name, 'группа' AS group_name,
           t.campaign AS campaign_name, 'src' AS utm_source, 'cpc' AS utm_medium, 'весна' AS utm_campaign,
           toString(t.ad_id) AS utm_content, 'слово' AS utm_term
    FROM default.fine_ads AS t FINAL
"""
DAYS = f"""
    SELECT t.d AS d, t.account AS account, {AD}, toString(any(t.campaign_id)) AS campaign_id,
           any(t.group_name) AS group_id, sum(t.impressions) AS impressions, sum(t.clicks) AS clicks,
           sum(t.conversions) AS goals, sum(t.spend) AS spend, any(t.vat_rate) AS vat_rate,
           any(t.currency) AS currency
    FROM default.fine_daily AS t FINAL GROUP BY d, account, ad_id
"""


class Toy:
    """A source of two ads and a campaign without ads."""

    def __init__(self, client, warehouse: Warehouse) -> None:
        self.client = client
        self.mart = AdsMart(warehouse, "toy", ads=ADS, days=DAYS)

    def ad(self, number: int, city: str, name: str = "ад", version: int = 1, deleted: int = 0) -> None:
        row = ("main", 7, number, city, name, "Кампания", version, deleted)
        self.client.insert("default.fine_ads", [row])

    def day(self, day: date, ad: int, network: str, *figures: object, version: int = 1, deleted: int = 0) -> None:
        """Figures: impressions, clicks, conversions, spend."""
        row = (day, "main", 7, ad, network, "g", *figures, Decimal("0.22"), "RUB", version, deleted)
        self.client.insert("default.fine_daily", [row])

    def rows(self, columns: str, table: str = "dm_ads_daily") -> list[tuple]:
        return self.client.query(
            f"SELECT {columns} FROM zakaz.{table} FINAL WHERE source = 'toy' ORDER BY ALL"
        ).result_rows

    def cities(self) -> dict[tuple, str]:
        return {row[:2]: row[2] for row in self.rows("d, ad_id, city")}


@pytest.fixture
def toy(client, warehouse) -> Iterator[Toy]:
    counts = "impressions UInt64, clicks UInt64, conversions Nullable(UInt64)"
    money = "spend Decimal(18, 2), vat_rate Decimal(5, 4), currency LowCardinality(String)"
    ids = "account String, campaign_id UInt64, ad_id UInt64"
    tables = {
        "fine_ads": (f"{ids}, city String, name String, campaign String", "account, campaign_id, ad_id"),
        "fine_daily": (
            f"d Date, {ids}, network String, group_name String, {counts}, {money}",
            "d, account, ad_id, network",
        ),
    }
    for table, (columns, key) in tables.items():
        client.command(
            f"CREATE TABLE default.{table} ({columns}, _ver UInt64, _is_deleted UInt8) "
            f"ENGINE = ReplacingMergeTree(_ver, _is_deleted) ORDER BY ({key})"
        )
    made = Toy(client, warehouse)
    made.ad(1, "томск", "Первое")
    made.ad(2, "", "Второе")
    made.ad(0, "омск", "")
    for day in (MAY_1, MAY_2):
        made.day(day, 1, "SEARCH", 100, 10, 2, Decimal("10.10"))
        made.day(day, 1, "AD_NETWORK", 1000, 5, None, Decimal("0.05"))
        made.day(day, 2, "SEARCH", 7, 0, None, Decimal(0))
        made.day(day, 0, "AD_NETWORK", 30, 3, None, Decimal("99.99"))
    yield made
    for table in tables:
        client.command(f"DROP TABLE default.{table}")


def test_figures_add_up_under_the_city_of_the_ad(toy) -> None:
    assert toy.mart.days_behind() == {MAY_1, MAY_2}
    assert toy.mart.refresh_days() == 6
    columns = "ad_id, city, campaign_id, impressions, clicks, goals, spend, vat_rate, currency"
    rate = Decimal("0.22")
    assert toy.rows(columns) == sorted(
        2
        * [
            ("1", "томск", "7", 1100, 15, 2, Decimal("10.15"), rate, "RUB"),
            ("2", "unattributed", "7", 7, 0, 0, Decimal(0), rate, "RUB"),
            ("campaign 7", "омск", "7", 30, 3, 0, Decimal("99.99"), rate, "RUB"),
        ]
    )
    assert toy.mart.days_behind() == set()
    assert toy.mart.refresh_days() == toy.mart.refresh_days([MAY_1, MAY_2]) == 0, "what is equal is not written"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("campaign_id", "8"),
        ("group_name", "'h'"),
        ("impressions", "impressions + 1"),
        ("clicks", "clicks + 1"),
        ("conversions", "5"),
        ("spend", "spend + 0.01"),
        ("vat_rate", "0.2"),
        ("currency", "'USD'"),
    ],
)
def test_a_figure_that_changed_is_written_and_no_other_row(toy, column, value) -> None:
    toy.mart.refresh_days()
    before = toy.rows("* EXCEPT (_ver, _loaded_at)")
    toy.client.command(
        f"INSERT INTO default.fine_daily SELECT * REPLACE ({value} AS {column}, 2 AS _ver) "
        f"FROM default.fine_daily WHERE d = '{MAY_2}' AND ad_id = 1"
    )
    assert toy.mart.days_behind() == {MAY_2}
    assert toy.mart.refresh_days() == 1
    [changed] = set(toy.rows("* EXCEPT (_ver, _loaded_at)")) - set(before)
    assert changed[:4] == (MAY_2, "toy", "main", "1")


def test_a_row_that_staging_has_no_more_is_gone(toy) -> None:
    toy.mart.refresh_days()
    toy.day(MAY_1, 0, "AD_NETWORK", 30, 3, None, Decimal("99.99"), version=2, deleted=1)
    assert toy.mart.refresh_days([MAY_2]) == 0, "only the days it was told"
    assert toy.mart.refresh_days() == 1
    assert [row for row in toy.cities() if row[1] == "campaign 7"] == [(MAY_2, "campaign 7")]


def test_spend_of_all_days_follows_its_ad_to_another_city(toy) -> None:
    toy.mart.refresh_days()
    toy.ad(1, "пермь", version=2)
    toy.ad(0, "", version=2)
    assert toy.mart.days_behind() == {MAY_1, MAY_2}
    assert toy.mart.refresh_days() == 4
    per_ad = {"1": "пермь", "2": "unattributed", "campaign 7": "unattributed"}
    assert toy.cities() == {(day, ad): city for day in (MAY_1, MAY_2) for ad, city in per_ad.items()}


def test_an_ad_that_is_not_listed_keeps_the_city_of_its_days_and_a_new_one_has_none(toy) -> None:
    toy.mart.refresh_days([MAY_1])
    toy.ad(1, "томск", version=2, deleted=1)
    toy.day(MAY_1, 1, "SEARCH", 200, 10, 2, Decimal("10.10"), version=2)
    toy.day(MAY_1, 3, "SEARCH", 1, 1, 1, Decimal(1))
    toy.mart.refresh_days()
    found = toy.cities()
    assert found[MAY_1, "1"] == "томск"
    assert found[MAY_1, "3"] == found[MAY_2, "1"] == "unattributed"
    assert toy.mart.days_behind() == set()


def test_names_and_marks_are_those_of_the_ads(toy) -> None:
    assert toy.mart.refresh_ads() == 3
    marks = "utm_source, utm_medium, utm_campaign, utm_content, utm_term"
    assert toy.rows(f"ad_id, name, group_name, campaign_name, {marks}", "dim_ads") == [
        ("1", "Первое", "группа", "Кампания", "src", "cpc", "весна", "1", "слово"),
        ("2", "Второе", "группа", "Кампания", "src", "cpc", "весна", "2", "слово"),
        ("campaign 7", "", "группа", "Кампания", "src", "cpc", "весна", "0", "слово"),
    ]
    toy.ad(1, "томск", "Новое", version=2)
    toy.ad(2, "", version=2, deleted=1)
    assert toy.mart.refresh_ads() == 2
    assert toy.rows("ad_id, name", "dim_ads") == [("1", "Новое"), ("campaign 7", "")]
    assert toy.mart.refresh_ads() == 0


OTHERS = {
    "dm_ads_daily": "(d, source, account, ad_id, city, _ver) VALUES ('2026-05-01', 'other', 'main', '3', 'уфа', 9)",
    "dim_ads": "(source, account, ad_id, name, _ver) VALUES ('other', 'main', '1', 'чужое', 9)",
}


def test_other_sources_are_left_alone(toy) -> None:
    def theirs() -> list[list[tuple]]:
        query = "SELECT * FROM zakaz.{} FINAL WHERE source = 'other'"
        return [toy.client.query(query.format(table)).result_rows for table in OTHERS]

    for table, row in OTHERS.items():
        toy.client.command(f"INSERT INTO zakaz.{table} {row}")
    before = theirs()
    assert all(before)
    toy.day(MAY_1, 3, "SEARCH", 1, 1, 1, Decimal(1))
    assert (toy.mart.refresh_ads(), toy.mart.refresh_days()) == (3, 7)
    assert toy.cities()[MAY_1, "3"] == "unattributed", "an ad of another source with the same number tells nothing"
    assert toy.mart.days_behind() == set()
    assert theirs() == before
