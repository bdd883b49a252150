"""How fast the Qtickets loader decodes, checks, transforms and inserts; and how much memory that takes.

The engine in process wants pandas and pyarrow, which no image has, so all of it runs in an environment of its own:

    .venv/bin/python -m venv .cache/bench-loader
    .cache/bench-loader/bin/pip install -q -r requirements/engine-26.9.txt
    .cache/bench-loader/bin/pip install -q -r requirements/embedded-26.9.txt
    .cache/bench-loader/bin/pip install -q -r requirements/loader.txt
    .cache/bench-loader/bin/pip install -q jinja2 pyyaml dlt==1.31.0
    .cache/bench-loader/bin/python integrations/qtickets_api/bench/speed.py --orders 500000
    .cache/bench-loader/bin/python integrations/qtickets_api/bench/speed.py --orders 100000 --only http
    .cache/bench-loader/bin/python integrations/qtickets_api/bench/speed.py --with-dlt
    .venv/bin/python integrations/qtickets_api/bench/speed.py --against COMMIT --only http

The first reads the pages without an engine, into the engine in process and over HTTP; `--with-dlt` puts dlt's nested
pipeline beside it, over the same pages. The last one measures another version in turn with this one, and needs no
environment of its own; `--only python` leaves the engine out.

Pages are generated once, from a seed, into a file, and read from it: neither the generator nor the network is in the
figures. Orders are those of `make_order`: one to three tickets, mostly one, with the fields of the live service.
"""

import argparse
import gc
import importlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
SLOWEST_OF_OTHER = 1.10  # a version may take this much longer than the one it is measured against
CODE = Path(os.environ.get("ZAKAZ_BENCH_CODE", REPOSITORY))
sys.path[:0] = [str(REPOSITORY / part) for part in ("bench", "packages/zakaz_common/src/zakaz_common/testing")]
# the second is where older versions have the first
for folder in ("packages/zakaz_common/src", "integrations/common/src", "integrations/qtickets_api/src"):
    sys.path.insert(0, str(CODE / folder))
# of versions that have no client to share, the loader needs nothing from there; the engine of the tests does
shared = CODE if (CODE / "module_utils/zakaz_clickhouse").is_dir() else REPOSITORY
sys.path.insert(0, str(shared / "module_utils"))

PER_PAGE = 50


def either(name: str, before: str) -> Any:
    """A module, or where an older version that is measured has it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return importlib.import_module(before)


def make_order(number: int, chance: random.Random) -> dict:
    """One order; money has kopecks, a tenth is unpaid and deleted, one in thirty is refunded."""
    paid = chance.random() < 0.9
    minute, second = number // 60 % 60, number % 60
    created = f"2026-{1 + number // 45_000 % 11:02d}-{1 + number // 1_600 % 28:02d}T10:{minute:02d}:{second:02d}+03:00"
    baskets: list[dict[str, Any]] = []
    for k in range(chance.choices((1, 2, 3), (80, 15, 5))[0]):
        price = chance.choice((900, 1200.5, 1500, 1999.99, 2500, 3100.1))
        refunded = paid and chance.random() < 0.03
        baskets.append({
            "id": number * 4 + k, "barcode": "4600000000000", "show_id": 70 + number % 300, "seat_id": "PARTER-1;1",
            "seat_name": "Партер, ряд 1, место 1", "quantity": 1, "original_price": price, "discount_value": 0,
            "price": price, "ticket_amount": price, "service_fee_amount": 45,
            "created_at": created, "updated_at": created, "deleted_at": None if paid else created,
            **({"refunded_at": created, "refunded_amount": price} if refunded else {}),
        })  # fmt: skip
    return {
        "id": number, "uniqid": "abcdef", "payed": paid, "payed_at": created if paid else None, "created_at": created,
        "updated_at": created, "deleted_at": None if paid else created, "client_id": 5, "event_id": 30 + number % 200,
        "payment_type_id": 1, "discount_id": None, "promo_code_id": None, "reserved": False,
        "price": round(sum(basket["price"] for basket in baskets), 2),
        "original_price": round(sum(basket["original_price"] for basket in baskets), 2), "currency_id": "RUB",
        "utm": {"utm_source": "vk", "utm_medium": "cpc", "utm_campaign": "7001", "utm_content": str(number % 500)}
        if number % 2 else [], "custom": "", "fields": [], "integrations": [], "refunds": [], "baskets": baskets,
    }  # fmt: skip


def write_pages(path: Path, orders: int) -> None:
    """Pages, each after its length in four bytes."""
    chance = random.Random(1)
    with path.open("wb") as file:
        for start in range(1, orders + 1, PER_PAGE):
            data = [make_order(number, chance) for number in range(start, min(start + PER_PAGE, orders + 1))]
            paging = {"perPage": PER_PAGE, "currentPage": 1, "total": orders}
            body = json.dumps({"data": data, "paging": paging}, ensure_ascii=False, separators=(",", ":")).encode()
            file.write(len(body).to_bytes(4, "little") + body)


def pages(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while head := file.read(4):
            yield file.read(int.from_bytes(head, "little"))


class Client:
    """In place of the API's client: pages of a file, decoded as those of the API are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_number = False
        self.server_time = None

    def orders(self, window: object, after_id: int, before: int = 0) -> "Client":
        return self

    def __iter__(self) -> Iterator[object]:
        decode_orders = either("qtickets_api.paging.pages", "qtickets_api.pages").decode_orders
        batch = either("qtickets_api.paging.scan", "qtickets_api.scan").Batch
        for body in pages(self.path):
            page = decode_orders(body)
            yield batch(page.records, page.rejected, page.ids[-1], page.paging.total)


