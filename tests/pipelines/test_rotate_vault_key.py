"""The key of the Vault changes: the secrets stay, the old key is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
VAULT = Path(sys.executable).parent / "ansible-vault"
SECRETS = 'vault_clickhouse_bi_password: "first"\n'


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A vault, its key and a new key."""
    vault, old, new = (tmp_path / name for name in ("vault.yml", "old", "new"))
    vault.write_text(SECRETS)
    old.write_text("the old key\n")
    new.write_text("the new key\n")
    subprocess.run([VAULT, "encrypt", "--vault-password-file", old, vault], check=True, capture_output=True)
    return vault, old, new


def rotate(*arguments: Path) -> subprocess.CompletedProcess:
    command = [REPOSITORY / "scripts/rotate_vault_key.sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def opened(vault: Path, key: Path) -> subprocess.CompletedProcess:
    command = [VAULT, "view", "--vault-password-file", key, vault]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_old_key_is_refused_and_the_secrets_are_the_same(files: tuple[Path, Path, Path]) -> None:
    vault, old, new = files
    done = rotate(*files)
    assert done.returncode == 0, done.stderr
    assert opened(vault, new).stdout == SECRETS
    assert opened(vault, old).returncode != 0
    assert "first" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("key", "content", "sentence"),
    [("old", "a wrong key\n", "does not open"), ("new", "the old key\n", "already"), ("new", "", "missing or empty")],
)
def test_keys_that_cannot_be_right_change_nothing(
    files: tuple[Path, Path, Path], key: str, content: str, sentence: str
) -> None:
    vault, before = files[0], files[0].read_bytes()
    (vault.parent / key).write_text(content)
    refused = rotate(*files)
    assert refused.returncode == 78
    assert sentence in refused.stderr
    assert vault.read_bytes() == before
