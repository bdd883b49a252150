"""Settings that statements carry themselves: defaults differ between versions, and a server's profile may set them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

READ_SETTINGS: Mapping[str, Any] = {
    "do_not_merge_across_partitions_select_final": 0,
    "join_use_nulls": 0,
    "max_execution_time": 300,
}
INSERT_SETTINGS: Mapping[str, Any] = {
    # what is acknowledged is written
    "async_insert": 0,
    "max_insert_threads": 1,
    # One block, one part: an insert is seen whole or not at all, even when its maker is killed.
    "min_insert_block_size_rows": 100_000_000,
    "min_insert_block_size_bytes": 4 << 30,
    "date_time_input_format": "best_effort",
}
