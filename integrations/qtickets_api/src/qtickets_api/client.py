"""The Qtickets REST API, as far as it is documented to exist.

Reads only: `POST /orders` would create an order.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import structlog
from zakaz_common.deadline import Deadline
from zakaz_common.errors import ConfigError
from zakaz_common.http import ApiClient, NotFoundError, RefusedError, RouteMissingError
from zakaz_common.window import Window

from qtickets_api import windows
from qtickets_api.paging.pages import Page, decode_events, decode_order, decode_orders, unknown_fields
from qtickets_api.paging.scan import Fetch, Scan
from qtickets_api.records import Event, Order
from qtickets_api.settings import QticketsSettings

T = TypeVar("T")
log = structlog.get_logger()


class QticketsClient:
    """The lists of one account. `server_time` is the clock of the API at its latest answer."""

    def __init__(self, settings: QticketsSettings, deadline: Deadline) -> None:
        self.api = ApiClient(
            settings.qtickets_base_url,
            deadline=deadline,
            requests_per_second=settings.qtickets_requests_per_second,
            headers={"Authorization": f"Bearer {settings.qtickets_token.get_secret_value()}"},
            ca_bundle=settings.qtickets_ca_bundle,
        )
        self.server_time: datetime | None = None
        self._warned: set[str] = set()

    def close(self) -> None:
        """Close the connections."""
        self.api.close()

    def orders(self, window: Window, after_id: int = 0, before: int = 0) -> Scan[Order]:
        """A read of the orders of a window, ascending by id from `after_id`; `before` were shown up to there."""
        return Scan(
            "orders",
            self._fetcher("orders", decode_orders),
            lambda order: order.id,
            windows.conditions(window),
            windows.holding(window),
            after_id,
            before,
        )

    def events(self) -> Scan[Event]:
        """A read of all events, deleted ones included."""
        return Scan("events", self._fetcher("events", decode_events), lambda event: event.id)

    def order(self, order_id: int) -> Page[Order] | None:
        """One order as a page of its own, or None when there is none with this id."""
        try:
            return self.get(f"orders/{order_id}", decode_order)
        except NotFoundError:
            return None

    def get(self, path: str, decode: Callable[[bytes], T], body: object | None = None) -> T:
        """One GET with a JSON body. A missing route or a wrong token is a mistake of the settings."""
        try:
            fetched = self.api.fetch("GET", path, json=body, decode=decode)
        except RefusedError as error:
            raise ConfigError(f"{error}; check QTICKETS_TOKEN") from None
        self.server_time = fetched.server_time
        return fetched.value

    def optional(self, path: str, decode: Callable[[bytes], T], body: object | None = None) -> T:
        """One GET of an optional dataset: what the API refuses is raised as it is, to be skipped."""
        fetched = self.api.fetch("GET", path, json=body, decode=decode)
        self.server_time = fetched.server_time
        return fetched.value

    def optional_pages(self, path: str, decode: Callable[[bytes], Page[Any]]) -> Fetch:
        """Pages of an optional list."""
        return lambda body: self.optional(path, decode, body)

    def _fetcher(self, dataset: str, decode: Callable[[bytes], Page[Any]]) -> Fetch:
        def decode_and_watch(body: bytes) -> Page[Any]:
            page = decode(body)
            if dataset not in self._warned:
                self._warned.add(dataset)
                new = unknown_fields(dataset, body)
                if new:
                    log.warning("unknown_fields", dataset=dataset, fields=sorted(new))
            return page

        def fetch(body: dict[str, Any]) -> Page[Any]:
            try:
                return self.get(dataset, decode_and_watch, body)
            except RouteMissingError as error:
                raise ConfigError(f"{error}; check QTICKETS_BASE_URL") from None

        return fetch
