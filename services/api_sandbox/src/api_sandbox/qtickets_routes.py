"""The Qtickets REST API v1: routes, pages and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api_sandbox import qtickets_payloads as payloads
from api_sandbox.generator import Season
from api_sandbox.qtickets_query import (
    Column,
    MalformedFilter,
    Resource,
    decode_body,
    integer,
    moment,
    money,
    parse_query,
)
from api_sandbox.qtickets_seats import SEAT_FIELDS, seats_payload
from api_sandbox.records import Order
from api_sandbox.service_state import ServiceState

PREFIX = "/api/rest/v1"
Handler = Callable[[Request], Awaitable[Response]]


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


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


def _resources(season: Season) -> dict[str, tuple[Resource[Any], Callable[[Any, ServiceState], Any]]]:
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
            lambda row, state: payloads.event_payload(season, row, state.scheme_bytes),
        ),
        "clients": (
            Resource(season.client_ids, client_columns, 100),
            lambda row, state: payloads.client_payload(season, row),
        ),
        "discounts": (
            Resource(lambda: season.discounts, discount_columns, 100),
            lambda row, state: payloads.discount_payload(season, row),
        ),
        "promo-codes": (
            Resource(lambda: season.promo_codes, discount_columns, 500),
            lambda row, state: payloads.promo_code_payload(season, row),
        ),
    }


def _encoded_order(order: Order, state: ServiceState) -> msgspec.Raw:
    found = state.encoded_orders.get(order.id)
    if found is None:
        found = msgspec.Raw(msgspec.json.encode(payloads.order_payload(state.season, order)))
        state.encoded_orders[order.id] = found
    return found


class QticketsApi:
    """Answers the documented routes for one season."""

    def __init__(self, state: ServiceState) -> None:
        self.state = state
        self.season = state.season
        self.resources = _resources(self.season)

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

    def _guard(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            known = self.state.qtickets_tokens_valid and token in self.state.qtickets_tokens
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
                "data": [render(row, self.state) for row in rows],
                "paging": {"perPage": resource.per_page, "currentPage": query.page, "total": total},
            }
        )

    async def one(self, name: str, rows: dict[int, Any], request: Request) -> Response:
        """``{"data": {…}}`` of one id."""
        key = request.path_params["id"]
        row = rows.get(int(key)) if key.isdecimal() else None
        if row is None:
            return _unknown(name, key)
        return json_response({"data": self.resources[name][1](row, self.state)})

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
