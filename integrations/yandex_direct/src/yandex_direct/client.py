"""Yandex Direct for one account: reports, listings, and what the API tells of the account itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from zakaz_common.deadline import Deadline
from zakaz_common.errors import DeadlineExceededError
from zakaz_common.http import ApiClient, ErrorAnswer, RequestRejectedError
from zakaz_common.ranks import UnreadableError, decode_record
from zakaz_common.text import tolerant

from yandex_direct.access.accounts import Account
from yandex_direct.access.refusals import UnitsUsedUp, read_refusal
from yandex_direct.objects.listing import PAGE_SIZE, chunks, read_listing
from yandex_direct.records import AD_CONTENTS, AD_STATES, CAMPAIGN_STATES, Changes, Client, Modified, Page
from yandex_direct.reports.periods import Answer, read_period
from yandex_direct.reports.queue import ReportLate, wait_for
from yandex_direct.reports.request import HEADERS, ReportKind, ReportRequest
from yandex_direct.reports.table import Table, read_table
from yandex_direct.settings import YandexDirectSettings
from yandex_direct.transform import Money

T = TypeVar("T")

#: Messages would change their language with it. Numbers and days do not.
_LANGUAGE = "en"
#: Seconds of silence within an answer; a large report takes its time.
_TIMEOUT = 90.0
_LARGEST = 512 << 20
#: How many campaigns one request may name, as measured: more is error 4001.
_CAMPAIGNS_OF_OBJECTS, _CAMPAIGNS_OF_CHANGES = 10, 1000
#: Structures that only v501 and later know; an older version refuses a field it does not know.
_NEW_STRUCTURES = ("unified_campaign", "responsive_ad")
_CAMPAIGN_CONTENTS = ("text_campaign", "unified_campaign", "dynamic_text_campaign", "smart_campaign")


class _Envelope(msgspec.Struct):
    """An answer of a service: its result, or what is wrong. Both come with status 200."""

    result: msgspec.Raw | UnsetType = UNSET
    error: dict[str, Any] | UnsetType = UNSET


class YandexDirectClient:
    """Reads one account.

    Parameters:
        settings: base URL, version, request rate, rows of a report, CA bundle.
        account: whose it is.
        reading: name of the Reading its reports are of.
        deadline: of the run.
        options: passed to :class:`zakaz_common.http.ApiClient` (tests shorten the waits).
    """

    def __init__(
        self,
        settings: YandexDirectSettings,
        account: Account,
        reading: str,
        deadline: Deadline,
        **options: object,
    ) -> None:
        self._account = account
        self._reading = reading
        self._deadline = deadline
        self._rows = settings.yandex_direct_report_rows
        self._path = f"/json/{settings.yandex_direct_api_version}"
        self._is_new = int(settings.yandex_direct_api_version[1:]) > 5
        #: The server's clock at its last answer, Moscow time.
        self.server_time: datetime | None = None
        #: Whose cabinet it is, as Direct said when it was asked for its money.
        self.login = ""
        #: Whether Direct may still be building a report that was asked for.
        self.left_waiting = False
        #: Whether it was refused an answer for want of units.
        self.units_used_up = False
        headers = {
            "Authorization": f"Bearer {account.token.get_secret_value()}",
            "Accept-Language": _LANGUAGE,
        }
        if account.client_login:
            headers["Client-Login"] = account.client_login
        given: dict[str, Any] = {"timeout": _TIMEOUT, "max_response_bytes": _LARGEST, **options}
        self._http = ApiClient(
            settings.yandex_direct_base_url,
            deadline=deadline,
            requests_per_second=settings.yandex_direct_requests_per_second,
            headers=headers,
            read_error=lambda answer: read_refusal(account, answer),
            pending=(201, 202),
            request_id="RequestId",
            ca_bundle=settings.yandex_direct_ca_bundle,
            **given,
        )

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far by status code, retries included."""
        return self._http.requests

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def money(self) -> Money:
        """What the account spends in, '' where Direct does not say it, and its VAT."""
        fields = ["Login", "Currency", "VatRate"]
        clients = self._call("clients", "get", {"FieldNames": fields}, lambda raw: _items(raw, "Clients")).items
        try:
            client = decode_record(Client, clients[0], lambda *_: None) if clients else Client()
        except UnreadableError:
            client = Client()
        self.login = (client.login or "").strip()
        return Money((client.currency or "").strip().upper(), str(client.vat_rate or ""))

    def corrected_from(self, campaigns: Sequence[int], since: datetime) -> date | None:
        """The first day whose statistics Direct has corrected since a moment, of these campaigns; None for none."""
        days = [
            one.border_date
            for found in self._changes(campaigns, since, ["CampaignsStat"])
            for one in found.campaigns_stat or ()
            if one.border_date
        ]
        return min(days, default=None)

    def objects_changed(self, campaigns: Sequence[int], since: datetime) -> bool:
        """Whether one of these campaigns, or a group or an ad of theirs, was changed since a moment."""
        found = self._changes(campaigns, since, ["CampaignIds", "AdGroupIds", "AdIds"])
        return any(one.campaign_ids or one.ad_group_ids or one.ad_ids for one in found)

    def _changes(self, campaigns: Sequence[int], since: datetime, fields: list[str]) -> Iterator[Modified]:
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for some in chunks(campaigns, _CAMPAIGNS_OF_CHANGES):
            params = {"CampaignIds": some, "Timestamp": moment, "FieldNames": fields}
            found = self._call("changes", "check", params, lambda raw: decode_record(Changes, raw, lambda *_: None))
            if found.modified:
                yield found.modified

    def campaigns(self) -> list[msgspec.Raw]:
        """Every campaign the API lists, in every state and of every type."""
        contents = [name for name in _CAMPAIGN_CONTENTS if self._is_new or name not in _NEW_STRUCTURES]
        return self._listing(
            "campaigns",
            "Campaigns",
            {
                # without types: a filter by those known today would leave out those of tomorrow
                "SelectionCriteria": {"States": list(CAMPAIGN_STATES)},
                "FieldNames": ["Id", "Name", "Type", "State"],
                **{f"{_pascal(name)}FieldNames": ["TrackingParams"] for name in contents},
            },
        )

    def count_campaigns(self) -> int:
        """How many campaigns the account's first page holds."""
        params = {"SelectionCriteria": {}, "FieldNames": ["Id"], "Page": {"Limit": PAGE_SIZE, "Offset": 0}}
        return len(self._call("campaigns", "get", params, lambda raw: _items(raw, "Campaigns")).items)

    def ad_groups(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        """Every group of these campaigns."""
        fields = {"FieldNames": ["Id", "Name", "CampaignId", "TrackingParams"]}
        return [
            raw
            for some in chunks(campaigns, _CAMPAIGNS_OF_OBJECTS)
            for raw in self._listing("adgroups", "AdGroups", {"SelectionCriteria": {"CampaignIds": some}, **fields})
        ]

    def ads(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        """Every ad of these campaigns, in every state."""
        fields: dict[str, list[str]] = {"FieldNames": ["Id", "CampaignId", "AdGroupId", "Type", "State", "Status"]}
        for name, asked in AD_CONTENTS.items():
            if self._is_new or name not in _NEW_STRUCTURES:
                fields[f"{_pascal(name)}FieldNames"] = list(asked)
        found: list[msgspec.Raw] = []
        for some in chunks(campaigns, _CAMPAIGNS_OF_OBJECTS):
            criteria = {"CampaignIds": some, "States": list(AD_STATES)}
            found += self._listing("ads", "Ads", {"SelectionCriteria": criteria, **fields})
        return found

    def report(self, kind: ReportKind, first: date, last: date) -> Iterator[Answer]:
        """Every day of [first, last] in whole reports, oldest first."""

        def build(begin: date, end: date) -> Table:
            request = ReportRequest(kind, begin, end, self._rows, self._account.client_login, self._reading)
            ask = _Asking(self._http, f"{self._path}/reports", kind)
            try:
                return wait_for(ask, request, self._deadline)
            except (ReportLate, DeadlineExceededError):
                self.left_waiting = True
                raise

        return read_period(build, first, last, limit=self._rows)

    def _listing(self, service: str, key: str, params: dict[str, Any]) -> list[msgspec.Raw]:
        def page(offset: int) -> Page:
            paged = {**params, "Page": {"Limit": PAGE_SIZE, "Offset": offset}}
            return self._call(service, "get", paged, lambda raw: _items(raw, key))

        return read_listing(page)

    def _call(self, service: str, method: str, params: dict[str, Any], of: Callable[[bytes], T]) -> T:
        path = f"{self._path}/{service}"

        def decode(body: bytes) -> T:
            envelope = _envelope(body)
            if isinstance(envelope.error, dict):
                raise self._refusal(path, envelope.error)
            if isinstance(envelope.result, UnsetType):
                raise ValueError("neither a result nor an error")
            return of(bytes(envelope.result))

        answer = self._http.fetch("POST", path, json={"method": method, "params": params}, decode=decode)
        self.server_time = answer.server_time
        return answer.value

    def _refusal(self, path: str, error: dict[str, Any]) -> Exception:
        """The error behind one that came with status 200."""
        code = str(error.get("error_code") or "")[:64]
        answer = ErrorAnswer(path, 200, code, {"error": error}, f"Yandex Direct refused {path} ({code})")
        refusal = read_refusal(self._account, answer)
        self.units_used_up |= isinstance(refusal, UnitsUsedUp)
        return refusal or RequestRejectedError(answer.text, 200, code, error)


class _Asking:
    """Asks for a report once. A table that ends with its headings is believed when it comes twice."""

    def __init__(self, http: ApiClient, path: str, kind: ReportKind) -> None:
        self._http = http
        self._path = path
        self._kind = kind
        self._headings_alone = 0

    def __call__(self, request: ReportRequest) -> Table:
        return self._http.fetch(
            "POST",
            self._path,
            json=request.body(),
            decode=self._decode,
            headers=HEADERS,
            expects="tab-separated",
        ).value

    def _decode(self, body: bytes) -> Table:
        table = read_table(body, self._kind.fields, text_last=self._kind.fields[-1].endswith("Name"))
        if table.stated is None:
            self._headings_alone += 1
            if self._headings_alone == 1:
                raise ValueError("the table ends after its headings")
        return table


_envelope = tolerant(msgspec.json.Decoder(_Envelope).decode)


class _Listing(msgspec.Struct, rename="pascal"):
    limited_by: int | None = None


def _items(raw: bytes, key: str) -> Page:
    """A page of a listing; one that found nothing has no list at all."""
    found = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    items = msgspec.json.decode(found[key], type=list[msgspec.Raw] | None) if key in found else None
    return Page(items or [], msgspec.json.decode(raw, type=_Listing).limited_by)


def _pascal(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))
