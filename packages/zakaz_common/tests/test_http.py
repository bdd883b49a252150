"""The HTTP client over real sockets."""

import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from werkzeug import Response
from zakaz_common.errors import ConfigError, DataError, DeadlineExceededError, UnavailableError
from zakaz_common.http import (
    ApiClient,
    NotFoundError,
    PendingError,
    RefusedError,
    RequestRejectedError,
    RouteMissingError,
    TransientError,
)
from zakaz_common.moscow import now_moscow


@pytest.fixture
def api(httpserver, clock):
    """A client of the test server whose waits are not waited for."""
    clients = []

    def make(seconds=600, **options):
        options.setdefault("requests_per_second", 1000)
        client = ApiClient(httpserver.url_for("/api"), deadline=clock.deadline(seconds), **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def answers(httpserver, *responses):
    """Serve these at /api/x in turn, the last one for ever."""
    left = list(responses)

    def handler(request):
        response = left.pop(0) if len(left) > 1 else left[0]
        return response(request) if callable(response) and not isinstance(response, Response) else response

    httpserver.expect_request("/api/x").respond_with_handler(handler)


def ok(body=b'{"data": 1}', **headers):
    return lambda _: Response(body, content_type="application/json; charset=utf-8", headers=headers)


def status(code, body=b"{}", content_type="application/json", **headers):
    return lambda _: Response(body, status=code, content_type=content_type, headers=headers)


def fetch(client, **options):
    return client.fetch("GET", "/x", decode=msgspec.json.decode, **options)


@contextmanager
def raw_server(*replies):
    """Answers of a server byte by byte; a connection each."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for reply in replies:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + reply)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield lambda clock: ApiClient(url, deadline=clock.deadline(), requests_per_second=1000)
    listener.close()


def real_waits(clock):
    return [wait for wait in clock.waits if wait > 0.01]


def test_a_json_body_travels_in_a_get(api, httpserver):
    seen = {}

    def handler(request):
        seen.update(method=request.method, body=json.loads(request.get_data()), token=request.headers["Authorization"])
        return Response('{"data": []}', content_type="application/json")

    answers(httpserver, handler)
    result = fetch(api(headers={"Authorization": "Bearer t"}), json={"where": [], "page": 2})
    assert result.value == {"data": []}
    assert seen == {"method": "GET", "body": {"where": [], "page": 2}, "token": "Bearer t"}


def test_the_server_clock_is_taken_from_the_date_header(clock):
    with raw_server(b"Date: Mon, 23 Nov 2026 03:00:00 GMT\r\nContent-Length: 2\r\n\r\n{}") as client:
        assert fetch(client(clock)).server_time.isoformat() == "2026-11-23T06:00:00+03:00"


def test_retry_after_is_waited_for_exactly(api, httpserver, clock):
    answers(httpserver, status(429, **{"Retry-After": "17"}), ok())
    client = api()
    assert fetch(client).value == {"data": 1}
    assert real_waits(clock) == [17.0]
    assert client.requests == {"429": 1, "200": 1}


def test_retry_after_as_a_date(api, httpserver, clock):
    moment = format_datetime((now_moscow() + timedelta(seconds=300)).astimezone(UTC), usegmt=True)
    answers(httpserver, status(429, **{"Retry-After": moment}), ok())
    fetch(api())
    (wait,) = real_waits(clock)
    assert 240 < wait <= 300


def test_429_without_retry_after_waits_longer_each_time(api, httpserver, clock):
    answers(httpserver, status(429), status(429), status(429), ok())
    fetch(api())
    assert real_waits(clock) == [10.0, 20.0, 30.0]


def test_a_retry_after_beyond_the_deadline_stops_at_once(api, httpserver, clock):
    answers(httpserver, status(429, **{"Retry-After": "3600"}))
    with pytest.raises(DeadlineExceededError, match=r"wait 3600 s"):
        fetch(api(seconds=600))
    assert real_waits(clock) == []


@pytest.mark.parametrize("code", [500, 502, 503, 408])
def test_passing_failures_are_retried_with_growing_waits(api, httpserver, clock, code):
    answers(httpserver, status(code), status(code), status(code), ok())
    assert fetch(api()).value == {"data": 1}
    assert real_waits(clock) == [0.5, 1.0, 2.0]


def test_a_503_that_lasts_is_given_up(api, httpserver):
    answers(httpserver, status(503, b'{"error": "Unknown error", "code": "UNKNOWN_ERROR"}'))
    client = api(max_attempts=4)
    with pytest.raises(UnavailableError, match=r"answered 503 at /x \(UNKNOWN_ERROR\)") as caught:
        fetch(client)
    assert client.requests == {"503": 4}
    assert caught.value.exit_code == 69


@pytest.mark.parametrize(
    "broken",
    [
        ok(b'{"data": [1, 2'),
        ok(b""),
        lambda _: Response("<html>", content_type="text/html"),
        lambda _: Response('{"data": 1}', content_type=""),
        lambda _: Response("not gzip", content_type="application/json", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["truncated", "empty", "html with 200", "no content type", "damaged compression"],
)
def test_a_damaged_answer_is_asked_for_again(api, httpserver, broken):
    answers(httpserver, broken, ok())
    assert fetch(api()).value == {"data": 1}


def test_a_table_is_taken_where_one_is_expected_and_json_is_none(api, httpserver, clock):
    table = Response("id\n1\n", content_type="text/csv; charset=utf-8")
    answers(httpserver, ok(), table)
    got = api(expects="csv").fetch("GET", "/x", decode=bytes.decode)
    assert got.value == "id\n1\n"
    assert len(real_waits(clock)) == 1
    answers(httpserver, table)
    with pytest.raises(UnavailableError, match="with text/csv, JSON was expected"):
        fetch(api(max_attempts=1))


def test_a_body_cut_short_is_asked_for_again(clock):
    cut = b'Content-Length: 100\r\n\r\n{"data": '
    with raw_server(cut, b'Content-Length: 11\r\n\r\n{"data": 1}') as make:
        client = make(clock)
        assert fetch(client).value == {"data": 1}
    assert client.requests == {"200": 2, "transport_error": 1}


def test_a_server_that_is_not_there_is_unavailable(clock):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = ApiClient(f"http://127.0.0.1:{port}", deadline=clock.deadline(), requests_per_second=1000)
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{port} failed at /x"):
        fetch(client)


def test_a_wrong_token_is_a_setting_to_mend(api, httpserver):
    answers(httpserver, status(403, b'{"error": "Access denied", "code": "FORBIDDEN"}'))
    client = api()
    with pytest.raises(RefusedError, match=r"403") as caught:
        fetch(client)
    assert caught.value.exit_code == 78
    assert caught.value.code == "FORBIDDEN"
    assert client.requests == {"403": 1}


def test_credentials_are_renewed_once(api, httpserver):
    token = ["old"]
    renewed = []

    def renew(error):
        renewed.append(error.code)
        token[0] = "new"
        return True

    def handler(request):
        good = request.headers["Authorization"] == "new"
        return ok()(request) if good else status(401, b'{"code": "expired_token"}')(request)

    answers(httpserver, handler)
    client = api(authorise=lambda: {"Authorization": token[0]}, renew_credentials=renew)
    assert fetch(client).value == {"data": 1}
    assert renewed == ["expired_token"]

    answers(httpserver, status(401))
    httpserver.clear()
    answers(httpserver, status(401))
    with pytest.raises(RefusedError):
        fetch(client)
    assert len(renewed) == 2


def test_404_tells_a_missing_object_from_a_missing_route(api, httpserver):
    answers(httpserver, status(404, b'{"code": "RESOURCE_NOT_FOUND"}'), status(404, b"<html>", "text/html"))
    with pytest.raises(NotFoundError, match=r"RESOURCE_NOT_FOUND"):
        fetch(api())
    with pytest.raises(RouteMissingError, match="no such route"):
        fetch(api())


def test_another_4xx_is_the_requests_own_fault(api, httpserver):
    answers(httpserver, status(400, b'{"error": {"code": "ERR_WRONG_DATE", "message": "who: a@b.c"}}'))
    with pytest.raises(RequestRejectedError, match=r"ERR_WRONG_DATE") as caught:
        fetch(api())
    assert caught.value.status == 400
    assert caught.value.body["error"]["code"] == "ERR_WRONG_DATE"
    assert "a@b.c" not in str(caught.value)


def test_a_redirect_is_refused_and_names_the_host(api, httpserver):
    answers(httpserver, status(302, Location="https://elsewhere.example/api/x"))
    with pytest.raises(ConfigError, match=r"redirects /x to elsewhere.example"):
        fetch(api(headers={"Authorization": "Bearer t"}))
    assert len(httpserver.log) == 1


def test_an_answer_beyond_the_size_limit_is_refused(api, httpserver):
    answers(httpserver, ok(b'{"data": "' + b"x" * (3 << 20) + b'"}'))
    with pytest.raises(DataError, match=r"larger than 1 MiB"):
        fetch(api(max_response_bytes=1 << 20))


def test_a_compressed_bomb_is_refused(api, httpserver):
    import gzip

    answers(httpserver, ok(gzip.compress(b" " * (50 << 20)), **{"Content-Encoding": "gzip"}))
    with pytest.raises(DataError, match=r"larger than 1 MiB"):
        fetch(api(max_response_bytes=1 << 20))


def test_every_request_waits_for_its_token(api, httpserver, clock):
    answers(httpserver, ok())
    client = api(requests_per_second=2)
    for _ in range(5):
        fetch(client)
    assert clock.now == pytest.approx(2.0)


def test_headers_of_every_answer_are_shown(api, httpserver):
    seen = []
    answers(httpserver, status(503, **{"X-RateLimit-RPS-Limit": "3"}), ok(**{"X-RateLimit-RPS-Limit": "2"}))
    client = api(on_headers=lambda headers: seen.append(headers["x-ratelimit-rps-limit"]))
    fetch(client)
    assert seen == ["3", "2"]


def test_an_unreadable_ca_bundle_is_a_setting_to_mend(api, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"the CA bundle .*ca.pem cannot be read"):
        api(ca_bundle=tmp_path / "ca.pem")
    with pytest.raises(ConfigError, match="cannot be read"):
        api(ca_bundle=tmp_path / "absent.pem")


@pytest.mark.parametrize("code", [201, 202])
def test_an_answer_that_is_still_being_made_is_told_apart(api, httpserver, code):
    answers(httpserver, lambda _: Response(b"", status=code, headers={"retryIn": "7"}))
    with pytest.raises(PendingError, match="not ready yet") as waiting:
        fetch(api(pending=(201, 202)))
    assert (waiting.value.status, waiting.value.headers["retryin"]) == (code, "7")
    assert len(httpserver.log) == 1, "how long to wait is the caller's to decide"


def test_such_a_status_is_an_answer_like_others_where_nobody_waits_for_it(api, httpserver):
    answers(httpserver, lambda _: Response(b'{"data": 1}', status=202, content_type="application/json"))
    assert fetch(api()).value == {"data": 1}


@pytest.mark.parametrize("code", [53, "53"])
def test_a_code_of_the_api_decides_whatever_the_status_says(api, httpserver, code):
    seen = []

    def read_error(answer):
        seen.append((answer.status, answer.path, answer.code, answer.body["error"]["error_detail"]))
        return ConfigError("sign in again") if answer.code == "53" else None

    body = json.dumps({"error": {"error_code": code, "error_detail": "why"}}).encode()
    answers(httpserver, status(400, body))
    with pytest.raises(ConfigError, match="sign in again"):
        fetch(api(read_error=read_error))
    assert seen == [(400, "/x", "53", "why")]


def test_what_a_code_says_may_be_to_try_again(api, httpserver):
    answers(httpserver, status(400, b'{"error": {"error_code": 52}}'), ok())
    assert fetch(api(read_error=lambda answer: TransientError(answer.text))).value == {"data": 1}


def test_where_a_code_says_nothing_the_status_does(api, httpserver):
    answers(httpserver, status(400, b'{"error": {"error_code": 7}}'))
    with pytest.raises(RequestRejectedError) as refusal:
        fetch(api(read_error=lambda _: None))
    assert refusal.value.code == "7"


def test_the_id_of_a_request_is_told_with_its_failure_and_cleaned(api, httpserver):
    answers(httpserver, status(400, RequestId="12 34\u00e9-x" + "9" * 99), ok(b"no", RequestId="77"))
    client = api(request_id="RequestId", max_attempts=1)
    with pytest.raises(RequestRejectedError, match=r"\(RequestId 1234-x9{58}\)$"):
        fetch(client)
    with pytest.raises(TransientError, match=r"at /x \(RequestId 77\): "):
        fetch(client)


def test_one_answer_may_be_of_another_type_than_the_others(api, httpserver):
    answers(httpserver, lambda _: Response(b"a\tb\n", content_type="text/tab-separated-values; charset=utf-8"))
    client = api(max_attempts=1)
    assert client.fetch("GET", "/x", decode=bytes, expects="tab-separated").value == b"a\tb\n"
    with pytest.raises(TransientError, match="JSON was expected"):
        fetch(client)
