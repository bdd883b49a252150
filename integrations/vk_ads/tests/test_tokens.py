"""Tokens live across runs, are renewed once, and their trouble is told in a sentence."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr
from vk_ads.access.accounts import Account
from vk_ads.access.tokens import TokenRefused, TokenStore
from vk_ads.records import Token
from zakaz_common.errors import StorageError

pytestmark = pytest.mark.patient

ACCOUNT = Account("main", "client", SecretStr("secret"))
DAY = 86_400


class Endpoint:
    """Issues numbered tokens; refuses refresh tokens it was told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refuse_refresh = False
        self.expires_in: int | str = str(DAY)

    def issue(self, account: Account) -> Token:
        self.calls.append(f"issue {account.name}")
        return self._token()

    def refresh(self, account: Account, refresh_token: str) -> Token:
        self.calls.append(f"refresh {refresh_token}")
        if self.refuse_refresh:
            raise TokenRefused("invalid_token")
        return self._token()

    def _token(self) -> Token:
        number = len(self.calls)
        return Token(f"access-{number}", self.expires_in, f"refresh-{number}")


class Bench:
    """A token store with a clock to turn."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.endpoint = Endpoint()
        self.now = 1_800_000_000.0
        self.warnings: list[str] = []

    def store(self, service: str = "https://ads.example") -> TokenStore:
        return TokenStore(
            self.directory, service, self.endpoint, lambda event, **_: self.warnings.append(event), lambda: self.now
        )

    @property
    def file(self) -> Path:
        return self.directory / "vk_ads_tokens.json"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_token_is_issued_once_and_used_by_every_later_run(bench: Bench) -> None:
    tokens = {bench.store().access_token(ACCOUNT) for _ in range(20)}
    assert tokens == {"access-1"}
    assert bench.endpoint.calls == ["issue main"]


def test_the_file_and_its_lock_are_for_the_loader_alone(bench: Bench) -> None:
    os.umask(0)
    bench.store().access_token(ACCOUNT)
    assert {path.stat().st_mode & 0o777 for path in bench.directory.iterdir()} == {0o600}
    assert "secret" not in bench.file.read_text()


def test_a_token_is_refreshed_half_an_hour_before_it_ends(bench: Bench) -> None:
    bench.store().access_token(ACCOUNT)
    bench.now += DAY - 31 * 60
    assert bench.store().access_token(ACCOUNT) == "access-1"
    bench.now += 2 * 60
    assert bench.store().access_token(ACCOUNT) == "access-2"
    assert bench.endpoint.calls == ["issue main", "refresh refresh-1"]


def test_a_short_lived_token_is_still_used_for_half_its_life(bench: Bench) -> None:
    bench.endpoint.expires_in = 600
    bench.store().access_token(ACCOUNT)
    bench.now += 290
    assert bench.store().access_token(ACCOUNT) == "access-1"
    bench.now += 20
    assert bench.store().access_token(ACCOUNT) == "access-2"


def test_a_token_from_the_future_is_not_trusted(bench: Bench) -> None:
    bench.store().access_token(ACCOUNT)
    bench.now -= 3 * DAY
    assert bench.store().access_token(ACCOUNT) == "access-2"


def test_when_a_refresh_is_refused_a_new_token_is_issued(bench: Bench) -> None:
    bench.store().access_token(ACCOUNT)
    bench.now += DAY
    bench.endpoint.refuse_refresh = True
    assert bench.store().access_token(ACCOUNT) == "access-3"
    assert bench.endpoint.calls == ["issue main", "refresh refresh-1", "issue main"]


def test_a_token_another_process_has_renewed_is_taken_over(bench: Bench) -> None:
    bench.store().access_token(ACCOUNT)
    assert bench.store().access_token(ACCOUNT, rejected="access-1") == "access-2"
    assert bench.store().access_token(ACCOUNT, rejected="access-1") == "access-2"
    assert len(bench.endpoint.calls) == 2


def test_cabinets_clients_and_services_do_not_share_a_token(bench: Bench) -> None:
    clients = [
        ACCOUNT,
        Account("other", "client-2", SecretStr("s")),
        Account("one", "client", SecretStr("s"), "one"),
        Account("two", "client", SecretStr("s"), "two"),
    ]
    tokens = [bench.store().access_token(client) for client in clients]
    tokens.append(bench.store("https://sandbox.example").access_token(ACCOUNT))
    assert len(set(tokens)) == 5
    assert bench.store().access_token(clients[2]) == tokens[2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"format":2,"tokens":{}}',
        b'{"tokens":{"x":{"access_token":1}}}',
        b"\xff\xfe\x00",
        b"\x00" * 64,
    ],
)
def test_a_corrupt_file_is_set_aside_and_said_so(bench: Bench, content: bytes) -> None:
    bench.file.write_bytes(content)
    assert bench.store().access_token(ACCOUNT) == "access-1"
    assert bench.warnings == ["token_state_unreadable"]
    assert (bench.directory / "vk_ads_tokens.corrupt").read_bytes() == content
    assert bench.store().access_token(ACCOUNT) == "access-1"


def test_a_lost_file_costs_one_new_token(bench: Bench) -> None:
    bench.store().access_token(ACCOUNT)
    bench.file.unlink()
    assert bench.store().access_token(ACCOUNT) == "access-2"


def test_forgetting_a_cabinet_leaves_the_others(bench: Bench) -> None:
    other = Account("other", "client-2", SecretStr("s"))
    bench.store().access_token(ACCOUNT)
    kept = bench.store().access_token(other)
    bench.store().forget(ACCOUNT)
    assert bench.store().access_token(other) == kept
    assert bench.store().access_token(ACCOUNT) == "access-3"


def test_an_endpoint_that_fails_leaves_the_file_as_it_was(bench: Bench) -> None:
    bench.store().access_token(ACCOUNT)
    before = bench.file.read_bytes()
    bench.now += DAY

    def broken(*_: object) -> Token:
        raise RuntimeError("network")

    bench.endpoint.refresh = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        bench.store().access_token(ACCOUNT)
    assert bench.file.read_bytes() == before


def test_a_full_disk_leaves_the_file_as_it_was_and_no_part_of_a_token(bench: Bench) -> None:
    bench.store().access_token(ACCOUNT)
    before, names = bench.file.read_bytes(), {path.name for path in bench.directory.iterdir()}
    bench.now += DAY
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(
            StorageError, match=r"vk_ads_tokens.json cannot be written \(File too large\); check the state"
        ):
            bench.store().access_token(ACCOUNT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert bench.file.read_bytes() == before
    assert {path.name for path in bench.directory.iterdir()} == names


# -- against the sandbox

ASK = """
import sys
from pathlib import Path
from zakaz_common.deadline import Deadline
from vk_ads.access.accounts import configured_accounts
from vk_ads.load import open_tokens
from vk_ads.settings import VkAdsSettings
settings = VkAdsSettings(clickhouse_host="-", clickhouse_user="-", clickhouse_password="-")
store, _ = open_tokens(settings, Deadline(30))
print("ready", flush=True)
sys.stdin.readline()
print(store.access_token(configured_accounts(settings)[0], rejected=sys.argv[1]))
"""


def test_of_processes_that_race_to_refresh_one_does_and_all_get_its_token(loader, api, tmp_path: Path) -> None:
    assert loader.run() == 0
    old = msgspec.json.decode((tmp_path / "vk_ads_tokens.json").read_bytes())
    [access] = [token["access_token"] for token in old["tokens"].values()]
    api.mutate("expire_vk_tokens")
    api.reset()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "LOADER_STATE_DIR": str(tmp_path),
        "VK_ADS_BASE_URL": api.url,
        "VK_ADS_CLIENT_ID": api.vk_clients[0][0],
        "VK_ADS_CLIENT_SECRET": api.vk_clients[0][1],
    }
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, access],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 2
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    tokens = [racer.communicate(timeout=30)[0].strip() for racer in racers]
    assert tokens[0] == tokens[1] != access
    assert api.count("*/token.json") == 1
    assert loader.run() == 0


@pytest.mark.parametrize("trouble", ["expire_vk_tokens", "delete_vk_tokens"])
@pytest.mark.parametrize("route", ["*/ad_groups.json", "*/statistics/*"])
def test_a_token_that_ends_in_mid_run_is_renewed(loader, api, trouble: str, route: str) -> None:
    api.inject("mutate", route=route, mutations=[{"kind": trouble}])
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    assert api.count("*/token.json") == (2 if trouble == "expire_vk_tokens" else 3)


def test_a_revoked_token_is_tried_anew_and_not_for_ever(loader, api) -> None:
    api.inject("mutate", route="GET */api/v2/*", times=0, mutations=[{"kind": "revoke_vk_tokens"}])
    assert loader.run() == 78
    assert api.count("*/token.json") <= 5
    assert loader.rows("SELECT count() FROM meta.watermarks") == [(0,)]


def test_a_wrong_secret_is_told_with_the_variable_that_mends_it(loader, api) -> None:
    wrong = loader.having(vk_ads_client_secret="not-the-secret")
    assert wrong.run() == 78
    [error] = wrong.last_run("error")
    assert "VK_ADS_CLIENT_SECRET" in error
    assert "not-the-secret" not in error
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_the_cap_of_five_is_told_and_revoke_tokens_mends_it(loader, api, tmp_path: Path) -> None:
    for _ in range(5):
        assert loader.run() == 0
        (tmp_path / "vk_ads_tokens.json").unlink()
    assert loader.run() == 78
    [error] = loader.last_run("error")
    assert "five" in error
    assert "revoke-tokens" in error
    assert loader.command("revoke-tokens").returncode == 0
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
