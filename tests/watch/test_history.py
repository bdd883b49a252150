"""What the watch keeps in ClickHouse: one row a day and indicator, one row an episode, whatever happens in between."""

from __future__ import annotations

import json
import random
import re
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from zakaz_alert import ledger
from zakaz_alert.message import Message
from zakaz_alert.storage import State, Storage
from zakaz_clickhouse.connection import HttpConnection
from zakaz_watch.history import close_lost_episodes, write_alerts
from zakaz_watch.settings import load

from tests.alerts.receivers import HttpReceiver, free_port
from tests.modules.clickhouse_server import PASSWORD, REPOSITORY
from tests.schema.advertising import SOURCE
from tests.watch.conftest import LOADERS

pytestmark = pytest.mark.patient

MOSCOW = ZoneInfo("Europe/Moscow")
# the schema's TTL is real: days of this year
TODAY = datetime.now(MOSCOW).date()
DAY = TODAY - timedelta(days=10)
START = datetime(DAY.year, DAY.month, DAY.day, tzinfo=MOSCOW).timestamp()
MINUTE, HOUR, NIGHT = 60, 3600, 86400
LIMIT = 75


@pytest.fixture
def kept(deployment):
    """A deployment without scheduled runs, which troubles nobody."""
    deployment.server.query("TRUNCATE TABLE meta.etl_runs")
    for name in (
        "stg_qtickets_tickets", "stg_qtickets_events", "stg_qtickets_sheets_sales", "dm_sales_daily",
        "dm_ads_daily",
    ):  # fmt: skip
        deployment.server.query(f"TRUNCATE TABLE zakaz.{name}")
    deployment.limits["loader_stale"] = 10**9
    # so that rows can be counted as they were inserted
    deployment.server.query("SYSTEM STOP MERGES meta.sli_daily")
    for loader in LOADERS:
        # neither scheduled nor of any stretch of time: no indicator counts it
        ran(deployment, -1440, loader=loader, mode="backfill")
    return deployment


def ran(deployment, minute, *, loader="ad_network", minutes=1, status="success", window=None, rows=0, mode="run"):
    """A run that begins so many minutes after the day does."""
    first, last = window or (None, None)
    row = {
        "run_id": str(uuid.uuid4()),
        "loader": loader,
        "mode": mode,
        "status": status,
        "started_at": int(START + minute * MINUTE),
        "finished_at": int(START + (minute + minutes) * MINUTE),
        "window_from": None if first is None else int(START + first * MINUTE),
        "window_to": None if last is None else int(START + last * MINUTE),
        "rows_read": rows,
    }
    deployment.server.query(f"INSERT INTO meta.etl_runs ({', '.join(row)}) FORMAT JSONEachRow\n{json.dumps(row)}")


def rejected(deployment, minute, dataset="statistics", loader="ad_network"):
    deployment.server.query(
        "INSERT INTO meta.rejected_records (loader, dataset, rejected_at, run_id, record_key) VALUES "
        f"('{loader}', '{dataset}', toDateTime({int(START + minute * MINUTE)}), generateUUIDv4(), '1')"
    )


def table(deployment, sql):
    return [json.loads(line) for line in deployment.server.query(f"{sql} FORMAT JSONEachRow").splitlines()]


def levels(deployment, day=DAY, final="FINAL"):
    """Value by indicator and subject."""
    found = table(deployment, f"SELECT * FROM meta.sli_daily {final} WHERE d = '{day}'")
    assert len({(row["sli"], row["subject"]) for row in found}) == len(found) or not final
    return {(row["sli"], row["subject"]): row for row in found}


def value(deployment, sli, subject="ad_network", day=DAY):
    return levels(deployment, day)[sli, subject]["value"]


def written(deployment):
    """Rows of the day that were ever inserted."""
    return int(deployment.server.query(f"SELECT count() FROM meta.sli_daily WHERE d = '{DAY}'"))


def healthy_day(deployment, until=1440, every=30, **more):
    for minute in range(-every, until, every):
        ran(deployment, minute, window=(minute - 120, minute + 1), **more)


