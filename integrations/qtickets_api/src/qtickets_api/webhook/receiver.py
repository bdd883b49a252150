"""The webhook receiver: verifies the signature, queues the order id, answers 200, and has the order read again.

Success is exactly HTTP 200 for the sender, which tries ten times over about 50 minutes; so 200 is answered once the
id is safely queued, and anything else is refused without a word about why.
"""

import hashlib
import hmac
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import structlog
from zakaz_common.errors import EXIT_OK, ConfigError, StoppedError, StorageError
from zakaz_common.run import RunContext, run_loader, stoppable
from zakaz_common.text import mended_json

from qtickets_api import LOADER, __version__, load
from qtickets_api.settings import QticketsSettings
from qtickets_api.webhook.queue import WebhookQueue

log = structlog.get_logger()

MAX_BODY = 1 << 20
EVENTS = frozenset({"created", "updated", "payed", "deleted", "refunded", "checked"})
_READ_TIMEOUT = 10.0


class _Named(msgspec.Struct):
    """All that is taken from the body: the order's id."""

    id: int


def signature(body: bytes, secret: str) -> str:
    """`X-Signature` of a raw body: hex HMAC-SHA1 under the secret, as the sender computes it."""
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def _named(body: bytes) -> int:
    """The order's id. Raises DecodeError for what is no order; a broken character in a name is none of our business."""
    try:
        return msgspec.json.decode(body, type=_Named).id
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.json.decode(mended_json(body), type=_Named).id


def make_server(settings: QticketsSettings, queue: WebhookQueue) -> ThreadingHTTPServer:
    """The HTTP server; `POST /` (any path) takes a webhook, `GET /healthz` answers 200."""
    secret = settings.qtickets_webhook_secret.get_secret_value()

    class Handler(BaseHTTPRequestHandler):
        timeout = _READ_TIMEOUT
        protocol_version = "HTTP/1.1"
        server_version = "zakaz"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(200 if self.path == "/healthz" else 404)

        def do_POST(self) -> None:
            self._answer(self._take())

        def _take(self) -> int:
            try:
                length = int(self.headers.get("Content-Length", ""))
            except ValueError:
                return 411
            if not 0 < length <= MAX_BODY:
                return 413
            body = self.rfile.read(length)
            given = self.headers.get("X-Signature", "").strip().lower()
            if not hmac.compare_digest(given.encode("latin-1", "replace"), signature(body, secret).encode()):
                log.warning("webhook_refused", reason="the signature is wrong", bytes=length)
                return 403
            event = self.headers.get("X-Event-Type", "").strip().lower()
            if self.headers.get("X-Model-Name", "Order") != "Order" or (event and event not in EVENTS):
                log.info("webhook_ignored", reason="not an event of an order")
                return 200
            try:
                order_id = _named(body)
            except msgspec.DecodeError:
                log.warning("webhook_refused", reason="the body is no order", bytes=length)
                return 400
            if not 1 <= order_id < 2**63:
                return 400
            try:
                queue.put(order_id)
            except StorageError as error:
                log.error("webhook_not_queued", error=str(error))
                return 503
            log.info("webhook_queued", order_id=order_id, event_type=event)
            return 200

        def _answer(self, status: int) -> None:
            if status >= 400:
                self.close_connection = True
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silence: request lines of strangers are not worth a log line."""

    server = ThreadingHTTPServer(("0.0.0.0", settings.qtickets_webhook_port), Handler)  # noqa: S104 - a container
    server.daemon_threads = True
    return server


def work_off(settings: QticketsSettings, queue: WebhookQueue) -> int | None:
    """Read the queued orders again, as one run; returns its exit code, or None when nothing waits.

    Ids stay queued until the run has succeeded: a lock held by the timer's run (75) only delays them.
    """
    waiting = queue.waiting()
    if not waiting:
        return None

    def read(context: RunContext) -> None:
        load.reread(context, list(waiting))

    code = run_loader(LOADER, settings, read, mode="webhook", version=__version__, metrics=False)
    if code == EXIT_OK:
        for order_id, hinted in waiting.items():
            queue.done(order_id, hinted)
    return code


def serve(settings: QticketsSettings) -> int:
    """Receive until stopped by SIGTERM; returns the exit code (0)."""
    if not settings.qtickets_webhook_secret.get_secret_value():
        raise ConfigError("QTICKETS_WEBHOOK_SECRET is not set; put the webhook's secret there, or run no receiver")
    queue = WebhookQueue(settings.loader_state_dir / "webhook_queue")
    server = make_server(settings, queue)
    thread = threading.Thread(target=server.serve_forever, name="webhook", daemon=True)
    thread.start()
    log.info("webhook_listening", port=server.server_address[1])
    pause = settings.qtickets_webhook_delay_seconds
    try:
        with stoppable():
            while True:
                code = work_off(settings, queue)
                # A refused or unavailable run is tried again later, not at once.
                time.sleep(pause if code in (None, EXIT_OK) else max(pause, 30))
    except StoppedError:
        log.info("webhook_stopped")
    finally:
        server.shutdown()
        server.server_close()
    return EXIT_OK
