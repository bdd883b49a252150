"""The HTTP interface as ClickHouse documents it."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
import zlib

import brotli
import lz4.frame
import pytest
import urllib3
import zstandard

pytestmark = pytest.mark.patient


@pytest.mark.parametrize("path", ["/ping", "/replicas_status", "/"])
def test_health_needs_no_login(server, path):
    assert server.request("GET", path, user=None).body == b"Ok.\n"
    head = server.request("HEAD", path, user=None)
    assert (head.status, head.body) == (200, b"")


def test_unknown_path_and_method(server):
    assert server.request("GET", "/nothing").status == 404
    assert server.request("DELETE", "/").status == 501


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", {"query": "SELECT 1 AS x"}, None),
        ("POST", {}, b"SELECT 1 AS x"),
        ("POST", {"query": "SELECT 1"}, b"AS x"),
        ("POST", {"query": "SELECT 1 AS x"}, None),
        ("PUT", {}, b"SELECT 1 AS x;"),
    ],
)
def test_query_in_url_body_or_both(server, method, url, body):
    reply = server.request(method, "/", body, **url)
    assert (reply.status, reply.body) == (200, b"1\n")
    assert reply.headers["X-ClickHouse-Format"] == "TabSeparated"


def test_head_has_headers_and_no_body(server):
    reply = server.request("HEAD", "/", query="SELECT 1")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["X-ClickHouse-Query-Id"]


def test_headers(server):
    reply = server.ask("SELECT number FROM numbers(3)", query_id="mine-1")
    assert reply.headers["X-ClickHouse-Query-Id"] == "mine-1"
    assert reply.headers["X-ClickHouse-Timezone"] == server.value("SELECT timezone()")
    assert reply.headers["X-ClickHouse-Server-Display-Name"] == server.value("SELECT hostName()")
    assert re.fullmatch("[a-z]{16}", reply.headers["X-ClickHouse-Exception-Tag"])
    assert reply.headers["Content-Type"] == "text/tab-separated-values; charset=UTF-8"
    assert reply.summary["read_rows"] == "3"
    assert (
        server.ask("SELECT 1").headers["X-ClickHouse-Query-Id"]
        != server.ask("SELECT 1").headers["X-ClickHouse-Query-Id"]
    )


def test_output_format(server):
    for reply in (
        server.ask("SELECT 1 AS a FORMAT JSONEachRow"),
        server.ask("SELECT 1 AS a", default_format="JSONEachRow"),
        server.ask("SELECT 1 AS a", headers={"X-ClickHouse-Format": "JSONEachRow"}),
        server.ask("SELECT 1 AS a FORMAT JSONEachRow SETTINGS max_threads = 1", default_format="CSV"),
        server.ask("SELECT 1 AS a SETTINGS max_threads = 1 FORMAT JSONEachRow -- the end"),
    ):
        assert reply.body == b'{"a":1}\n'
        assert reply.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert server.ask("SELECT 'FORMAT CSV' AS format").body == b"FORMAT CSV\n"
    assert server.ask("SHOW DATABASES LIKE 'shop'", default_format="CSV").body == b'"shop"\n'
    unknown = server.ask("SELECT 1", default_format="NoSuchFormat")
    assert (unknown.status, unknown.code) == (404, 73)


def test_a_statement_without_a_result_has_no_format(server):
    reply = server.ask("CREATE TABLE IF NOT EXISTS shop.sales (id UInt64) ENGINE = Memory")
    assert (reply.status, reply.body) == (200, b"")
    assert "X-ClickHouse-Format" not in reply.headers


def test_database(server):
    assert server.value("SELECT count() FROM secrets", database="shop") == "1"
    reply = server.ask("SELECT count() FROM secrets", headers={"X-ClickHouse-Database": "shop"})
    assert reply.body == b"1\n"
    assert server.ask("SELECT 1", database="nowhere").code == 81


def test_settings(server):
    assert server.value("SELECT getSetting('max_threads')") == "2"
    assert server.value("SELECT getSetting('max_threads')", max_threads=1) == "1"
    assert server.value("SELECT getSetting('max_threads')") == "2", "a request's settings end with it"
    unknown = server.ask("SELECT 1", no_such_setting=1)
    assert (unknown.status, unknown.code) == (404, 115)
    assert server.ask("SELECT 1", max_threads="many").code in (27, 72)
    assert server.ask("SELECT 1", **{"a'b": "1"}).code == 115


def test_parameters(server):
    sql = "SELECT {s:String}, {n:Nullable(Int8)}, {a:Array(UInt8)}, {d:Date}"
    url = {"param_s": "tab\\t and ' and \\\\", "param_n": "\\N", "param_a": "[1,2]", "param_d": "2026-01-31"}
    assert server.ask(sql, **url).text == "tab\\t and \\' and \\\\\t\\N\t[1,2]\t2026-01-31\n"
    table = server.value("SELECT count() FROM {db:Identifier}.{t:Identifier}", param_db="shop", param_t="secrets")
    assert table == "1"
    assert server.ask("SELECT {x:UInt8}", param_x="word").code == 457
    assert server.ask("SELECT {x:UInt8}").code == 456


def test_bytes_that_are_not_text(server):
    assert server.ask(b"SELECT '\xff\xfe', length('\xff\xfe')").body == b"\xff\xfe\t2\n"
    reply = server.request("POST", "/?param_x=%FF%FE", b"SELECT hex({x:String})")
    assert reply.body == b"FFFE\n"
    assert server.value("SELECT 'жёлтый', length('ё')") == "жёлтый\t2"


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("", 400, 62),
        ("-- nothing", 400, 62),
        ("1 + 1", 400, 62),
        ("SELECT * FROM nowhere", 404, 60),
        ("SELECT x", 404, 47),
        ("SELECT nope(1)", 404, 46),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT sleep(2) SETTINGS max_execution_time = 1", 408, 159),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, 358),
        ("SHOW TABLES INTO OUTFILE '/tmp/x'", 500, 358),
        ("INSERT INTO shop.sales FROM INFILE '/etc/passwd' FORMAT CSV", 404, 78),
        ("SELECT * FROM Python(server)", 404, 46),
        ("SELECT * FROM `python`(server)", 404, 46),
        ("SELECT * FROM shop.sales WHERE name IN (SELECT a FROM PyThOn /**/ (x))", 404, 46),
    ],
)
def test_errors(server, sql, status, code):
    reply = server.ask(sql)
    assert (reply.status, reply.code) == (status, code), reply.text
    assert re.fullmatch(rf"Code: {code}\. DB::Exception: .*\([A-Z_]+\) \(version [\d.]+\)\n", reply.text, re.DOTALL)
    assert "formatQuery" not in reply.text


def test_a_string_may_say_what_a_statement_may_not(server):
    assert server.value("SELECT 'x INTO OUTFILE y', 'Python(z)', 'SET ROLE'") == "x INTO OUTFILE y\tPython(z)\tSET ROLE"


def test_get_is_read_only(server):
    assert server.request("GET", "/", query="CREATE TABLE shop.x (a Int8) ENGINE = Memory").code == 164
    for sql in (
        "INSERT INTO shop.sales VALUES (9, 9, '')",
        "INSERT INTO shop.sales SELECT 9, 9, ''",
        "KILL QUERY WHERE 1",
    ):
        for session in ({}, {"session_id": "get"}):
            assert server.request("GET", "/", query=sql, **session).code == 164
    assert server.request("GET", "/", query="SELECT 1", max_threads=1).status == 200


def test_wait_end_of_query_makes_a_late_error_a_status(server):
    sql = "SELECT throwIf(number = 3000000, 'late') FROM numbers(4000000) FORMAT TabSeparated"
    reply = server.ask(sql, wait_end_of_query=1, max_threads=1)
    assert (reply.status, reply.code) == (500, 395)


def test_an_error_in_mid_stream_is_marked_as_the_server_marks_it(server):
    sql = "SELECT rand64(), throwIf(number = 1500000, 'late') FROM numbers(2000000) FORMAT TabSeparated"
    for encoding, decode in (
        ("identity", bytes),
        ("gzip", lambda d: b"".join(_gzip_members(d))),
        ("zstd", lambda d: zstandard.ZstdDecompressor().stream_reader(d, read_across_frames=True).read()),
        ("lz4", _lz4_frames),
    ):
        headers = {"Accept-Encoding": encoding, "X-ClickHouse-User": "admin", "X-ClickHouse-Key": "correct horse"}
        reply = server.pool.request(
            "POST",
            f"{server.url}/?max_threads=1",
            body=sql,
            headers=headers,
            preload_content=False,
            decode_content=False,
        )
        assert reply.status == 200
        body = b""
        with pytest.raises(Exception, match=r"(?i)incomplete|broken|closed|prematurely"):
            for piece in reply.stream(1 << 16, decode_content=False):
                body += piece
        text = decode(bytes(body))
        tag = reply.headers["X-ClickHouse-Exception-Tag"].encode()
        start = text.index(b"\r\n__exception__\r\n" + tag + b"\r\n")
        match = re.fullmatch(
            rb"\r\n__exception__\r\n%b\r\n(?P<m>.*\n)(?P<n>\d+) %b\r\n__exception__\r\n" % (tag, tag),
            text[start:],
            re.DOTALL,
        )
        assert match
        assert len(match["m"]) == int(match["n"])
        assert b"Code: 395" in match["m"]


def _gzip_members(data: bytes):
    while data:
        member = zlib.decompressobj(31)
        yield member.decompress(data)
        data = member.unused_data


def _lz4_frames(data: bytes) -> bytes:
    out = b""
    while data:
        frame = lz4.frame.LZ4FrameDecompressor()
        out += frame.decompress(data)
        data = frame.unused_data or b""
    return out


ENCODERS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
    "br": lambda data: brotli.compress(data, quality=1),
    "deflate": zlib.compress,
    "identity": bytes,
}
DECODERS = {
    "gzip": gzip.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "lz4": lz4.frame.decompress,
    "br": brotli.decompress,
}


@pytest.mark.parametrize("encoding", DECODERS)
def test_compressed_result(server, encoding):
    for rows in (1, 400_000):
        sql = f"SELECT number, toString(number) FROM numbers({rows})"
        plain, packed = server.ask(sql), server.ask(sql, headers={"Accept-Encoding": encoding})
        assert packed.headers["Content-Encoding"] == encoding
        assert DECODERS[encoding](packed.body) == plain.body
    assert (
        "Content-Encoding"
        not in server.ask(sql, headers={"Accept-Encoding": encoding}, enable_http_compression=0).headers
    )


@pytest.mark.parametrize("encoding", ENCODERS)
def test_compressed_insert_in_many_frames(server, encoding):
    server.value("CREATE OR REPLACE TABLE shop.packed (id UInt64, s String) ENGINE = MergeTree ORDER BY id")
    parts = [b"".join(b"%d\tline %d\n" % (i, i) for i in range(n, n + 50_000)) for n in range(0, 200_000, 50_000)]
    parts[0] = b"INSERT INTO shop.packed FORMAT TabSeparated\n" + parts[0]
    frames = [ENCODERS[encoding](p) for p in ([b"".join(parts)] if encoding == "br" else parts)]
    reply = server.ask(b"".join(frames), headers={"Content-Encoding": encoding})
    assert reply.status == 200, reply.text
    assert reply.summary["written_rows"] == "200000"
    assert server.value("SELECT count(), sum(id), uniqExact(s) FROM shop.packed") == "200000\t19999900000\t200000"


def test_a_truncated_body_inserts_nothing(server):
    server.value("CREATE OR REPLACE TABLE shop.cut (id UInt64) ENGINE = MergeTree ORDER BY id")
    data = b"INSERT INTO shop.cut FORMAT CSV\n" + b"".join(b"%d\n" % i for i in range(300_000))
    for encoding in ("gzip", "zstd", "lz4", "br"):
        whole = ENCODERS[encoding](data)
        reply = server.ask(whole[: len(whole) - 20], headers={"Content-Encoding": encoding})
        assert reply.status == 500, reply.text
    assert server.ask(b"\x00garbage", headers={"Content-Encoding": "zstd"}).code == 561
    assert server.ask(b"SELECT 1", headers={"Content-Encoding": "snappy"}).code == 89
    assert server.value("SELECT count() FROM shop.cut") == "0"


def test_a_client_that_leaves_in_the_middle_inserts_nothing(server):
    server.value("CREATE OR REPLACE TABLE shop.left (id UInt64) ENGINE = MergeTree ORDER BY id")

    def body():
        yield b"INSERT INTO shop.left FORMAT CSV\n"
        for i in range(300_000):
            yield b"%d\n" % i
        raise ConnectionAbortedError

    with pytest.raises(urllib3.exceptions.ProtocolError):
        server.request("POST", "/", body())
    _eventually(
        lambda: server.value("SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO shop.left%'") == "0"
    )
    assert server.value("SELECT count() FROM shop.left") == "0"


def test_chunked_insert_of_any_format(server):
    server.value("CREATE OR REPLACE TABLE shop.kinds (id UInt64, s String DEFAULT 'd') ENGINE = MergeTree ORDER BY id")
    native = server.ask("SELECT 3 AS id, 'n' AS s FORMAT Native").body
    parquet = server.ask("SELECT 4::UInt64 AS id, 'p' AS s FORMAT Parquet").body
    for head, data in (
        (b"INSERT INTO shop.kinds (id) FORMAT CSV\n", b"1\n"),
        (b"INSERT INTO shop.kinds FORMAT JSONEachRow ", b'{"id":2,"s":"a\\n\\nb"}\n\n{"id":20}'),
        (b"INSERT INTO shop.kinds FORMAT Native\n", native),
        (b"INSERT INTO shop.kinds FORMAT Parquet\n", parquet),
        (b"INSERT INTO shop.kinds (id, s) SETTINGS max_threads = 1 VALUES ", b"(5, concat('v', ';')), (2 * 3, 'w')"),
        (b"/* x */ insert into TABLE shop.kinds(`id`, s) -- FORMAT CSV\n format TSV\r\n", b"7\tt\n"),
    ):
        reply = server.request("POST", "/", iter([head, data]))
        assert reply.status == 200, reply.text
    rows = server.value("SELECT id, s FROM shop.kinds ORDER BY id FORMAT CSV")
    assert rows == '1,"d"\n2,"a\n\nb"\n3,"n"\n4,"p"\n5,"v;"\n6,"w"\n7,"t"\n20,"d"'


def test_insert_with_the_statement_in_the_url(server):
    server.value("CREATE OR REPLACE TABLE shop.url (id UInt64) ENGINE = MergeTree ORDER BY id")
    assert server.ask(b"1\n2\n", query="INSERT INTO shop.url FORMAT TSV").summary["written_rows"] == "2"
    assert server.ask(b"", query="INSERT INTO shop.url FORMAT TSV").summary["written_rows"] == "0"
    assert server.ask(b"x\n", query="INSERT INTO shop.url FORMAT TSV").code == 27
    assert server.ask(b"3", query="INSERT INTO shop.url SELECT").status == 200
    assert server.ask(b"", query="INSERT INTO nowhere FORMAT TSV").code == 60
    assert server.value("SELECT groupArray(id) FROM (SELECT id FROM shop.url ORDER BY id)") == "[1,2,3]"


@pytest.mark.parametrize(
    "source", ["input('id UInt64')", "`input`('id UInt64')", "(SELECT * FROM INPUT /**/ ('id UInt64'))"]
)
def test_input_is_refused_and_not_taken_for_no_data(server, source):
    server.value("CREATE OR REPLACE TABLE shop.input (id UInt64) ENGINE = MergeTree ORDER BY id")
    sql = f"INSERT INTO shop.input (id) SELECT id * 2 FROM {source} FORMAT CSV".encode()
    for reply in (server.ask(sql + b"\n1\n2\n"), server.ask(b"1\n2\n", query=sql.decode()), server.ask(sql)):
        assert reply.status in (400, 404, 501), reply.text
    assert "input() is not available" in server.ask(f"{sql.decode()}\n1\n".replace("INPUT", "input")).text
    server.value("INSERT INTO shop.input (id) SELECT 5")
    assert server.value("SELECT id, 'FROM input(' FROM shop.input") == "5\tFROM input("


def test_an_error_in_a_large_insert_is_answered_and_inserts_no_part_of_its_block(server):
    server.value("CREATE OR REPLACE TABLE shop.bad (id UInt64) ENGINE = MergeTree ORDER BY id")
    data = b"".join(b"%d\n" % i for i in range(500_000)) + b"word\n" + b"1\n" * 500_000
    reply = server.ask(data, query="INSERT INTO shop.bad FORMAT TSV")
    assert (reply.status, reply.code) == (400, 27)
    assert server.value("SELECT count() FROM shop.bad") == "0"


def test_money_goes_in_exactly(server):
    server.value("CREATE OR REPLACE TABLE shop.money (a Decimal(18, 2)) ENGINE = MergeTree ORDER BY a")
    server.value("INSERT INTO shop.money VALUES (0.29), (1.15)")
    server.ask(b'{"a":0.29}', query="INSERT INTO shop.money FORMAT JSONEachRow")
    assert server.value("SELECT sum(a) FROM shop.money") == "1.73"


def test_multipart_parameters_and_external_tables(server):
    fields = {
        "query": "SELECT s, n, {p:String}, _2 FROM ext JOIN two ON n = _1 ORDER BY n",
        "param_p": "x" * 100_000,
        "ext": ("ext.tsv", "a\t1\nb\t2\n"),
        "ext_structure": "s String, n UInt8",
        "two": ("two.csv", "1,one\n2,two\n"),
        "two_types": "UInt8,String",
        "two_format": "CSV",
    }
    reply = server.pool.request(
        "POST", server.url, fields=fields, headers={"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "correct horse"}
    )
    assert reply.status == 200, reply.data
    assert reply.data == b"a\t1\t%b\tone\nb\t2\t%b\ttwo\n" % (b"x" * 100_000, b"x" * 100_000)
    assert server.ask("SELECT * FROM ext", user="reader").code == 60


def test_max_query_size(server):
    sql = f"SELECT '{'x' * 300_000}'"
    assert server.ask(sql).code == 62
    assert len(server.value(sql, max_query_size=1_000_000)) == 300_000


def test_sessions(server):
    session = {"session_id": "one"}
    server.value("CREATE TEMPORARY TABLE mine (a UInt8)", **session)
    server.value("INSERT INTO mine VALUES (7)", **session)
    server.value("SET max_block_size = 123", **session)
    server.value("USE shop", **session)
    assert (
        server.value("SELECT a, getSetting('max_block_size'), currentDatabase() FROM mine", **session) == "7\t123\tshop"
    )
    assert server.ask("SELECT * FROM mine").code == 60
    assert server.ask("SELECT * FROM mine", user="reader", **session).code == 60, "a session belongs to its user"
    assert server.ask("SELECT 1", session_id="two", session_check=1).code == 372
    assert server.ask("SELECT 1", session_id="two", session_timeout="x").code == 374
    assert server.value("SELECT getSetting('max_block_size')", max_block_size=5, **session) == "5"
    assert server.value("SELECT getSetting('max_block_size')", **session) == "123"
    assert server.request("GET", "/", query="SELECT 1", **session).status == 200
    server.value("INSERT INTO mine VALUES (8)", **session)
    server.value("SELECT 1", close_session=1, **session)
    assert server.ask("SELECT 1", session_check=1, **session).code == 372


def test_what_a_statement_leaves_behind_ends_with_its_request_or_session(server):
    for _ in range(3):
        server.value("SET max_block_size = 77")
        server.value("USE shop")
        server.value("CREATE TEMPORARY TABLE left_behind (a UInt8)")
        assert server.value("SELECT getSetting('max_block_size') = 77, currentDatabase()") == "0\tdefault"
        assert server.ask("SELECT * FROM left_behind").code == 60


def test_set_in_a_session_outlives_the_urls_settings(server):
    session = {"session_id": "keeps"}
    server.value("SET max_block_size = 123", max_block_size=5, **session)
    assert server.value("SELECT getSetting('max_block_size')", **session) == "123"
    assert server.value("SELECT getSetting('max_block_size')", max_block_size=6, **session) == "6"
    assert server.value("SELECT getSetting('max_block_size')", max_threads=1, **session) == "123"
    assert server.ask("SELECT 1", no_such_setting=1, **session).code == 115
    assert server.ask("SELECT 1", max_block_size=7, max_threads="many", **session).status != 200
    assert server.value("SELECT getSetting('max_block_size')", **session) == "123"
    assert server.value("SELECT getSetting('max_threads')", **session) == "2"


def test_a_busy_session_is_locked(server):
    slow = threading.Thread(target=server.ask, args=("SELECT sleep(1)",), kwargs={"session_id": "busy"})
    slow.start()
    _eventually(lambda: server.value("SELECT count() FROM system.processes WHERE query LIKE '%sleep(1)%'") >= "2")
    assert server.ask("SELECT 1", session_id="busy").code == 373
    slow.join()
    assert server.ask("SELECT 1", session_id="busy").status == 200


def test_a_session_ends_after_its_timeout(server):
    server.value("SET max_block_size = 99", session_id="short", session_timeout=1)
    time.sleep(1.5)
    assert server.ask("SELECT 1", session_id="short", session_check=1).code == 372


def test_kill_query_by_the_clients_id(server):
    replies = []
    sql = "SELECT sleepEachRow(0.1) FROM numbers(300) SETTINGS max_block_size = 1"
    slow = threading.Thread(target=lambda: replies.append(server.ask(sql, query_id="slow-1")))
    slow.start()
    _eventually(
        lambda: server.value("SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleepEachRow%'") == "1"
    )
    assert server.ask("SELECT 1", query_id="slow-1").code == 216
    server.value("KILL QUERY WHERE query_id = 'slow-1' SYNC")
    slow.join()
    assert replies[0].code == 394


def test_a_client_that_leaves_cancels_its_query(server):
    headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "correct horse"}
    for sql in (
        "SELECT sleepEachRow(0.1) FROM numbers(3000) SETTINGS max_block_size = 1",
        "SELECT * FROM numbers(1e12)",
    ):
        reply = None
        try:
            reply = server.pool.request("POST", server.url, body=sql, headers=headers, preload_content=False, timeout=2)
            reply.read(100)
        except urllib3.exceptions.HTTPError:
            pass  # the first one has nothing to say before the timeout
        if reply:
            reply.close()
        pattern = sql[:20] + "%"
        _eventually(
            lambda p=pattern: server.value(f"SELECT count() FROM system.processes WHERE query LIKE '{p}'") == "0"
        )


def test_a_large_result_streams(server):
    headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "correct horse"}
    sql = "SELECT * FROM numbers(30000000) FORMAT RowBinary"
    reply = server.pool.request("POST", server.url, body=sql, headers=headers, preload_content=False)
    size = sum(map(len, reply.stream(1 << 20)))
    assert size == 30_000_000 * 8


def test_formats_with_headers_and_footers_come_whole(server):
    sql = "SELECT number AS n, toString(number) AS s FROM numbers(200000) FORMAT "
    lines = server.value(sql + "CSVWithNames").splitlines()
    assert (len(lines), lines[0], lines[-1]) == (200_001, '"n","s"', '199999,"199999"')
    assert json.loads(server.value(sql + "JSON"))["rows"] == 200_000
    parquet = server.ask(sql + "Parquet").body
    assert (parquet[:4], parquet[-4:]) == (b"PAR1", b"PAR1")
    assert server.ask(sql + "Null").body == b""
    assert server.value("SELECT 1 AS a WHERE 0 FORMAT TabSeparatedWithNames") == "a"
    assert server.value("SELECT number % 2 AS k, count() FROM numbers(4) GROUP BY k WITH TOTALS ORDER BY k") == (
        "0\t2\n1\t2\n\n0\t4"
    )


def test_union_subquery_and_with(server):
    assert server.value("(SELECT 1) UNION ALL (SELECT 1)") == "1\n1"
    assert server.value("WITH 5 AS x SELECT x") == "5"
    assert server.value("FROM numbers(2) SELECT count()") == "2"
    assert server.value("EXPLAIN SYNTAX SELECT 1").startswith("SELECT 1")


def test_metrics(server):
    def requests(code: int) -> int:
        text = server.request("GET", "/metrics", user=None).text
        found = re.search(rf'^clickhouse_embedded_http_requests_total\{{exception_code="{code}"\}} (\d+)$', text, re.M)
        return int(found[1]) if found else 0

    before = requests(0), requests(60)
    server.value("SELECT 1")
    server.ask("SELECT * FROM nowhere")
    assert (requests(0), requests(60)) == (before[0] + 1, before[1] + 1)
    text = server.request("GET", "/metrics", user=None).text
    assert re.search(r"^ClickHouseProfileEvents_Query \d+$", text, re.M)
    assert re.search(r"^ClickHouseMetrics_Query \d+$", text, re.M)
    for line in text.splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z_:][\w:]*(\{[^}]*\})? \S+", line) or not line, line


def test_own_block_compression_is_refused_with_advice(server):
    reply = server.ask("SELECT 1", compress=1)
    assert (reply.status, reply.code) == (501, 48)
    assert "Accept-Encoding" in reply.text


def _eventually(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)