# --- indicators ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_day_is_kept_as_an_independent_recomputation_of_its_rows_says(kept, seed):
    dice = random.Random(seed)
    runs = []
    for half in range(-4, 60):
        status = dice.choice(["success", "success", "success", "failed", "stopped"])
        if dice.random() < 0.85:
            begin, minutes = half * 30 + dice.randrange(20), dice.randrange(1, 12)
            window = (begin - dice.choice([30, 600]), begin) if dice.random() < 0.9 else None
            runs.append((begin, minutes, status, window, dice.randrange(50)))
            ran(kept, begin, minutes=minutes, status=status, window=window, rows=runs[-1][-1])
    wrong = [dice.randrange(-200, 1700) for _ in range(12)]
    for minute in wrong:
        rejected(kept, minute)
    kept.look(at=START + 28 * HOUR)

    good = [run for run in runs if run[2] == "success"]
    began = START + min(run[0] for run in runs) * MINUTE
    first = max(0, int((began - START) // MINUTE))
    fresh = covered = kept_halves = 0
    for minute in range(1440):
        last = max([begin + m for begin, m, *_ in good if begin + m <= minute], default=runs[0][0])
        fresh += minute >= first and minute - last < LIMIT
        covered += any(w and w[0] <= minute and minute + 1 <= w[1] for _, _, _, w, _ in good)
    kept_halves = sum(any(n * 30 <= begin < n * 30 + 30 for begin, *_ in good) for n in range(48))
    read = sum(rows for begin, m, _, _, rows in runs if 0 <= begin + m < 1440)
    share = sum(0 <= minute < 1440 for minute in wrong) / read
    assert value(kept, "freshness") == pytest.approx(fresh / (1440 - first), abs=1e-6)
    assert value(kept, "completeness") == pytest.approx(covered / 1440, abs=1e-6)
    assert value(kept, "loads_on_time") == pytest.approx(kept_halves / 48, abs=1e-6)
    assert value(kept, "rejected_share") == pytest.approx(share, abs=1e-6)
    assert value(kept, "rejected_share", "ad_network/statistics") == pytest.approx(share, abs=1e-6)
    for row in levels(kept).values():
        better = row["value"] <= row["target"] if "rej" in row["sli"] or "rec" in row["sli"] else None
        assert row["is_met"] == int(row["value"] >= row["target"] if better is None else better)
        assert row["is_final"] == 1


def test_marts_are_compared_with_staging_to_the_kopeck(kept):
    ran(kept, 0)
    query = kept.server.query
    query(
        "INSERT INTO zakaz.stg_qtickets_tickets (order_id, ticket_id, is_paid, sale_date, net_revenue, currency, _ver)"
        f" VALUES (1, 1, 1, '{DAY}', 100.05, 'RUB', 1), (1, 2, 1, '{DAY}', 50, 'RUB', 1),"
        f" (2, 3, 0, '{DAY}', 9, 'RUB', 1), (3, 4, 1, '{DAY}', 70, 'KZT', 1)"
    )
    # a sheet's sales count where the API does not know the event
    query("INSERT INTO zakaz.stg_qtickets_events (event_id, _ver) VALUES (1, 1)")
    query(
        "INSERT INTO zakaz.stg_qtickets_sheets_sales (d, event_id, currency, revenue, _ver)"
        f" VALUES ('{DAY}', 1, 'RUB', 999, 1), ('{DAY}', 2, 'RUB', 20, 1)"
    )
    query(f"INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, revenue, _ver) VALUES ('{DAY}', 1, 'RUB', 100, 1)")
    # an older version, not merged yet
    query(
        "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, revenue, _ver) VALUES"
        f" ('{DAY}', 1, 'RUB', 150.04, 2), ('{DAY}', 2, 'RUB', 20, 1), ('{DAY}', 1, 'KZT', 70, 1)"
    )
    # advertising that its source's staging does not know
    query(
        "INSERT INTO zakaz.dm_ads_daily (d, source, ad_id, spend, currency, _ver)"
        f" VALUES ('{DAY}', '{SOURCE}', '1', 33.3, 'RUB', 1), ('{DAY - timedelta(1)}', '{SOURCE}', '1', 5, 'RUB', 1)"
    )
    kept.look(at=START + 28 * HOUR)
    assert Decimal(str(value(kept, "reconciliation", "sales_revenue/RUB"))) == Decimal("0.01")
    assert Decimal(str(value(kept, "reconciliation", "ads_spend/RUB"))) == Decimal("33.3")
    assert ("reconciliation", "sales_revenue/KZT") not in levels(kept)
    assert levels(kept)["reconciliation", "sales_revenue/RUB"]["is_met"] == 0


def test_two_looks_of_a_day_leave_one_row_and_the_later_one_wins(kept):
    healthy_day(kept, 600)
    kept.look(at=START + 10 * HOUR)
    assert value(kept, "freshness") == 1
    kept.look(at=START + 14 * HOUR)
    assert value(kept, "freshness") == pytest.approx(1 - (14 * 60 - 571 - LIMIT) / (14 * 60), abs=1e-6)
    assert levels(kept)["freshness", "ad_network"]["is_met"] == 0


def test_looks_that_find_nothing_new_write_nothing(kept):
    healthy_day(kept, 1500)
    for half in range(4, 47):
        kept.look(at=START + half * 30 * MINUTE)
    kept.look(at=START + 26 * HOUR)
    assert written(kept) == len(levels(kept)) == 5, "a healthy day is written once"
    for hours in (27, 28, 30, 40, 60):
        kept.look(at=START + hours * HOUR)
    assert written(kept) == 10, "and once more when it is closed"
    assert {row["is_final"] for row in levels(kept).values()} == {1}


def test_day_is_measured_every_half_hour_and_not_at_every_look(kept):
    ran(kept, 0)
    kept.look(at=START + 60 * MINUTE)
    ran(kept, 61, status="failed")
    rejected(kept, 62)
    kept.look(at=START + 89 * MINUTE)
    assert ("rejected_share", "ad_network") not in levels(kept)
    kept.look(at=START + 90 * MINUTE)
    assert value(kept, "rejected_share") == 1


def test_day_begins_at_midnight_in_moscow(kept):
    ran(kept, -600)
    ran(kept, 1439, minutes=0, rows=10)
    rejected(kept, 1439)
    rejected(kept, 1440, dataset="banners")
    ran(kept, 1440, minutes=0, rows=1000)
    kept.look(at=START + 26 * HOUR)
    assert value(kept, "rejected_share") == pytest.approx(0.1)
    assert value(kept, "rejected_share", day=DAY + timedelta(1)) == pytest.approx(0.001)


def test_days_that_nobody_watched_are_measured_afterwards(kept):
    healthy_day(kept, 3 * 1440)
    kept.look(at=START + 12 * HOUR)
    kept.look(at=START + 3 * NIGHT + 12 * HOUR)
    for n in range(3):
        row = levels(kept, DAY + timedelta(n))["freshness", "ad_network"]
        assert (row["value"], row["is_final"]) == (1, 1)
    assert value(kept, "loads_on_time", day=DAY + timedelta(3)) < 1
    kept.objectives["days"] = 1
    kept.server.query("TRUNCATE TABLE meta.sli_daily")
    kept.look(at=START + 3 * NIGHT + 13 * HOUR)
    assert not levels(kept, DAY + timedelta(1))
    assert levels(kept, DAY + timedelta(2))


def test_closed_day_stays_as_it_was_closed(kept):
    healthy_day(kept)
    kept.look(at=START + 27 * HOUR)
    assert levels(kept)["freshness", "ad_network"]["is_final"] == 1
    kept.objectives["freshness"] = 0.5
    rejected(kept, 700)
    kept.look(at=START + 30 * HOUR)
    assert levels(kept)["freshness", "ad_network"]["target"] == 0.99
    assert ("rejected_share", "ad_network") not in levels(kept)


def test_day_that_has_ended_may_still_change_until_it_is_closed(kept):
    healthy_day(kept, 1380)
    kept.look(at=START + 25 * HOUR)
    assert value(kept, "completeness") < 1
    ran(kept, 1510, mode="backfill", window=(0, 1440))
    kept.look(at=START + 26 * HOUR)
    assert value(kept, "completeness") == 1
    assert levels(kept)["completeness", "ad_network"]["is_final"] == 0


def test_wait_for_a_success_reaches_over_the_days_that_are_measured(kept):
    kept.objectives["days"] = 1
    ran(kept, -5000)
    for minute in (-1470, *range(-1380, 30, 30)):
        ran(kept, minute)
    kept.look(at=START + 2 * HOUR)
    # a success at 23:31, the next at 1:01
    assert value(kept, "freshness", day=DAY - timedelta(1)) == pytest.approx(1 - (90 - LIMIT) / 1440, abs=1e-6)


def test_clock_that_went_back_loses_nothing(kept):
    healthy_day(kept, 600)
    kept.look(at=START + 20 * HOUR)
    before = levels(kept)
    kept.look(at=START + 12 * HOUR)
    kept.look(at=START - 3 * HOUR)
    assert levels(kept) == before
    kept.look(at=START + 21 * HOUR)
    assert value(kept, "freshness") < before["freshness", "ad_network"]["value"]


def test_day_closed_by_a_clock_that_ran_ahead_is_measured_again(kept):
    healthy_day(kept, 600)
    kept.look(at=START + 40 * HOUR)
    assert levels(kept)["freshness", "ad_network"]["is_final"] == 1
    healthy_day(kept, 1440)
    kept.look(at=START + 12 * HOUR)
    kept.look(at=START + 28 * HOUR)
    assert value(kept, "freshness") == 1
    rows = written(kept)
    kept.look(at=START + 29 * HOUR)
    assert written(kept) == rows
    kept.look(at=START + 41 * HOUR)
    assert value(kept, "freshness") == 1


def test_dataset_that_is_well_again_does_not_keep_its_last_bad_day(kept):
    kept.objectives["days"] = 1
    healthy_day(kept, 3 * 1440, rows=10)
    rejected(kept, 700, dataset="banners")
    for n in range(1, 4):
        kept.look(at=START + n * NIGHT + 4 * HOUR)
    assert value(kept, "rejected_share", "ad_network/banners") > 0
    assert value(kept, "rejected_share", "ad_network/banners", DAY + timedelta(2)) == 0


def test_latest_levels_stand_beside_their_objectives(kept):
    start = datetime.now(MOSCOW).date() - timedelta(days=3)
    ahead = (start - DAY).days * 1440
    for minute in range(ahead, ahead + 2 * 1440, 30):
        if not ahead + 600 < minute < ahead + 1000:
            ran(kept, minute, window=(minute - 60, minute))
    for n in (1, 2):
        kept.look(at=START + ahead * MINUTE + n * NIGHT + 4 * HOUR)
    (row,) = table(kept, "SELECT * FROM meta.v_sli_latest WHERE sli = 'freshness'")
    columns = [
        "last_day", "sli", "subject", "last_value", "last_target", "last_is_met", "loaded_at",
        "last_is_final", "last_measured_until", "share_of_days_met_7", "share_of_days_met_28",
    ]  # fmt: skip
    assert list(row) == columns
    assert row["last_day"] == str(start + timedelta(2))
    assert (row["last_target"], row["last_is_final"]) == (0.99, 0)
    # one of two closed days; the present one does not count
    assert (row["share_of_days_met_7"], row["share_of_days_met_28"]) == (0.5, 0.5)


# --- alerts --------------------------------------------------------------------------------------


def episodes(deployment):
    return table(deployment, "SELECT * FROM meta.etl_alerts FINAL ORDER BY raised_at")


def test_episode_leaves_one_row_that_ends(kept):
    kept.stop_timers()
    kept.look(at=START)
    assert episodes(kept) == []
    kept.look(at=START + 300)
    rows = {row["subject"]: row for row in episodes(kept)}
    assert set(rows) == {"timer of ticket_shop", "timer of ad_network"}
    row = rows["timer of ad_network"]
    assert (row["rule"], row["severity"], row["status"], row["resolved_at"]) == (
        "loader-stale",
        "critical",
        "firing",
        None,
    )
    assert "sudo systemctl status zakaz-ad-network.timer" in row["message"]
    assert "docs/operations/loader-stale.md" in row["message"]
    assert datetime.fromisoformat(row["raised_at"]).replace(tzinfo=MOSCOW).timestamp() == START + 300
    kept.start_timers()
    kept.look(at=START + 600)
    kept.look(at=START + 900)
    ended = {row["subject"]: row for row in episodes(kept)}
    assert {name: row["alert_id"] for name, row in ended.items()} == {
        name: row["alert_id"] for name, row in rows.items()
    }
    row = ended["timer of ad_network"]
    assert row["status"] == "resolved"
    assert datetime.fromisoformat(row["resolved_at"]).replace(tzinfo=MOSCOW).timestamp() == START + 900
    # the next one is another episode
    kept.stop_timers()
    for n in (4, 5):
        kept.look(at=START + n * 300)
    assert sorted(row["status"] for row in episodes(kept)) == ["firing"] * 2 + ["resolved"] * 2


def test_end_is_an_end_although_the_clock_went_back(kept):
    kept.stop_timers()
    for n in (0, 1):
        kept.look(at=START + n * 300)
    kept.start_timers()
    for n in (0, 1):
        kept.look(at=START - NIGHT + n * 300)
    assert {row["status"] for row in episodes(kept)} == {"resolved"}
    assert all(row["resolved_at"] >= row["raised_at"] for row in episodes(kept))


def test_trouble_of_clickhouse_itself_is_written_when_it_answers_again(kept):
    there, kept.port = kept.port, free_port()
    for n in range(3):
        assert kept.look(at=START + n * 300).returncode == 0
    assert kept.failing() == {"ClickHouse"}
    assert episodes(kept) == []
    kept.port = there
    kept.look(at=START + 900)
    (row,) = episodes(kept)
    assert (row["subject"], row["rule"], row["status"]) == ("ClickHouse", "clickhouse-down", "firing")
    kept.look(at=START + 1200)
    (row,) = episodes(kept)
    assert row["status"] == "resolved"
    assert state(kept)["unwritten"] == {}


def state(deployment):
    return json.loads((deployment.folder / "alerts" / "state.json").read_text())


def test_rows_that_wait_for_long_are_bounded_and_the_newest_stay(kept):
    noted = State()
    for n in range(1200):
        for event in ("firing", "resolved"):
            ledger.note(
                noted, Message(event, "zakaz", "host", f"unit {n}", "x", since=n, at=n + 1), "unit-failed", "warning"
            )
    rows = list(noted.unwritten.values())
    assert len(rows) == 500
    assert [row["subject"] for row in rows[-2:]] == ["unit 1198", "unit 1199"]
    assert {row["status"] for row in rows} == {"resolved"}


def test_episode_of_a_unit_is_written_by_the_next_look(kept):
    from zakaz_alert.episodes import Episodes, Trouble
    from zakaz_alert.post_office import PostOffice
    from zakaz_alert.settings import Settings

    (kept.folder / "loader.env").write_text("CLICKHOUSE_PASSWORD=hunter2hunter2\n")
    settings = Settings("zakaz", kept.folder / "alerts", kept.folder, "docs/operations")
    storage = Storage(settings.state_dir)
    watcher = Episodes(settings, storage, PostOffice(settings, storage, say=lambda _: None), clock=lambda: START)
    watcher.observe({"zakaz-ad-network.service": Trouble("refused hunter2hunter2", "journalctl", "loader-failed.md")})
    kept.look(at=START + 60)
    (row,) = episodes(kept)
    assert (row["subject"], row["rule"], row["severity"]) == ("zakaz-ad-network.service", "loader-failed", "warning")
    assert "hunter2" not in str(row)
    assert "refused •••" in row["message"]


def disk(event, at):
    return Message(event, "zakaz", "host", "disk", "full", since=START, at=at)


def test_episode_that_ends_while_its_row_is_written_keeps_its_end(kept):
    class Busy:
        def execute(self, sql, settings=None):
            with storage.changing() as state:
                ledger.note(
                    state,
                    Message("resolved", "zakaz", "h", "disk", "full", since=START, at=START + 60),
                    "disk",
                    "critical",
                )
            return ""

    storage = Storage(kept.folder / "alerts")
    with storage.changing() as state:
        ledger.note(state, disk("firing", START), "disk", "critical")
    write_alerts(Busy(), storage)
    (row,) = storage.read().unwritten.values()
    assert (row["status"], row["resolved_at"]) == ("resolved", START + 60)


def test_end_that_waits_is_not_taken_for_a_lost_episode(kept):
    storage = Storage(kept.folder / "alerts")
    for event, at in (("firing", START), ("resolved", START + 60)):
        kept.look(at=START)
        with storage.changing() as state:
            ledger.note(state, disk(event, at), "disk", "critical")
        if event == "firing":
            kept.look(at=START)
    (kept.folder / "alerts" / "measured").unlink()
    connection = HttpConnection("127.0.0.1", kept.port, "watch", PASSWORD)
    close_lost_episodes(connection, load(kept.folder / "watch.json"), storage, START + 9999)
    assert [row["status"] for row in episodes(kept)] == ["firing"]
    kept.look(at=START + 9999)
    (row,) = episodes(kept)
    assert datetime.fromisoformat(row["resolved_at"]).replace(tzinfo=MOSCOW).timestamp() == START + 60


def test_damaged_state_leaves_no_episode_that_lasts_for_ever(kept):
    kept.stop_timers()
    for n in (0, 1):
        kept.look(at=START + n * 300)
    (kept.folder / "alerts" / "state.json").write_text('{"episodes": {')
    for n in (2, 3, 20, 21):
        assert kept.look(at=START + n * 300).returncode == 0
    by_status = [row["status"] for row in episodes(kept)]
    assert sorted(by_status) == ["firing"] * 2 + ["resolved"] * 2
    assert kept.failing() == {"timer of ticket_shop", "timer of ad_network"}
    kept.start_timers()
    for n in (22, 23):
        kept.look(at=START + n * 300)
    assert {row["status"] for row in episodes(kept)} == {"resolved"}


def test_state_of_an_earlier_version_is_taken_over(kept):
    (kept.folder / "alerts").mkdir()
    old = {"since": START - 600.25, "problem": "the timer does not run", "times": 3}
    content = {"episodes": {"timer of ad_network": old}, "outbox": [], "pending": {}}
    (kept.folder / "alerts" / "state.json").write_text(json.dumps(content))
    for n in (0, 1):
        kept.look(at=START + n * 300)
    (row,) = episodes(kept)
    assert (row["subject"], row["status"]) == ("timer of ad_network", "resolved")


def test_queries_of_the_page_run(kept):
    page = (REPOSITORY / "docs/operations/service-levels.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", page, flags=re.DOTALL)
    healthy_day(kept, 600)
    kept.stop_timers()
    for n in (0, 1):
        kept.look(at=START + 28 * HOUR + n * 300)
    answers = [kept.server.query(f"{one} FORMAT TSV") for one in block.split(";") if one.strip()]
    assert len(answers) == 3
    assert "freshness\tad_network" in answers[0]
    assert f"{DAY}\tfreshness\tad_network" in answers[1]


# --- when it cannot be written -------------------------------------------------------------------


def test_history_that_cannot_be_written_is_told_once_and_costs_no_alert(kept):
    kept.server.query("RENAME TABLE meta.sli_daily TO meta.sli_aside")
    try:
        kept.stop_timers()
        said = "".join(kept.look(at=START + n * 300).stdout for n in range(6))
        assert kept.failing() >= {"history", "timer of ad_network"}
        assert said.count("history: FAILED") == 1
        assert said.count("timer of ad_network: FAILED") == 1
        assert "docs/operations/service-levels.md" in said
        assert kept.metrics()['zakaz_watch_problem{deployment="zakaz",subject="history"}'] == 1
        assert {row["subject"] for row in episodes(kept)} >= {"history", "timer of ad_network"}
    finally:
        kept.server.query("RENAME TABLE meta.sli_aside TO meta.sli_daily")
    said = "".join(kept.look(at=START + n * 300).stdout for n in range(6, 9))
    assert "history: works again" in said


def test_people_are_told_before_the_history_is_tried(kept):
    kept.server.query("RENAME TABLE meta.sli_daily TO meta.sli_aside")
    try:
        kept.stop_timers()
        with HttpReceiver() as receiver:
            kept.channels = {"webhook": {"url": receiver.url}}
            # now: older messages are dropped as history
            kept.look(2)
            told = [content["subject"] for _, _, content in receiver.posts]
            # the table that is away is a drift of the schema, too
            assert sorted(told) == ["schema", "timer of ad_network", "timer of ticket_shop"]
            kept.look()
            assert [content["subject"] for _, _, content in receiver.posts][3:] == ["history"]
    finally:
        kept.server.query("RENAME TABLE meta.sli_aside TO meta.sli_daily")


def test_mistake_in_the_history_costs_neither_alerts_nor_metrics(kept):
    kept.objectives["schedule_minutes"] = "thirty"
    ran(kept, 0)
    for n in (10, 11):
        assert kept.look(at=START + n * HOUR).returncode == 0
    assert "history" in kept.failing()
    assert kept.metrics()['zakaz_clickhouse_up{deployment="zakaz"}'] == 1


def test_alerts_are_kept_while_their_table_is_away(kept):
    kept.server.query("RENAME TABLE meta.etl_alerts TO meta.alerts_aside")
    try:
        kept.stop_timers()
        for n in range(4):
            kept.look(at=START + n * 300)
        assert "timer of ad_network" in kept.failing()
    finally:
        kept.server.query("RENAME TABLE meta.alerts_aside TO meta.etl_alerts")
    kept.look(at=START + 1500)
    assert {row["subject"] for row in episodes(kept)} >= {"timer of ad_network", "timer of ticket_shop"}


def test_write_as_the_watch_needs_no_more_than_its_grants(kept):
    """The looks above run as that user; here is what it may insert into."""
    granted = kept.server.query("SHOW GRANTS FOR watch")
    inserts = sorted(line.split(" ON ")[1].split()[0] for line in granted.splitlines() if "INSERT" in line)
    assert inserts == ["meta.etl_alerts", "meta.sli_daily"]
    assert PASSWORD not in granted
