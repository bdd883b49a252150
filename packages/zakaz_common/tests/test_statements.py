"""Retries of statements by error code, with a client whose failures are scripted."""

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from zakaz_common.errors import ConfigError, DataError, StorageError, UnavailableError
from zakaz_common.warehouse import Warehouse


class Result:
    result_rows = ((1,),)


class Described:
    result_rows = (("a", "UInt8"), ("b", "String"))


class ScriptedClient:
    """Fails as told, then works."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.settings = []

    def _turn(self, settings):
        self.settings.append(settings)
        if self.failures:
            raise self.failures.pop(0)

    def query(self, sql, parameters, settings):
        self._turn(settings)
        return Described if sql.startswith("DESCRIBE") else Result

    def raw_insert(self, table, column_names, insert_block, fmt, settings):
        self._turn(settings)
        self.inserted = (table, column_names, insert_block, fmt)


def code(number, text="Code: {n}. DB::Exception: (SOMETHING)"):
    return DatabaseError(text.format(n=number), code=number)


def warehouse(clock, client, seconds=600, **options):
    return Warehouse.from_client(client, clock.deadline(seconds), where="warehouse:8123", **options)


@pytest.mark.parametrize(
    "failure",
    [*(code(n) for n in (159, 164, 202, 203, 209, 210, 241, 242, 252, 285, 319, 425, 999, 1002)),
     OperationalError("connection refused"), ConnectionResetError("reset")],
    ids=lambda f: str(getattr(f, "code", None) or f),
)  # fmt: skip
def test_passing_failures_are_waited_out(clock, failure):
    client = ScriptedClient(failure, failure, failure)
    assert warehouse(clock, client).query("SELECT 1") == [(1,)]
    assert clock.waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("failure", "kind", "sentence"),
    [
        (code(60), ConfigError, "a table is missing.*apply the schema"),
        (code(47), ConfigError, "a column is missing.*apply the schema"),
        (code(53), DataError, "does not fit its column, types do not match"),
        (code(243), StorageError, "its disk is full; free space"),
        *((code(n), ConfigError, "refuses the user: its name.*check CLICKHOUSE_USER") for n in (192, 193, 194, 516)),
        (code(497), ConfigError, "the user lacks a right"),
        (code(4242), StorageError, "answered with error 4242"),
        (OperationalError("HTTP driver: HTTP status: 403"), ConfigError, "refuses the user: its name"),
        (OperationalError("the proxy said status 401"), ConfigError, "refuses the user: its name"),
    ],
)
def test_lasting_failures_stop_at_once_with_a_sentence(clock, failure, kind, sentence):
    client = ScriptedClient(failure)
    with pytest.raises(kind, match=f"ClickHouse at warehouse:8123.*{sentence}"):
        warehouse(clock, client).query("SELECT 1")
    assert clock.waits == []


def test_a_server_that_stays_down_is_given_up_before_the_deadline(clock):
    client = ScriptedClient(*[OperationalError("connection refused")] * 1000)
    with pytest.raises(UnavailableError, match=r"did not answer .*CLICKHOUSE_HOST") as caught:
        warehouse(clock, client, seconds=120).query("SELECT 1")
    assert caught.value.exit_code == 69
    assert 100 < clock.now <= 120


def test_what_passed_in_vain_is_told_with_its_reason(clock):
    client = ScriptedClient(*[code(252, "too many parts, code {n} is told beside the words")] * 1000)
    with pytest.raises(UnavailableError, match="error 252 until the retries ran out: the table has too many parts"):
        warehouse(clock, client, seconds=20).query("SELECT 1")


def test_a_short_patience_is_kept(clock):
    client = ScriptedClient(*[OperationalError("connection refused")] * 1000)
    with pytest.raises(UnavailableError):
        warehouse(clock, client, retry_seconds=5).query("SELECT 1")
    assert clock.now <= 5


def test_values_of_a_row_do_not_get_into_the_message(clock):
    failure = code(27, "Code: {n}. DB::Exception: Cannot parse input: while converting 'buyer@example.com' Row 1")
    with pytest.raises(DataError) as caught:
        warehouse(clock, ScriptedClient(failure)).query("SELECT 1")
    assert "buyer@example.com" not in str(caught.value)


def test_every_statement_pins_its_settings(clock):
    client = ScriptedClient()
    sink = warehouse(clock, client)
    sink.insert("t", {"a": [1, 3], "b": ["x", "y"]})
    sink.query("SELECT 1")
    _, insert, select = client.settings
    assert insert["async_insert"] == 0
    assert insert["max_insert_threads"] == 1
    assert select["do_not_merge_across_partitions_select_final"] == 0
    block = b"\x02\x02\x01a\x05UInt8\x01\x03\x01b\x06String\x01x\x01y"
    assert client.inserted == ("zakaz.t", ["a", "b"], block, "Native")


def test_an_empty_insert_is_none(clock):
    client = ScriptedClient()
    warehouse(clock, client).insert("t", {"a": []})
    assert client.settings == []
