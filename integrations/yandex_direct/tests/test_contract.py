"""What every loader promises, of this one; its own queue, codes, days and accounts have tests of their own."""

from __future__ import annotations

import pytest
from conftest import FOLDER
from zakaz_common.testing.loader_contract import LoaderContract, Subject


class Account(Subject):
    """Whose cabinet an account is stays, and says nothing of what was read."""

    def watermarks(self) -> list[tuple]:
        """The marks of what was read."""
        return [mark for mark in super().watermarks() if not mark[0].endswith("/whose_deep")]


@pytest.fixture
def subject(loader, api) -> Subject:
    """The loader of one account."""
    return Account(
        loader=loader,
        api=api,
        change=lambda: api.mutate("revise_yandex_direct_days", days=2),
        assert_equal=lambda: loader.assert_equal_to(api.season),
        shown="SELECT * EXCEPT (_loaded_at) FROM bi.v_ads_daily ORDER BY ALL",
        tables=(
            "stg_yandex_direct_daily",
            "stg_yandex_direct_campaigns_daily",
            "dim_yandex_direct_ads",
            "dim_yandex_direct_ad_history",
            "dim_ads",
            "dm_ads_daily",
        ),
        wrong_credentials={"yandex_direct_token": "not-the-token"},
        unreadable=("*/reports", ("rows.*.Cost",)),
        personal_data=api.season.personal_data,
        folder=FOLDER,
        env_prefix="YANDEX_DIRECT_",
    )


class TestContract(LoaderContract):
    """One account: whose it is, then its reports."""

    ROUTES = ("*/clients", "*/reports")
