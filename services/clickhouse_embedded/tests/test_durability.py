"""One owner, graceful stop, kill -9, a full disk, backups."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import urllib3
from running_server import PASSWORD, RunningServer

pytestmark = pytest.mark.patient

TABLE = "CREATE TABLE IF NOT EXISTS t (id UInt64, note String) ENGINE = MergeTree ORDER BY id"


def test_a_second_process_is_refused(own_server):
    own_server.start().value(TABLE)
    second = RunningServer(own_server.root / "second", data=own_server.data)
    assert second.spawn().wait(30) == 2
    assert "is in use by another process" in second.log.read_text()
    assert own_server.value("SELECT count() FROM t") == "0", "the first one goes on"


def test_data_outlives_a_stop(own_server):
    own_server.start()
    own_server.value(TABLE)
    own_server.value("INSERT INTO t VALUES (1, 'x')")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        own_server.stop(number)
        own_server.start()
        assert own_server.value("SELECT note FROM default.t") == "x"


def test_a_stop_ends_what_runs(own_server):
    own_server.start().value(TABLE)
    replies = []

    def ask(sql):
        try:
            replies.append(own_server.ask(sql).status)
        except urllib3.exceptions.HTTPError:
            replies.append("closed")

    slow = [
        threading.Thread(target=ask, args=(sql,))
        for sql in (
            "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1",
            "INSERT INTO t SELECT number, '' FROM numbers(600) WHERE sleepEachRow(1) = 0 SETTINGS max_block_size = 1",
        )
    ]
    for thread in slow:
        thread.start()
    time.sleep(1)
    assert own_server.stop() == 0
    for thread in slow:
        thread.join(10)
        assert not thread.is_alive()
    assert 200 not in replies
    own_server.start()


def kill_rounds(server: RunningServer, rounds: int) -> None:
    """Insert from four clients, kill -9 in the middle, start again: every acknowledged batch is there, whole."""
    batch = 500
    acknowledged: set[int] = set()
    next_batch = iter(range(1, 1_000_000))
    lock = threading.Lock()
    for number in range(rounds):
        server.start().value(TABLE)
        stop = threading.Event()

        def insert(stop=stop):
            pool = urllib3.PoolManager(retries=False, timeout=20)
            headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": PASSWORD}
            while not stop.is_set():
                with lock:
                    mine = next(next_batch)
                rows = b"".join(b"%d\tb%d\n" % (mine * batch + i, mine) for i in range(batch))
                try:
                    url = f"{server.url}/?query=INSERT+INTO+t+FORMAT+TSV"
                    if pool.request("POST", url, body=rows, headers=headers).status == 200:
                        with lock:
                            acknowledged.add(mine)
                except urllib3.exceptions.HTTPError:
                    return

        clients = [threading.Thread(target=insert) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(0.3 + (number % 7) * 0.13)
        server.stop(signal.SIGKILL)
        stop.set()
        for client in clients:
            client.join(30)
    server.start()
    rows = server.value("SELECT note, count() FROM t GROUP BY note FORMAT TSV").splitlines()
    present = {int(note[1:]): int(count) for note, count in (row.split("\t") for row in rows)}
    assert acknowledged, "no batch was acknowledged: the test tested nothing"
    assert acknowledged <= present.keys()
    assert set(present.values()) == {batch}, "no batch is there in part"
    assert server.value("SELECT count(), uniqExact(id) FROM t").split("\t")[0] == str(batch * len(present))
    assert server.value("SELECT count() FROM system.detached_parts WHERE reason LIKE 'broken%'") == "0"
    print(f"{rounds} rounds: {len(acknowledged)} batches of {batch} acknowledged, {len(present)} present")


def test_kill_9_loses_nothing_acknowledged(own_server):
    kill_rounds(own_server, 3)


@pytest.mark.slow
def test_kill_9_in_20_rounds(own_server):
    kill_rounds(own_server, 20)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 MB; needs root, or a sudo that asks nothing."""
    place = tmp_path / "small"
    place.mkdir()
    as_root = [] if os.getuid() == 0 else ["sudo", "-n"]
    mount = [*as_root, "mount", "-t", "tmpfs", "-o", f"size=200m,uid={os.getuid()}", "tmpfs", place]
    try:
        subprocess.run(mount, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small file system cannot be mounted: {getattr(error, 'stderr', error)}")
    yield place
    subprocess.run([*as_root, "umount", "-l", place], check=True)


def test_a_full_disk_is_answered_and_reads_go_on(tmp_path, small_disk):
    server = RunningServer(tmp_path, data=small_disk / "data").start()
    try:
        server.value(TABLE)
        server.value("INSERT INTO t SELECT number, 'kept' FROM numbers(1000)")
        replies = [server.ask("INSERT INTO t SELECT number, randomString(1000) FROM numbers(60000)") for _ in range(6)]
        refused = [r for r in replies if r.status != 200]
        assert refused
        assert {r.code for r in refused} == {243}, [r.text for r in refused]
        assert server.value("SELECT count() FROM t WHERE note = 'kept'") == "1000"
        assert server.ask("SELECT id FROM t ORDER BY id LIMIT 5").status == 200
        server.value("TRUNCATE TABLE t SYNC")
        server.value("INSERT INTO t VALUES (1, 'again')")
    finally:
        server.stop()


def test_backup_and_restore(own_server):
    own_server.start()
    for sql in (
        "CREATE DATABASE shop",
        "CREATE TABLE shop.t ENGINE = MergeTree ORDER BY a AS SELECT number AS a FROM numbers(1000)",
    ):
        own_server.value(sql)
    assert own_server.value("BACKUP DATABASE shop TO File('nightly')").endswith("BACKUP_CREATED")
    assert (own_server.backups / "nightly" / ".backup").exists()
    own_server.value("DROP DATABASE shop SYNC")
    assert own_server.value("RESTORE DATABASE shop FROM File('nightly')").endswith("RESTORED")
    assert own_server.value("SELECT count(), sum(a) FROM shop.t") == "1000\t499500"
    outside = own_server.ask(f"BACKUP DATABASE shop TO File('{own_server.root}/elsewhere')")
    assert outside.status == 400, outside.text


def test_many_clients_at_once(server):
    server.value("CREATE OR REPLACE TABLE shop.busy (id UInt64, who UInt8) ENGINE = MergeTree ORDER BY id")
    wrong = []

    def work(who):
        for i in range(25):
            if server.ask(f"{i}\t{who}\n".encode(), query="INSERT INTO shop.busy FORMAT TSV").status != 200:
                wrong.append(("insert", who))
            text = server.value(f"SELECT {who}, number FROM numbers(3)")
            if text != f"{who}\t0\n{who}\t1\n{who}\t2":
                wrong.append((who, text))
            if server.value("SELECT {x:String}", param_x=f"me {who}", max_threads=1 + who % 2) != f"me {who}":
                wrong.append(("parameter", who))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert server.value("SELECT count(), uniqExact(who) FROM shop.busy") == f"{16 * 25}\t16"


def test_too_many_queries_are_refused(own_server):
    (own_server.root / "config.d/10.xml").write_text(
        "<clickhouse><max_concurrent_queries>2</max_concurrent_queries><logger><level>trace</level></logger></clickhouse>"
    )
    own_server.start()
    slow = [threading.Thread(target=own_server.ask, args=("SELECT sleep(3)",)) for _ in range(2)]
    for thread in slow:
        thread.start()
    time.sleep(1)
    assert own_server.ask("SELECT 1").code == 202
    for thread in slow:
        thread.join()
    assert own_server.ask("SELECT 1").status == 200
    assert any(e["event"] == "configuration_not_applied" and e["elements"] == ["logger"] for e in own_server.events())


def test_open_files_do_not_pile_up(own_server):
    own_server.start()
    fds = Path(f"/proc/{own_server.process.pid}/fd")

    def ask(times: int) -> int:
        for _ in range(times):
            own_server.ask("SELECT 1")
            own_server.ask("SELECT nope")
            own_server.ask(b"x", query="INSERT INTO nowhere FORMAT TSV")
            own_server.ask(b"\x00", headers={"Content-Encoding": "zstd"})
            own_server.ask("SELECT 1", session_id="s", close_session=1)
        return len(list(fds.iterdir()))

    before = ask(20)
    assert ask(150) < before + 30
