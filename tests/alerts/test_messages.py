"""What a message says, and what it must not."""

from __future__ import annotations

import pytest

SECRET = "wLq8Zk3vT1pX"


def first_message(host, journal="", result="exit-code", status="74", *, knows_the_run=True):
    host.journal(journal, knows_the_run=knows_the_run)
    return host.ended(result, status).stdout


def test_last_error_of_the_run_is_told_without_the_lines_around_it(host):
    told = first_message(
        host,
        '{"event": "retry", "error": "first"}\n{"event": "run_failed", "error": "ClickHouse refuses inserts"}\nbye\n',
    )
    assert "ClickHouse refuses inserts" in told
    assert "first" not in told


def test_program_that_does_not_speak_json_is_quoted_by_its_last_line(host):
    assert "tar: no space left" in first_message(host, "starting\ntar: no space left\n")


def test_last_words_of_a_run_the_journal_does_not_know_are_told(host):
    assert "no answer" in first_message(host, '{"error": "no answer"}\n', knows_the_run=False)


def test_unit_that_said_nothing_is_still_told(host):
    assert "left no word in the journal" in first_message(host)


@pytest.mark.parametrize(
    ("result", "status", "words"),
    [
        ("timeout", "TERM", "longer than it may"),
        ("oom-kill", "KILL", "ran out of memory"),
        ("exit-code", "69", "a service it needs does not answer"),
        ("exit-code", "65", "data"),
    ],
)
def test_the_way_it_ended_is_put_into_words(host, result, status, words):
    assert words in first_message(host, "x", result, status)


@pytest.mark.parametrize(
    "line",
    [
        f"login with {SECRET} failed",
        '{"event": "run_failed", "error": "cannot reach https://user:hunter22@example.org/x"}',
        '{"event": "run_failed", "error": "Authorization: Bearer abcdef123456 refused"}',
        '{"event": "run_failed", "error": "GET /x?token=abcdef123456 answered 401"}',
        "password=hunter22",
    ],
)
def test_secrets_are_taken_out(host, line):
    (host.folder / "ticket_shop.env").write_text(f"CLICKHOUSE_PASSWORD={SECRET}\nCLICKHOUSE_HOST=clickhouse\n")
    told = first_message(host, line)
    assert "•••" in told
    for secret in (SECRET, "hunter22", "abcdef123456"):
        assert secret not in told
    assert SECRET not in (host.state_dir / "state.json").read_text()


def test_long_error_is_cut(host):
    assert len(first_message(host, "x" * 100_000)) < 2000


def test_page_of_a_unit_without_one_of_its_own(host):
    host.journal("x")
    assert "docs/operations/unit-failed.md" in host.ended("exit-code", "1", "zakaz-other.service").stdout


@pytest.mark.parametrize("content", ["{", "[]", '{"deployment": "zakaz"}'])
def test_unusable_settings_end_with_a_sentence(host, content):
    host.alert("test")
    host.settings.write_text(content)
    result = host.alert("test", write_settings=False)
    assert result.returncode == 78
    assert "run make deploy" in result.stdout
    assert result.stderr == ""
