"""For tests of loaders: the engine, a loader as an operator runs it, a failing ClickHouse, and the contract of all."""

import pytest

pytest.register_assert_rewrite("zakaz_common.testing.loader_contract")
