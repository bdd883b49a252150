"""What earlier runs have read of each account, and whose cabinet it is.

Kept as marks beside the loader's watermark, in the warehouse: they are lost and restored with the figures they tell of.
A mark's dataset is ``<account>/<cabinet>/<what>_deep``; with that ending it is no measure of freshness
(``bi.v_ops_freshness``). The cabinet is a digest of its login, which may be a person's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from zakaz_common.errors import ConfigError, DataError
from zakaz_common.moscow import MOSCOW, moscow_day, now_moscow
from zakaz_common.warehouse import Warehouse
from zakaz_common.window import Window

from yandex_direct import LOADER
from yandex_direct.access.accounts import Account
from yandex_direct.access.refusals import said
from yandex_direct.settings import YandexDirectSettings
from yandex_direct.windows import ReadBefore

#: Kept off a mark: what the server counted in its last minutes may still be on its way.
SAFETY = timedelta(minutes=2)
_RECENT, _DAILY, _WEEKLY, _CHECKED, _WHOSE, _FROM = "recent", "daily", "weekly", "checked", "whose", "from "
_ENDING = "_deep"


class CabinetMixedUp(ConfigError):
    """An account's name and the cabinet behind it do not belong together: figures would count twice, or be replaced."""


class CabinetUnknown(DataError):
    """Direct does not say whose cabinet it is."""


@dataclass(slots=True)
class Marks:
    """The marks of all accounts, those that left the settings included.

    Parameters:
        found: (what → moment) by account and cabinet, from earlier runs.
        settled: datasets and moments to store for this one.
    """

    found: dict[tuple[str, str], dict[str, datetime]] = field(default_factory=dict)
    settled: dict[str, datetime] = field(default_factory=dict)
    _claimed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, warehouse: Warehouse) -> Marks:
        """What the warehouse has."""
        rows = warehouse.query(
            "SELECT dataset, toUnixTimestamp(max(watermark)) FROM meta.watermarks "
            "WHERE loader = {loader:String} AND dataset LIKE {marks:String} GROUP BY dataset",
            {"loader": LOADER, "marks": f"%/%/%{_ENDING}"},
        )
        marks = cls()
        for dataset, moment in rows:
            account, cabinet, what = dataset.removesuffix(_ENDING).rsplit("/", 2)
            marks.found.setdefault((account, cabinet), {})[what] = datetime.fromtimestamp(int(moment), MOSCOW)
        return marks

    def claim(self, account: Account, login: str) -> None:
        """An account turns out to be the cabinet of a login; it stays so, should the run fail.

        Errors:
            CabinetMixedUp when it is another account's too, in this run or an earlier one, or when the account was
            another cabinet's. CabinetUnknown without a login.
        """
        if not login:
            raise CabinetUnknown(
                f"Yandex Direct does not say whose cabinet {account.name} is (clients.get, Login); without it nothing "
                "of the account is loaded"
            )
        cabinet, shown = _digest(login), said(login)
        first = self._claimed.setdefault(cabinet, account.name)
        if first != account.name:
            raise CabinetMixedUp(
                f"{first} and {account.name} are one cabinet ({shown}), whose spend would count twice: "
                f"take one of them out of {account.login_setting}"
            )
        for name, of in self.found:
            if of == cabinet and name != account.name:
                raise CabinetMixedUp(
                    f"the cabinet of {account.name} ({shown}) is loaded under the name {name}, its spend would count "
                    f"twice: call it {name} (YANDEX_DIRECT_ACCOUNT_NAME, or name in YANDEX_DIRECT_ACCOUNTS)"
                )
            if name == account.name and of != cabinet:
                raise CabinetMixedUp(
                    f"{account.token_setting} opens another cabinet ({shown}) than the one loaded as {name}, whose "
                    "figures it would replace: give the token or the login of that one, or this one a name of its own "
                    "(YANDEX_DIRECT_ACCOUNT_NAME, or name in YANDEX_DIRECT_ACCOUNTS)"
                )
        if (account.name, cabinet) not in self.found:
            self._settle(account.name, login, {_WHOSE: now_moscow()})

    def recent(self, account: str) -> datetime | None:
        """Until when an account was read by its last complete run."""
        return self._of(account).get(_RECENT)

    def checked(self, account: str) -> datetime | None:
        """Until when Direct told of its corrections: without units it tells of none."""
        return self._of(account).get(_CHECKED)

    def read_before(self, account: str) -> ReadBefore:
        """What was read of an account, by days."""
        marks = self._of(account)
        until, daily, weekly = (
            moscow_day(marks[what]) if what in marks else None for what in (_RECENT, _DAILY, _WEEKLY)
        )
        starts = [date.fromisoformat(what.removeprefix(_FROM)) for what in marks if what.startswith(_FROM)]
        return ReadBefore(until, daily, weekly, min(starts, default=None))

    def settle(
        self, account: str, login: str, window: Window, at: datetime, settings: YandexDirectSettings, *, checked: bool
    ) -> None:
        """A scheduled run read an account whole.

        ``checked`` says whether corrections were asked for; after the whole history there are none to ask for.
        """
        marks = {_RECENT: at - SAFETY}
        if checked or window.kind == "history":
            marks[_CHECKED] = at - SAFETY
        start = self.read_before(account).history_from
        if start is None or window.first < start:
            marks[f"{_FROM}{window.first}"] = at
        for what, days in (
            (_DAILY, settings.yandex_direct_deep_window_days),
            (_WEEKLY, settings.yandex_direct_long_window_days),
        ):
            if window.kind == "history" or window.days >= days:
                marks[what] = at
        self._settle(account, login, marks)

    def _settle(self, account: str, login: str, marks: Mapping[str, datetime]) -> None:
        for what, moment in marks.items():
            self.settled[f"{account}/{_digest(login)}/{what}{_ENDING}"] = moment.replace(microsecond=0)

    def _of(self, account: str) -> dict[str, datetime]:
        return next((marks for (name, _), marks in self.found.items() if name == account), {})


def _digest(login: str) -> str:
    """A login as Direct tells it from others: case, and dots for hyphens, do not count."""
    return hashlib.sha256(login.strip().lower().replace(".", "-").encode()).hexdigest()[:16]
