"""The ASGI application: both APIs, the truth, and what a test needs to see."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from api_sandbox.control_routes import ControlApi
from api_sandbox.damage_truth import damages, damages_json
from api_sandbox.fault_gate import FaultGate
from api_sandbox.qtickets_routes import QticketsApi, json_response
from api_sandbox.service_state import ServiceState
from api_sandbox.truth import foreign_spend_json, roi_json
from api_sandbox.vk_routes import PREFIX as VK_PREFIX
from api_sandbox.vk_routes import VkApi

_SANDBOX_ONLY = {"X-Sandbox-Only": "not part of any live API"}
_NOT_FOUND_PAGE = "<!DOCTYPE html><html><head><title>404</title></head><body><h1>Страница не найдена</h1></body></html>"


def build_app(state: ServiceState) -> FaultGate:
    """Wire the routes of one service."""

    async def healthz(request: Request) -> Response:
        return json_response({"status": "ok", "orders": len(state.season.orders)})

    async def truth(request: Request) -> Response:
        return json_response(roi_json(state.season, damages(state)), headers=_SANDBOX_ONLY)

    async def truth_foreign(request: Request) -> Response:
        return json_response(foreign_spend_json(state.season), headers=_SANDBOX_ONLY)

    async def truth_damages(request: Request) -> Response:
        return json_response(damages_json(state), headers=_SANDBOX_ONLY)

    async def not_found(request: Request, error: Exception) -> Response:
        if request.url.path.startswith(VK_PREFIX):
            return json_response({"error": {"code": "ERR_NOT_FOUND", "message": "Unknown resource"}}, 404)
        return HTMLResponse(_NOT_FOUND_PAGE, status_code=404)

    async def wrong_method(request: Request, error: Exception) -> Response:
        # At the live services every other method changes something.
        if request.url.path.startswith("/api/"):
            state.violations.append({"method": request.method, "path": request.url.path})
        return await not_found(request, error)

    routes = [
        Route("/healthz", healthz),
        Route("/truth/roi.json", truth),
        Route("/truth/foreign_spend.json", truth_foreign),
        Route("/truth/damages.json", truth_damages),
        *ControlApi(state).routes(),
        *QticketsApi(state).routes(),
        *VkApi(state).routes(),
    ]
    return FaultGate(Starlette(routes=routes, exception_handlers={404: not_found, 405: wrong_method}), state)
