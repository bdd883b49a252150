"""Services over real sockets: one that nobody changes for the whole run, and fresh ones for tests that do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import httpx2
import pytest

from api_sandbox.testing import Sandbox, running_sandbox

SEASON_END = date(2026, 11, 20)


class Caller:
    """A client of one sandbox, with the credentials in place."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx2.Client(base_url=sandbox.url, timeout=10, trust_env=False)

    def qtickets(self, path: str, body: Any = None, token: str | None = None, method: str = "GET") -> httpx2.Response:
        """A Qtickets request with a JSON body."""
        token = self.sandbox.qtickets_token if token is None else token
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return self.http.request(method, f"/api/rest/v1{path}", json=body, headers=headers)

    def all_rows(self, path: str, body: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Every row of a paged Qtickets resource."""
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self.qtickets(path, {**(body or {}), "page": page}).json()
            rows += answer["data"]
            if page * answer["paging"]["perPage"] >= answer["paging"]["total"]:
                return rows
            page += 1

    def vk_grant(self, **form: str) -> httpx2.Response:
        """A token request; the first cabinet's credentials unless the form says otherwise."""
        client_id, secret, _ = self.sandbox.vk_clients[0]
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, **form}
        return self.http.post("/api/v2/oauth2/token.json", data=form)

    def vk(self, path: str, token: str, **query: Any) -> httpx2.Response:
        """A VK request."""
        params = {name: str(value) for name, value in query.items()}
        return self.http.get(f"/api/v2/{path}", params=params, headers={"Authorization": f"Bearer {token}"})

    def vk_rows(self, kind: str, token: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a listing, all statuses."""
        rows: list[dict[str, Any]] = []
        while True:
            answer = self.vk(
                f"{kind}.json", token, limit=50, offset=len(rows), _status__in="active,blocked,deleted", **query
            ).json()
            rows += answer["items"]
            if len(rows) >= answer["count"]:
                return rows


@pytest.fixture(scope="session")
def shared() -> Iterator[Caller]:
    """A service that no test changes: 700 orders, 60 days, two cabinets."""
    with running_sandbox(
        seed=2, orders=700, season_end=SEASON_END, vk_accounts=2, vk_banners=90, vk_rps=1000, vk_orders_only_share=0.2
    ) as sandbox:
        caller = Caller(sandbox)
        yield caller
        caller.http.close()


@pytest.fixture
def fresh() -> Iterator[Callable[..., Caller]]:
    """Starts a service of the test's own; keyword arguments are settings."""
    opened: list[tuple[Any, Caller]] = []

    def start(**settings: Any) -> Caller:
        context = running_sandbox(**{"orders": 160, "season_end": SEASON_END, "vk_banners": 30, **settings})
        caller = Caller(context.__enter__())
        opened.append((context, caller))
        return caller

    yield start
    for context, caller in opened:
        caller.http.close()
        context.__exit__(None, None, None)
