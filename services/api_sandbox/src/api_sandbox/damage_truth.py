"""Which fields of which records the waiting faults damage: the truth for tests of what is rejected and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from api_sandbox import qtickets_payloads as payloads
from api_sandbox.record_faults import KINDS, Damage, damage
from api_sandbox.service_state import ServiceState


def damages(state: ServiceState) -> list[Damage]:
    """Every damaged field of the season's orders and events, by the faults that have not struck for the last time.

    A fault that strikes only some requests (``nth``, ``times``) counts as if it struck all of its route.
    """
    faults = [fault for fault in state.faults.pending() if fault.kind in KINDS]
    if not faults:
        return []
    found = []
    for dataset, record in _records(state):
        for fault in faults:
            # The route is a pattern over the path of the list.
            if fault.matches("GET", f"/api/rest/v1/{dataset}", None) and (done := damage(fault, dataset, record)):
                found.append(done)
    return found


def damages_json(state: ServiceState) -> list[dict[str, Any]]:
    """The body of ``GET /truth/damages.json``."""
    return [one.as_json() for one in damages(state)]


def _records(state: ServiceState) -> Iterator[tuple[str, dict[str, Any]]]:
    for order in state.season.orders.values():
        yield "orders", _plain(payloads.order_payload(state.season, order))
    for event in state.season.events.values():
        yield "events", _plain(payloads.event_payload(state.season, event, 1))


def _plain(payload: dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(payload))
