"""What Qtickets tells of an order by a webhook is read again on the deployment under test."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
import urllib.request

import pytest

from tests.deploy.conftest import NAME, docker, rows
from tests.sources import services_on

pytestmark = pytest.mark.deploy
SETTINGS = services_on(18081)
WEBHOOKS = f"http://127.0.0.1:{SETTINGS['qtickets_api_webhook_port']}/"


def hook(body: bytes, secret_: str) -> int:
    """Send a webhook as Qtickets does; return the status."""
    request = urllib.request.Request(WEBHOOKS, data=body, headers={"X-Event-Type": "updated", "X-Model-Name": "Order"})
    request.add_header("X-Signature", hmac.new(secret_.encode(), body, hashlib.sha1).hexdigest())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_an_order_a_webhook_names_is_read_again(deployed):
    assert hook(b'{"id": 1}', "not the secret") == 403
    assert hook(b'{"id": 1}', SETTINGS["qtickets_api_webhook_secret"]) == 200
    deadline = time.monotonic() + 60
    while not (read := rows("SELECT status FROM meta.etl_runs WHERE mode = 'webhook'", "admin")):
        assert time.monotonic() < deadline, docker("logs", f"{NAME}-qtickets-webhook")
        time.sleep(1)
    assert read == [{"status": "success"}]
