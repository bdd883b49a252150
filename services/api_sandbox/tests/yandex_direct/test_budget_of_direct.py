"""Direct spends beside the others, not instead of them."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import SEASON_END

from api_sandbox.season.generator import Season
from api_sandbox.season.records import Account
from api_sandbox.testing import make_season


def season(**settings: Any) -> Season:
    return make_season(orders=300, season_end=SEASON_END, season_days=60, **settings)


def others(made: Season) -> list[Account]:
    return [account for account in made.accounts if account.vendor != "yandex_direct"]


def spent(accounts: list[Account]) -> int:
    return sum(stat.spent for account in accounts for ad in account.banners.values() for stat in ad.days.values())


def test_what_others_spend_does_not_depend_on_it() -> None:
    without, usual = season(yandex_direct_accounts=0), season()
    large = season(yandex_direct_accounts=3, yandex_direct_ads=300, yandex_direct_wizards=4)
    assert repr(others(without)) == repr(others(usual)) == repr(others(large))
    assert without.accounts_of("yandex_direct") == []
    assert [len(one.banners) for one in usual.accounts_of("yandex_direct")] == [49]
    assert sum(len(one.banners) for one in large.accounts_of("yandex_direct")) == 300 + 3 * 4


def test_its_budget_is_a_part_of_theirs_whatever_its_size() -> None:
    for made in (season(), season(yandex_direct_accounts=2, yandex_direct_ads=150)):
        share = spent(made.accounts_of("yandex_direct")) / spent(others(made))
        assert 0.29 < share < 0.31


def test_ids_are_nobody_elses() -> None:
    made = season(yandex_direct_accounts=2, yandex_direct_ads=120)
    ids = [
        number
        for account in made.accounts
        for kind in (account.plans, account.groups, account.banners)
        for number in kind
    ]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"yandex_direct_ads": -1}, "yandex_direct_ads=-1"),
        ({"yandex_direct_accounts": -2}, "yandex_direct_accounts=-2"),
        ({"yandex_direct_currencies": "roubles"}, "expected codes like RUB or USD, found 'roubles'"),
    ],
)
def test_impossible_numbers_are_refused_with_a_sentence(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        season(**settings)