class Context:
    """A run's context, as far as a read of orders needs it."""

    def __init__(self, batch_rows: int) -> None:
        self.rows_read = 0
        self.settings = SimpleNamespace(loader_batch_rows=batch_rows)
        self.warehouse: Any = None

    def read(self, dataset: str, records: int) -> None:
        self.rows_read += records

    def ignore(self, *_: object) -> None:
        """What is rejected, degraded or written is not measured."""

    reject = degrade = wrote = ignore


def one(kind: str, path: Path, port: int, batch_rows: int) -> None:
    """One measurement, in a process of its own so that its peak memory is its own."""
    import clickhouse_connect
    import warehouse_engine
    from qtickets_api.load import read_orders
    from qtickets_api.sink import StagingSink
    from zakaz_common.deadline import Deadline
    from zakaz_common.row_hash import row_hashes
    from zakaz_common.warehouse import Warehouse

    context: Any = Context(batch_rows)
    sink: Any
    if kind == "python":
        what = "decode, check, transform, hash; no engine"
        sink = SimpleNamespace(
            orders=lambda family: [row_hashes(f.values()) for f in (family.parents, family.children)],
            begin_orders=lambda _: 1,
        )
    else:
        if kind == "http":
            what = "the same and insert, over HTTP beside it"
            client = clickhouse_connect.get_client(host="127.0.0.1", port=port, autogenerate_session_id=False)
        else:
            what = "the same and insert, engine in process"
            client = clickhouse_connect.get_client(interface="chdb", path=tempfile.mkdtemp())
            for statement in warehouse_engine.schema_statements():
                client.command(statement)
        context.warehouse = Warehouse.from_client(client, Deadline(3600))
        sink = StagingSink(context)
    either("zakaz_common.memory", "qtickets_api.memory").quiet_collector()
    cpu, wall = time.process_time(), time.perf_counter()
    orders: Any = Client(path)
    whole: Any = None
    read_orders(context, orders, sink, window=whole)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if kind != "python":
        stored = context.warehouse.query("SELECT count() FROM zakaz.stg_qtickets_orders FINAL")[0][0]
        assert stored == context.rows_read, f"{stored} of {context.rows_read} orders arrived"
    show(what, context.rows_read, wall, cpu)


