"""Users of users.d: who gets in, and what each may do."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from clickhouse_embedded.users import Users
from clickhouse_embedded.xml_merge import ConfigError
from running_server import PASSWORD, USERS, RunningServer


def test_three_ways_to_log_in(server):
    basic = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    for reply in (
        server.ask("SELECT 1"),
        server.ask("SELECT 1", user=None, headers={"Authorization": f"Basic {basic}"}),
        server.request("POST", "/?user=admin&password=correct+horse", b"SELECT 1", user=None),
    ):
        assert (reply.status, reply.body) == (200, b"1\n")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-ClickHouse-User": "admin"},
        {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "wrong"},
        {"X-ClickHouse-User": "nobody", "X-ClickHouse-Key": PASSWORD},
        {"X-ClickHouse-User": "elsewhere", "X-ClickHouse-Key": PASSWORD},
        {"X-ClickHouse-User": "elsewhere", "X-ClickHouse-Key": PASSWORD, "X-Forwarded-For": "192.0.2.1"},
        {"X-ClickHouse-Key": PASSWORD},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Bearer x"},
        {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": PASSWORD, "Authorization": "Basic YWRtaW46eA=="},
    ],
)
def test_failed_logins(server, headers):
    reply = server.ask("SELECT 1", user=None, headers=headers)
    assert (reply.status, reply.code) == (403, 516)
    assert PASSWORD not in server.log.read_text()


def test_a_failed_login_is_logged_without_its_password(server):
    server.ask("SELECT 1", user=None, headers={"X-ClickHouse-User": "mallory", "X-ClickHouse-Key": "tr0ub4dor"})
    (event,) = [e for e in server.events() if e.get("user") == "mallory"]
    assert (event["event"], event["address"]) == ("login_failed", "127.0.0.1")
    assert "tr0ub4dor" not in server.log.read_text()


WRITES = [
    "INSERT INTO shop.sales VALUES (5, 1, '')",
    "INSERT INTO shop.sales SELECT 5, 1, ''",
    "CREATE TABLE shop.new (a Int8) ENGINE = Memory",
    "CREATE DATABASE new",
    "CREATE VIEW shop.v AS SELECT 1",
    "ALTER TABLE shop.sales DELETE WHERE 1",
    "ALTER TABLE shop.sales ADD COLUMN z Int8",
    "DELETE FROM shop.sales WHERE 1",
    "TRUNCATE TABLE shop.sales",
    "DROP TABLE shop.sales",
    "OPTIMIZE TABLE shop.sales",
    "RENAME TABLE shop.sales TO shop.gone",
    "SYSTEM FLUSH LOGS",
    "SYSTEM SHUTDOWN",
    "BACKUP DATABASE shop TO File('stolen')",
    "KILL QUERY WHERE 1",
    "INSERT INTO FUNCTION file('/tmp/x', 'CSV', 'a Int8') VALUES (1)",
    "CREATE USER mallory",
    "GRANT ALL ON *.* TO reader",
    "SET ROLE ALL",
    "SET /* */ ROLE as_admin",
    "SET DEFAULT ROLE as_admin TO default",
    "EXECUTE AS default SELECT 1",
    "EXECUTE AS default",
    "SET readonly = 0",
    "SET readonly = DEFAULT",
    "SET max_threads = 2, `readonly` = DEFAULT",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1; INSERT INTO shop.sales VALUES (5, 1, '')",
]


@pytest.mark.parametrize("user", ["reader", "bi", "strict"])
@pytest.mark.parametrize("sql", WRITES)
def test_a_reader_cannot_write(server, user, sql):
    before = server.value("SELECT count() FROM shop.sales")
    for url in ({}, {"session_id": f"attack-{user}"}):
        reply = server.ask(sql, user, **url)
        if sql.startswith("KILL"):
            assert reply.status != 200 or reply.body.count(b"\n") <= 1, "its own query at most"
        else:
            assert reply.code in (164, 497, 48, 62, 344, 495, 514), reply.text
        again = server.ask("INSERT INTO shop.sales VALUES (6, 1, '')", user, **url)
        assert again.code in (164, 497), "whatever was tried has not widened the rights"
    assert server.value("SELECT count() FROM shop.sales") == before


def test_readonly_settings(server):
    assert server.value("SELECT getSetting('max_threads')", "reader") == "1", "the profile's settings apply"
    assert server.value("SELECT getSetting('max_threads')", "reader", max_threads=2) == "2"
    assert server.ask("SELECT 1", "reader", readonly=0).code == 164
    assert server.ask("SELECT 1", "strict", max_threads=1).code == 164
    assert server.value("SELECT 1", "strict") == "1"
    assert server.value("SELECT sum(price) FROM shop.sales", "reader") == "30.75"


def test_grants_are_enforced_by_table(server):
    assert server.value("SELECT sum(price) FROM bi.v_sales", "bi") == "30.75"
    assert server.ask("SELECT * FROM shop.sales", "bi").code == 497
    assert server.ask("SELECT * FROM shop.secrets", "loader").code == 497
    assert b"salt" not in server.ask("SELECT * FROM merge('shop', '.*')", "bi").body
    assert server.value("SHOW DATABASES", "bi") == "bi"
    assert server.ask("INSERT INTO shop.secrets VALUES ('x')", "loader").code == 497
    assert server.ask("CREATE TABLE shop.t (a Int8) ENGINE = Memory", "loader").code == 497
    server.value("CREATE OR REPLACE TABLE shop.sales2 AS shop.sales")
    assert server.value("INSERT INTO shop.sales VALUES (100, 1, 'l')", "loader") == ""
    assert server.value("SELECT count() FROM shop.sales WHERE id = 100", "loader") == "1"
    server.value("ALTER TABLE shop.sales DELETE WHERE id = 100 SETTINGS mutations_sync = 2")
    assert "SELECT" in server.value("SHOW GRANTS", "loader")
    assert "shop.sales" in server.value("SHOW GRANTS", "loader")
    for sql in (
        "SELECT * FROM file('/etc/passwd', LineAsString)",
        "SELECT * FROM url('http://127.0.0.1/', LineAsString)",
    ):
        assert server.ask(sql, "loader").code == 497


def test_a_view_does_not_lend_the_engines_rights(server):
    for sql in (
        "CREATE VIEW shop.leak DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT * FROM shop.secrets",
        "CREATE VIEW shop.leak DEFINER = default SQL SECURITY DEFINER AS SELECT * FROM shop.secrets",
        "CREATE MATERIALIZED VIEW shop.leak ENGINE = Memory AS SELECT * FROM shop.secrets",
        "CREATE OR REPLACE VIEW shop.leak SQL SECURITY NONE AS SELECT * FROM shop.secrets",
    ):
        assert server.ask(sql, "maker").code == 497
    assert server.value("CREATE TABLE shop.crafted (a Int8) ENGINE = Memory", "maker") == ""


def test_one_users_connection_state_does_not_reach_another(server):
    for user in ("admin", "reader", "admin", "bi"):
        assert server.ask("SELECT 1", user, database="system").status in (200, 403, 404, 500)
        assert server.value("SELECT currentDatabase()", user) == "default"


def test_what_cannot_be_enforced_is_logged_at_start(server):
    assert any(e["event"] == "not_enforced" and "SQL users" in e["what"] for e in server.events())


def test_without_users_d_default_has_no_password_and_no_network(tmp_path):
    running = RunningServer(tmp_path, users=None)
    running.start()
    assert running.ask("SELECT 1", user=None).body == b"1\n"
    assert running.stop() == 0
    users = Users.load(tmp_path / "users.d")
    assert users.authenticate("default", "", "127.0.0.1")
    for address in ("10.0.0.1", "172.17.0.1", "::2", ""):
        with pytest.raises(Exception, match="Authentication failed"):
            users.authenticate("default", "", address)


def _load(tmp_path, text: str) -> Users:
    (tmp_path / "users.d").mkdir(exist_ok=True)
    (tmp_path / "users.d" / "a.xml").write_text(text)
    return Users.load(tmp_path / "users.d")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<clickhouse><users><u><databases/></u></users></clickhouse>", "cannot be enforced"),
        ("<clickhouse><users><u><ldap/></u></users></clickhouse>", "cannot be enforced"),
        ("<clickhouse><users><u><password_sha256_hex>abc</password_sha256_hex></u></users></clickhouse>", "64 hex"),
        ("<clickhouse><users><u><profile>nope</profile></u></users></clickhouse>", "profile nope is not defined"),
        ('<clickhouse><profiles remove="1"/></clickhouse>', "profile default is not defined"),
        ("<clickhouse><users>", "not valid XML"),
        ('<clickhouse><users incl="x"/></clickhouse>', "substitution"),
    ],
)
def test_a_configuration_that_would_mean_less_than_it_says_is_refused(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says):
        _load(tmp_path, text)


def test_a_refused_configuration_ends_the_process_with_a_sentence(own_server):
    (own_server.root / "users.d/10-users.xml").write_text("<clickhouse><users>")
    assert own_server.spawn().wait(30) == 1
    assert "10-users.xml is not valid XML" in own_server.log.read_text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<http_port remove="1"/>', "<http_port> is empty or removed"),
        ("<http_port>eight</http_port>", "<http_port> is 'eight'; a number above 0 was expected"),
        ('<listen_host remove="1"/>', "<listen_host> is empty or removed"),
        ("<max_concurrent_queries>0</max_concurrent_queries>", "<max_concurrent_queries> is '0'; a number above 0"),
    ],
)
def test_a_service_setting_that_cannot_be_used_is_refused_with_a_sentence(own_server, text, says):
    (own_server.root / "config.d/10.xml").write_text(f"<clickhouse>{text}</clickhouse>")
    folders = ("--config", str(own_server.root), "--data", str(own_server.data))
    source = str(Path(__file__).resolve().parents[1] / "src")
    ended = subprocess.run(
        own_server.command("server", *folders), capture_output=True, text=True, timeout=60, env={"PYTHONPATH": source}
    )
    assert ended.returncode == 1, ended.stderr
    assert says in ended.stdout
    assert not own_server.data.exists()


def test_files_are_merged_in_order(tmp_path):
    (tmp_path / "users.d").mkdir()
    (tmp_path / "users.d" / "10.xml").write_text(USERS)
    (tmp_path / "users.d" / "20.xml").write_text(
        '<clickhouse><users><loader remove="1"/><bi><networks replace="1"><ip>10.0.0.0/8</ip></networks></bi>'
        "<admin><profile>readonly</profile></admin></users></clickhouse>"
    )
    users = Users.load(tmp_path / "users.d")
    assert "loader" not in users.by_name
    assert users.by_name["admin"].readonly == 2
    assert users.authenticate("bi", PASSWORD, "::ffff:10.1.1.1").name == "bi"
    with pytest.raises(Exception, match="Authentication failed"):
        users.authenticate("bi", PASSWORD, "127.0.0.1")
    with pytest.raises(Exception, match="Authentication failed"):
        users.authenticate("default", "", "127.0.0.1")
