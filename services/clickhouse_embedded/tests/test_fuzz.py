"""Malformed requests: always an HTTP answer, never a crash, never another client's data."""

from __future__ import annotations

import gzip
import random
import re
import socket
import threading
from collections import Counter

import lz4.frame
import pytest
import zstandard
from running_server import PASSWORD, RunningServer

SECRET = b"a row of another client"
TOKENS = [
    b"SELECT", b"INSERT INTO", b"FORMAT", b"VALUES", b"CSV", b"Native", b"t", b"(", b")", b"'", b'"', b"`", b";", b"--",
    b"/*", b"*/", b"SETTINGS", b"max_threads=1", b"INTO OUTFILE", b"FROM INFILE", b"'/proc/self/fd/1'", b"UNION ALL",
    b"\x00", b"\xff\xfe", b"{x:String}", b"1", b"number", b"FROM numbers(10)", b"WITH", b"AS", b"SET", b"ROLE", b"ALL",
    b"USE", b"system", b"EXPLAIN", b"KILL QUERY WHERE", b"query_id='x'", b"$$", b"\n\n", b",", b"TRUNCATE",
    b"COMPRESSION", b"Python(", b"SHOW GRANTS", b"CREATE TEMPORARY TABLE", b"SQL SECURITY", b"EXECUTE AS", b"COPY",
]  # fmt: skip
SETTINGS = [b"max_threads", b"readonly", b"session_id", b"session_timeout", b"query_id", b"database", b"default_format"]
SETTINGS += [b"param_x", b"wait_end_of_query", b"compress", b"role", b"\xff", b"a b", b"log_comment", b"max_query_size"]
SETTINGS += [b"dialect", b"output_format_json_quote_decimals", b"http_write_exception_in_output_format", b"profile"]
ENCODERS = [(b"gzip", gzip.compress), (b"zstd", zstandard.compress), (b"lz4", lz4.frame.compress), (b"br", bytes)]
ENCODERS += [(b"snappy", bytes), (b"identity", bytes)]


def noise(rng: random.Random, size: int) -> bytes:
    return rng.randbytes(rng.randrange(size + 1))


def percent(data: bytes) -> bytes:
    return b"".join(b"%%%02X" % c for c in data)


def sql(rng: random.Random) -> bytes:
    kind = rng.randrange(6)
    if kind == 0:
        return noise(rng, 200)
    if kind == 1:
        return b"SELECT " + rng.choice([b"'x' ", b"(" * 300, b"[" * 2000, b"1+" * 500]) + noise(rng, 20)
    if kind == 2:
        return (
            b"INSERT INTO fuzz.t FORMAT "
            + rng.choice([b"CSV", b"Native", b"JSONEachRow", b"RowBinary", b"Parquet"])
            + b"\n"
            + noise(rng, 3000)
        )
    if kind == 3:
        return b"SELECT " + b"x" * rng.randrange(1, 400_000)
    return b" ".join(rng.choice(TOKENS) for _ in range(rng.randrange(1, 14)))


def request(rng: random.Random) -> bytes:
    """One request, wrong in one way or another."""
    wild = rng.random() < 0.3  # broken as HTTP too, not only as ClickHouse's use of it
    method = rng.choice([b"POST", b"POST", b"POST", b"PUT", b"GET", b"HEAD"])
    target = rng.choice([b"/", b"/", b"/query", b"/?"])
    if wild:
        method = rng.choice([b"OPTIONS", b"PATCH", b"BREW", b"post", method])
        target = rng.choice([b"/ping", b"//", b"/%2e%2e/etc/passwd", b"*", b"/\xff", b"/metrics", target])
    if rng.random() < 0.5:
        pairs = [
            (rng.choice(SETTINGS) if wild else percent(rng.choice(SETTINGS))) + b"=" + percent(noise(rng, 12))
            for _ in range(rng.randrange(4))
        ]
        if rng.random() < 0.3:
            pairs.append(b"query=" + percent(sql(rng))[:6000])
        target += b"?" + b"&".join(pairs)
    body = sql(rng)
    headers = [b"Host: x", b"Connection: close"]
    if rng.random() < 0.85:
        headers += [b"X-ClickHouse-User: fuzz", b"X-ClickHouse-Key: " + PASSWORD.encode()]
    else:
        headers.append(
            rng.choice(
                [
                    b"Authorization: Basic " + noise(rng, 10).hex().encode(),
                    b"Authorization: x",
                    b"X-ClickHouse-User: \xff",
                ]
            )
        )
    if rng.random() < 0.3:
        name, encode = rng.choice(ENCODERS)
        body = encode(body)
        if rng.random() < 0.5 and body:
            body = body[: rng.randrange(len(body))] + noise(rng, 5)
        headers.append(b"Content-Encoding: " + name)
    if rng.random() < 0.2:
        headers.append(b"Accept-Encoding: " + rng.choice([b"gzip", b"zstd;q=x", b"\xff", b"*", b"lz4,,;"]))
    if rng.random() < 0.1:
        boundary = b"b" * rng.randrange(80)
        headers.append(b"Content-Type: multipart/form-data; boundary=" + boundary)
        part = b'Content-Disposition: form-data; name="' + noise(rng, 6).hex().encode() + b'"; filename="f"\r\n\r\n'
        body = b"--" + boundary + b"\r\n" + part + body + rng.choice([b"\r\n--" + boundary + b"--\r\n", b"", b"\r\n"])
    if wild and rng.random() < 0.3:
        headers.append(
            rng.choice(
                [
                    b"X: " + b"y" * 70_000,
                    b"Bad Header",
                    b": empty",
                    b"Expect: 100-continue",
                    b"X\x00Y: z",
                    b"Transfer-Encoding: x",
                ]
            )
        )
    framing = rng.randrange(8 if wild else 12)
    if framing == 0:  # chunked, perhaps broken
        half = len(body) // 2
        pieces = [b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:half], body[half:]) if p] + [b"0\r\n\r\n"]
        if rng.random() < 0.4:
            pieces[rng.randrange(len(pieces))] = rng.choice([b"zz\r\n", b"-1\r\n\r\n", b"ffffffffffffffffff\r\n", b""])
        headers.append(b"Transfer-Encoding: chunked")
        body = b"".join(pieces)
    elif framing == 1:
        headers.append(
            b"Content-Length: " + rng.choice([b"-1", b"x", b"99999999999999999999", b"%d" % (len(body) + 50), b"1"])
        )
    else:
        headers.append(b"Content-Length: %d" % len(body))
    version = rng.choice([b"HTTP/1.1"] * 8 + [b"HTTP/1.0", b"HTTP/9.9"]) if wild else b"HTTP/1.1"
    return method + b" " + target + b" " + version + b"\r\n" + b"\r\n".join(headers) + b"\r\n\r\n" + body


