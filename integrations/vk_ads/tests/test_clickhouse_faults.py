"""ClickHouse that fails, fills up, or loses an answer: the next run ends equal to the cabinet."""

from __future__ import annotations

from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

pytestmark = pytest.mark.patient


class Unreliable:
    """A client whose statements fail from one on, or that loses answers.

    Parameters: ``failing`` are the numbers (from 1) of the statements that fail; ``error`` is what they raise;
    ``after`` lets the statement work first, as when the answer is lost on its way.
    """

    def __init__(self, client: Any, failing: range, error: Exception, *, after: bool = False) -> None:
        self._client = client
        self._failing = failing
        self._error = error
        self._after = after
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name not in ("query", "command", "insert", "raw_insert"):
            return method

        def call(*arguments: Any, **options: Any) -> Any:
            self.statements += 1
            fails = self.statements in self._failing
            if fails and not self._after:
                raise self._error
            result = method(*arguments, **options)
            if fails:
                raise self._error
            return result

        return call


def database_error(code: int) -> DatabaseError:
    return DatabaseError(f"HTTPDriver returned response code 500. Code: {code}. DB::Exception: told by a test")


def unreliable(loader, failing: range, error: Exception, *, after: bool = False):
    client = Unreliable(loader.client, failing, error, after=after)
    return loader.via(client), client


@pytest.mark.parametrize("code", [202, 252])
def test_a_passing_failure_is_waited_out(loader, api, code: int) -> None:
    broken, _ = unreliable(loader, range(5, 9), database_error(code))
    assert broken.run() == 0
    loader.assert_equal_to(api.season)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (OperationalError("connection refused"), 69, "CLICKHOUSE_HOST"),
        (database_error(164), 69, "164"),
        (database_error(243), 74, "disk is full"),
        (database_error(60), 78, "apply the schema"),
        (database_error(497), 78, "grants"),
    ],
)
def test_a_lasting_failure_ends_the_run_and_the_next_mends_it(loader, api, capsys, error, code: int, told: str) -> None:
    broken, client = unreliable(loader, range(10, 10_000), error)
    assert broken.run() == code
    assert told in capsys.readouterr().out
    assert client.statements >= 10
    assert loader.rows("SELECT count() FROM meta.watermarks") == [(0,)]
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_every_statement_that_is_carried_out_twice_changes_nothing(loader, api) -> None:
    class Twice(Unreliable):
        def __getattr__(self, name: str) -> Any:
            method = getattr(self._client, name)
            return (lambda *a, **o: (method(*a, **o), method(*a, **o))[1]) if name.endswith("insert") else method

    assert loader.via(Twice(loader.client, range(0), OSError())).run() == 0
    loader.assert_equal_to(api.season)
    assert loader.rows("SELECT count(), uniqExact(run_id) FROM meta.etl_runs") == [(1, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["refused", "answer-lost"])
def test_a_failure_at_any_statement_is_mended_by_the_next_run(loader, api, after: bool) -> None:
    _, counted = probe = unreliable(loader, range(0), OSError())
    assert probe[0].run() == 0
    for number in range(1, counted.statements + 1):
        warehouse_empty(loader)
        broken, _ = unreliable(loader, range(number, 10_000), database_error(243), after=after)
        assert broken.run() in (74, 0), number
        assert loader.run() == 0
        loader.assert_equal_to(api.season)


def warehouse_empty(loader) -> None:
    from zakaz_common.testing import warehouse_engine

    warehouse_engine.empty(loader.client)
