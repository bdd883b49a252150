"""The ClickHouse client of this package: beside it in ``ansible.module_utils``, or on ``sys.path`` as it is."""

# ruff: noqa: TID252 - it stands beside this package
from __future__ import annotations

# beside us first: both packages must come from one place, or an error would not be the one that is waited for
try:
    from ..zakaz_clickhouse.connection import Connection, rows, value  # type: ignore[import-not-found]
    from ..zakaz_clickhouse.failures import ClickHouseFailure, EngineFailure, engine_failure  # type: ignore[import-not-found]
    from ..zakaz_clickhouse.literals import (  # type: ignore[import-not-found]
        parameter_settings,
        quote,
        quote_name,
        quote_object,
    )
except ImportError:
    # a script, a zipapp: both packages are top-level there
    from zakaz_clickhouse.connection import Connection, rows, value
    from zakaz_clickhouse.failures import ClickHouseFailure, EngineFailure, engine_failure
    from zakaz_clickhouse.literals import parameter_settings, quote, quote_name, quote_object

__all__ = [
    "ClickHouseFailure",
    "Connection",
    "EngineFailure",
    "engine_failure",
    "parameter_settings",
    "quote",
    "quote_name",
    "quote_object",
    "rows",
    "value",
]
