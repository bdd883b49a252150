"""The outermost layer of the service: logs each request, sets the Date header, and lets faults strike."""

from __future__ import annotations

import asyncio
import gzip
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_sandbox.season.moscow_time import now
from api_sandbox.season.mutations import mutate
from api_sandbox.service.abortable_http import SCOPE_KEY, close
from api_sandbox.service.faults import RECORD_KINDS, Fault, apply_edits, edited_csv, edited_report
from api_sandbox.service.state import ServiceState

_HTML = "<!DOCTYPE html><html><head><title>Технические работы</title></head><body><h1>Скоро вернёмся</h1></body></html>"
_SECRET_HEADERS = (b"authorization", b"cookie")
_ERRORS = {
    429: {"error": "Too Many Requests", "status": 429, "code": "TOO_MANY_REQUESTS", "info": []},
    500: {"error": "Server error", "status": 500, "code": "SERVER_ERROR", "info": []},
    503: {"error": "Unknown error", "status": 503, "code": "UNKNOWN_ERROR", "info": []},
}


class _Answer:
    """A response held back until the faults have had their way with it."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class FaultGate:
    """ASGI middleware around the whole application; requests outside ``/api/`` pass untouched."""

    def __init__(self, app: ASGIApp, state: ServiceState) -> None:
        self.app = app
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        is_api = scope["path"].startswith("/api/")
        document = _decode(body)
        faults = self.state.faults.strike(scope["method"], scope["path"], document) if is_api else []
        for fault in faults:
            for mutation in fault.mutations:
                mutate(self.state, mutation)
        await asyncio.sleep(sum(fault.seconds for fault in faults if fault.kind == "slow"))
        answer = next((_replaced(fault) for fault in faults if fault.kind in ("status", "html")), None)
        if answer is None:
            answer = await self._ask(scope, body, document, faults)
        self._alter(answer, faults, scope["path"])
        api = self.state.api_at(scope["path"])
        if api and api.gzips and answer.body and _accepts_gzip(scope):
            answer.body = gzip.compress(answer.body, mtime=0)
            answer.headers |= {"content-encoding": "gzip", "content-length": str(len(answer.body))}
        if is_api:
            self._log(scope, document, answer.status, faults)
        skew = sum(fault.seconds for fault in faults if fault.kind == "clock_skew")
        answer.headers["date"] = formatdate(now() + skew, usegmt=True)
        await _deliver(answer, faults, scope, receive, send)

    async def _ask(self, scope: Scope, body: bytes, document: Any, faults: list[Fault]) -> _Answer:
        """The application's answer to the request as the faults leave it."""
        kinds = {fault.kind for fault in faults}
        page, offset = None, None
        if "ignore_filters" in kinds and isinstance(document, dict):
            document = {key: value for key, value in document.items() if key != "where"}
            body = msgspec.json.encode(document)
        if "duplicate_page" in kinds:
            query = dict(parse_qsl(scope["query_string"].decode()))
            if "offset" in query:
                offset = int(query["offset"])
                query["offset"] = str(max(0, offset - int(query.get("limit", 20))))
                scope = {**scope, "query_string": urlencode(query).encode()}
            else:
                document = document if isinstance(document, dict) else {}
                page = int(document.get("page", 1))
                body = msgspec.json.encode({**document, "page": max(1, page - 1)})
        answer = await _call(self.app, scope, body)
        if page is not None:
            answer.body = _patched(answer.body, "paging.currentPage", page)
        if offset is not None:
            answer.body = _patched(answer.body, "offset", offset)
        return answer

    def _alter(self, answer: _Answer, faults: list[Fault], path: str) -> None:
        api = self.state.api_at(path)
        for fault in faults:
            if fault.kind in RECORD_KINDS and api and answer.status == 200:
                answer.body = api.damaged(fault, path, answer.body)
            kind = answer.headers.get("content-type", "")
            if fault.kind == "edit" and "csv" in kind:
                answer.body = edited_csv(answer.body, fault.edits)
            elif fault.kind == "edit" and "tab-separated" in kind:
                answer.body = edited_report(answer.body, fault.edits)
            elif fault.kind == "edit":
                answer.body = msgspec.json.encode(apply_edits(msgspec.json.decode(answer.body), fault.edits))
            elif fault.kind == "truncate":
                answer.body = answer.body[: _kept(answer, fault)]
        answer.headers["content-length"] = str(len(answer.body))

    def _log(self, scope: Scope, document: Any, status: int, faults: list[Fault]) -> None:
        entry: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "query": dict(parse_qsl(scope["query_string"].decode("latin-1"))),
            "headers": {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in scope["headers"]
                if name not in _SECRET_HEADERS
            },
            # Form bodies hold credentials and are never JSON.
            "body": document,
            "status": status,
            "faults": [fault.kind for fault in faults],
        }
        self.state.requests.append(entry)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return None


def _accepts_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


async def _call(app: ASGIApp, scope: Scope, body: bytes) -> _Answer:
    answer = _Answer(500, {}, b"")
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    answer.body = b"".join(parts)
    return answer


def _replaced(fault: Fault) -> _Answer:
    if fault.kind == "html":
        return _Answer(fault.status or 200, {"content-type": "text/html; charset=utf-8"}, _HTML.encode())
    status = fault.status or 500
    body = fault.body if fault.body is not None else _ERRORS.get(status, {"error": "Error", "status": status})
    headers = {"content-type": "application/json", **{name.lower(): value for name, value in fault.headers.items()}}
    if fault.retry_after is not None:
        headers["retry-after"] = str(fault.retry_after)
    return _Answer(status, headers, body.encode() if isinstance(body, str) else msgspec.json.encode(body))


def _kept(answer: _Answer, fault: Fault) -> int:
    return len(answer.body) // 2 if fault.keep is None else fault.keep


def _patched(body: bytes, path: str, value: int) -> bytes:
    document = msgspec.json.decode(body)
    holder = document
    *parents, last = path.split(".")
    for name in parents:
        holder = holder.get(name, {})
    if last in holder:
        holder[last] = value
    return msgspec.json.encode(document)


async def _deliver(answer: _Answer, faults: list[Fault], scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    cut = next((fault for fault in faults if fault.kind == "cut"), None)
    if cut is not None:
        await send({"type": "http.response.body", "body": answer.body[: _kept(answer, cut)], "more_body": True})
        close(scope[SCOPE_KEY], reset=cut.reset)
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    slow = next((fault for fault in faults if fault.kind == "slow" and fault.pieces > 1), None)
    if slow is not None:
        size = -(-len(answer.body) // slow.pieces) or 1
        for start in range(0, len(answer.body), size):
            await send({"type": "http.response.body", "body": answer.body[start : start + size], "more_body": True})
            await asyncio.sleep(slow.seconds)
    await send({"type": "http.response.body", "body": b"" if slow else answer.body})
