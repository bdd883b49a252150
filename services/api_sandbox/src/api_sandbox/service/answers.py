"""Answers in the two forms the services give."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import HTMLResponse, Response

_NOT_FOUND_PAGE = "<!DOCTYPE html><html><head><title>404</title></head><body><h1>Страница не найдена</h1></body></html>"


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


def not_found_page() -> Response:
    """The HTML page of an address that does not exist."""
    return HTMLResponse(_NOT_FOUND_PAGE, status_code=404)
