"""A source of a hundred thousand orders."""

import os

import pytest
from api_sandbox.testing import sandbox_process
from conftest import Loader
from zakaz_common.testing import warehouse_engine

pytestmark = pytest.mark.slow


def test_the_warehouse_equals_a_source_of_a_hundred_thousand_orders(engine, tmp_path):
    """Field by field; the views to the kopeck; a second run writes nothing."""
    warehouse_engine.empty(engine)
    orders = int(os.environ.get("SEASON_ORDERS", "100000"))
    with sandbox_process(orders=orders, season_days=120, vk_banners=20) as api:
        loader = Loader(engine, tmp_path, {"qtickets_base_url": api.qtickets_url, "qtickets_token": api.qtickets_token})
        assert loader.run() == 0
        loader.assert_equal_to(api.season)
        before = loader.rows("SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL")
        assert loader.run() == 0
        assert loader.last_run("rows_written") == (0,)
        assert loader.rows("SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL") == before
