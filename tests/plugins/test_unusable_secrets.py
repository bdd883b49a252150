"""What a secret may be, and how it may be written, without a playbook; tests/roles/test_secrets.py has the readers."""

from __future__ import annotations

import string

import pytest
from ansible.template import trust_as_template
from lookup.unusable_secrets import (
    SHORTEST_PASSWORD,
    how_written,
    is_reference,
    passwords_of_users,
    read_secrets,
    what_is_wrong,
    written,
)

TOKEN, PASSWORD = "shop_token", "clickhouse_bi_password"


@pytest.mark.parametrize(
    "text", ["{{ a }}", " {{ lookup('env', 'A') }} \n", "{{ a if b else '' }}", "{{ a | default('') }}"]
)
def test_one_expression_that_reads_something_is_a_reference(text):
    assert is_reference(text)
    assert how_written(PASSWORD, text) == ""
    # of the Vault's own variables none is
    assert "a lookup belongs into the variable itself" in how_written("vault_" + PASSWORD, text)


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "{{ '' }}", "x{{ a }}", "{{ a }}{{ b }}", "{% if a %}{% endif %}", "{#", "{{", "{%"]
)
def test_anything_else_with_signs_of_jinja_is_not(text):
    assert not is_reference(text)
    assert "!unsafe" in how_written(PASSWORD, text)


@pytest.mark.parametrize(
    "text", ["https://a/{{ vault_b }}", "{{ a }}{{ vault_b }}", "{% if a %}{{ vault_b }}{% else %}-{% endif %}"]
)
def test_a_text_around_variables_that_are_there_is_meant_as_a_template(text):
    assert how_written("alerts_webhook_url", text, {"a", "vault_b"}) == ""
    assert "!unsafe" in how_written("alerts_webhook_url", text, {"a"})
    assert "!unsafe" in how_written("vault_url", text, {"a", "vault_b"})


@pytest.mark.parametrize(
    "text", ["{{ vault_a | default('') }}", "{{ vault_a if true else '' }}", "x{{ vault_a }}", "{{ b }}", "{{ c.a }}"]
)
def test_what_the_vault_holds_is_not_evaluated_by_whichever_way_it_is_read(text):
    trusted = trust_as_template
    known = {"b": trusted("{{ [vault_a] | first }}"), "c": {"a": trusted("{{ vault_a ~ '' }}")}}
    evaluated = {"vault_a": trusted("pass-{{ 7*7 }}-word")} | known
    assert list(read_secrets(trusted(text), evaluated)) == ["vault_a"]
    # !unsafe
    assert read_secrets(trusted(text), {"vault_a": "pass-{{ 7*7 }}-word"} | known) == {}


@pytest.mark.parametrize("text", ["}}", "%}", "#}", "{ {", "{", "100%", "a{b}c", ""])
def test_text_without_them_is_only_text(text):
    assert how_written("vault_" + PASSWORD, text) == ""


def test_references_are_followed_to_where_the_value_is_written():
    trusted = trust_as_template
    variables = {
        "a": trusted("{{ b }}"),
        "b": trusted("{{vault_c}}"),
        "vault_c": "value",
        "d": trusted("{{ nowhere }}"),
    }
    assert written("a", variables) == ("vault_c", "value")
    assert written("d", variables) == ("d", "{{ nowhere }}")
    # !unsafe is the value itself
    assert written("e", variables | {"e": "{{ vault_c }}"}) == ("e", "{{ vault_c }}")
    loop = {"a": trusted("{{ b }}"), "b": trusted("{{ a }}")}
    assert written("a", loop)[0] in loop


def test_all_printable_ascii_is_right_and_a_neighbour_of_it_is_not():
    for sign in map(chr, range(0x180)):
        right = sign in string.printable[:95]
        assert (what_is_wrong(TOKEN, f"a{sign}b") == "") == right, repr(sign)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        (TOKEN, " a", "begins or ends with a blank"),
        (TOKEN, "a ", "begins or ends with a blank"),
        (TOKEN, "a\n", "more than one line"),
        (TOKEN, "a\rb", "more than one line"),
        (TOKEN, "ab\u00a0", "at position 3"),
        (TOKEN, 5, "no text for YAML (int): put it in quotes"),
        (TOKEN, True, "no text for YAML (bool)"),
        (TOKEN, None, "is empty for YAML"),
        (PASSWORD, "x" * (SHORTEST_PASSWORD - 1), "shorter than 8 characters"),
        ("alerts_webhook_url", "https://a/b c", "write it as %20"),
        ("tls_proxy_key", "a\r\nb", "at position 2"),
        ("backup_age_identity", "# é", "at position 3"),
    ],
)
def test_what_is_wrong_is_said(setting, value, words):
    assert words in what_is_wrong(setting, value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (TOKEN, ""),
        (TOKEN, "x"),
        (PASSWORD, ""),
        (PASSWORD, "x" * SHORTEST_PASSWORD),
        (PASSWORD, "a passphrase of words"),
        ("tls_proxy_key", " a\nb\n"),
        ("backup_age_identity", "# made\nAGE-SECRET-KEY-1\n"),
    ],
)
def test_what_is_right_is_left_alone(setting, value):
    assert what_is_wrong(setting, value) == ""


def test_passwords_of_further_users_are_looked_at():
    users = [{"name": "admin", "password": "{{ clickhouse_admin_password }}"}, {"name": "analyst", "password": 5}]
    assert passwords_of_users(users)["clickhouse_users[analyst].password"] == 5
    assert passwords_of_users("{{ of_another_variable }}") == {}
