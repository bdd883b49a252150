"""Five times: insert numbers until the server is killed, wait for it, and find each acknowledged one."""

import json
import os
import random
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

CONTAINER = "zakaz-clickhouse"


def ask(query: str) -> str:
    """Ask as admin; any failure is an OSError or an HTTPException."""
    headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": os.environ["PASSWORD"]}
    request = urllib.request.Request("http://127.0.0.1:8123/", data=query.encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode().strip()


def kill() -> None:
    """Send SIGKILL to the process, so that the engine sees a crash."""
    state = json.loads(subprocess.check_output(["docker", "inspect", CONTAINER]))[0]["State"]
    os.kill(state["Pid"], signal.SIGKILL)


def main() -> None:
    """Print how many rows were acknowledged and found."""
    ask("DROP TABLE IF EXISTS default.kept")
    ask("CREATE TABLE default.kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    acknowledged = 0
    for _ in range(5):
        threading.Timer(random.uniform(0.2, 1), kill).start()
        for number in range(acknowledged, acknowledged + 100_000):
            try:
                ask(f"INSERT INTO default.kept VALUES ({number})")
            except Exception:
                break
            acknowledged = number + 1
        for attempt in range(120):
            try:
                found = int(ask(f"SELECT uniqExact(n) FROM default.kept WHERE n < {acknowledged}"))
                break
            except Exception:
                assert attempt < 119, "the server did not come back within a minute"
                time.sleep(0.5)
        assert found == acknowledged, f"{acknowledged} rows acknowledged, {found} found"
    ask("DROP TABLE default.kept")
    print(f"5 crashes, {acknowledged} rows acknowledged, {found} found")


if __name__ == "__main__":
    main()
