"""Which days a run reads."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from yandex_direct.settings import YandexDirectSettings
from yandex_direct.windows import ReadBefore, choose_window, served_days
from zakaz_common.errors import DataError
from zakaz_common.window import Window

TODAY = date(2026, 11, 25)  # a Wednesday


@pytest.fixture
def settings(bare_loader) -> YandexDirectSettings:
    return bare_loader.configured()


def window(settings: YandexDirectSettings, before: ReadBefore, today: date = TODAY, **options: object) -> tuple:
    found = choose_window(today, before=before, settings=settings, **options)  # type: ignore[arg-type]
    assert found.last == today
    return found.kind, found.days


YEAR = TODAY - timedelta(days=365)
ALL_DONE = ReadBefore(TODAY, TODAY, TODAY, YEAR)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (ReadBefore(), ("history", 366)),
        (ALL_DONE, ("recent", 7)),
        (ReadBefore(TODAY, TODAY - timedelta(days=1), TODAY - timedelta(days=1), YEAR), ("deep", 30)),
        (ReadBefore(TODAY, None, TODAY, YEAR), ("deep", 30)),
        # the week began on Monday
        (ReadBefore(TODAY, TODAY, TODAY - timedelta(days=2), YEAR), ("recent", 7)),
        (ReadBefore(TODAY, TODAY, TODAY - timedelta(days=3), YEAR), ("long", 90)),
        (ReadBefore(TODAY, None, None, YEAR), ("long", 90)),
        # after an outage
        (ReadBefore(TODAY - timedelta(days=10), TODAY, TODAY, YEAR), ("recent", 17)),
        # a clock that went back
        (ReadBefore(TODAY + timedelta(days=3), TODAY, TODAY, YEAR), ("recent", 7)),
        # after a first look at three days, or with a longer history than before
        (ReadBefore(TODAY, TODAY, TODAY, TODAY - timedelta(days=2)), ("history", 366)),
        (ReadBefore(TODAY, TODAY, TODAY, YEAR + timedelta(days=1)), ("history", 366)),
        (ReadBefore(TODAY, TODAY, TODAY, YEAR - timedelta(days=1)), ("recent", 7)),
    ],
)
def test_the_window(settings: YandexDirectSettings, before: ReadBefore, expected: tuple[str, int]) -> None:
    assert window(settings, before) == expected


def test_what_direct_corrected_is_read_again_however_old_it_is(settings: YandexDirectSettings) -> None:
    old = TODAY - timedelta(days=200)
    assert window(settings, ALL_DONE, corrected_from=old) == ("corrected", 201)
    assert window(settings, ALL_DONE, corrected_from=TODAY - timedelta(days=3)) == ("recent", 7)


def test_no_window_begins_before_what_direct_serves(settings: YandexDirectSettings) -> None:
    oldest = date(2023, 11, 1)
    all_there_is = settings.model_copy(update={"yandex_direct_history_days": 1096})
    whole = ReadBefore(TODAY, TODAY, TODAY, oldest)
    assert window(all_there_is, whole) == ("recent", 7), "what Direct no longer serves is not missed"
    assert choose_window(TODAY, before=ALL_DONE, settings=settings, corrected_from=date(2020, 1, 1)).first == oldest
    long_gone = ReadBefore(date(2021, 1, 1), TODAY, TODAY, date(2020, 1, 1))
    assert choose_window(TODAY, before=long_gone, settings=settings).first == oldest


def test_a_backfill_reads_what_is_served_and_nothing_to_come() -> None:
    asked = Window.of_days(date(2026, 11, 1), date(2026, 12, 31), "backfill")
    found = served_days(asked, TODAY)
    assert (found.first, found.last, found.kind) == (date(2026, 11, 1), TODAY, "backfill")


@pytest.mark.parametrize("first", [date(2023, 10, 31), TODAY + timedelta(days=1)])
def test_a_backfill_beyond_it_is_refused_before_anything_is_deleted(first: date) -> None:
    with pytest.raises(DataError, match="serves statistics from 2023-11-01 to 2026-11-25"):
        served_days(Window.of_days(first, max(first, TODAY), "backfill"), TODAY)


def test_the_last_day_of_february_has_an_oldest_day(settings: YandexDirectSettings) -> None:
    assert choose_window(
        date(2028, 2, 29), before=ALL_DONE, settings=settings, corrected_from=date(2000, 1, 1)
    ).first == date(2025, 2, 1)
