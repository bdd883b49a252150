"""VK Реклама API v2 for one cabinet: listings and daily statistics, with a token that renews itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TypeVar

import msgspec
import structlog
from zakaz_common.deadline import Deadline
from zakaz_common.errors import DataError
from zakaz_common.http import ApiClient, NotFoundError, RefusedError, RequestRejectedError, RouteMissingError
from zakaz_common.moscow import now_moscow
from zakaz_common.ranks import UnreadableError, read_record
from zakaz_common.text import tolerant

from vk_ads.access.accounts import Account
from vk_ads.access.rate_limits import RateLimits
from vk_ads.access.tokens import TokenStore
from vk_ads.paging.listing import read_listing
from vk_ads.paging.statistics import MAX_DAYS, IdsRefused
from vk_ads.records import STATUSES, Page, Statistics, User
from vk_ads.settings import VkAdsSettings

T = TypeVar("T")
log = structlog.get_logger()

#: ``limit`` of a page; the documented maximum.
PAGE_SIZE = 50
#: Fields are named because VK's defaults are minimal.
FIELDS: dict[str, tuple[str, ...]] = {
    "ad_plans": ("id", "name", "status"),
    "ad_groups": ("id", "name", "status", "ad_plan_id", "enable_utm", "utm"),
    "banners": ("id", "name", "status", "ad_group_id", "urls", "created"),
}
#: Codes of a refused statistics call that blame its ids.
_BAD_ID_CODES = {"ERR_WRONG_IDS", "ERR_WRONG_BANNERS", "ERR_ACCESS_DENIED"}

_decode_page = tolerant(msgspec.json.Decoder(Page).decode)
_decode_statistics = tolerant(msgspec.json.Decoder(Statistics).decode)
_CURRENCY = re.compile("[A-Z]{3}")


class DatesRefused(DataError):
    """VK does not serve these days."""


class VkAdsClient:
    """Reads one cabinet.

    Parameters:
        settings: base URL, request rate, CA bundle.
        account: the cabinet.
        tokens: where its access token is kept and renewed.
        deadline: of the run.
        options: passed to :class:`zakaz_common.http.ApiClient` (tests shorten the waits).
    """

    def __init__(
        self,
        settings: VkAdsSettings,
        account: Account,
        tokens: TokenStore,
        deadline: Deadline,
        **options: object,
    ) -> None:
        self._account = account
        self._tokens = tokens
        self._token = ""
        self._limits = RateLimits(lambda rate: self._http.bucket.limit_to(rate), now_moscow)
        #: The server's clock at its last answer, Moscow time.
        self.server_time: datetime | None = None
        self._http = ApiClient(
            settings.vk_ads_base_url,
            deadline=deadline,
            requests_per_second=settings.vk_ads_requests_per_second,
            authorise=self._authorise,
            renew_credentials=self._renew,
            on_headers=self._limits.observe,
            ca_bundle=settings.vk_ads_ca_bundle,
            **options,  # type: ignore[arg-type]
        )

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far by status code, retries included."""
        return self._http.requests

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def currency(self) -> str:
        """The currency the cabinet spends in (ISO 4217), '' where VK does not say it or not legibly."""
        unreadable = False
        for params in ({}, {"fields": "id,account"}):
            try:
                user, odd = self._get("user.json", params, _read_user)
            except (NotFoundError, RouteMissingError, RefusedError, RequestRejectedError):
                continue
            for told in (user.currency, user.account.currency if user.account else None):
                code = (told or "").strip().upper()
                if _CURRENCY.fullmatch(code):
                    return code
                odd = odd or bool(code)
            unreadable = unreadable or odd
        if unreadable:
            log.warning("currency_unreadable", account=self._account.name, expected="a code such as RUB")
        return ""

    def listing(self, resource: str) -> list[tuple[int, msgspec.Raw]]:
        """Every plan, group or banner of the cabinet, in every status, as pairs (id, raw record)."""
        return read_listing(self._page, resource, FIELDS[resource], PAGE_SIZE)

    def count(self, resource: str) -> int:
        """How many objects of a resource the cabinet has; one small request."""
        return self._page(resource, {"fields": "id", "_status__in": ",".join(STATUSES), "limit": 1}).count

    def daily(self, ids: Sequence[int], first: date, last: date) -> list[msgspec.Raw]:
        """Statistics items of at most 200 banners for at most 366 days, both ends included.

        Errors:
            IdsRefused when VK blames one of the ids.
        """
        params = {
            "id": ",".join(map(str, ids)),
            "date_from": first.isoformat(),
            "date_to": last.isoformat(),
            "metrics": "base",
        }
        try:
            return self._get("statistics/banners/day.json", params, _decode_statistics).items
        except NotFoundError:
            raise IdsRefused("ERR_WRONG_IDS") from None
        except (RefusedError, RequestRejectedError) as refusal:
            if refusal.code in _BAD_ID_CODES:
                raise IdsRefused(refusal.code) from None
            if refusal.code == "ERR_WRONG_DATE":
                raise DatesRefused(
                    f"VK refuses the dates {first} to {last}; it serves about {MAX_DAYS} days back: "
                    "begin the backfill later"
                ) from None
            raise

    def _page(self, resource: str, params: dict[str, str | int]) -> Page:
        return self._get(f"{resource}.json", {key: str(value) for key, value in params.items()}, _decode_page)

    def _get(self, method: str, params: dict[str, str], decode: Callable[[bytes], T]) -> T:
        self._limits.method = method
        answer = self._http.fetch("GET", f"/api/v2/{method}", params=params, decode=decode)
        self.server_time = answer.server_time
        return answer.value

    def _authorise(self) -> dict[str, str]:
        # Asked before every attempt, so a limit that the last answer reported stops the next one.
        self._limits.check()
        if not self._token:
            self._token = self._tokens.access_token(self._account)
        return {"Authorization": f"Bearer {self._token}"}

    def _renew(self, refusal: RefusedError) -> bool:
        if refusal.status != 401:
            return False
        self._token = self._tokens.access_token(self._account, rejected=self._token)
        return True


def _read_user(body: bytes) -> tuple[User, bool]:
    """The user, and whether something of it could not be read."""
    noted: list[str] = []
    try:
        return read_record(User, body, lambda path, _: noted.append(path)), bool(noted)
    except UnreadableError:
        return User(), True
