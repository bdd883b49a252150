"""Which backups may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zakaz_backup.retention import Kept, to_delete

NOON = datetime(2026, 11, 20, 9, tzinfo=UTC)


def kept(days_ago: float, good: bool = True) -> Kept:
    return Kept(f"{days_ago:g}{'' if good else ' bad'}", NOON - timedelta(days=days_ago), good)


def test_a_year_of_nightly_backups_leaves_a_week_of_days_and_a_month_of_weeks() -> None:
    year = [kept(day) for day in range(365)]
    left = {backup.name for backup in year} - set(to_delete(year, 7, 4))
    # 20 November 2026 is a Friday: the weeks' newest are this Friday and three Sundays
    assert left == {"0", "1", "2", "3", "4", "5", "6", "12", "19"}


def test_of_one_day_the_newest_stays() -> None:
    assert to_delete([kept(0.1), kept(0.2), kept(0)], 7, 4) == ["0.2", "0.1"]


def test_a_pause_deletes_nothing() -> None:
    assert to_delete([kept(100), kept(101), kept(102)], 7, 4) == []


def test_a_backup_without_a_passed_drill_takes_no_place_of_a_good_one() -> None:
    backups = [kept(day, good=False) for day in range(10)] + [kept(10), kept(11)]
    assert set(to_delete(backups, 2, 0)) == {f"{day} bad" for day in range(1, 10)}


def test_the_only_good_backup_stays_whatever_the_settings() -> None:
    assert to_delete([kept(500)], 0, 0) == []
    assert to_delete([], 1, 0) == []


def test_days_are_those_of_moscow() -> None:
    evening = Kept("evening", datetime(2026, 11, 19, 20, 30, tzinfo=UTC), True)
    night = Kept("night", datetime(2026, 11, 19, 21, 30, tzinfo=UTC), True)
    assert to_delete([evening, night], 7, 0) == []
    assert to_delete([evening, Kept("later", evening.created_at + timedelta(minutes=5), True)], 7, 0) == ["evening"]
