"""The warehouse against the sandbox's own season: staging, marts and views, to the kopeck."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from api_sandbox.season.moscow_time import today
from api_sandbox.season.sales import landing_utm
from api_sandbox.testing import running_sandbox
from conftest import SMALL, UNLIMITED, pointed_at
from truth import accounts, staging_truth, total_spend
from yandex_direct import LOADER
from zakaz_common.utm import clean_utm

pytestmark = pytest.mark.patient


def rewind(loader, *marks: str) -> None:
    """Forget when accounts were read: ``daily`` and ``weekly`` are the marks of a deep and a long re-read."""
    for mark in marks:
        loader.client.command(
            f"ALTER TABLE meta.watermarks DELETE WHERE endsWith(dataset, '/{mark}_deep') SETTINGS mutations_sync = 2"
        )


def listings_aged(loader, *moments: str, **ago: int) -> None:
    """The kept listings say that they are older."""
    for kept in loader.state_dir.glob("yandex_direct.*.listings.json"):
        listings = json.loads(kept.read_text())
        listings |= {name: str(datetime.fromisoformat(listings[name]) - timedelta(**ago)) for name in moments}
        kept.write_text(json.dumps(listings))


def listings_due(loader) -> None:
    """The next run lists the objects if it has a reason to."""
    listings_aged(loader, "tried_at", hours=3)


def dimension(loader) -> dict[str, tuple]:
    rows = loader.rows("SELECT ad_id, name, campaign_name, utm_content, city FROM zakaz.dim_yandex_direct_ads FINAL")
    return {row[0]: row[1:] for row in rows}


def mart_id(account, ad) -> str:
    campaign = account.campaign_of(ad)
    return f"campaign {campaign.id}" if campaign.without_ads else str(ad.id)


def test_the_first_run_reads_everything(loader, api) -> None:
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    [(spend,)] = loader.rows(f"SELECT sum(spend) FROM bi.v_ads_daily WHERE source = '{LOADER}'")
    assert spend == total_spend(api.season)
    assert loader.one("SELECT count() FROM zakaz.stg_yandex_direct_daily FINAL WHERE network = 'AD_NETWORK'") > 0
    assert loader.one("SELECT uniqExact(network) FROM zakaz.stg_yandex_direct_daily FINAL") == 2


def test_spend_without_an_ad_is_shown_under_its_campaigns_name(bare_loader) -> None:
    """Of the Wizard without a group, of a smart campaign with one."""
    with running_sandbox(**SMALL, **UNLIMITED, yandex_direct_smart=1) as api:
        loader = bare_loader.having(**pointed_at(api))
        assert loader.run() == 0
        loader.assert_equal_to(api.season)
        [account] = accounts(api.season)
        without = {one.id: one for one in account.campaigns.values() if one.without_ads}
        told = {
            f"campaign {one.plan_id}": (without[one.plan_id].name, "" if without[one.plan_id].wizard else str(one.id))
            for one in account.groups.values()
            if one.plan_id in without
        }
        assert len(told) == 2
        shown = loader.rows(
            "SELECT ad_id, any(campaign_name), any(group_id), sum(spend) FROM bi.v_ads_campaigns_daily "
            "WHERE startsWith(ad_id, 'campaign ') GROUP BY ad_id"
        )
        assert {row[0]: (row[1], row[2]) for row in shown} == told
        assert all(row[3] > 0 for row in shown)


def test_conversions_that_are_not_known_are_no_zeros(loader, api) -> None:
    assert loader.run() == 0
    [account] = accounts(api.season)
    silent = [one.id for one in account.campaigns.values() if not one.counter and not one.wizard]
    assert silent
    where = f"WHERE campaign_id IN ({','.join(map(str, silent))})"
    assert loader.one(f"SELECT countIf(isNotNull(conversions)) FROM zakaz.stg_yandex_direct_daily FINAL {where}") == 0
    assert loader.one("SELECT countIf(isNotNull(conversions)) FROM zakaz.stg_yandex_direct_daily FINAL") > 0


def test_names_links_and_marks_are_what_a_visitor_arrives_with(loader, api) -> None:
    assert loader.run() == 0
    found = dimension(loader)
    [account] = accounts(api.season)
    for ad in account.ads.values():
        name, campaign_name, content, _ = found[mart_id(account, ad)]
        campaign = account.campaign_of(ad)
        assert campaign_name == campaign.name
        if not campaign.wizard:
            assert name == ad.name
            if f"utm_content={ad.id}" in account.arrival(ad):
                assert content == str(ad.id)
    assert {len(content) > 8 and content.isdecimal() for _, _, content, _ in found.values()} == {True, False}


def test_recent_days_are_read_again_each_time_older_ones_once_a_day_and_a_week(loader, api) -> None:
    assert loader.run() == 0
    for days, marks in ((6, ()), (25, ("daily",)), (43, ("daily", "weekly"))):
        # unlike a correction, conversions that come late are nothing that Direct tells of
        api.mutate("grow_yandex_direct_conversions", days=days)
        if marks:
            assert loader.run() == 0
            with pytest.raises(AssertionError):
                loader.assert_equal_to(api.season)
            rewind(loader, *marks)
        assert loader.run() == 0
        loader.assert_equal_to(api.season)


def test_a_day_that_direct_corrected_long_ago_is_read_again(loader, api) -> None:
    assert loader.run() == 0
    assert api.mutate("correct_yandex_direct_day", count=2, days=30)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    assert loader.last_run("window_from")[0].date() <= api.season.season_end - timedelta(days=30)


def test_rows_that_vanish_lose_their_spend(loader, api) -> None:
    assert loader.run() == 0
    before = loader.one("SELECT count() FROM zakaz.stg_yandex_direct_daily FINAL")
    assert api.mutate("vanish_yandex_direct_rows", count=3, days=5)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    assert loader.one("SELECT count() FROM zakaz.stg_yandex_direct_daily FINAL") < before


def test_new_ads_appear_with_their_names(loader, api) -> None:
    assert loader.run() == 0
    new = api.mutate("add_yandex_direct_ads", count=3, days=2)
    listings_due(loader)
    api.reset()
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    found = dimension(loader)
    [account] = accounts(api.season)
    names = [found[str(ad)][0] for ad in new]
    assert names == [account.ads[ad].name for ad in new]
    assert any(name.startswith("новое") for name in names)
    assert api.count("*/ads") > 0


def test_objects_are_listed_anew_when_something_changed_and_at_most_every_few_hours(loader, api) -> None:
    assert loader.run() == 0
    [campaign] = api.mutate("rename_yandex_direct_campaigns", count=1)
    api.mutate("add_yandex_direct_ads", count=1, days=2)
    api.reset()
    assert loader.run() == 0
    assert api.count() == 4, "whose account it is, what was corrected, and two reports"
    listings_due(loader)
    assert loader.run() == 0
    assert api.count("*/ads") > 0
    name = accounts(api.season)[0].campaigns[campaign].name
    assert name in {row[1] for row in dimension(loader).values()}
    assert loader.one(
        f"SELECT uniqExact(campaign_name) FROM zakaz.dim_yandex_direct_ad_history FINAL WHERE campaign_id = {campaign}"
    ) == 2  # fmt: skip
    loader.assert_equal_to(api.season)


def test_objects_are_not_listed_anew_when_nothing_changed(loader, api) -> None:
    assert loader.run() == 0
    listings_due(loader)
    api.reset()
    assert loader.run() == 0
    assert api.count("*/ads") == 0
    assert api.count("*/changes") == 2
    assert api.count() == 5, "whose account it is, what was corrected and changed, and two reports"


def test_objects_are_listed_anew_by_the_first_run_of_a_day(loader, api) -> None:
    assert loader.run() == 0
    listings_aged(loader, "listed_at", "tried_at", days=1)
    # however little Direct says of changes
    api.inject("edit", route="*/changes", times=0, edits=[{"path": "result.Modified", "value": {}}])
    assert loader.run() == 0
    assert api.count("*/ads") == 2 * api.count("*/campaigns")
    assert api.count("*/campaigns") == 2


def test_an_ad_that_is_not_listed_is_looked_for_once(loader, api) -> None:
    api.inject("edit", route="*/ads", times=0, edits=[{"path": "result.Ads.0", "op": "delete"}])
    assert loader.run() == 0
    assert loader.staging() == staging_truth(api.season, {"direct-1": "main"})
    nameless = [
        row for row in dimension(loader).values() if row[0] == "" and not row[1].startswith(("Мастер", "Смарт"))
    ]
    assert nameless
    assert all(row[1] for row in nameless), "its campaign is known"
    listings_due(loader)
    api.reset()
    assert loader.run() == 0
    assert api.count("*/ads") == 0


def test_kept_listings_that_are_damaged_or_gone_are_read_anew(loader, api) -> None:
    assert loader.run() == 0
    [kept] = loader.state_dir.glob("yandex_direct.*.listings.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    for damage in ("{", None):
        kept.unlink() if damage is None else kept.write_text(damage)
        api.reset()
        assert loader.run() == 0
        assert api.count("*/ads") > 0
        loader.assert_equal_to(api.season)


def test_every_day_has_the_city_as_known_today(loader, api) -> None:
    """From what is kept of the listings, as sales move with their event at once."""
    [account] = accounts(api.season)
    ad = next(one for one in account.ads.values() if one.days and not account.campaign_of(one).event_id)
    ad.url = "https://afisha.example.com/?utm_content=zzz-gorodok_01_02"
    account.campaign_of(ad).tracking = ""
    account.groups[ad.group_id].utm = ""
    assert loader.run() == 0
    spent = loader.one(f"SELECT sum(spend) FROM zakaz.stg_yandex_direct_daily FINAL WHERE ad_id = {ad.id}")
    mart = f"SELECT city, sum(spend) FROM zakaz.dm_ads_daily FINAL WHERE ad_id = '{ad.id}' GROUP BY city"
    assert loader.rows(mart) == [("unattributed", spent)]
    loader.client.command("INSERT INTO zakaz.dim_city_alias (alias, city, _ver) VALUES ('zzz-gorodok', 'городок', 1)")
    try:
        api.reset()
        assert loader.run() == 0
        assert api.count("*/ads") == 0
        assert loader.rows(mart) == [("городок", spent)]
    finally:
        loader.client.command(
            "ALTER TABLE zakaz.dim_city_alias DELETE WHERE alias = 'zzz-gorodok' SETTINGS mutations_sync = 2"
        )


def test_backfill_reads_the_days_asked_for_and_leaves_the_watermark(loader, api) -> None:
    assert loader.run() == 0
    mark = loader.rows("SELECT dataset, watermark FROM meta.watermarks FINAL ORDER BY dataset")
    api.mutate("grow_yandex_direct_conversions", days=43)
    first = api.season.season_end - timedelta(days=43)
    api.reset()
    assert loader.backfill(first, api.season.season_end) == 0
    loader.assert_equal_to(api.season)
    assert loader.rows("SELECT dataset, watermark FROM meta.watermarks FINAL ORDER BY dataset") == mark
    assert api.count("*/reports") == 2


def test_a_first_look_at_a_few_days_does_not_stand_for_the_history(loader, api) -> None:
    look = loader.having(yandex_direct_history_days=3)
    assert look.run() == 0
    assert look.one("SELECT uniqExact(d) FROM zakaz.stg_yandex_direct_daily FINAL") == 3
    assert look.run() == 0
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    first = loader.last_run("window_from")
    assert loader.run() == 0
    assert loader.last_run("window_from") > first, "once"


def test_a_backfill_before_the_first_run_does_not_stand_for_the_history(loader, api) -> None:
    assert loader.backfill(api.season.season_end - timedelta(days=1), api.season.season_end) == 0
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_a_backfill_beyond_what_direct_serves_deletes_nothing(loader, api) -> None:
    assert loader.run() == 0
    assert loader.backfill(date(2019, 1, 1), api.season.season_end) == 65
    assert "serves statistics from" in loader.last_run("error")[0]
    loader.assert_equal_to(api.season)


def test_after_an_outage_the_window_reaches_back_to_where_data_end(loader, api) -> None:
    assert loader.run() == 0
    [(mark,)] = loader.rows("SELECT dataset FROM meta.watermarks FINAL WHERE endsWith(dataset, '/recent_deep')")
    rewind(loader, "recent")
    loader.client.command(
        "INSERT INTO meta.watermarks (loader, dataset, watermark, run_id, _ver) "
        f"SELECT '{LOADER}', '{mark}', now('Europe/Moscow') - INTERVAL 12 DAY, generateUUIDv4(), 1"
    )
    api.mutate("grow_yandex_direct_conversions", days=17)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_a_clock_that_went_back_does_not_make_new_figures_lose(loader, api) -> None:
    assert loader.run() == 0
    columns = "d, account, campaign_id, ad_group_id, ad_id, network, {} AS impressions, clicks, conversions, spend, vat_rate, currency"  # noqa: E501
    loader.client.command(
        f"INSERT INTO zakaz.stg_yandex_direct_daily ({columns.replace('{} AS ', '')}, _ver) "
        f"SELECT {columns.format('impressions + 1')}, 9000000000000 FROM zakaz.stg_yandex_direct_daily FINAL"
    )
    assert loader.backfill(api.season.first_day, api.season.season_end) == 0
    loader.assert_equal_to(api.season)


def test_vat_is_kept_by_the_day_of_the_click(bare_loader) -> None:
    """Over the day on which it rose, of which Direct's answer of today tells nothing."""
    season = {**SMALL, "season_end": date(2026, 1, 15), "season_days": 30, "yandex_direct_ads": 12}
    with running_sandbox(**season, **UNLIMITED) as api:
        loader = bare_loader.having(**pointed_at(api), yandex_direct_history_days=1096)
        assert loader.run() == 0
        for table in ("stg_yandex_direct_daily", "dm_ads_daily"):
            rates = dict(loader.rows(f"SELECT d, groupUniqArray(vat_rate) FROM zakaz.{table} FINAL GROUP BY d"))
            assert {day < date(2026, 1, 1) for day in rates} == {True, False}
            for day, found in rates.items():
                assert list(found) == [Decimal("0.2") if day < date(2026, 1, 1) else Decimal("0.22")]
        gross = "SELECT sum(spend_gross) FROM bi.v_ads_campaigns_daily WHERE d = '{}'"
        for day in (date(2025, 12, 31), date(2026, 1, 1)):
            net = [row[0] for row in loader.rows(f"SELECT spend FROM zakaz.dm_ads_daily FINAL WHERE d = '{day}'")]
            factor = Decimal("1.20") if day.year == 2025 else Decimal("1.22")
            assert net
            assert abs(loader.one(gross.format(day)) - sum(net) * factor) <= Decimal("0.01") * len(net)


MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content")


def test_a_sale_stands_beside_the_spend_of_the_ad_that_brought_it(loader, api) -> None:
    """An order a day of each ad, with the marks of its visitor: only what a click alone knows parts the two."""
    [account] = accounts(api.season)
    orders, tickets, told, apart = [], [], {}, 0
    # nothing lists the block of a campaign of a new kind
    listed = [ad for ad in account.ads.values() if ad.days and account.campaign_of(ad).event_id]
    for number, ad in enumerate(listed, 1):
        day = next((day for day, stat in ad.days.items() if stat.spent), None)
        marks = landing_utm(account, ad) or {}
        if day is None or not marks:
            continue
        block = account.groups[ad.group_id].utm or account.campaign_of(ad).tracking
        key = (day, *(clean_utm(marks.get(mark)) for mark in MARKS))
        orders.append((number, 1, 1, *key[1:], 1))
        tickets.append((number, 1, 1, 1, day, 1, Decimal(100), "RUB", 1))
        revenue, _ = told.get(key, (0, True))
        told[key] = (revenue + 100, "{source_type}" not in block)
        apart += "{source_type}" in block
    loader.client.insert("zakaz.stg_qtickets_orders", orders, ["order_id", "event_id", "is_paid", *MARKS, "_ver"])
    columns = [
        "order_id",
        "ticket_id",
        "event_id",
        "is_paid",
        "sale_date",
        "is_sold",
        "net_revenue",
        "currency",
        "_ver",
    ]
    loader.client.insert("zakaz.stg_qtickets_tickets", tickets, columns)
    assert loader.run() == 0
    found = loader.rows(f"SELECT d, {', '.join(MARKS)}, revenue, spend FROM bi.v_romi_utm_daily WHERE revenue > 0")
    assert {row[:5]: (row[5], row[6] > 0) for row in found} == told
    assert 0 < apart < len(told)
    assert loader.one("SELECT sum(spend) FROM bi.v_romi_utm_daily") == total_spend(api.season)
    lat = [key[3] for key, (_, together) in told.items() if not together]
    spent = loader.rows("SELECT DISTINCT utm_campaign FROM bi.v_romi_utm_daily WHERE spend > 0 AND utm_medium = ''")
    assert set(lat) <= {row[0] for row in spent}, "the campaign in Latin letters is known without a click"


