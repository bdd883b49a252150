"""What is kept of an account in the state volume between runs: a file for each account and kind."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import structlog
from whole_file import write_whole
from zakaz_common.errors import StorageError

from yandex_direct.access.accounts import Account

log = structlog.get_logger()

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """The files of one kind. A damaged one counts as none.

    Parameters:
        directory: the state volume.
        service: address of the API: what was told elsewhere is not of this account.
        what: the kind, as the files are called.
        type: what a file holds.
    """

    directory: Path
    service: str
    what: str
    type: type[T]

    def load(self, account: Account) -> T | None:
        """What was kept of an account, or None."""
        try:
            return msgspec.json.decode(self._file(account).read_bytes(), type=self.type)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("kept_file_unreadable", account=account.name, what=self.what, cause=type(error).__name__)
            return None

    def save(self, account: Account, value: T) -> None:
        """Keep it, mode 0600. Raises StorageError when the state volume cannot be written."""
        path = self._file(account)
        try:
            write_whole(path, msgspec.json.encode(value), 0o600)
        except OSError as error:
            raise StorageError(f"{path} cannot be written ({error.strerror}); check the state volume") from None

    def forget(self, account: Account) -> None:
        """Keep nothing of an account. Raises StorageError likewise."""
        path = self._file(account)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path} cannot be removed ({error.strerror}); check the state volume") from None

    def _file(self, account: Account) -> Path:
        # of the token too: another one may open another cabinet
        identity = "\n".join((self.service, account.name, account.client_login, account.token.get_secret_value()))
        return self.directory / f"yandex_direct.{hashlib.sha256(identity.encode()).hexdigest()[:16]}.{self.what}.json"
