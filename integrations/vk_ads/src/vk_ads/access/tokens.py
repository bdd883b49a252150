"""Access tokens that outlive a run: one locked state file, refreshed early, never minted needlessly.

VK lets a client hold five tokens at once and refuses the sixth, so a token per run is an outage after
five runs. The pair (access, refresh) is kept in a 0600 file; every reader and writer takes the same
``flock``, so of two processes that find the token stale one renews it and the other uses the result.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

import msgspec
from whole_file import write_whole
from zakaz_common.errors import StorageError

from vk_ads.access.accounts import Account
from vk_ads.records import Token

#: Renew this long before expiry, so that a token does not end in the middle of a run.
EARLY_SECONDS = 30 * 60


class TokenRefused(Exception):
    """The token endpoint did not accept a refresh token; a new pair may still be issued."""


class TokenEndpoint(Protocol):
    """What the store needs of the network."""

    def issue(self, account: Account) -> Token:
        """A new token pair."""

    def refresh(self, account: Account, refresh_token: str) -> Token:
        """A new pair for an old refresh token. Raises TokenRefused when it is not accepted."""


class StoredToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account's pair; ``expires_at`` and ``issued_at`` are epoch seconds of this machine."""

    access_token: str
    refresh_token: str
    expires_at: int
    issued_at: int

    def fresh(self, now: float) -> bool:
        """Whether it may be used as it is: more than half an hour (or half its life) is left."""
        early = min(EARLY_SECONDS, (self.expires_at - self.issued_at) / 2)
        # A clock that went back would otherwise make an old token look young.
        return self.issued_at <= now + EARLY_SECONDS and now < self.expires_at - early


class _State(msgspec.Struct):
    format: Literal[1] = 1
    tokens: dict[str, StoredToken] = {}


class TokenStore:
    """The state file and its lock.

    Parameters:
        directory: the loader's state directory; the file and its lock are made there with mode 0600.
        service: the API's base URL, part of the key: a token never travels to another host.
        endpoint: issues and refreshes tokens.
        warn: called with an event name and fields when the state file had to be set aside.
        clock: epoch seconds, for tests.
    """

    def __init__(
        self,
        directory: Path,
        service: str,
        endpoint: TokenEndpoint,
        warn: Callable[..., object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = directory / "vk_ads_tokens.json"
        self._lock_path = directory / "vk_ads_tokens.lock"
        self._service = service
        self._endpoint = endpoint
        self._warn = warn
        self._clock = clock

    def access_token(self, account: Account, rejected: str = "") -> str:
        """A usable access token.

        Parameters:
            rejected: a token the API has just refused; it is not handed out again, and it is renewed
                only if no other process has renewed it meanwhile.
        Errors:
            whatever the endpoint raises when a new token cannot be had; StorageError when it cannot be kept.
        """
        with self._locked():
            tokens = self._read()
            key = self._key(account)
            stored = tokens.get(key)
            if stored and stored.access_token != rejected and stored.fresh(self._clock()):
                return stored.access_token
            renewed = self._renew(account, stored)
            tokens[key] = renewed
            self._write(tokens)
            return renewed.access_token

    def forget(self, account: Account) -> None:
        """Drop the stored pair of one account (after its tokens were deleted at VK)."""
        with self._locked():
            tokens = self._read()
            if tokens.pop(self._key(account), None):
                self._write(tokens)

    def _renew(self, account: Account, stored: StoredToken | None) -> StoredToken:
        token = None
        if stored and stored.refresh_token:
            # Refused: the pair was deleted or has lain unused for a month. Then issue anew.
            with contextlib.suppress(TokenRefused):
                token = self._endpoint.refresh(account, stored.refresh_token)
        if token is None:
            token = self._endpoint.issue(account)
        now = int(self._clock())
        refresh = token.refresh_token or (stored.refresh_token if stored else "")
        return StoredToken(token.access_token, refresh, now + int(token.expires_in), now)

    def _key(self, account: Account) -> str:
        identity = "\n".join((self._service, account.client_id, account.agency_client))
        return hashlib.sha256(identity.encode()).hexdigest()[:32]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # The lock is a file of its own, because the state file is replaced under its readers.
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> dict[str, StoredToken]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_State).tokens
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # Kept for a person to look at; the account's next token is issued anew.
            aside = self._path.with_suffix(".corrupt")
            self._path.replace(aside)
            self._warn("token_state_unreadable", reason=type(error).__name__, kept_as=aside.name)
            return {}

    def _write(self, tokens: dict[str, StoredToken]) -> None:
        try:
            write_whole(self._path, msgspec.json.encode(_State(tokens=tokens)), 0o600)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written ({error.strerror}); check the state volume") from None
