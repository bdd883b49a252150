"""How long the whole schema takes to apply, and to apply again, beside the bare engine and two peers.

All tools send the same rendered statements to the same embedded server over HTTP, in one run, each first to an
empty server and then again. Figures are the median of the rounds, in seconds of wall time.

Run from the repository root, with the developers' environment:

    python -m venv .cache/bench-schema && .cache/bench-schema/bin/pip install -q -r requirements/bench-schema.txt
    .venv/bin/python bench/schema_apply.py --peers .cache/bench-schema [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import urllib3
from bounds import Bounds

ROOT = Path(__file__).resolve().parents[1]
# run from a checkout, nothing is installed: hence the imports below this line
sys.path[:0] = [str(ROOT), str(ROOT / "module_utils")]

from zakaz_clickhouse.connection import HttpConnection  # noqa: E402
from zakaz_schema.converge import Options, converge  # noqa: E402
from zakaz_schema.scratch import replay_with  # noqa: E402

from tests.modules.clickhouse_server import PASSWORD, SCRATCH, Server  # noqa: E402
from tests.modules.run_module import run_module  # noqa: E402
from tests.schema.rendering import declared_schema, write_rendered  # noqa: E402

DATABASES = ("zakaz", "bi", "meta", "peer")


class Bench:
    """One server, one rendered schema, and the ways to apply it."""

    def __init__(self, server: Server, folder: Path, peers: Path | None) -> None:
        self.server, self.folder, self.peers = server, folder, peers
        self.ddl = write_rendered(folder / "ddl")
        self.statements = declared_schema()
        self.connection = HttpConnection("127.0.0.1", server.port, "admin", PASSWORD)
        self.pool = urllib3.PoolManager()
        self._write_peers()

    def empty(self) -> None:
        for name in DATABASES:
            self.server.query(f"DROP DATABASE IF EXISTS {name}")

    def engine_process(self) -> None:
        """The bare engine: a process of its own that runs the statements and ends."""
        script = ";\n".join(statement.for_scratch() for statement in self.statements)
        subprocess.run(SCRATCH, input=script.encode(), check=True, capture_output=True)

    def engine_http(self) -> None:
        """The bare server: one connection, one request a statement."""
        for statement in self.statements:
            self.server_request(statement.sql)

    def server_request(self, sql: str) -> None:
        headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": PASSWORD}
        url = f"http://127.0.0.1:{self.server.port}/?wait_end_of_query=1"
        answer = self.pool.request("POST", url, body=sql.encode(), headers=headers)
        if answer.status != 200:
            raise RuntimeError(answer.data.decode())

    def ours_in_process(self) -> None:
        """What the module does between reading its parameters and answering."""
        converge(self.statements, self.connection, replay_with(SCRATCH), Options())

    def ours_as_a_process(self) -> None:
        """The module as Ansible starts it: interpreter, imports and all."""
        done = run_module(
            "clickhouse_schema", directory=str(self.ddl), port=self.server.port, username="admin", password=PASSWORD,
            scratch_command=SCRATCH,
        )  # fmt: skip
        if done.get("failed"):
            raise RuntimeError(done["msg"])

    def bootstrap(self) -> None:
        """scripts/bootstrap_clickhouse.sh."""
        environment = {**os.environ, "CLICKHOUSE_PORT": str(self.server.port), "CLICKHOUSE_USER": "admin"}
        environment["CLICKHOUSE_PASSWORD"] = PASSWORD
        script = str(ROOT / "scripts/bootstrap_clickhouse.sh")
        subprocess.run(["sh", script], env=environment, check=True, capture_output=True)

    def _write_peers(self) -> None:
        migrations = self.folder / "migrations"
        migrations.mkdir()
        for number, path in enumerate(sorted(self.ddl.iterdir()), 1):
            (migrations / f"{number:03d}_{path.stem.replace('.', '_')}.sql").write_bytes(path.read_bytes())
        project = self.folder / "dbt"
        (project / "models").mkdir(parents=True)
        (project / "models/done.sql").write_text("SELECT 1 AS done\n", encoding="utf-8")
        hooks = "".join("  - |\n" + "".join(f"    {line}\n" for line in s.sql.splitlines()) for s in self.statements)
        text = f"name: warehouse\nversion: '1.0'\nprofile: bench\nmodel-paths: [models]\non-run-start:\n{hooks}"
        (project / "dbt_project.yml").write_text(text, encoding="utf-8")
        (project / "profiles.yml").write_text(
            "bench:\n  target: b\n  outputs:\n    b:\n      type: clickhouse\n      driver: http\n      schema: peer\n"
            f'      host: 127.0.0.1\n      port: {self.server.port}\n      user: admin\n      password: "{PASSWORD}"\n',
            encoding="utf-8",
        )

    def clickhouse_migrations(self) -> None:
        """clickhouse-migrations, one file a statement."""
        self._peer(
            "clickhouse-migrations", "migrate", "--driver", "clickhouse-connect", "--db-host", "127.0.0.1",
            "--db-port", self.server.port, "--db-user", "admin", "--db-password", PASSWORD, "--db-name", "peer",
            "--migrations-dir", self.folder / "migrations", "--create-db-if-not-exists",
        )  # fmt: skip

    def dbt(self) -> None:
        """dbt run, the statements as hooks before one empty model."""
        project = self.folder / "dbt"
        self._peer("dbt", "run", "--project-dir", project, "--profiles-dir", project, "--quiet")

    def _peer(self, name: str, *arguments: object) -> None:
        command = [str((self.peers or Path()) / "bin" / name), *map(str, arguments)]
        environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise RuntimeError(f"{name}: {(done.stdout + done.stderr)[-1500:]}")


def timed(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="environment with requirements/bench-schema.txt")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder / "server")
        try:
            bench = Bench(server, folder, options.peers and options.peers.resolve())
            ways: list[tuple[str, Callable[[], None], bool]] = [
                ("bare engine, a process", bench.engine_process, False),
                ("bare server over HTTP", bench.engine_http, True),
                ("clickhouse_schema, module time", bench.ours_in_process, True),
                ("clickhouse_schema, whole process", bench.ours_as_a_process, True),
                ("bootstrap_clickhouse.sh", bench.bootstrap, True),
            ]
            if options.peers:
                ways += [
                    ("clickhouse-migrations", bench.clickhouse_migrations, True),
                    ("dbt-clickhouse", bench.dbt, True),
                ]
            found: dict[str, tuple[list[float], list[float]]] = {label: ([], []) for label, _, _ in ways}
            for _ in range(options.rounds):
                # every way in every round, so that a busy minute hits them all
                for label, run, repeats in ways:
                    bench.empty()
                    found[label][0].append(timed(run))
                    if repeats:
                        found[label][1].append(timed(run))
            version = server.query("SELECT version()").strip()
        finally:
            server.stop()
    print(f"{len(bench.statements)} statements, engine {version}, {options.rounds} rounds, {os.cpu_count()} cores\n")
    print("| way | first apply, s | again, s |\n|---|---|---|")
    for label, (first, again) in found.items():
        repeated = f"{statistics.median(again):.2f}" if again else "—"
        print(f"| {label} | {statistics.median(first):.2f} | {repeated} |")
    whole, unchanged = (statistics.median(times) for times in found["clickhouse_schema, module time"])
    bare = statistics.median(found["bare engine, a process"][0])
    print()
    bounds = Bounds("schema_apply")
    bounds.at_most("first apply over the bare engine's process", whole / bare, 5)
    bounds.at_most("unchanged schema over the first apply", unchanged / whole, 0.3)
    return bounds.close()


if __name__ == "__main__":
    sys.exit(main())