def exchange(port: int, message: bytes, half_close: bool) -> bytes:
    """Send a request, perhaps say that no more will come, and read the answer to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(message)
        if half_close:
            peer.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := peer.recv(1 << 16):
            answer += piece
    return answer


def whole_answer(answer: bytes, method: bytes) -> bool:
    """One HTTP answer, with all the body it announces."""
    while answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
        answer = answer[25:]
    head, _, body = answer.partition(b"\r\n\r\n")
    announced = re.search(rb"\r\ncontent-length: (\d+)", head)
    return bool(re.match(rb"HTTP/1\.1 [2-5]\d\d", head)) and (
        method == b"HEAD" or len(body) == int(announced[1]) if announced else True
    )


def run(server: RunningServer, seeds: range, clients: int = 8) -> None:
    users = (server.root / "users.d/10-users.xml").read_text()
    password = users.split("<admin><password_sha256_hex>")[1].split("<")[0]
    fuzz = (
        f"<clickhouse><users><fuzz><password_sha256_hex>{password}</password_sha256_hex><networks><ip>::/0</ip></networks>"
        "<profile>default</profile><grants><query>GRANT SELECT, INSERT, CREATE TEMPORARY TABLE ON *.*</query>"
        "<query>REVOKE SELECT ON private.*</query></grants></fuzz></users></clickhouse>"
    )
    (server.root / "users.d/20-fuzz.xml").write_text(fuzz)
    server.options = ("--receive-timeout", "0.5")
    server.start()
    server.value("CREATE DATABASE fuzz")
    server.value("CREATE DATABASE private")
    server.value("CREATE TABLE fuzz.t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    server.value(f"CREATE TABLE private.t ENGINE = MergeTree ORDER BY tuple() AS SELECT '{SECRET.decode()}' AS s")
    process, failures, statuses = server.process, [], Counter()
    numbers = iter(seeds)
    lock = threading.Lock()

    def client():
        while True:
            with lock:
                seed = next(numbers, None)
            if seed is None or process.poll() is not None:
                return
            rng = random.Random(seed)
            message = request(rng)
            if rng.random() < 0.1:  # stops in the middle
                message = message[: rng.randrange(1, len(message))]
            try:
                answer = exchange(server.port, message, half_close=rng.random() < 0.3)
            except OSError as error:
                failures.append((seed, repr(error), message[:300]))
                continue
            if SECRET in answer or b"Traceback" in answer or not whole_answer(answer, message.split(b" ")[0]):
                failures.append((seed, answer[:300], message[:300]))
            statuses[re.sub(rb"\A(HTTP/1\.1 100 Continue\r\n\r\n)+", b"", answer)[9:12].decode()] += 1

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert process.poll() is None, f"the server ended: {server.log.read_text()[-3000:]}"
    assert failures == []
    assert server.value("SELECT s FROM private.t") == SECRET.decode()
    internal = [
        e
        for e in server.events()
        if e["event"] == "internal_error" or (e.get("source") == "uvicorn.error" and e["level"] == "error")
    ]
    assert internal == [], internal[0].get("exception", internal[0])
    assert {"200", "400", "403", "404", "408"} <= statuses.keys(), "the requests are no longer wrong in many ways"
    print(f"{len(seeds)} requests answered:", dict(sorted(statuses.items())))


def test_400_malformed_requests(own_server):
    run(own_server, range(400))


@pytest.mark.slow
def test_6000_malformed_requests(own_server):
    run(own_server, range(1_000_000, 1_006_000))
