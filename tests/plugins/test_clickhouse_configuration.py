"""Which changes of ClickHouse's configuration restart it, and what a server that gives up is quoted with."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from filter.clickhouse_configuration import (
    clickhouse_changed_users,
    clickhouse_last_words,
    clickhouse_restart_fingerprint,
)

RELOADED = ["logger", "mark_cache_size"]


def config(level: str = "information", cache: int = 1, days: int = 14, comment: str = "") -> str:
    return (
        f"<!-- {comment} --><clickhouse><logger><level>{level}</level></logger>"
        f"<mark_cache_size>{cache}</mark_cache_size>\n  <query_log><ttl>{days}</ttl></query_log></clickhouse>"
    )


def fingerprint(*documents: str, reloaded: list[str] = RELOADED) -> str:
    return clickhouse_restart_fingerprint(list(documents), reloaded)


def test_what_a_running_server_takes_over_needs_no_restart():
    assert fingerprint(config(level="debug", cache=2)) == fingerprint(config())


def test_what_is_read_at_the_start_needs_one():
    assert fingerprint(config(days=7)) != fingerprint(config())


def test_engine_that_takes_over_nothing_is_restarted_for_all():
    assert fingerprint(config(level="debug"), reloaded=[]) != fingerprint(config(), reloaded=[])


def test_comments_and_white_space_need_none():
    assert fingerprint(config(comment="edited")) == fingerprint(config())
    assert fingerprint(config().replace("\n  ", "")) == fingerprint(config())


def test_users_count_where_they_are_given():
    users = "<clickhouse><users><admin/></users></clickhouse>"
    assert fingerprint(config(), users) != fingerprint(config(), users.replace("admin", "boss"))


def test_text_that_is_no_xml_names_the_variables():
    with pytest.raises(AnsibleFilterError, match="clickhouse_server_settings or clickhouse_users"):
        fingerprint("<clickhouse><a></clickhouse>")


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "2026.11.22 06:35:10.1 [ 1 ] {} <Information> Application: Starting\n"
            "2026.11.22 06:35:10.2 [ 1 ] {} <Error> Application: Code: 180. DB::Exception: There is no profile 'nope'"
            " in configuration file. (THERE_IS_NO_PROFILE), Stack trace (when copying this message, always include):\n"
            "0. DB::Exception::Exception() @ 0x1\n"
            "2026.11.22 06:35:10.3 [ 1 ] {} <Information> Application: shutting down",
            "There is no profile 'nope' in configuration file. (THERE_IS_NO_PROFILE)",
        ),
        (
            "2026.11.22 06:35:10.2 [ 1 ] {} <Error> Application: DB::Exception: Listen [0.0.0.0]:8123 failed:"
            " Poco::Exception. Code: 1000 (version 26.3.16.16 (official build))",
            "Listen [0.0.0.0]:8123 failed: Poco::Exception. Code: 1000",
        ),
        (
            '{"event": "ready", "level": "info"}\n'
            '{"error": "users.d: profile nope is not defined.", "event": "configuration_refused"}',
            "users.d: profile nope is not defined.",
        ),
        (
            "Traceback (most recent call last):\n  File \"x.py\", line 1\nValueError: invalid literal: 'many'",
            "invalid literal: 'many'",
        ),
        ("first\nsecond\nthird\nfourth\n\n", "second | third | fourth"),
        ("", "nothing"),
    ],
)
def test_reason_is_the_servers_own_last_error(log, words):
    assert clickhouse_last_words(log.splitlines()) == words


USERS = """<clickhouse><users>
  <default><password_sha256_hex>{default}</password_sha256_hex></default>
  <admin><password_sha256_hex>{admin}</password_sha256_hex><profile>default</profile></admin>
  <bi_reader><password_sha256_hex>b</password_sha256_hex><grants><query>{grant}</query></grants></bi_reader>{more}
</users></clickhouse>"""
BEFORE = {"default": "d", "admin": "a", "grant": "GRANT SELECT ON bi.*", "more": ""}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, []),
        # nobody logs in as default
        ({"default": "other", "admin": "other"}, ["admin (password)"]),
        ({"grant": "GRANT SELECT ON *.*"}, ["bi_reader (grants)"]),
        ({"admin": "x", "grant": "x"}, ["admin (password)", "bi_reader (grants)"]),
        ({"more": "<watch><profile>loader</profile></watch>"}, ["watch (new)"]),
    ],
)
def test_users_that_change_are_named_with_what_changes(changed, words):
    before, after = USERS.format(**BEFORE), USERS.format(**(BEFORE | changed))
    assert clickhouse_changed_users(before, after) == words
    # space between elements is nothing
    assert clickhouse_changed_users(before.replace("\n", "\n\n"), after) == words


def test_a_user_that_goes_is_named_and_without_a_file_all_are_new():
    after = USERS.format(**BEFORE)
    assert clickhouse_changed_users(USERS.format(**(BEFORE | {"more": "<watch/>"})), after) == ["watch (gone)"]
    assert clickhouse_changed_users("", after) == ["admin (new)", "bi_reader (new)"]
