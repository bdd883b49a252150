"""The HTTP client of an API: polite, bounded, and clear about what kind of failure it met.

Failures are of four classes. Transient (transport, 5xx, 408, a body that is not what was promised) are
retried with growing waits and capped, since a vendor's 503 can be permanent. Rate-limited (429) waits exactly
what `Retry-After` says. Permanent (other 4xx) are raised at once. Configuration (401, 403) is raised after
the caller's one chance to renew its credentials. An API whose codes say more than its statuses has a `read_error`.
"""

import json as jsonlib
import re
import ssl
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog

from zakaz_common.deadline import Deadline
from zakaz_common.errors import ConfigError, DataError, LoaderError, UnavailableError
from zakaz_common.moscow import now_moscow, parse_http_date
from zakaz_common.token_bucket import TokenBucket

T = TypeVar("T")
log = structlog.get_logger()

_CHUNK = 1 << 16
_MAX_TRANSIENT_ATTEMPTS = 6
_MAX_RATE_LIMITED_ATTEMPTS = 30
_DEFAULT_429_WAIT = 10.0
_NO_ID = re.compile(r"[^\w.:-]", re.ASCII)


class TransientError(UnavailableError):
    """A failure that may pass by itself. Raise it from a decoder to have the page fetched again."""


class RateLimitedError(UnavailableError):
    """429. `retry_after` is in seconds, or None when the server does not say."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFoundError(DataError):
    """404 with a JSON body: the object does not exist."""


class RouteMissingError(DataError):
    """404 with an HTML page: the route itself does not exist."""


class RefusedError(ConfigError):
    """401 or 403. `code` is the API's own word for it, '' when it gives none."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class RequestRejectedError(DataError):
    """Another 4xx: the request itself is wrong. `body` is the decoded JSON error, {} when unreadable."""

    def __init__(self, message: str, status: int, code: str, body: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = body


class PendingError(UnavailableError):
    """The answer is still being made, by a status that the client takes for this. `headers` may say how long."""

    def __init__(self, message: str, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer that is an error. `code` is the API's own, '' without one; `body` the decoded JSON, {} when unreadable.

    `text` is a sentence about it for the log: host, status, path, code and the request's id, nothing else of it.
    """

    path: str
    status: int
    code: str
    body: object
    text: str


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """A decoded answer. `server_time` is the `Date` header in Moscow, else this host's clock."""

    value: T
    status: int
    headers: Mapping[str, str]
    server_time: datetime
    size: int


class ApiClient:
    """Requests of one API within one run.

    Parameters: `base_url` with or without a path; `headers` sent with every request (put the token here or
    give `authorise`, which returns headers afresh for each attempt); `requests_per_second` of the token
    bucket; `deadline` of the run; `ca_bundle`, a PEM file used instead of the system's; `timeout` in seconds
    for each read; `max_response_bytes`; `expects`, a word of the content type that every answer must have, such as
    `csv`; `on_headers`, called with the headers of every answer, for rate-limit
    headers; `renew_credentials`, called once per request on 401 or 403, returns whether to try again; `pending`,
    statuses of an answer that is still being made, such as 202: they raise PendingError, whatever their body;
    `read_error` is shown each answer that is an error, and returns what is raised in its place, None where the status
    tells enough; `request_id`, the header by which the vendor's support finds a request, told with each failure.
    """

    def __init__(
        self,
        base_url: str,
        *,
        deadline: Deadline,
        requests_per_second: float,
        headers: Mapping[str, str] | None = None,
        authorise: Callable[[], Mapping[str, str]] | None = None,
        renew_credentials: Callable[[RefusedError], bool] | None = None,
        on_headers: Callable[[Mapping[str, str]], None] | None = None,
        read_error: Callable[[ErrorAnswer], LoaderError | None] | None = None,
        pending: Collection[int] = (),
        request_id: str = "",
        ca_bundle: Path | None = None,
        timeout: float = 30.0,
        max_response_bytes: int = 64 << 20,
        expects: str = "json",
        max_attempts: int = _MAX_TRANSIENT_ATTEMPTS,
        backoff_initial: float = 0.5,
        backoff_max: float = 30.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.deadline = deadline
        self.bucket = TokenBucket(requests_per_second, deadline)
        self.requests: Counter[str] = Counter()
        self._authorise = authorise
        self._renew = renew_credentials
        self._on_headers = on_headers
        self._read_error = read_error
        self._pending = pending
        self._request_id = request_id
        self._max_bytes = max_response_bytes
        self._expects = expects
        self._max_attempts = max_attempts
        self._backoff = (backoff_initial, backoff_max)
        self._timeout = timeout
        self._http = httpx2.Client(
            headers={"Accept": "application/json", "User-Agent": "zakaz-loader", **(headers or {})},
            verify=_tls_context(ca_bundle),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def fetch(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[bytes], T],
        json: object | None = None,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expects: str | None = None,
        allow_renew: bool = True,
    ) -> Fetched[T]:
        """Send a request until it succeeds, and return its decoded body.

        Parameters: `path` is appended to the base URL; `json` travels in the body of any method, GET
        included; `form` is sent form-encoded; `decode` turns the body into a value, and a ValueError of its
        (msgspec's and json's included) counts as a damaged answer, which is fetched again; `expects` is that of this
        answer, where it is another than the client's. Raises the errors of this module, or DeadlineExceededError.
        """
        attempts: Counter[str] = Counter()
        while True:
            self.deadline.check(f"asking {path}")
            try:
                return self._once(method, path, decode, json, params, form, headers, expects or self._expects)
            except (RateLimitedError, TransientError, RefusedError) as error:
                wait = self._wait(error, attempts, allow_renew)
                if wait is None:
                    raise
                log.warning("request_retry", path=path, cause=str(error), wait_s=round(wait, 2))
                what = "the API" if isinstance(error, RateLimitedError) else "a retry"
            # The deadline does the waiting: it counts the seconds, and refuses one that ends after it.
            self.deadline.wait(wait, what)

    def _wait(self, error: LoaderError, attempts: Counter[str], allow_renew: bool) -> float | None:
        """Seconds until a failed request is tried again, None where it is not; `attempts` counts them by kind."""
        if isinstance(error, RateLimitedError):
            attempts["limited"] += 1
            if attempts["limited"] >= _MAX_RATE_LIMITED_ATTEMPTS:
                return None
            pause = error.retry_after
            return pause if pause is not None else min(_DEFAULT_429_WAIT * attempts["limited"], 60.0)
        if isinstance(error, TransientError):
            attempts["transient"] += 1
            first, most = self._backoff
            return (
                min(first * 2 ** (attempts["transient"] - 1), most)
                if attempts["transient"] < self._max_attempts
                else None
            )
        if isinstance(error, RefusedError) and allow_renew and self._renew and not attempts["renewed"]:
            attempts["renewed"] += 1
            return 0.0 if self._renew(error) else None
        return None

    def _once(
        self,
        method: str,
        path: str,
        decode: Callable[[bytes], T],
        json: object | None,
        params: Mapping[str, str] | None,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        expects: str,
    ) -> Fetched[T]:
        self.bucket.acquire()
        url = f"{self.base_url}/{path.lstrip('/')}"
        own = {**(self._authorise() if self._authorise else {}), **(headers or {})}
        timeout = min(self._timeout, max(self.deadline.remaining(), 0.1))
        try:
            with self._http.stream(
                method, url, json=json, params=params, data=form, headers=own, timeout=timeout
            ) as response:
                self.requests[str(response.status_code)] += 1
                if self._on_headers:
                    self._on_headers(response.headers)
                body = self._read(response, path)
        except httpx2.TransportError as error:
            self.requests["transport_error"] += 1
            raise TransientError(f"{_host(url)} failed at {path}: {_cause(error)}") from None
        except httpx2.DecodingError:
            raise TransientError(f"{_host(url)} sent a damaged compressed body at {path}") from None
        host = _host(url)
        if response.status_code in self._pending:
            told = f"{host} answered {response.status_code} at {path}: it is not ready yet"
            raise PendingError(told, response.status_code, response.headers)
        self._raise_for_status(response, body, path)
        content_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
        # 204 has no body, and so no type.
        if expects not in content_type and response.status_code != 204:
            raise TransientError(
                f"{host} answered {path}{self._known_as(response)} with {content_type or 'no content type'}, "
                f"{expects.upper()} was expected"
            )
        try:
            value = decode(body)
        except LoaderError:
            raise
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise TransientError(
                f"{host} sent an unreadable answer at {path}{self._known_as(response)}: {_decode_cause(error)}"
            ) from None
        moment = parse_http_date(response.headers.get("date")) or now_moscow()
        return Fetched(value, response.status_code, response.headers, moment, len(body))

    def _read(self, response: httpx2.Response, path: str) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes(_CHUNK):
            size += len(chunk)
            if size > self._max_bytes:
                raise DataError(
                    f"the answer at {path} is larger than {self._max_bytes >> 20} MiB; nothing was loaded from it"
                )
            chunks.append(chunk)
            self.deadline.check(f"reading {path}")
        return b"".join(chunks)

    def _raise_for_status(self, response: httpx2.Response, body: bytes, path: str) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        host = _host(self.base_url)
        if 300 <= status < 400:
            target = urlsplit(response.headers.get("location", "")).hostname or "the same host"
            raise ConfigError(
                f"{host} redirects {path} to {target}; redirects are not followed (they can drop the token): "
                "set the base URL of the API to its present address"
            )
        error, code = _error_body(body)
        is_json = "json" in response.headers.get("content-type", "")
        text = f"{host} answered {status} at {path}" + (f" ({code})" if code else "") + self._known_as(response)
        if self._read_error and (own := self._read_error(ErrorAnswer(path, status, code, error, text))):
            raise own
        if status == 429:
            raise RateLimitedError(text, parse_retry_after(response.headers.get("retry-after")))
        if status in (401, 403):
            raise RefusedError(f"{text}: the token is wrong, expired or lacks the right", status, code)
        if status >= 500 or status == 408:
            raise TransientError(text)
        if status == 404:
            raise (NotFoundError(text) if is_json else RouteMissingError(f"{text}: there is no such route"))
        raise RequestRejectedError(text, status, code, error)

    def _known_as(self, response: httpx2.Response) -> str:
        """The request's id as the API calls it, for messages."""
        known = _NO_ID.sub("", response.headers.get(self._request_id, ""))[:64] if self._request_id else ""
        return f" ({self._request_id} {known})" if known else ""


def parse_retry_after(text: str | None) -> float | None:
    """Seconds of a `Retry-After` header, given as a number or as a date; None when absent or unreadable."""
    if not text:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        moment = parse_http_date(text)
        return None if moment is None else max((moment - now_moscow()).total_seconds(), 0.0)


def _error_body(body: bytes) -> tuple[object, str]:
    """The decoded error and its code. Only the code is ever shown: other parts may quote the request."""
    try:
        decoded = jsonlib.loads(body)
    except ValueError:
        return {}, ""
    if not isinstance(decoded, dict):
        return {}, ""
    inner = decoded.get("error")
    # error_code is a number in some answers of an API and text in others
    places = [decoded, inner] if isinstance(inner, dict) else [decoded]
    code = next((place[name] for place in places for name in ("code", "error_code") if place.get(name)), "")
    return decoded, str(code)[:64]


def _tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    if ca_bundle is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(ca_bundle))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the CA bundle {ca_bundle} cannot be read: {error.__class__.__name__}; give a PEM file"
        ) from None


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _cause(error: Exception) -> str:
    return f"{error.__class__.__name__}: {error}" if str(error) else error.__class__.__name__


def _decode_cause(error: Exception) -> str:
    # msgspec and json name the place, never the value.
    return str(error)[:200]