def in_turn(path: Path, other: str, kind: str, rounds: int, batch_rows: int) -> int:
    """This version and another, one after the other, each in a process of its own; returns the exit code."""
    import warehouse_engine
    from bounds import Bounds

    seconds: dict[str, list[float]] = {"this": [], "other": []}
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "other"
        git = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*git, "add", "--detach", "--quiet", str(checkout), other], check=True)
        try:
            client = warehouse_engine.engine(Path(folder) / "clickhouse") if kind == "http" else None
            port = int(client.url.rsplit(":", 1)[1].rstrip("/")) if client else 0
            for turn in range(rounds):
                for name, code in (("other", checkout), ("this", REPOSITORY)):
                    if client:
                        warehouse_engine.empty(client)
                    command = [sys.executable, __file__, "--batch-rows", str(batch_rows), "--child", kind, str(path)]
                    started = time.perf_counter()
                    subprocess.run(
                        [*command, str(port)], check=True, env={**os.environ, "ZAKAZ_BENCH_CODE": str(code)},
                        stdout=subprocess.DEVNULL,
                    )  # fmt: skip
                    seconds[name].append(time.perf_counter() - started)
                print(
                    f"round {turn + 1}: other {seconds['other'][-1]:.2f} s, this {seconds['this'][-1]:.2f} s",
                    flush=True,
                )
        finally:
            subprocess.run([*git, "remove", "--force", str(checkout)], check=True)
    ratios = sorted(mine / theirs for mine, theirs in zip(seconds["this"], seconds["other"], strict=True))
    bounds = Bounds("qtickets_speed")
    bounds.at_most(f"time beside {other}, median of {rounds}", ratios[len(ratios) // 2], SLOWEST_OF_OTHER)
    return bounds.close()


def show(what: str, orders: int, wall: float, cpu: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what:<44} {orders / wall:>9,.0f} orders/s  {wall:6.1f} s, {cpu:6.1f} s CPU of this process, peak {peak} MB",
        flush=True,
    )


def dlt_nested(path: Path, orders: int) -> None:
    """dlt's extract and normalise of the nested orders; its load is left out, in its favour."""
    import os

    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    import dlt

    target = tempfile.mkdtemp()
    pipeline = dlt.pipeline(
        "bench", pipelines_dir=tempfile.mkdtemp(), destination=dlt.destinations.filesystem(f"file://{target}"),
        dataset_name="bench",
    )  # fmt: skip

    @dlt.resource(name="orders", primary_key="id", write_disposition="append")
    def nested() -> Iterator[Any]:
        for body in pages(path):
            yield json.loads(body)["data"]

    cpu, wall = time.process_time(), time.perf_counter()
    pipeline.extract(nested())
    pipeline.normalize()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    show("dlt, nested, extract and normalise only", orders, wall, cpu)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--only", choices=("python", "process", "http"))
    parser.add_argument("--batch-rows", type=int, default=10_000, help="as LOADER_BATCH_ROWS")
    parser.add_argument("--with-dlt", action="store_true")
    parser.add_argument("--dlt-orders", type=int, default=50_000, help="dlt is slow; a part of the pages is enough")
    parser.add_argument("--dlt-python", default=sys.executable, help="an interpreter that has dlt")
    parser.add_argument("--against", metavar="COMMIT", help="measure this version and that one in turn")
    parser.add_argument("--rounds", type=int, default=5, help="with --against")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind, path, port = arguments.child
        if kind == "dlt":
            dlt_nested(Path(path), int(port))
        else:
            one(kind, Path(path), int(port), arguments.batch_rows)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pages"
        write_pages(path, arguments.orders)
        size = path.stat().st_size
        each = size // arguments.orders
        print(f"{arguments.orders:,} orders, {size >> 20} MB in pages of {PER_PAGE}, {each} bytes each", flush=True)

        if arguments.against:
            kind = arguments.only or "http"
            return in_turn(path, arguments.against, kind, arguments.rounds, arguments.batch_rows)

        def child(kind: str, file: Path, number: int) -> None:
            python = arguments.dlt_python if kind == "dlt" else sys.executable
            options = ["--batch-rows", str(arguments.batch_rows), "--child", kind, str(file), str(number)]
            subprocess.run([python, __file__, *options], check=True)

        for kind in ("python", "process", "http"):
            if arguments.only not in (None, kind):
                continue
            port = 0
            if kind == "http":
                import warehouse_engine

                client = warehouse_engine.engine(Path(folder) / "clickhouse")
                port = int(client.url.rsplit(":", 1)[1].rstrip("/"))
            child(kind, path, port)
        if arguments.with_dlt:
            some = Path(folder) / "some"
            write_pages(some, arguments.dlt_orders)
            child("dlt", some, arguments.dlt_orders)
    return 0


if __name__ == "__main__":
    gc.collect()
    sys.exit(main())
