"""The folder a container of ClickHouse mounts: what is written, kept, removed, and what a check only predicts."""

from __future__ import annotations

import pytest

from tests.modules.run_module import run_module

CONFIG = "<clickhouse><timezone>Europe/Moscow</timezone></clickhouse>"
USERS = "<clickhouse><users><admin><password_sha256_hex>5e884898da28</password_sha256_hex></admin></users></clickhouse>"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "clickhouse"


def configure(folder, config=CONFIG, users=USERS, **options):
    return run_module("clickhouse_configuration", folder=str(folder), config=config, users=users, **options)


def content(folder) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_check_predicts_and_the_run_writes_and_the_next_changes_nothing(folder):
    predicted = configure(folder, check=True, diff=True)
    assert predicted["changed"] is True
    assert predicted["exists"] is False
    assert not folder.exists()
    done = configure(folder, diff=True)
    assert done["changed"] is True
    assert done["diff"] == predicted["diff"]
    assert content(folder) == {"config.d/zakaz.xml": CONFIG, "users.d/zakaz.xml": USERS}
    for check in (True, False):
        again = configure(folder, check=check, diff=True)
        assert again["changed"] is False
        assert again["differs"] == []
        assert again["exists"] is True


def test_users_appear_in_no_diff(folder):
    configure(folder)
    changed = configure(folder, users=USERS.replace("5e88", "aaaa"), diff=True)
    assert changed["differs"] == ["users.d/zakaz.xml"]
    assert "password" not in str(changed["diff"])


def test_container_user_can_read_it(folder):
    configure(folder)
    assert (folder / "users.d").stat().st_mode & 0o777 == 0o755
    assert (folder / "users.d" / "zakaz.xml").stat().st_mode & 0o777 == 0o644


def test_file_that_a_hand_laid_there_goes(folder):
    configure(folder)
    stray = folder / "config.d" / "broken.xml"
    stray.write_text("<clickhouse><port")
    assert configure(folder, check=True)["differs"] == ["config.d/broken.xml"]
    assert stray.exists()
    assert configure(folder)["changed"] is True
    assert not stray.exists()


def test_edited_file_is_written_anew(folder):
    configure(folder)
    (folder / "config.d" / "zakaz.xml").write_text("edited")
    assert configure(folder)["differs"] == ["config.d/zakaz.xml"]
    assert content(folder)["config.d/zakaz.xml"] == CONFIG


def test_what_is_replaced_is_kept(folder, tmp_path):
    previous = tmp_path / "previous"
    configure(folder, previous=str(previous))
    assert not previous.exists(), "there was nothing before"
    configure(folder, config=CONFIG.replace("Moscow", "Samara"), previous=str(previous))
    configure(folder, config=CONFIG.replace("Moscow", "Samara"), previous=str(previous))
    assert content(previous) == {"config.d/zakaz.xml": CONFIG, "users.d/zakaz.xml": USERS}


def test_folder_that_cannot_be_made_ends_with_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    refused = configure(tmp_path / "file" / "clickhouse")
    assert refused["failed"] is True
    assert "clickhouse_dir" in refused["msg"]
