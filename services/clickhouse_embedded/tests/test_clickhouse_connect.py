"""The official Python client cannot tell this from a server."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from decimal import Decimal
from ipaddress import IPv4Address
from zoneinfo import ZoneInfo

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData
from running_server import PASSWORD

MOSCOW = ZoneInfo("Europe/Moscow")


def connect(server, user: str = "admin", **options):
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username=user, password=PASSWORD, **options
    )


@pytest.fixture(scope="module")
def client(server):
    with connect(server, database="shop") as connected:
        yield connected


def test_what_the_client_learns_at_its_start(client, server):
    assert client.server_version == server.value("SELECT version()")
    assert str(client.server_tz) in ("UTC", "Etc/UTC", server.value("SELECT timezone()"))
    assert client.ping()
    assert client.database == "shop"


TYPES = {
    "Int8": [-128, 127],
    "Int64": [-(2**63), 2**63 - 1],
    "UInt64": [0, 2**64 - 1],
    "Int128": [-(2**127), 2**127 - 1],
    "UInt256": [0, 2**256 - 1],
    "Float64": [0.1, -1e300],
    "Bool": [True, False],
    "Decimal(18, 2)": [Decimal("0.29"), Decimal("-9999999999999999.99")],
    "Decimal(38, 10)": [Decimal("1234567890.0123456789"), Decimal(0)],
    "String": ["жёлтый 🎭 \t\n'\\", ""],
    "FixedString(4)": [b"abcd", b"\x00\xff\x00\xff"],
    "LowCardinality(String)": ["a", "Москва"],
    "Nullable(String)": [None, ""],
    "LowCardinality(Nullable(String))": [None, "x"],
    "Nullable(Decimal(9, 2))": [None, Decimal("1.50")],
    "Date": [dt.date(1970, 1, 1), dt.date(2026, 11, 23)],
    "Date32": [dt.date(1900, 1, 1), dt.date(2299, 12, 31)],
    "DateTime('Europe/Moscow')": [
        dt.datetime(2026, 1, 31, 22, 30, tzinfo=MOSCOW),
        dt.datetime(2000, 6, 1, tzinfo=MOSCOW),
    ],
    "DateTime64(6, 'Europe/Moscow')": [dt.datetime(2026, 1, 31, 22, 30, 0, 123456, tzinfo=MOSCOW)] * 2,
    "UUID": [uuid.UUID(int=0), uuid.UUID("12345678-1234-5678-9abc-def012345678")],
    "IPv4": [IPv4Address("127.0.0.1"), IPv4Address("255.255.255.255")],
    "Enum8('a' = 1, 'б' = -2)": ["a", "б"],
    "Array(Array(Nullable(Int32)))": [[[1, None], []], []],
    "Map(String, Array(UInt8))": [{"k": [1, 2], "ё": []}, {}],
    "Tuple(Int8, String)": [(1, "x"), (-1, "")],
    "Tuple(a Int8, b Nullable(String))": [{"a": 1, "b": None}, {"a": 2, "b": "y"}],
    "JSON": [{"a": {"b": 1}, "c": ["x", "y"]}, {}],
}


@pytest.mark.parametrize("type_name", TYPES)
def test_types_go_in_and_out(client, type_name):
    client.command("DROP TABLE IF EXISTS typed")
    client.command(f"CREATE TABLE typed (id UInt8, v {type_name}) ENGINE = MergeTree ORDER BY id")
    values = TYPES[type_name]
    client.insert("typed", [[i, v] for i, v in enumerate(values)], column_names=["id", "v"])
    result = client.query("SELECT v FROM typed ORDER BY id")
    assert [row[0] for row in result.result_rows] == values
    assert result.column_types[0].name.split("(")[0] == type_name.split("(")[0]


@pytest.mark.parametrize("rows", [0, 1, 100_000])
@pytest.mark.parametrize("compress", [True, False])
def test_inserts(server, rows, compress):
    with connect(server, database="shop", compress=compress) as client:
        client.command("DROP TABLE IF EXISTS sized")
        client.command("CREATE TABLE sized (id UInt64, s String) ENGINE = MergeTree ORDER BY id")
        summary = client.insert("sized", [[i, f"row {i % 100}"] for i in range(rows)], column_names=["id", "s"])
        assert summary.written_rows == rows
        assert client.query("SELECT count(), sum(id), uniqExact(s) FROM sized").result_rows == [
            (rows, rows * (rows - 1) // 2, min(rows, 100))
        ]


@pytest.mark.slow
@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", "br", False])
def test_a_million_rows_through_each_compression(server, compress):
    rows = 1_000_000
    with connect(server, database="shop", compress=compress) as client:
        client.command("DROP TABLE IF EXISTS million")
        client.command(
            "CREATE TABLE million (id UInt64, s String, price Decimal(18, 2), at DateTime('Europe/Moscow'))"
            " ENGINE = MergeTree ORDER BY id"
        )
        moment = dt.datetime(2026, 1, 31, 22, 30, tzinfo=MOSCOW)
        ids = list(range(rows))
        columns = [ids, [f"row {i % 1000}" for i in ids], [Decimal(i) / 100 for i in ids], [moment] * rows]
        summary = client.insert(
            "million", columns, column_names=["id", "s", "price", "at"], column_oriented=True,
            settings={"max_insert_block_size": 100_000},
        )  # fmt: skip
        assert summary.written_rows == rows
        expected = (rows, rows * (rows - 1) // 2, Decimal(rows * (rows - 1) // 2) / 100, 1000)
        assert client.query("SELECT count(), sum(id), sum(price), uniqExact(s) FROM million").result_rows == [expected]
        read = client.query("SELECT id, price FROM million")
        assert (
            read.row_count,
            sum(read.result_columns[0]) if read.column_oriented else sum(r[0] for r in read.result_rows),
        ) == (
            expected[0],
            expected[1],
        )
        assert sum(r[1] for r in read.result_rows) == expected[2]


def test_a_large_value_and_a_zero_row_result(client):
    assert len(client.command("SELECT repeat(repeat('x', 1000), 5000)")) == 5_000_000
    empty = client.query("SELECT id, price FROM sales WHERE 0")
    assert empty.result_rows == []
    assert client.query("SELECT id, name FROM sales LIMIT 0").column_names == ("id", "name")


def test_parameters(client):
    rows = client.query(
        "SELECT {i:Int64}, {s:String}, {d:DateTime('Europe/Moscow')}, {a:Array(String)}, {n:Nullable(String)}",
        parameters={
            "i": -5,
            "s": "it's\ta \\ test",
            "d": dt.datetime(2026, 1, 1, tzinfo=MOSCOW),
            "a": ["x", "y'"],
            "n": None,
        },
    ).result_rows
    assert rows == [(-5, "it's\ta \\ test", dt.datetime(2026, 1, 1, tzinfo=MOSCOW), ["x", "y'"], None)]
    assert client.query("SELECT %(a)s, %(b)s", parameters={"a": 1, "b": "q'"}).result_rows == [(1, "q'")]


def test_commands_and_errors(client):
    assert client.command("SELECT 41 + 1") == 42
    assert client.command("EXISTS TABLE sales") == 1
    client.command("CREATE OR REPLACE TABLE made (a UInt8) ENGINE = Memory")
    client.command("INSERT INTO made VALUES (1), (2)")
    assert client.command("SELECT count() FROM made", settings={"max_threads": 1}) == 2
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as raised:
        client.query("SELECT * FROM nowhere")
    assert raised.value.code == 60
    with pytest.raises(DatabaseError, match="SYNTAX_ERROR"):
        client.command("SELEC 1")
    with pytest.raises(DatabaseError, match="516"):
        clickhouse_connect.get_client(host="127.0.0.1", port=client_port(client), username="admin", password="wrong")
    assert client.query("SELECT 1").result_rows == [(1,)], "the connection serves on after errors"


def client_port(client) -> int:
    return int(client.url.rsplit(":", 1)[1])


def test_streams(client):
    with client.query_row_block_stream("SELECT number FROM numbers(300000)") as stream:
        assert sum(len(block) for block in stream) == 300_000
    with client.raw_stream("SELECT number FROM numbers(100000)", fmt="CSV") as raw:
        assert len(raw.read().splitlines()) == 100_000
    assert client.raw_query("SELECT 1 AS a", fmt="JSONEachRow") == b'{"a":1}\n'
    client.command("CREATE OR REPLACE TABLE raw (a UInt32, s String) ENGINE = MergeTree ORDER BY a")
    client.raw_insert("raw", ["a", "s"], b"1,x\n2,y\n", fmt="CSV")
    client.raw_insert("raw", ["a", "s"], (b'{"a":%d,"s":"z"}\n' % i for i in range(3, 1000)), fmt="JSONEachRow")
    assert client.command("SELECT count() FROM raw") == 999


@pytest.mark.parametrize("compress", [True, False])
def test_an_error_in_mid_stream_names_its_cause(server, compress):
    with connect(server, compress=compress) as client:
        sql = "SELECT rand64(number) AS r, throwIf(number = 1500000, 'late') FROM numbers(3000000)"
        with (
            pytest.raises((StreamFailureError, DatabaseError), match="late"),
            client.query_row_block_stream(sql, settings={"max_threads": 1, "wait_end_of_query": 0}) as stream,
        ):
            for _ in stream:
                pass
        assert client.command("SELECT 1") == 1


def test_sessions(server):
    with connect(server, session_id="python") as client:
        client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
        client.insert("mine", [[1], [2]], column_names=["a"])
        assert client.query("SELECT sum(a) FROM mine").result_rows == [(3,)]
        client.command("SET max_block_size = 777")
        assert client.command("SELECT getSetting('max_block_size')") == 777
    with connect(server, autogenerate_session_id=False) as client, pytest.raises(DatabaseError):
        client.command("SELECT * FROM mine")


def test_external_data(client):
    data = ExternalData(file_name="ids.csv", fmt="CSV", structure="id UInt64", data=b"1\n2\n3\n")
    result = client.query("SELECT count() FROM sales WHERE id IN (SELECT id FROM ids)", external_data=data)
    assert result.result_rows == [(2,)]


def test_a_reader(server):
    with connect(server, "reader") as client:
        assert client.query("SELECT sum(price) FROM shop.sales").result_rows == [(Decimal("30.75"),)]
        with pytest.raises(DatabaseError, match=r"READONLY|ACCESS_DENIED"):
            client.insert("shop.sales", [[9, Decimal(1), "x"]], column_names=["id", "price", "name"])
    with connect(server, "bi") as client, pytest.raises(DatabaseError, match="ACCESS_DENIED"):
        client.query("SELECT * FROM shop.sales")


def test_concurrent_clients(server):
    wrong = []

    def work(who: int) -> None:
        with connect(server, database="shop", settings={"max_block_size": 1000 + who}) as client:
            for i in range(10):
                rows = client.query(
                    "SELECT {w:UInt8}, number, getSetting('max_block_size') FROM numbers(1000)", parameters={"w": who}
                ).result_rows
                if {(r[0], r[2]) for r in rows} != {(who, 1000 + who)} or len(rows) != 1000:
                    wrong.append((who, i))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_cancellation(server):
    with (
        connect(server, autogenerate_session_id=False) as client,
        connect(server, autogenerate_session_id=False) as other,
    ):
        failure = []

        def slow():
            try:
                client.query(
                    "SELECT sleepEachRow(0.1) FROM numbers(200)", settings={"query_id": "py-slow", "max_block_size": 1}
                )
            except DatabaseError as error:
                failure.append(error.code)

        thread = threading.Thread(target=slow)
        thread.start()
        while not other.command("SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleepEachRow(0.1)%'"):
            pass
        other.command("KILL QUERY WHERE query_id = 'py-slow'")
        thread.join(20)
        assert failure == [394]


def test_sqlalchemy_reflects_the_schema(server):
    import sqlalchemy

    url = sqlalchemy.URL.create("clickhousedb", "admin", PASSWORD, "127.0.0.1", server.port, "shop")
    engine = sqlalchemy.create_engine(url)
    inspector = sqlalchemy.inspect(engine)
    assert {"shop", "bi"} <= set(inspector.get_schema_names())
    assert "sales" in inspector.get_table_names("shop")
    columns = {c["name"]: str(c["type"]) for c in inspector.get_columns("sales", "shop")}
    assert list(columns) == ["id", "price", "name"]
    table = sqlalchemy.Table("sales", sqlalchemy.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.select(table.c.id, table.c.price).order_by(table.c.id)).fetchall()
    assert [tuple(r) for r in rows][:2] == [(1, Decimal("10.50")), (2, Decimal("20.25"))]
    engine.dispose()
