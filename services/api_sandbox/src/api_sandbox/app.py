"""The ASGI application: every vendor's API, the truth, and what a test needs to see."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api_sandbox.season.truth import foreign_spend_json, roi_json
from api_sandbox.service.answers import json_response, not_found_page
from api_sandbox.service.control import ControlApi
from api_sandbox.service.fault_gate import FaultGate
from api_sandbox.service.state import ServiceState

_SANDBOX_ONLY = {"X-Sandbox-Only": "not part of any live API"}


def build_app(state: ServiceState) -> FaultGate:
    """Wire the routes of one service."""

    async def healthz(request: Request) -> Response:
        return json_response({"status": "ok", "orders": len(state.season.orders)})

    def of_advertising(name: str, told: Callable[[Container[str] | None], Any]) -> Route:
        async def answer(request: Request) -> Response:
            names = request.query_params.get("advertising")
            wanted = None if names is None else names.split(",")
            return json_response(told(wanted), headers=_SANDBOX_ONLY)

        return Route(f"/truth/{name}.json", answer)

    def truth(name: str, told: Callable[[], Any]) -> Route:
        async def answer(request: Request) -> Response:
            return json_response(told(), headers=_SANDBOX_ONLY)

        return Route(f"/truth/{name}.json", answer)

    async def not_found(request: Request, error: Exception) -> Response:
        api = state.api_at(request.url.path)
        return api.not_found() if api else not_found_page()

    async def wrong_method(request: Request, error: Exception) -> Response:
        # At the live services every other method changes something.
        if request.url.path.startswith("/api/"):
            state.violations.append({"method": request.method, "path": request.url.path})
        return await not_found(request, error)

    routes = [
        Route("/healthz", healthz),
        of_advertising("roi", lambda names: roi_json(state.season, state.damages(), names)),
        of_advertising("foreign_spend", lambda names: foreign_spend_json(state.season, names)),
        truth("damages", lambda: [one.as_json() for one in state.damages()]),
        *ControlApi(state).routes(),
    ]
    for api in state.apis.values():
        routes += [truth(name, told) for name, told in api.truth().items()] + api.routes()
    return FaultGate(Starlette(routes=routes, exception_handlers={404: not_found, 405: wrong_method}), state)
