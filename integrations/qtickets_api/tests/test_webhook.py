"""The webhook receiver over a real socket, and the re-read it causes."""

import http.client
import json
import socket
import threading
import time

import pytest
from payloads import order
from qtickets_api import load
from qtickets_api.settings import QticketsSettings
from qtickets_api.webhook.queue import WebhookQueue
from qtickets_api.webhook.receiver import make_server, serve, signature
from zakaz_common.errors import ConfigError, StorageError

pytestmark = pytest.mark.patient

SECRET = "webhook-secret"


@pytest.fixture
def queue(tmp_path):
    return WebhookQueue(tmp_path / "queue")


@pytest.fixture
def receiver(queue, tmp_path):
    settings = QticketsSettings(
        clickhouse_host="x", clickhouse_user="x", clickhouse_password="x", qtickets_token="x",
        loader_state_dir=tmp_path, qtickets_webhook_secret=SECRET, qtickets_webhook_port=0,
    )  # fmt: skip
    server = make_server(settings, queue)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def post(port, body, signed=None, method="POST", path="/", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"X-Event-Type": "payed", "X-Model-Name": "Order", **{k.replace("_", "-"): v for k, v in headers.items()}}
    sent["X-Signature"] = signature(body, SECRET) if signed is None else signed
    connection.request(method, path, body if method == "POST" else None, sent)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_the_signature_is_hex_hmac_sha1_of_the_raw_body():
    # RFC 2202, test case 2
    assert signature(b"what do ya want for nothing?", "Jefe") == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"


def test_a_signed_event_is_queued_by_its_order_id_alone(receiver, queue, tmp_path):
    assert post(receiver, order(4711)) == 200
    assert list(queue.waiting()) == [4711]
    kept = b"".join(p.name.encode() + p.read_bytes() for p in (tmp_path / "queue").iterdir())
    assert kept == b"4711"


@pytest.mark.parametrize("event", ["created", "updated", "payed", "deleted", "refunded", "checked"])
def test_every_kind_of_event_is_taken_and_repeats_are_one(receiver, queue, event):
    for _ in range(3):
        assert post(receiver, order(5), X_Event_Type=event) == 200
    assert list(queue.waiting()) == [5]


@pytest.mark.parametrize("signed", ["", "0" * 40, "ÿ" * 40, signature(b"other", SECRET)])
def test_a_wrong_signature_is_refused_and_nothing_queued(receiver, queue, signed):
    assert post(receiver, order(1), signed=signed) == 403
    assert queue.waiting() == {}


def test_a_body_that_was_changed_on_the_way_is_refused(receiver, queue):
    body = json.dumps(order(1)).encode()
    assert post(receiver, body.replace(b'"id": 1', b'"id": 2', 1), signed=signature(body, SECRET)) == 403
    assert queue.waiting() == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"no json", 400), (b"[]", 400), ({"id": "7"}, 400), ({"id": 0}, 400), ({"id": 2**70}, 400), (b"", 413),
     (b"x" * ((1 << 20) + 1), 413)],
)  # fmt: skip
def test_what_is_no_order_is_refused(receiver, queue, body, status):
    try:
        assert post(receiver, body) == status
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413, "the server closes before a body it will not read"
    assert queue.waiting() == {}


@pytest.mark.parametrize("length", ["", "many", "-1"])
def test_a_body_of_unknown_length_is_refused_with_an_answer(receiver, length):
    with socket.create_connection(("127.0.0.1", receiver), timeout=5) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert connection.recv(100).split()[1] in (b"411", b"413")


def test_other_models_are_acknowledged_and_ignored(receiver, queue):
    assert post(receiver, {"id": 3}, X_Model_Name="Client") == 200
    assert queue.waiting() == {}


def test_health_and_unknown_paths(receiver):
    assert post(receiver, b"", method="GET", path="/healthz") == 200
    assert post(receiver, b"", method="GET", path="/orders") == 404


def test_an_id_is_forgotten_only_when_no_newer_hint_came(queue):
    queue.put(1)
    hinted = queue.waiting()[1]
    time.sleep(0.01)
    queue.put(1)
    queue.done(1, hinted)
    assert list(queue.waiting()) == [1]
    queue.done(1, queue.waiting()[1])
    assert queue.waiting() == {}
    queue.done(1, 0)


def test_a_queue_that_cannot_be_written_is_told():
    from pathlib import Path

    with pytest.raises(StorageError, match=r"the queue /proc/zakaz cannot be written"):
        WebhookQueue(Path("/proc/zakaz")).put(1)


def test_a_receiver_without_a_secret_does_not_start(tmp_path):
    settings = QticketsSettings(
        clickhouse_host="x", clickhouse_user="x", clickhouse_password="x", qtickets_token="x", loader_state_dir=tmp_path
    )
    with pytest.raises(ConfigError, match="QTICKETS_WEBHOOK_SECRET is not set"):
        serve(settings)


def test_a_reread_takes_the_named_orders_and_moves_no_watermark(loader, api):
    loader.run()
    marks = loader.rows("SELECT dataset, watermark FROM meta.watermarks FINAL ORDER BY ALL")
    paid, other = api.mutate("refund_orders", count=2, at="-5")
    assert loader.run(lambda context: load.reread(context, [paid, 10**9]), mode="webhook") == 0
    assert loader.last_run("rows_read", "mode") == (1, "webhook")
    version = "SELECT bitAnd(max(_ver), 4294967295) FROM zakaz.stg_qtickets_orders WHERE order_id = "
    assert loader.one(version + str(paid)) == api.season.orders[paid].updated_at
    assert loader.one(version + str(other)) < api.season.orders[other].updated_at
    assert loader.rows("SELECT dataset, watermark FROM meta.watermarks FINAL ORDER BY ALL") == marks


def test_queued_orders_are_read_and_stay_queued_while_another_run_works(loader, api):
    from urllib.parse import urlsplit

    from qtickets_api.webhook.receiver import work_off
    from zakaz_common.run_lock import run_lock

    loader.run()
    port = urlsplit(loader.client.url).port
    settings = loader.having(
        clickhouse_host="127.0.0.1", clickhouse_port=port, clickhouse_user="default", clickhouse_password="",
        loader_metrics_file=loader.state_dir / "m.prom",
    ).configured()  # fmt: skip
    queue = WebhookQueue(loader.state_dir / "webhook_queue")
    assert work_off(settings, queue) is None
    (changed,) = api.mutate("refund_orders", count=1, at="-5")
    queue.put(changed)
    with run_lock(loader.state_dir, "qtickets_api", "the timer's run"):
        assert work_off(settings, queue) == 75
    assert list(queue.waiting()) == [changed]
    assert work_off(settings, queue) == 0
    assert queue.waiting() == {}
    version = loader.one(
        f"SELECT bitAnd(max(_ver), 4294967295) FROM zakaz.stg_qtickets_orders WHERE order_id = {changed}"
    )
    assert version == api.season.orders[changed].updated_at
    assert not (loader.state_dir / "m.prom").exists(), "its success must not hide a timer that fails"
