"""What every loader promises, of this one; what only Qtickets does has tests of its own."""

from pathlib import Path
from typing import Any

import pytest
from api_sandbox.testing import Sandbox
from conftest import Loader
from zakaz_common.testing.loader_contract import LoaderContract, Subject

MONEY = "data.*.price"


@pytest.fixture
def subject(loader: Loader, api: Sandbox) -> Subject:
    """The loader with every optional dataset, as it is by default."""
    full = loader.having(qtickets_optional_datasets="inventory,discounts,promo_codes,color_themes,barcodes")

    def change() -> Any:
        api.mutate("insert_orders", count=25, at="-900")
        api.mutate("refund_orders", count=6, at="-800")
        api.mutate("cancel_orders", count=3, at="-700")

    return Subject(
        loader=full,
        api=api,
        change=change,
        assert_equal=lambda: full.assert_equal_to(api.season),
        shown="SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL",
        tables=("stg_qtickets_orders", "stg_qtickets_tickets", "stg_qtickets_events", "stg_qtickets_shows",
                "dim_events", "dm_sales_daily"),
        wrong_credentials={"qtickets_token": "not-the-token"},
        unreadable=("*/orders", ("data.*.currency_id", MONEY, "data.*.discount_id", "data.*.event_id")),
        personal_data=api.season.personal_data,
        folder=Path(__file__).resolve().parents[1],
        env_prefix="QTICKETS_",
    )  # fmt: skip


class TestContract(LoaderContract):
    """Events, then orders."""

    ROUTES = ("*/events", "*/orders")
    NTH = 2
