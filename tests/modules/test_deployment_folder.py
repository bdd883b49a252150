"""One deployment's files never land in the folder of another, and never go with it."""

from __future__ import annotations

import stat

import pytest

from tests.modules.run_module import run_module


def ask(folder, name="zakaz", **options):
    return run_module("deployment_folder", deployment=name, path=str(folder), **options)


def command(folder, deployment):
    folder.mkdir(exist_ok=True)
    (folder / f"{deployment}-qtickets-api").write_text("#!/bin/sh\n")


def test_a_claimed_folder_is_refused_to_every_other_name(tmp_path):
    folder = tmp_path / "opt" / "zakaz"
    assert ask(folder) == ask(folder, check=True) and not ask(folder)["marked"]
    assert ask(folder, state="claimed", check=True)["changed"]
    assert not folder.exists()
    assert ask(folder, state="claimed")["changed"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    again = ask(folder, state="claimed")
    assert (again["changed"], again["marked"]) == (False, True)
    for name in ("second", "zakaz2", "zaka"):
        for state in ("seen", "claimed"):
            refused = ask(folder, name, state=state)
            assert refused["failed"]
            for word in ("zakaz_dir", str(folder), "deployment zakaz,", f"this one is {name}."):
                assert word in refused["msg"]
    assert ask(folder)["marked"]


def test_a_folder_within_that_of_another_would_go_with_it(tmp_path):
    ask(tmp_path / "zakaz", state="claimed")
    assert "belongs to the deployment zakaz" in ask(tmp_path / "zakaz" / "second", "second")["msg"]
    (tmp_path / "zakaz" / "inner").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "zakaz" / "inner")
    assert "belongs to the deployment zakaz" in ask(tmp_path / "link", "second")["msg"]


@pytest.mark.parametrize("below", ["second", "servers/second"])
def test_a_folder_around_that_of_another_would_take_it_along(tmp_path, below):
    ask(tmp_path / below, "second", state="claimed")
    for options in ({}, {"state": "claimed"}, {"removes": True}):
        refused = ask(tmp_path, **options)
        assert refused["failed"]
        for word in (f"zakaz_dir={tmp_path} holds {tmp_path / below}", "the deployment second"):
            assert word in refused["msg"]
    # one's own is no harm, nor is a folder beside it or one of backups around it, which no program removes
    assert "failed" not in ask(tmp_path, "second")
    assert "failed" not in ask(tmp_path / "zakaz", state="claimed", others={"backup_dir": str(tmp_path)})


@pytest.mark.parametrize("path", ["opt/zakaz", "~/zakaz", "", "$HOME/zakaz"])
def test_a_path_that_leads_from_somewhere_is_refused(tmp_path, path):
    assert "is no absolute path" in ask(path)["msg"]
    assert "backup_dir=" in ask(tmp_path, others={"backup_dir": path})["msg"]


def test_backups_in_the_folder_do_not_go_with_it(tmp_path):
    folder, backups = tmp_path / "zakaz", tmp_path / "zakaz" / "data" / "backups"
    others = {"backup_dir": str(backups)}
    ask(folder, state="claimed")
    assert "failed" not in ask(folder, removes=True, others=others)
    backups.mkdir(parents=True)
    assert "failed" not in ask(folder, others=others)
    assert f"backup_dir={backups} lies in zakaz_dir={folder}" in ask(folder, removes=True, others=others)["msg"]
    assert "failed" not in ask(folder, removes=True, others={"backup_dir": str(tmp_path)})


def test_further_folders_are_named_by_their_setting(tmp_path):
    backups = tmp_path / "zakaz-backups"
    backups.mkdir()
    (backups / ".zakaz-backups").write_text("zakaz\n")
    others = {"backup_dir": str(backups)}
    assert "failed" not in ask(tmp_path / "zakaz", others=others)
    refused = ask(tmp_path / "second", "second", others=others)
    assert f"backup_dir={backups} belongs to the deployment zakaz" in refused["msg"]
    # a deployment whose own folder would be that of another's backups
    assert "zakaz_dir" in ask(backups, "zakaz-backups")["msg"]
    (backups / ".zakaz-backups").write_text("")
    assert "failed" not in ask(tmp_path / "second", "second", others=others)


@pytest.mark.parametrize(
    ("there", "refused", "removal_refused"),
    [(["zakaz"], False, False), (["second"], True, True), (["zakaz", "second"], False, True), ([], False, False)],
)
def test_a_folder_of_an_earlier_version_belongs_to_those_whose_commands_lie_in_it(
    tmp_path, there, refused, removal_refused
):
    folder = tmp_path / "zakaz"
    folder.mkdir()
    for deployment in there:
        command(folder, deployment)
    assert ask(folder).get("failed", False) is refused
    removal = ask(folder, removes=True)
    assert removal.get("failed", False) is removal_refused
    assert not removal_refused or "second" in removal["msg"]
    if not refused:
        assert ask(folder, state="claimed")["changed"]
        # marked or not: what runs from there must not go
        assert ask(folder, removes=True).get("failed", False) is removal_refused


@pytest.mark.parametrize("name", ["", "a b", "../etc", "-x", "a@b", "a/b", "ü", "x" * 41, "a\n"])
def test_a_name_that_no_container_could_have_is_refused(tmp_path, name):
    refused = ask(tmp_path / "x", name)
    assert refused["failed"]
    assert "zakaz_name" in refused["msg"]
    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "zakaz").write_text("")
    assert str(tmp_path / "zakaz") in ask(tmp_path / "zakaz", state="claimed")["msg"]
