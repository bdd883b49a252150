"""The Qtickets REST API v1: routes, pages and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import api_sandbox.qtickets.payloads as payloads
from api_sandbox.qtickets.query import (
    Column,
    MalformedFilter,
    Resource,
    decode_body,
    integer,
    moment,
    money,
    parse_query,
)
from api_sandbox.qtickets.record_faults import damage, damaged_body
from api_sandbox.qtickets.seats import SEAT_FIELDS, seats_payload
from api_sandbox.season.generator import Season
from api_sandbox.season.mutations import Action, Mutation, MutationError, Playing
from api_sandbox.season.records import Order
from api_sandbox.service.answers import json_response
from api_sandbox.service.faults import Damage, Fault
from api_sandbox.service.vendor import VendorApi

PREFIX = "/api/rest/v1"
Handler = Callable[[Request], Awaitable[Response]]


class QticketsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The Qtickets fields of ``API_SANDBOX_*``. README lists every variable."""

    qtickets_token: str = "sandbox-qtickets-token"  # noqa: S105  the default of a simulator guards nothing
    scheme_bytes: int = 4_000


def error(status: int, code: str, text: str, info: Any = ()) -> Response:
    """The service's own error form."""
    return json_response({"error": text, "status": status, "code": code, "info": info}, status)


def _columns(**extra: Column[Any]) -> dict[str, Column[Any]]:
    def read(name: str) -> Callable[[Any], Any]:
        return lambda row: getattr(row, name)

    found = {"id": Column(read("id"), integer)}
    for name in ("created_at", "updated_at", "deleted_at"):
        found[name] = Column(read(name), moment)
    return found | extra


def _resources(season: Season) -> dict[str, tuple[Resource[Any], Callable[[Any, QticketsApi], Any]]]:
    def attribute(name: str, parse: Callable[[Any], Any] = integer) -> Column[Any]:
        return Column(lambda row: getattr(row, name), parse)

    order_columns = _columns(
        payed=Column(lambda row: int(row.payed), integer),
        payed_at=attribute("payed_at", moment),
        event_id=attribute("event_id"),
        client_id=attribute("client_id"),
        price=attribute("price", money),
        discount_id=attribute("discount_id"),
        promo_code_id=attribute("promo_code_id"),
        reserved=Column(lambda row: 0, integer),
    )
    event_columns = _columns(
        is_active=Column(lambda row: int(row.is_active), integer),
        city_id=Column(lambda row: row.city.id, integer),
        name=attribute("name", str),
    )
    discount_columns = {
        "id": attribute("id"),
        "created_at": attribute("created_at", moment),
        "updated_at": attribute("updated_at", moment),
        "deleted_at": attribute("deleted_at", moment),
        "is_active": Column(lambda row: int(row.deleted_at is None), integer),
    }
    client_columns = {"id": Column(lambda row: row, integer)}
    return {
        "orders": (
            Resource(lambda: season.orders.values(), order_columns, 50),
            _encoded_order,
        ),
        "events": (
            Resource(lambda: season.events.values(), event_columns, 10),
            lambda row, api: payloads.event_payload(season, row, api.settings.scheme_bytes),
        ),
        "clients": (
            Resource(season.client_ids, client_columns, 100),
            lambda row, api: payloads.client_payload(season, row),
        ),
        "discounts": (
            Resource(lambda: season.discounts, discount_columns, 100),
            lambda row, api: payloads.discount_payload(season, row),
        ),
        "promo-codes": (
            Resource(lambda: season.promo_codes, discount_columns, 500),
            lambda row, api: payloads.promo_code_payload(season, row),
        ),
    }


def _encoded_order(order: Order, api: QticketsApi) -> msgspec.Raw:
    found = api.encoded_orders.get(order.id)
    if found is None:
        found = msgspec.Raw(msgspec.json.encode(payloads.order_payload(api.season, order)))
        api.encoded_orders[order.id] = found
    return found


