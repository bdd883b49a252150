"""When an account's objects are listed anew, and when those that were kept serve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from yandex_direct.objects.load import Listings, current_listings
from yandex_direct.objects.rows import Staged
from zakaz_common.moscow import MOSCOW

NOW = datetime(2026, 11, 28, 15, 0, tzinfo=MOSCOW)
DUE = NOW - timedelta(hours=3)


def raw(*ids: int) -> list[msgspec.Raw]:
    return [msgspec.Raw(msgspec.json.encode({"Id": one})) for one in ids]


class Direct:
    """An account with campaign 1 and ads 10 and 11."""

    def __init__(self, *, changed: bool = False) -> None:
        self.changed = changed
        self.asked_since: list[datetime] = []
        self.listed = 0

    def objects_changed(self, campaigns: Sequence[int], since: datetime) -> bool:
        assert campaigns == [1]
        self.asked_since.append(since)
        return self.changed

    def campaigns(self) -> list[msgspec.Raw]:
        self.listed += 1
        return raw(1)

    def ad_groups(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        return raw(5)

    def ads(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        return raw(10, 11)


def kept(**ago: datetime) -> Listings:
    return Listings(**{"listed_at": DUE, "tried_at": DUE, **ago}, campaigns=raw(1), ads=raw(10), unlisted=[12])


def staged(*ads: int) -> list[Staged]:
    return [Staged(1, 5, ad, date(2026, 11, 1)) for ad in ads]


def listings(direct: Any, found: Listings | None, *ads: int) -> Listings:
    return current_listings(direct, found, staged(*ads), NOW)


def test_what_nothing_changed_serves_all_day() -> None:
    direct, found = Direct(), kept()
    assert listings(direct, found, 10, 12) is found
    assert direct.listed == 0


def test_changes_are_asked_for_from_before_the_listing_which_may_have_missed_the_last_ones() -> None:
    direct = Direct()
    listings(direct, kept(), 10)
    assert direct.asked_since == [DUE - timedelta(minutes=2)]


def test_a_change_is_listed() -> None:
    direct = Direct(changed=True)
    assert listings(direct, kept(), 10).listed_at == NOW
    assert direct.listed == 1


def test_an_ad_that_is_not_known_is_listed_whatever_direct_says_of_changes() -> None:
    direct = Direct()
    found = listings(direct, kept(), 10, 11, 13)
    assert (direct.listed, found.unlisted) == (1, [13])


@pytest.mark.parametrize(("ago", "times"), [(timedelta(hours=3) - timedelta(seconds=1), 0), (timedelta(hours=3), 1)])
def test_objects_are_listed_at_most_every_three_hours(ago: timedelta, times: int) -> None:
    direct = Direct(changed=True)
    listings(direct, kept(tried_at=NOW - ago), 10, 13)
    assert direct.listed == times


def test_yesterdays_listing_is_made_anew() -> None:
    direct = Direct()
    listings(direct, kept(listed_at=NOW - timedelta(hours=15, seconds=1)), 10)
    assert direct.listed == 1
