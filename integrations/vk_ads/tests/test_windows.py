"""Which days a run reads."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vk_ads.settings import VkAdsSettings
from vk_ads.windows import choose_window
from zakaz_common.window import Window

TODAY = date(2026, 11, 20)
SETTINGS = VkAdsSettings(clickhouse_host="h", clickhouse_user="u", clickhouse_password="p")


@pytest.mark.parametrize(
    ("loaded_until", "deep_read_on", "window"),
    [
        (None, None, Window.of_days(date(2025, 11, 20), TODAY, "history")),
        (None, TODAY, Window.of_days(date(2025, 11, 20), TODAY, "history")),
        (TODAY, TODAY, Window.of_days(date(2026, 11, 18), TODAY, "recent")),
        (date(2026, 11, 19), TODAY, Window.of_days(date(2026, 11, 17), TODAY, "recent")),
        (TODAY, date(2026, 11, 19), Window.of_days(date(2026, 10, 22), TODAY, "deep")),
        (TODAY, None, Window.of_days(date(2026, 10, 22), TODAY, "deep")),
        (date(2026, 9, 1), date(2026, 9, 1), Window.of_days(date(2026, 8, 3), TODAY, "deep")),
        (date(2020, 1, 1), TODAY, Window.of_days(date(2025, 11, 20), TODAY, "recent")),
        (date(2026, 11, 25), TODAY, Window.of_days(date(2026, 11, 18), TODAY, "recent")),
    ],
)
def test_window(loaded_until, deep_read_on, window) -> None:
    assert choose_window(TODAY, loaded_until=loaded_until, deep_read_on=deep_read_on, settings=SETTINGS) == window


@given(st.integers(0, 300), st.integers(0, 3))
def test_no_day_since_the_watermark_is_left_out(behind: int, deep_behind: int) -> None:
    loaded = TODAY - timedelta(days=behind)
    window = choose_window(
        TODAY, loaded_until=loaded, deep_read_on=TODAY - timedelta(days=deep_behind), settings=SETTINGS
    )
    assert window.first <= loaded
    assert window.last == TODAY
    assert window.days <= 366
