"""Whatever a unit does, people hear once that it failed and once that it works."""

from __future__ import annotations

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.full_disk import full_disk

from .conftest import PROGRAM, UNIT
from .receivers import HttpReceiver, free_port

pytestmark = pytest.mark.patient


@pytest.fixture
def receiver():
    with HttpReceiver() as http:
        yield http


@pytest.fixture
def told(host, receiver):
    """What the webhook received: (event, subject) in order."""
    host.channels = {"webhook": {"url": f"{receiver.url}/hook"}}
    return lambda: [(content["event"], content["subject"]) for _, _, content in receiver.posts]


def test_one_message_when_it_fails_and_one_when_it_works_again(host, told):
    for act in (host.works, host.fails, host.fails, host.fails, host.works, host.works):
        assert act().returncode == 0
    assert told() == [("firing", UNIT), ("resolved", UNIT)]


def test_every_sequence_of_ends_gives_one_message_a_change(host, told):
    rng = random.Random(8)
    failing, expected = False, []
    for _ in range(20):
        kind = rng.choice(["works", "fails", "busy"])
        if kind == "busy":
            host.ended("success", "75")
        else:
            getattr(host, kind)()
            if failing != (kind == "fails"):
                failing = not failing
                expected.append(("firing" if failing else "resolved", UNIT))
    assert told() == expected
    assert len(expected) > 4


def test_another_cause_is_told_once_and_the_end_names_both(host, told, receiver):
    def failed(error, status="78"):
        host.journal(json.dumps({"error": error}))
        return host.fails(status)

    failed("the token is refused (run 4711, 08:30)")
    failed("the token is refused (run 4712, 09:00)")
    failed("ClickHouse refuses the login of loader_shop")
    failed("the token is refused (run 4713, 09:30)")
    failed("ClickHouse refuses the login of loader_shop")
    host.works()
    assert told() == [("firing", UNIT), ("changed", UNIT), ("resolved", UNIT)]
    first, second, last = (content for _, _, content in receiver.posts)
    assert "refuses the login" in second["problem"]
    assert "for another cause" in second["title"]
    assert second["since"] == first["since"]
    assert second["times"] == 3
    assert "token is refused" in last["problem"]
    assert "refuses the login" in last["problem"]


def test_another_exit_code_is_another_cause(host, told):
    host.fails("69")
    host.fails("78")
    host.fails("69")
    assert told() == [("firing", UNIT), ("changed", UNIT)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("it does not run (Exited (1) 3 seconds ago)", "it does not run (Exited (1) About a minute ago)", True),
        ("it does not run (Exited (1) 59 minutes ago)", "it does not run (Exited (1) About an hour ago)", True),
        ("it is not well (Up Less than a second (unhealthy))", "it is not well (Up 2 weeks (unhealthy))", True),
        ("it does not run (Exited (1) 3 seconds ago)", "it does not run (Exited (137) 3 seconds ago)", False),
        ("a backup is 1 day, 2:00:01 old", "a backup is 2 days, 0:04:10 old", True),
        ("refused by <Connection at 0x7f8a3c01de>", "refused by <Connection at 0x55a19>", True),
        ("zakaz.orders is stuck", "zakaz.tickets is stuck", False),
    ],
)
def test_an_age_is_no_cause(one, other, same):
    sys.path[:0] = map(str, PROGRAM)
    from zakaz_alert.episodes import cause_of

    assert (cause_of(one) == cause_of(other)) is same


def test_program_that_words_each_failure_anew_sends_no_more_than_five_messages(host, told):
    for word in "abcdefgh":
        host.journal(json.dumps({"error": f"cause {word}"}))
        host.fails()
    assert len(told()) == 5


def test_episode_of_an_earlier_version_is_gone_on_with(host, told):
    host.state_dir.mkdir(mode=0o700)
    problem = "it left no word in the journal (exit code 69: a service it needs does not answer)"
    old = {"since": 1000.0, "problem": problem, "times": 3, "page": "loader-failed.md"}
    (host.state_dir / "state.json").write_text(json.dumps({"episodes": {UNIT: old}, "outbox": [], "pending": {}}))
    host.fails("69")
    assert told() == []
    host.fails("78")
    host.works()
    assert told() == [("changed", UNIT), ("resolved", UNIT)]


def test_work_that_was_done_without_the_unit_ends_the_episode(host, told):
    fake = host.folder / "bin" / "systemctl"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {host.folder}/systemctl.log\n')
    fake.chmod(0o755)
    host.fails()
    assert host.alert("worked", UNIT).returncode == 0
    assert host.alert("worked", UNIT).returncode == 0
    assert told() == [("firing", UNIT), ("resolved", UNIT)]
    assert (host.folder / "systemctl.log").read_text().splitlines()[-2:] == [f"reset-failed {UNIT}"] * 2


def test_row_of_an_episode_has_the_severity_of_its_page_and_its_last_cause(host, told):
    host.severities = {"loader-failed.md": "critical"}
    host.fails("69")
    (row,) = host.state()["unwritten"].values()
    assert (row["severity"], row["status"]) == ("critical", "firing")
    host.fails("78")
    (other,) = host.state()["unwritten"].values()
    assert other["status"] == "firing"
    assert "exit code 78" in other["message"]
    assert other["_ver"] > row["_ver"]
    host.works()
    (last,) = host.state()["unwritten"].values()
    assert (last["severity"], last["status"]) == ("critical", "resolved")
    assert last["_ver"] > other["_ver"]


def test_run_that_left_because_another_held_the_lock_is_no_recovery(host, told):
    host.fails()
    host.ended("success", "75")
    assert told() == [("firing", UNIT)]
    assert UNIT in host.state()["episodes"]