def test_an_event_that_is_sold_by_an_ads_id_gives_its_city(loader, api) -> None:
    [account] = accounts(api.season)
    ad = next(one for one in account.ads.values() if one.days and f"utm_content={one.id}" in account.arrival(one))
    event = account.campaign_of(ad).event_id
    loader.client.command(
        f"INSERT INTO zakaz.dim_events (event_id, city, _ver) VALUES ({event}, 'где-то', 1), (1, 'иное', 1)"
    )
    # VK gave a banner the same number, and sold more through it
    loader.client.command(
        "INSERT INTO zakaz.stg_qtickets_orders (order_id, event_id, is_paid, utm_source, utm_content, _ver) VALUES "
        f"(1, {event}, 1, 'yandex', '{ad.id}', 1), (2, 1, 1, 'vk', '{ad.id}', 1), (3, 1, 1, 'vk', '{ad.id}', 1)"
    )
    assert loader.run() == 0
    assert dimension(loader)[str(ad.id)][3] == "где-то"


def test_reports_that_differ_are_shown_and_told_of(loader, api, capsys) -> None:
    """As if reports by ads left spend out: all of their rows are worth a kopeck."""
    assert loader.run() == 0
    yesterday = today() - timedelta(days=1)
    differing = (
        "SELECT d, subject, difference FROM meta.v_reconciliation_daily WHERE check_name = 'ads_reports' "
        "AND difference != 0 ORDER BY d"
    )
    quality = "SELECT subject, is_ok, expected, actual FROM meta.v_quality_last_day WHERE check_name = 'ads_reports'"
    assert loader.rows(differing) == []
    [(subject, is_ok, expected, actual)] = loader.rows(quality)
    assert (subject, is_ok, actual) == (f"{LOADER}/main/RUB", 1, expected)
    assert expected > 0
    assert "reports_differ" not in capsys.readouterr().out
    api.inject("edit", route="*/reports", nth=2, edits=[{"path": "rows.*.Cost", "value": "0.01"}])
    assert loader.run() == 0
    found = loader.rows(differing)
    # today moves between two reports, and is not compared
    assert [row[0] for row in found] == [yesterday - timedelta(days=n) for n in range(5, -1, -1)]
    assert all(subject == f"{LOADER}/main/RUB" and difference < 0 for _, subject, difference in found)
    [(_, is_ok, expected_now, actual)] = loader.rows(quality)
    assert (is_ok, expected_now, actual) == (0, expected, expected + found[-1][2])
    told = capsys.readouterr().out
    assert told.count("reports_differ") == 6
    [account] = accounts(api.season)
    assert all(str(one.id) in told for one in account.campaigns.values() if one.wizard)
    assert loader.run() == 0
    assert loader.rows(differing) == []
    loader.assert_equal_to(api.season)


