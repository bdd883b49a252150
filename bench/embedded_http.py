"""What HTTP costs in front of the embedded engine, and how it holds under load.

Two measurements, on this machine, with the engine of the running interpreter's environment:

* one million rows inserted and read in Native format: through HTTP, against the same engine called in process;
* a load of paced connections that read and write, with the latency of ``SELECT 1``.

Run from the repository root: ``python bench/embedded_http.py [--seconds 60] [--connections 32]``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import urllib3

ROOT = Path(__file__).resolve().parents[1] / "services" / "clickhouse_embedded"
# run from a checkout, nothing is installed: hence the imports below this line
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from running_server import PASSWORD, RunningServer  # noqa: E402

ROWS, ROUNDS = 1_000_000, 31
TABLE = (
    "CREATE OR REPLACE TABLE bench"
    " (id UInt64, day Date, city LowCardinality(String), name String, price Decimal(18, 2))"
    " ENGINE = MergeTree ORDER BY id"
)
MAKE = (
    "SELECT number AS id, toDate('2026-01-01') + number % 300 AS day, toLowCardinality(toString(number % 50)) AS city,"
    " 'order ' || toString(cityHash64(number) % 100000) AS name, toDecimal64(number % 100000, 2) / 100 AS price"
    f" FROM numbers({ROWS})"
)
READ = "SELECT * FROM bench"


def in_process(place: str) -> None:
    """The other side of the comparison, in a process of its own: a round for each line of stdin, times as JSON.

    Rows start as bytes in memory, as they do over HTTP. The engine takes them from a file, which is also what
    clickhouse-connect's in-process backend writes for each insert.
    """
    from clickhouse_embedded.engine import load_extension

    connection = load_extension().connect(f"{place}/direct?log-level=none")
    rows, file = Path(place, "rows.native").read_bytes(), Path(place, "insert.native")
    for _ in sys.stdin:
        connection.query(TABLE)
        start = time.perf_counter()
        file.write_bytes(rows)
        connection.query(f"INSERT INTO bench FROM INFILE '{file}' FORMAT Native")
        inserted = time.perf_counter()
        size = len(connection.query(READ, "Native").bytes())
        assert size > ROWS
        print(json.dumps({"insert": inserted - start, "read": time.perf_counter() - inserted}), flush=True)


def over_http(server: RunningServer, rows: bytes) -> dict[str, float]:
    """One round through HTTP, on one kept connection, uncompressed, with a client that costs little itself."""
    server.value(TABLE)
    client = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": PASSWORD}
    buffer = bytearray(1 << 20)
    client.request("GET", "/ping")
    client.getresponse().read()
    start = time.perf_counter()
    client.request("POST", "/?query=INSERT+INTO+bench+FORMAT+Native", rows, headers)
    reply = client.getresponse()
    text = reply.read()
    inserted = time.perf_counter()
    assert reply.status == 200, text
    client.request("POST", "/?default_format=Native", READ, headers)
    reply, size = client.getresponse(), 0
    while count := reply.readinto(buffer):
        size += count
    done = time.perf_counter()
    client.close()
    assert size > ROWS
    return {"insert": inserted - start, "read": done - inserted}


def compare() -> None:
    """Print the table of throughput; rounds alternate, so that what else runs here disturbs both sides alike."""
    with tempfile.TemporaryDirectory() as place:
        server = RunningServer(Path(place) / "http").start()
        rows = server.ask(f"{MAKE} FORMAT Native").body
        Path(place, "rows.native").write_bytes(rows)
        command = [sys.executable, __file__, "--in-process", place]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert child.stdin and child.stdout
        try:
            remote, direct = [], []
            for _ in range(ROUNDS):
                child.stdin.write("round\n")
                child.stdin.flush()
                direct.append(json.loads(child.stdout.readline()))
                remote.append(over_http(server, rows))
        finally:
            child.communicate()
            server.stop()
    print(f"{ROWS:,} rows, {len(rows) / 1e6:.1f} MB of Native; {ROUNDS} alternating rounds, median (best)")
    print("| | in process, s | HTTP, s | HTTP, rows/s | HTTP costs |\n|---|---|---|---|---|")
    for name in ("insert", "read"):
        a, b = [r[name] for r in direct], [r[name] for r in remote]
        # of each round's two neighbours, so that what changes slowly on the machine does not count
        cost = statistics.median(y / x for x, y in zip(a, b, strict=True)) - 1
        print(
            f"| {name} | {statistics.median(a):.3f} ({min(a):.3f}) | {statistics.median(b):.3f} ({min(b):.3f})"
            f" | {ROWS / statistics.median(b):,.0f} | {100 * cost:+.0f} % ({100 * (min(b) / min(a) - 1):+.0f} %) |"
        )


def load(connections: int, seconds: float, rate: float) -> int:
    """Paced clients: 60 % SELECT 1, 25 % aggregates, 15 % inserts. Returns the number of errors."""
    with tempfile.TemporaryDirectory() as place:
        server = RunningServer(Path(place)).start()
        try:
            server.value(TABLE)
            server.value(f"INSERT INTO bench {MAKE}")
            latencies: dict[str, list[float]] = {"SELECT 1": [], "aggregate": [], "insert": []}
            errors: list[str] = []
            end = time.monotonic() + seconds

            def client(number: int) -> None:
                rng = random.Random(number)
                pool = urllib3.PoolManager(maxsize=1, retries=False)
                headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": PASSWORD}
                due = time.monotonic() + rng.random() / rate
                while due < end:
                    time.sleep(max(0.0, due - time.monotonic()))
                    kind = rng.choices(["SELECT 1", "aggregate", "insert"], [60, 25, 15])[0]
                    body = {
                        "SELECT 1": b"SELECT 1",
                        "aggregate": b"SELECT city, sum(price) FROM bench WHERE id < 50000 GROUP BY city",
                        "insert": b"INSERT INTO bench (id, name) FORMAT TSV\n" + b"1\tx\n" * 100,
                    }[kind]
                    start = time.perf_counter()
                    reply = pool.request("POST", server.url, body=body, headers=headers)
                    latencies[kind].append((time.perf_counter() - start) * 1000)
                    if reply.status != 200 or (kind == "SELECT 1" and reply.data != b"1\n"):
                        errors.append(reply.data.decode()[:200])
                    due += 1 / rate

            threads = [threading.Thread(target=client, args=(n,)) for n in range(connections)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            inserted = int(server.value("SELECT count() FROM bench")) - ROWS
        finally:
            server.stop()
    total = sum(map(len, latencies.values()))
    print(
        f"\n{connections} connections, {rate:g} requests/s each, {seconds:g} s: {total} requests, {len(errors)} errors"
    )
    print("| | requests | p50, ms | p95, ms | p99, ms |\n|---|---|---|---|---|")
    for kind, values in latencies.items():
        cuts = statistics.quantiles(values, n=100)
        print(f"| {kind} | {len(values)} | {cuts[49]:.1f} | {cuts[94]:.1f} | {cuts[98]:.1f} |")
    lost = 100 * len(latencies["insert"]) - inserted
    print(f"rows acknowledged and not found: {lost}")
    for error in errors[:5]:
        print(error)
    return len(errors) + abs(lost)


def main() -> int:
    """Run both measurements; non-zero when a request failed or a row is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float, default=5, help="requests a second of each connection")
    parser.add_argument("--in-process", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        in_process(options.in_process)
        return 0
    compare()
    return 1 if load(options.connections, options.seconds, options.rate) else 0


if __name__ == "__main__":
    sys.exit(main())