def test_units_have_episodes_of_their_own(host, told):
    other = "zakaz-ad-network.service"
    host.fails()
    host.fails(unit=other)
    host.works()
    assert told() == [("firing", UNIT), ("firing", other), ("resolved", UNIT)]


def test_units_that_fail_at_the_same_moment_are_all_told_once(host, told):
    units = [f"zakaz-{n}.service" for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda unit: host.fails(unit=unit), units * 2))
    assert sorted(told()) == sorted(("firing", unit) for unit in units)


def test_unreachable_target_loses_neither_the_episode_nor_its_end(host, receiver):
    port = free_port()
    host.channels = {"webhook": {"url": f"http://127.0.0.1:{port}/"}}
    assert host.fails().returncode == 75
    assert host.fails().returncode == 75
    assert host.works().returncode == 75
    with HttpReceiver(port) as late:
        assert host.alert("deliver").returncode == 0
        assert [content["event"] for _, _, content in late.posts] == ["firing", "resolved"]
        assert host.alert("deliver").returncode == 0
        assert len(late.posts) == 2


def test_dead_channel_does_not_hold_up_the_other(host, told, receiver):
    host.channels["telegram"] = {"url": f"http://127.0.0.1:{free_port()}", "token": "1:bot", "chat": "7"}
    assert host.fails().returncode == 75
    assert told() == [("firing", UNIT)]
    assert [entry["channel"] for entry in host.state()["outbox"]] == ["telegram"]


def test_message_kept_for_days_is_dropped_with_a_word(host):
    host.channels = {"webhook": {"url": f"http://127.0.0.1:{free_port()}/"}}
    host.fails()
    state = host.state()
    state["outbox"][0]["message"]["at"] -= 4 * 86400
    (host.state_dir / "state.json").write_text(json.dumps(state))
    assert "dropped" in host.alert("deliver").stdout
    assert host.state()["outbox"] == []


@pytest.mark.parametrize(
    "text",
    [
        '{"episodes": {',
        "[]",
        '{"episodes": {"zakaz-ticket-shop.service": "text"}, "outbox": [], "pending": {}}',
        '{"episodes": {"zakaz-ticket-shop.service": {"since": null, "times": 1}}, "outbox": [], "pending": {}}',
        '{"episodes": {}, "outbox": [{"channel": "webhook"}], "pending": {}}',
        '{"episodes": {}, "outbox": [{"channel": "webhook", "message": {"at": 1}}], "pending": {}}',
        '{"episodes": {}, "outbox": [], "pending": {"zakaz-ticket-shop.service": "often"}}',
    ],
)
def test_damaged_state_is_put_aside_and_people_are_still_told(host, told, text):
    host.fails()
    (host.state_dir / "state.json").write_text(text)
    assert host.fails().returncode == 0
    assert told() == [("firing", UNIT)] * 2
    assert list(host.state_dir.glob("state.damaged.*"))


def test_state_that_cannot_be_saved_is_told_all_the_same(host, told):
    # the settings are written before
    host.alert("list")
    with full_disk(16):
        result = host.ended("exit-code", "69", write_settings=False)
    assert told() == [("firing", UNIT)]
    assert result.returncode == 75
    assert "mend the disk" in result.stdout
    assert {file.suffix for file in host.state_dir.iterdir()} == {".lock"}


def test_state_is_for_its_owner_alone(host, told):
    host.fails()
    assert host.state_dir.stat().st_mode & 0o777 == 0o700
    assert (host.state_dir / "state.json").stat().st_mode & 0o777 == 0o600


def test_without_channels_the_journal_gets_one_message_an_episode(host):
    assert "FAILED" in host.fails().stdout
    assert host.fails().stdout == ""
    assert "works again" in host.works().stdout


def test_list_shows_what_is_failing(host):
    host.fails()
    shown = host.alert("list").stdout
    assert f"{UNIT}:" in shown
    assert "1 failing, 0 messages wait" in shown


def test_watch_believes_a_change_only_when_it_sees_it_twice_in_a_row(host, tmp_path):
    sys.path[:0] = map(str, PROGRAM)
    from zakaz_alert.episodes import Episodes, Trouble
    from zakaz_alert.post_office import PostOffice
    from zakaz_alert.settings import load
    from zakaz_alert.storage import Storage

    host.alert("list")
    settings, storage, said = load(host.settings), Storage(host.state_dir), []
    episodes = Episodes(settings, storage, PostOffice(settings, storage, say=said.append))
    bad = Trouble("full", "df", "disk.md")
    heard = []
    for seen in (bad, None, bad, bad, bad, None, bad, None, None, None):
        episodes.observe({"disk": seen}, patience=2)
        heard.append(len(said))
    assert heard == [0, 0, 0, 1, 1, 1, 1, 1, 2, 2]


def test_watch_believes_another_cause_only_when_it_sees_it_twice_in_a_row(host):
    sys.path[:0] = map(str, PROGRAM)
    from zakaz_alert.episodes import Episodes, Trouble
    from zakaz_alert.post_office import PostOffice
    from zakaz_alert.settings import load
    from zakaz_alert.storage import Storage

    host.alert("list")
    settings, storage, said = load(host.settings), Storage(host.state_dir), []
    episodes = Episodes(settings, storage, PostOffice(settings, storage, say=said.append))
    one, other = Trouble("no answer for 5 min", "x", "y.md"), Trouble("the login is refused", "x", "y.md")
    heard = []
    for seen in (one, one, Trouble("no answer for 10 min", "x", "y.md"), other, one, other, other, other, one):
        episodes.observe({"ClickHouse": seen}, patience=2)
        heard.append(len(said))
    assert heard == [0, 1, 1, 1, 1, 1, 2, 2, 2]
