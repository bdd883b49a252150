"""Every version of an account's rows, kept beside the newest."""

from collections.abc import Iterator

import pytest
from zakaz_common.versions import keep_versions

MAY_1 = 1_777_593_600_123
"""A version: 2026-05-01 03:00:00.123 of Moscow, in milliseconds."""


class Toy:
    """A dimension of things, and its history."""

    def __init__(self, client, warehouse) -> None:
        self.client, self.warehouse = client, warehouse

    def put(self, account: str, thing: int, name: str, version: int) -> None:
        self.client.insert("default.things", [(account, thing, name, version)])

    def keep(self, account: str = "main") -> None:
        columns = ("account", "thing", "name", "_ver")
        keep_versions(
            self.warehouse, "default.things", "default.thing_history", columns, id_column="thing", account=account
        )

    def history(self) -> list[tuple]:
        query = "SELECT account, thing, name, toString(valid_from) FROM default.thing_history ORDER BY ALL"
        return self.client.query(query).result_rows


@pytest.fixture
def toy(client, warehouse) -> Iterator[Toy]:
    columns = "account String, thing UInt64, name String, _ver UInt64"
    since = "valid_from DateTime64(3, 'Europe/Moscow')"
    made = "CREATE TABLE default.{} ({}) ENGINE = ReplacingMergeTree(_ver) ORDER BY ({})"
    client.command(made.format("things", columns, "account, thing"))
    client.command(made.format("thing_history", f"{columns}, {since}", "account, thing, valid_from"))
    yield Toy(client, warehouse)
    client.command("DROP TABLE default.things")
    client.command("DROP TABLE default.thing_history")


def test_each_version_is_kept_once_under_the_moment_it_began(toy) -> None:
    toy.put("main", 1, "before", MAY_1)
    toy.keep()
    toy.keep()
    assert toy.history() == [("main", 1, "before", "2026-05-01 03:00:00.123")]
    toy.put("main", 1, "after", MAY_1 + 1000)
    toy.put("main", 2, "new", MAY_1)
    toy.keep()
    assert toy.history() == [
        ("main", 1, "after", "2026-05-01 03:00:01.123"),
        ("main", 1, "before", "2026-05-01 03:00:00.123"),
        ("main", 2, "new", "2026-05-01 03:00:00.123"),
    ]


def test_rows_of_another_account_neither_are_copied_nor_count_as_kept(toy) -> None:
    toy.put("main", 1, "ours", MAY_1)
    toy.put("other", 1, "theirs", MAY_1)
    toy.keep("other")
    assert [row[:3] for row in toy.history()] == [("other", 1, "theirs")]
    toy.keep()
    assert [row[:3] for row in toy.history()] == [("main", 1, "ours"), ("other", 1, "theirs")]
