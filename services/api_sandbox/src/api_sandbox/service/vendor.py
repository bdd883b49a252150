"""What a vendor brings: one folder with these, which :mod:`api_sandbox.vendors` finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from api_sandbox.season.generator import Advertise
from api_sandbox.season.mutations import Action, Playing
from api_sandbox.service.answers import not_found_page
from api_sandbox.service.faults import Damage, Fault


class VendorApi:
    """One vendor's API over one season. A vendor has routes; the rest it overrides where it has it."""

    gzips = False
    """Whether answers are compressed for clients that accept it, as faults have left them."""

    def __init__(self, state: Playing, settings: Any) -> None:
        self.state = state
        self.season = state.season
        self.settings = settings

    def routes(self) -> list[Route]:
        """Starlette routes, each under the vendor's prefix."""
        raise NotImplementedError

    def not_found(self) -> Response:
        """The answer at an address under the prefix that is no route."""
        return not_found_page()

    def mutations(self) -> Mapping[str, Action]:
        """Changes only this vendor knows, by kind: of its tokens, its listings."""
        return {}

    def forget(self, ids: Iterable[int]) -> None:
        """Objects with these ids changed: drop what was rendered of them."""

    def truth(self) -> Mapping[str, Callable[[], Any]]:
        """Documents served at ``/truth/<name>.json``, by name."""
        return {}

    def damages(self, faults: list[Fault]) -> Iterator[Damage]:
        """What these faults inside records damage, over the whole season."""
        yield from ()

    def damaged(self, fault: Fault, path: str, body: bytes) -> bytes:
        """The body of a 200 answer at ``path`` with the fault inside its records; ``path`` is below the prefix."""
        return body


def no_advertising(settings: Any) -> Advertise | None:
    """For vendors that sell no advertising."""
    return None


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor of the registry.

    ``prefix`` begins every path of its API; ``settings`` are its fields of ``API_SANDBOX_*`` (a field has one owner:
    begin it with ``name`` or a part of it); ``api`` serves it; ``advertise`` answers from its settings what adds its
    cabinets to a season, which share ``budget``: 1 is a fifth of what orders bring.
    """

    name: str
    prefix: str
    settings: type[msgspec.Struct]
    api: type[VendorApi]
    advertise: Callable[[Any], Advertise | None] = no_advertising
    budget: float = 1.0
