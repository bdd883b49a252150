"""The VK Реклама API v2: tokens, the user, listings, statistics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api_sandbox.season.mutations import Action
from api_sandbox.season.records import Account
from api_sandbox.service.answers import json_response
from api_sandbox.service.vendor import VendorApi
from api_sandbox.vk_ads.errors import ApiError
from api_sandbox.vk_ads.limits import RateLimits
from api_sandbox.vk_ads.mutations import actions
from api_sandbox.vk_ads.objects import FIELDS, listing
from api_sandbox.vk_ads.settings import VkSettings
from api_sandbox.vk_ads.statistics import LEVELS, day_statistics
from api_sandbox.vk_ads.tokens import Client, TokenRefused, TokenStore
from api_sandbox.vk_ads.user import user

if TYPE_CHECKING:
    from api_sandbox.service.state import ServiceState

PREFIX = "/api/v2"


class VkApi(VendorApi):
    """Answers the documented routes for the cabinets of one season.

    Credentials: the configured client opens the first cabinet, ``<id>-2``/``<secret>-2`` the second and so on;
    ``<id>-agency``/``<secret>-agency`` is an agency whose clients are all cabinets, by name. ``hidden_ids`` are ids
    that the listings hold and the statistics refuse.
    """

    def __init__(self, state: ServiceState, settings: VkSettings) -> None:
        super().__init__(state, settings)
        name, secret = settings.vk_client_id, settings.vk_client_secret
        accounts = self.season.accounts_of("vk_ads")
        clients = [
            Client(name + suffix, secret + suffix, (account,))
            for number, account in enumerate(accounts, 1)
            for suffix in ["" if number == 1 else f"-{number}"]
        ]
        clients.append(Client(f"{name}-agency", f"{secret}-agency", tuple(accounts), agency=True))
        self.tokens = TokenStore(clients, time.time, settings.vk_token_seconds)
        self.limits = RateLimits(time.time, settings.vk_rps, settings.vk_hourly, settings.vk_daily)
        self.hidden_ids: set[int] = set()

    def not_found(self) -> Response:
        """JSON, unlike other services."""
        return json_response({"error": {"code": "ERR_NOT_FOUND", "message": "Unknown resource"}}, 404)

    def mutations(self) -> Mapping[str, Action]:
        """What happens to cabinets and tokens."""
        return actions(self.tokens, self.hidden_ids)

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
            return json_response(self.tokens.grant(await _form(request)))
        except TokenRefused as refused:
            return json_response(refused.body, refused.status)

    async def delete_tokens(self, request: Request) -> Response:
        """Delete all tokens of the client."""
        try:
            self.tokens.delete(await _form(request))
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
            lambda account: day_statistics(account, level, request.query_params, frozenset(self.hidden_ids)),
        )

    def _answer(self, request: Request, method: str, compute: Callable[[Account], Any]) -> Response:
        try:
            account = self.tokens.account(request.headers.get("authorization", ""))
        except TokenRefused as refused:
            return json_response(refused.body, refused.status)
        allowed, headers = self.limits.take(account.user_id, method)
        if not allowed:
            body = {"error": {"code": "ERR_LIMIT_EXCEEDED", "message": "Too many requests"}}
            return json_response(body, 429, headers)
        try:
            return json_response(compute(account), 200, headers)
        except ApiError as error:
            return json_response(error.body, error.status, headers)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