class QticketsApi(VendorApi):
    """Answers the documented routes for one season.

    ``encoded_orders`` is the JSON of orders already answered, so that reading a season again costs no rendering
    (about 300 MB for 100,000 orders).
    """

    def __init__(self, state: Playing, settings: QticketsSettings) -> None:
        super().__init__(state, settings)
        self.resources = _resources(self.season)
        self.tokens = {settings.qtickets_token}
        self.tokens_valid = True
        self.encoded_orders: dict[int, msgspec.Raw] = {}

    def routes(self) -> list[Route]:
        """Starlette routes; whatever is missing here is an HTML 404, as it is at the live service."""
        found = [
            Route(f"{PREFIX}/{name}", self._guard(partial(self.list_rows, name)), methods=["GET"])
            for name in self.resources
        ]
        found += [
            Route(f"{PREFIX}/orders", self.refuse_write, methods=["POST"]),
            Route(
                f"{PREFIX}/orders/{{id}}",
                self._guard(partial(self.one, "orders", self.season.orders)),
                methods=["GET"],
            ),
            Route(
                f"{PREFIX}/events/{{id}}",
                self._guard(partial(self.one, "events", self.season.events)),
                methods=["GET"],
            ),
            Route(f"{PREFIX}/color-themes", self._guard(self.color_themes), methods=["GET"]),
            Route(f"{PREFIX}/shows/{{id}}/seats", self._guard(self.seats), methods=["GET"]),
            Route(f"{PREFIX}/shows/{{id}}/barcodes", self._guard(self.barcodes), methods=["GET"]),
        ]
        return found

    def mutations(self) -> Mapping[str, Action]:
        """What happens to tokens."""
        return {
            "revoke_qtickets_tokens": self._all_tokens(valid=False),  # every request is a 403 from now on
            "restore_qtickets_tokens": self._all_tokens(valid=True),
            "add_qtickets_token": self._one_token(accepted=True),  # ``token`` is accepted too
            "remove_qtickets_token": self._one_token(accepted=False),  # ``token`` is a 403 from now on
        }

    def forget(self, ids: Iterable[int]) -> None:
        """Render these orders anew."""
        for number in ids:
            self.encoded_orders.pop(number, None)

    def damages(self, faults: list[Fault]) -> Iterator[Damage]:
        """Damaged fields of orders and events; a fault's route is a pattern over the path of the list."""
        for dataset, record in self._records():
            for fault in faults:
                if fault.matches("GET", f"{PREFIX}/{dataset}", None) and (done := damage(fault, dataset, record)):
                    yield done

    def damaged(self, fault: Fault, path: str, body: bytes) -> bytes:
        """Damage the records of a list, or the one record of an answer."""
        parts = path.removeprefix(PREFIX).strip("/").split("/")
        if len(parts) > 2:
            return body
        document = msgspec.json.decode(body)
        rows = document["data"] if isinstance(document, dict) else []
        for record in rows if isinstance(rows, list) else [rows]:
            damage(fault, parts[0], record)
        return damaged_body(msgspec.json.encode(document))

    def _records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for order in self.season.orders.values():
            yield "orders", _plain(payloads.order_payload(self.season, order))
        for event in self.season.events.values():
            yield "events", _plain(payloads.event_payload(self.season, event, 1))

    def _all_tokens(self, *, valid: bool) -> Action:
        def act(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
            self.tokens_valid = valid
            return []

        return act

    def _one_token(self, *, accepted: bool) -> Action:
        def act(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
            if not mutation.token:
                raise MutationError(f"{mutation.kind}: token is missing")
            (self.tokens.add if accepted else self.tokens.discard)(mutation.token)
            return []

        return act

    def _guard(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            known = self.tokens_valid and token in self.tokens
            if scheme.lower() != "bearer" or not known:
                return error(403, "FORBIDDEN", "Access denied")
            try:
                return await handler(request)
            except MalformedFilter:
                return error(503, "UNKNOWN_ERROR", "Unknown error")

        return guarded

    async def list_rows(self, name: str, request: Request) -> Response:
        """One page of a resource; the query string is ignored."""
        resource, render = self.resources[name]
        query = parse_query(decode_body(await request.body()), resource.columns)
        rows, total = resource.page(query, self.season.revision)
        return json_response(
            {
                "data": [render(row, self) for row in rows],
                "paging": {"perPage": resource.per_page, "currentPage": query.page, "total": total},
            }
        )

    async def one(self, name: str, rows: dict[int, Any], request: Request) -> Response:
        """``{"data": {…}}`` of one id."""
        key = request.path_params["id"]
        row = rows.get(int(key)) if key.isdecimal() else None
        if row is None:
            return _unknown(name, key)
        return json_response({"data": self.resources[name][1](row, self)})

    async def color_themes(self, request: Request) -> Response:
        """Price shades; not paged."""
        return json_response({"data": payloads.color_themes_payload()})

    async def seats(self, request: Request) -> Response:
        """Seats of a show as a dict by id; ``flat`` must be true (nested halls are not simulated)."""
        key = request.path_params["id"]
        show = self.season.shows.get(int(key)) if key.isdecimal() else None
        if show is None:
            return _unknown("shows", key)
        body = decode_body(await request.body())
        select = body.get("select")
        if select is not None and not (isinstance(select, list) and SEAT_FIELDS.issuperset(map(str, select))):
            raise MalformedFilter("select")
        seats = seats_payload(self.season, show, select)
        if not body.get("flat"):
            # Without the flag the documented answer nests seats by zone.
            return json_response({"data": {"PARTER": {"seats": seats}}})
        return json_response({"data": seats})

    async def barcodes(self, request: Request) -> Response:
        """A bare JSON array."""
        key = request.path_params["id"]
        if not key.isdecimal() or int(key) not in self.season.shows:
            return _unknown("shows", key)
        return json_response(payloads.barcodes_payload(self.season, int(key)))

    async def refuse_write(self, request: Request) -> Response:
        """``POST /orders`` would create an order: counted as a violation and answered 503."""
        self.state.violations.append({"method": "POST", "path": request.url.path})
        return error(503, "UNKNOWN_ERROR", "Unknown error")


def _unknown(name: str, key: str) -> Response:
    kind = name.removesuffix("s").capitalize()
    info = {"id": int(key) if key.isdecimal() else key, "resource": kind}
    return error(404, "RESOURCE_NOT_FOUND", f'Resource "{kind}" not found', info)


def _plain(payload: dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(payload))
