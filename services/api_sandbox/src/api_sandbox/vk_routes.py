"""The VK Реклама API v2: tokens, the user, listings, statistics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api_sandbox.qtickets_routes import json_response
from api_sandbox.records import Account
from api_sandbox.service_state import ServiceState
from api_sandbox.vk_errors import ApiError
from api_sandbox.vk_objects import FIELDS, listing
from api_sandbox.vk_statistics import LEVELS, day_statistics
from api_sandbox.vk_tokens import TokenRefused
from api_sandbox.vk_user import user

PREFIX = "/api/v2"


class VkApi:
    """Answers the documented routes for the cabinets of one season."""

    def __init__(self, state: ServiceState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """Starlette routes."""
        found = [
            Route(f"{PREFIX}/oauth2/token.json", self.token, methods=["POST"]),
            Route(f"{PREFIX}/oauth2/token/delete.json", self.delete_tokens, methods=["POST"]),
            Route(f"{PREFIX}/user.json", self.user, methods=["GET"]),
        ]
        found += [Route(f"{PREFIX}/{kind}.json", partial(self.objects, kind), methods=["GET"]) for kind in FIELDS]
        found += [
            Route(f"{PREFIX}/statistics/{level}/day.json", partial(self.statistics, level), methods=["GET"])
            for level in LEVELS
        ]
        return found

    async def token(self, request: Request) -> Response:
        """Issue or refresh a pair of tokens."""
        try:
            return json_response(self.state.vk_tokens.grant(await _form(request)))
        except TokenRefused as refused:
            return json_response(refused.body, refused.status)

    async def delete_tokens(self, request: Request) -> Response:
        """Delete all tokens of the client."""
        try:
            self.state.vk_tokens.delete(await _form(request))
        except TokenRefused as refused:
            return json_response(refused.body, refused.status)
        return Response(status_code=204)

    async def user(self, request: Request) -> Response:
        """Whose cabinet the token opens."""
        return self._answer(request, "user", lambda account: user(account, request.query_params))

    async def objects(self, kind: str, request: Request) -> Response:
        """A page of plans, groups or banners."""
        return self._answer(request, kind, lambda account: listing(account, kind, request.query_params))

    async def statistics(self, level: str, request: Request) -> Response:
        """Days of up to 200 ids."""
        return self._answer(
            request,
            f"statistics/{level}",
            lambda account: day_statistics(account, level, request.query_params, frozenset(self.state.hidden_ids)),
        )

    def _answer(self, request: Request, method: str, compute: Callable[[Account], Any]) -> Response:
        try:
            account = self.state.vk_tokens.account(request.headers.get("authorization", ""))
        except TokenRefused as refused:
            return json_response(refused.body, refused.status)
        allowed, headers = self.state.vk_limits.take(account.user_id, method)
        if not allowed:
            body = {"error": {"code": "ERR_LIMIT_EXCEEDED", "message": "Too many requests"}}
            return json_response(body, 429, headers)
        try:
            return json_response(compute(account), 200, headers)
        except ApiError as error:
            return json_response(error.body, error.status, headers)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
