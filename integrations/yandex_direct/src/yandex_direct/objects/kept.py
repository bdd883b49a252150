"""What an account's listings held, kept in the state volume between runs.

Listing an account costs units by the object, of which there are so many a day: it is listed anew when something may
have changed, at most every few hours, and not with each of the day's runs. Between, and while the units are used up,
its ads are attributed from what is kept, for events and orders change.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
import structlog
from whole_file import write_whole
from zakaz_common.errors import StorageError

from yandex_direct.access.accounts import Account
from yandex_direct.transform import Money

log = structlog.get_logger()


class Listings(msgspec.Struct):
    """Raw records of an account.

    Parameters:
        listed_at: when, by the server's clock.
        tried_at: when they were last asked for, in vain or not.
        unlisted: ids of ads with statistics that the API does not list: they are no reason to look again.
        login: whose cabinet it is.
        money: what it spends in.
    """

    listed_at: datetime
    tried_at: datetime
    campaigns: list[msgspec.Raw] = []
    ad_groups: list[msgspec.Raw] = []
    ads: list[msgspec.Raw] = []
    unlisted: list[int] = []
    login: str = ""
    money: Money | None = None


@dataclass(frozen=True, slots=True)
class KeptListings:
    """The files of the listings, one an account. A damaged one counts as none.

    Parameters:
        directory: the state volume.
        service: address of the API: what was listed elsewhere is not this account's.
    """

    directory: Path
    service: str
    _suffix: str = field(default="listings.json", init=False)

    def load(self, account: Account) -> Listings | None:
        """What was kept of an account, or None."""
        try:
            return msgspec.json.decode(self._file(account).read_bytes(), type=Listings)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("kept_listings_unreadable", account=account.name, cause=type(error).__name__)
            return None

    def save(self, account: Account, listings: Listings) -> None:
        """Keep an account's listings. Raises StorageError when the state volume cannot be written."""
        path = self._file(account)
        try:
            write_whole(path, msgspec.json.encode(listings), 0o600)
        except OSError as error:
            raise StorageError(f"{path} cannot be written ({error.strerror}); check the state volume") from None

    def _file(self, account: Account) -> Path:
        # of the token too: another one may open another cabinet
        identity = "\n".join((self.service, account.name, account.client_login, account.token.get_secret_value()))
        return self.directory / f"yandex_direct.{hashlib.sha256(identity.encode()).hexdigest()[:16]}.{self._suffix}"
