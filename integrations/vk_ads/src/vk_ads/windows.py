"""Which days a run reads. Days are Moscow days, both ends included."""

from __future__ import annotations

from datetime import date, timedelta

from zakaz_common.window import Window

from vk_ads.paging.statistics import MAX_DAYS
from vk_ads.settings import VkAdsSettings


def choose_window(
    today: date, *, loaded_until: date | None, deep_read_on: date | None, settings: VkAdsSettings
) -> Window:
    """The window of a scheduled run.

    Recent days are revised by VK for hours, older ones now and then: every run reads the last days again,
    and the first run of a day reads a month.

    Its kind is ``recent``, ``deep`` or ``history``.

    Parameters:
        today: the server's Moscow day.
        loaded_until: day of the watermark; None before the first complete run.
        deep_read_on: day of the last successful run that reached as far as a deep one, if any.
    """
    oldest = today - timedelta(days=MAX_DAYS - 1)
    if loaded_until is None:
        return Window.of_days(today - timedelta(days=settings.vk_ads_history_days - 1), today, "history")
    deep = deep_read_on is None or deep_read_on < today
    back = settings.vk_ads_deep_window_days if deep else settings.vk_ads_window_days
    # After an outage the window reaches back from where the data end, not from today.
    first = min(loaded_until, today) - timedelta(days=back - 1)
    return Window.of_days(max(first, oldest), today, "deep" if deep else "recent")
