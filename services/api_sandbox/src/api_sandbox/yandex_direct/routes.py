"""Routes of Yandex Direct: two bases, POST alone, the service at the end of the path."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api_sandbox.season.mutations import Action, Playing
from api_sandbox.service.answers import json_response
from api_sandbox.service.faults import Damage, Fault
from api_sandbox.service.vendor import VendorApi
from api_sandbox.yandex_direct.access import Holder, Tokens
from api_sandbox.yandex_direct.cabinets import DirectAccount
from api_sandbox.yandex_direct.changes import check, check_campaigns
from api_sandbox.yandex_direct.errors import DirectError, malformed
from api_sandbox.yandex_direct.limits import Connections, RequestWindow, Units
from api_sandbox.yandex_direct.mutations import actions
from api_sandbox.yandex_direct.objects import ad_groups, ads, campaigns, clients, page
from api_sandbox.yandex_direct.record_faults import damaged, damages
from api_sandbox.yandex_direct.report_queue import Queued, ReportQueue
from api_sandbox.yandex_direct.report_rows import report
from api_sandbox.yandex_direct.report_spec import read_spec
from api_sandbox.yandex_direct.settings import YandexDirectSettings
from api_sandbox.yandex_direct.tsv import render

PREFIX = "/api/yandex_direct"
BASES = ("v5", "v501")
_MODES = ("auto", "online", "offline")
_TSV = "text/tab-separated-values; charset=utf-8"
# Units of one call, and of each object it answers.
_COSTS = {"campaigns": (10, 1), "adgroups": (15, 1), "ads": (15, 1), "agencyclients": (10, 1)}
_CALL_COST, _REFUSED_COST = 10, 20
_METHODS = {
    **dict.fromkeys(("campaigns", "adgroups", "ads", "clients", "agencyclients"), ("get",)),
    "changes": ("check", "checkCampaigns"),
}


class YandexDirectApi(VendorApi):
    """Answers the documented routes for the cabinets of one season.

    The configured token opens the first cabinet, ``<token>-2`` the second and so on; ``<token>-agency`` is that of an
    agency whose clients are all cabinets, by login.
    """

    gzips = True

    def __init__(self, state: Playing, settings: YandexDirectSettings) -> None:
        super().__init__(state, settings)
        self.accounts = cast("list[DirectAccount]", self.season.accounts_of("yandex_direct"))
        self.tokens = Tokens(settings.yandex_direct_token, self.accounts)
        self.window = RequestWindow(
            time.monotonic, settings.yandex_direct_requests, settings.yandex_direct_request_seconds
        )
        self.connections = Connections(settings.yandex_direct_connections)
        self.units = Units(settings.yandex_direct_units)
        self.queue = ReportQueue(
            time.monotonic,
            online_rows=settings.yandex_direct_online_rows,
            polls=settings.yandex_direct_polls,
            places=settings.yandex_direct_places,
            keep_seconds=settings.yandex_direct_keep_seconds,
            retry_in=settings.yandex_direct_retry_in,
        )
        self._numbers = count(8_600_000_000_000_000_001)

    def mutations(self) -> Mapping[str, Action]:
        """What happens to statistics, campaigns, the token and units."""
        return actions(self.tokens, self.units, self.queue)

    def damages(self, faults: list[Fault]) -> Iterator[Damage]:
        """Cells of the rows of reports."""
        for fault in faults:
            if fnmatchcase(f"{PREFIX}/json/{BASES[-1]}/reports", fault.route.removeprefix("POST ")):
                yield from damages(fault, self.accounts)

    def damaged(self, fault: Fault, path: str, body: bytes) -> bytes:
        """A report with damaged rows; other answers have none."""
        return damaged(fault, body) if path.endswith("/reports") else body

    def truth(self) -> Mapping[str, Callable[[], Any]]:
        """What the cabinets are called, opened with, and spend."""
        return {"yandex_direct": self._told}

    def routes(self) -> list[Route]:
        """Starlette routes."""
        found = [Route(f"{PREFIX}/json/{base}/reports", self.reports, methods=["POST"]) for base in BASES]
        for base in BASES:
            found += [Route(f"{PREFIX}/json/{base}/{name}", self.service, methods=["POST"]) for name in _METHODS]
        return found

    async def reports(self, request: Request) -> Response:
        """A report, or the word that it waits."""
        request_id = str(next(self._numbers))
        headers = {"RequestId": request_id}
        try:
            document = _decoded(await request.body())
            holder = self._holder(request)
            account = holder.cabinet(request.headers.get("client-login", ""))
            with self.connections.held(account.name):
                await asyncio.sleep(self.settings.yandex_direct_answer_seconds)
                self.window.take(holder.user)
                answer = self._queued(request, holder.user, account, document)
        except DirectError as error:
            language, as_text = request.headers.get("accept-language", ""), self.settings.yandex_direct_text_codes
            return json_response(error.body(request_id, language, as_text=as_text), 400, headers)
        headers["reportsInQueue"] = str(answer.in_queue)
        if answer.retry_in is not None:
            headers["retryIn"] = answer.retry_in
        text = render(answer.table, request.headers) if answer.table else ""
        return Response(text.encode("utf-8", "surrogatepass"), answer.status, {**headers, "content-type": _TSV})

    async def service(self, request: Request) -> Response:
        """Objects by method; errors come with status 200."""
        request_id = str(next(self._numbers))
        headers = {"RequestId": request_id}
        *_, base, name = request.url.path.split("/")
        login = ""
        try:
            holder = self._holder(request)
            document = _decoded(await request.body())
            method, params = self._method(request, name, document)
            accounts = self._accounts(holder, name, request.headers.get("client-login", ""))
            login = "agency" if name == "agencyclients" else accounts[0].name
            self.units.check(login)
            with self.connections.held(login):
                await asyncio.sleep(self.settings.yandex_direct_answer_seconds)
                result, answered = self._result(base, name, method, accounts, params)
        except DirectError as error:
            if login and error.code != 152:
                headers |= {"Units": self.units.spend(login, _REFUSED_COST), "Units-Used-Login": login}
            language = request.headers.get("accept-language", "")
            return json_response(error.body(request_id, language, as_text=False), 200, headers)
        call, each = _COSTS.get(name, (_CALL_COST, 0))
        headers |= {"Units": self.units.spend(login, call + each * answered), "Units-Used-Login": login}
        return json_response({"result": result}, 200, headers)

    def _told(self) -> dict[str, Any]:
        tokens = list(self.tokens.holders)
        return {
            "logins": [account.name for account in self.accounts],
            "tokens": tokens[:-1],
            "agency_token": tokens[-1],
            "currencies": [account.currency for account in self.accounts],
            "wizards": [one.id for account in self.accounts for one in account.campaigns.values() if one.wizard],
        }

    def _holder(self, request: Request) -> Holder:
        return self.tokens.holder(request.headers.get("authorization", ""))

    def _queued(self, request: Request, user: str, account: DirectAccount, document: Any) -> Queued:
        spec = read_spec(document)
        mode = request.headers.get("processingmode", "auto").lower()
        if mode not in _MODES:
            raise malformed(f"processingMode: недопустимое значение {mode}")
        return self.queue.ask(
            user,
            spec.name,
            (account.name, document),
            mode,
            lambda: report(
                account,
                spec,
                self.settings.yandex_direct_row_limit,
                wizards_in_ad_reports=self.settings.yandex_direct_wizards_in_ad_reports,
            ),
        )

    def _method(self, request: Request, name: str, document: Any) -> tuple[str, dict[str, Any]]:
        """The method and its parameters; one that would change something is noted, and refused."""
        if not isinstance(document, dict) or not isinstance(params := document.get("params"), dict):
            raise malformed("Не указан обязательный параметр params")
        method = document.get("method")
        if method not in _METHODS[name]:
            self.state.violations.append({"method": f"POST {method}", "path": request.url.path})
            raise malformed(f"Операция {method} недоступна")
        return method, params

    def _accounts(self, holder: Holder, name: str, client_login: str) -> list[DirectAccount]:
        if name != "agencyclients":
            return [holder.cabinet(client_login)]
        if not holder.agency:
            raise DirectError(54, "Метод доступен только представителям агентства")
        return list(holder.accounts)

    def _result(
        self, base: str, name: str, method: str, accounts: list[DirectAccount], params: dict[str, Any]
    ) -> tuple[dict[str, Any], int]:
        """(result, number of objects in it)."""
        if name == "changes":
            act = check if method == "check" else check_campaigns
            return act(accounts[0], params), 0
        if name in ("clients", "agencyclients"):
            key, rows = "Clients", clients(accounts, params)
        elif name == "campaigns":
            key, rows = "Campaigns", campaigns(accounts[0], params, unified=base != "v5")
        elif name == "adgroups":
            key, rows = "AdGroups", ad_groups(accounts[0], params)
        else:
            key, rows = "Ads", ads(accounts[0], params)
        result = page(key, rows, params, self.settings.yandex_direct_page_size)
        return result, len(result.get(key, ()))


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise malformed("Тело запроса не является документом JSON") from None