def differing_campaigns(loader) -> dict[str, Decimal]:
    return dict(
        loader.rows(
            "SELECT campaign_id, difference FROM zakaz.v_ads_reports_compared WHERE difference != 0 ORDER BY ALL"
        )
    )


def test_a_campaign_is_held_against_itself_alone(loader, api) -> None:
    """As if each report told something else: what the others' rounding would hide, and what would cancel out."""
    assert loader.run() == 0
    assert differing_campaigns(loader) == {}
    day = today() - timedelta(days=1)
    columns = "campaign_id, impressions, clicks, spend, currency"
    campaigns = loader.rows(
        f"SELECT {columns} FROM zakaz.stg_yandex_direct_campaigns_daily FINAL WHERE d = '{day}' ORDER BY campaign_id"
    )
    (one, *rest), (two, *others) = campaigns[:2]

    def tell(*rows: tuple) -> None:
        values = [(day, "main", *row, 2**62 + number) for number, row in enumerate(rows)]
        names = ["d", "account", *columns.split(", "), "_ver"]
        loader.client.insert("zakaz.stg_yandex_direct_campaigns_daily", values, names)

    def reconciled() -> Decimal:
        found = "SELECT sum(difference) FROM meta.v_reconciliation_daily WHERE check_name = 'ads_reports' "
        return loader.one(f"{found} AND d = '{day}' AND subject = '{LOADER}/main/RUB'")

    unknown = 999
    tell((unknown, 1, 0, Decimal("0.02"), "RUB"))
    assert differing_campaigns(loader) == {str(unknown): Decimal("-0.02")}
    assert reconciled() == Decimal("-0.02")
    tell(
        (unknown, 0, 0, Decimal(0), "RUB"),
        (one, *rest[:2], rest[2] + 10, "RUB"),
        (two, *others[:2], others[2] - 10, "RUB"),
    )
    found = differing_campaigns(loader)
    assert found.keys() == {str(one), str(two)}
    assert found[str(one)] < 0 < found[str(two)]
    assert reconciled() == -sum(map(abs, found.values())), "one that has too much hides none that has too little"
    quality = "SELECT is_ok, difference FROM meta.v_quality_last_day WHERE check_name = 'ads_reports'"
    assert loader.rows(quality) == [(0, reconciled())]
