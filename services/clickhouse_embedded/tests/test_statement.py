"""Telling an INSERT's head from its data, and canonical texts, on the engine itself."""

from __future__ import annotations

import pytest
from clickhouse_embedded.commands import split_statements
from clickhouse_embedded.engine import Connection, escape_parameter, load_extension
from clickhouse_embedded.errors import ServerError, http_status
from clickhouse_embedded.statement import PIPE, Statements, find_insert
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def connection():
    raw = Connection(load_extension().connect(":memory:?log-level=none"), "test")
    yield raw
    raw.close()


@pytest.mark.parametrize(
    ("text", "data_format", "data"),
    [
        (b"INSERT INTO t VALUES (1)", b"Values", b" (1)"),
        (b"insert into t(a, b) values(1, 2)", b"Values", b"(1, 2)"),
        (b"INSERT INTO t FORMAT CSV 1,2", b"CSV", b"1,2"),
        (b"INSERT INTO t FORMAT CSV \t\r\n 1,2", b"CSV", b" 1,2"),
        (b"INSERT INTO t FORMAT CSV\n\n1", b"CSV", b"\n1"),
        (b"INSERT INTO `values` VALUES (1)", b"Values", b" (1)"),
        (b"INSERT INTO values VALUES (1)", b"Values", b" (1)"),
        (b"INSERT INTO format.values (format, `FORMAT x`) FORMAT TSV\nx", b"TSV", b"x"),
        (b"INSERT INTO TABLE FUNCTION null('a Int8') FORMAT TSV\nx", b"TSV", b"x"),
        (
            b"/* FORMAT a */ INSERT INTO t -- VALUES\n SETTINGS x = 'FORMAT y' FORMAT Native\n\x00\x01",
            b"Native",
            b"\x00\x01",
        ),
        (b"INSERT INTO t (* EXCEPT(b)) VALUES", b"Values", b""),
    ],
)
def test_heads(connection, text, data_format, data):
    head = find_insert(text)
    assert (head.data_format, text[head.data :]) == (data_format, data)
    statement = Statements().insert(connection, text, head, ())
    assert statement.sql.count(PIPE) == 1
    assert statement.canonical.startswith(b"INSERT INTO ")


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1",
        b"INSERT INTO t SELECT 'VALUES' FORMAT CSV",
        b"INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x",
        b"INSERT INTO t (SELECT 1 AS values)",
        b"INSERT INTO t",
        b"INSERT INTO t FORMAT",
        b"",
        b"-- INSERT INTO t VALUES (1)",
    ],
)
def test_no_data(text):
    assert find_insert(text) is None


@given(st.text(alphabet="INSERTtovalues FORMATCV()'`\"\\;-/*\n\x00,.$1é", max_size=60).map(str.encode))
@example(b"INSERT INTO t FORMAT CSV; SET ROLE ALL")
@example(b"INSERT INTO t VALUES; SET ROLE ALL")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_executed_is_one_insert_through_our_pipe(connection, tail):
    text = b"INSERT INTO t " + tail
    head = find_insert(text)
    if head is None:
        return
    try:
        statement = Statements().insert(connection, text, head, ())
    except ServerError:
        return
    printed = connection.query(
        "SELECT formatQuerySingleLine({q:String})", "RawBLOB", {"q": escape_parameter(statement.sql)}
    ).body
    assert printed.startswith(b"INSERT INTO ")
    assert printed.count(b" FROM INFILE '" + PIPE + b"'") == 1


@given(st.binary(max_size=80))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_parameter_carries_any_bytes(connection, data):
    assert connection.query("SELECT {x:String}", "RawBLOB", {"x": escape_parameter(data)}).body == data


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ("Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)", 62, "Syntax error."),
        (
            "Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format X. (UNKNOWN_FORMAT) (version 26.3.9.1)."
            " (UNKNOWN_FORMAT)",
            73,
            "Unknown format X.",
        ),
        ("something else", 1002, "something else"),
    ],
)
def test_engine_messages(message, code, text):
    error = ServerError.from_engine(message)
    assert (error.code, error.text) == (code, text)


def test_access_denied_is_forbidden_since_26_8():
    assert http_status(497, "26.3.9.1") == 500
    assert http_status(497, "26.9.2.1") == 403


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        (b"SELECT 1", [b"SELECT 1"]),
        (b"SELECT 1; SELECT ';' -- ;\n;\n", [b"SELECT 1", b"SELECT ';' -- ;"]),
        (b"INSERT INTO t FORMAT CSV\n1;2\n\nSELECT 1;", [b"INSERT INTO t FORMAT CSV\n1;2", b"SELECT 1"]),
        (b"INSERT INTO t VALUES (';'); SELECT 2", [b"INSERT INTO t VALUES (';')", b"SELECT 2"]),
        (b" ;; -- nothing", []),
    ],
)
def test_the_client_splits_a_script(script, statements):
    assert [s.strip() for s in split_statements(script)] == statements
