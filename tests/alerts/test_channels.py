"""Each channel, against a real server on a real socket."""

from __future__ import annotations

import ssl

import pytest

from .receivers import HttpReceiver, SmtpReceiver, certificate, free_port

pytestmark = pytest.mark.patient


def mail_settings(port, **changes):
    return {
        "host": "localhost", "port": port, "security": "none", "from": "zakaz@example.org",
        "to": ["ops@example.org", "boss@example.org"], "user": "robot", "password": "post-secret",
    } | changes  # fmt: skip


def test_mail_arrives_with_what_failed_why_and_what_to_do(host):
    host.journal('{"event": "run_started"}\n{"event": "run_failed", "error": "SHOP_TOKEN is refused"}\n')
    with SmtpReceiver() as smtp:
        host.channels = {"mail": mail_settings(smtp.port)}
        assert host.fails("78").returncode == 0
        (letter,) = smtp.mails
    assert "zakaz-ticket-shop.service: FAILED" in letter["Subject"]
    assert letter["To"] == "ops@example.org, boss@example.org"
    text = letter.get_content()
    assert "SHOP_TOKEN is refused (exit code 78: a setting or a credential is wrong)" in text
    assert "First command: sudo journalctl --unit zakaz-ticket-shop.service" in text
    assert "docs/operations/loader-failed.md" in text


def test_mail_login_goes_over_starttls_only(host, tmp_path):
    crt, key = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(crt, key)
    with SmtpReceiver(tls) as smtp:
        host.channels = {"mail": mail_settings(smtp.port, security="starttls", ca_file=str(crt))}
        assert host.alert("test").returncode == 0
        assert len(smtp.mails) == 1
        assert smtp.secured_logins == [True]


def test_mail_to_a_server_with_a_strangers_certificate_is_not_sent(host, tmp_path):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate(tmp_path))
    with SmtpReceiver(tls) as smtp:
        host.channels = {"mail": mail_settings(smtp.port, security="starttls")}
        result = host.alert("test")
        assert (result.returncode, smtp.mails, smtp.secured_logins) == (75, [], [])
    assert "certificate" in result.stdout.lower()


def test_mail_that_is_put_off_is_tried_again(host):
    with SmtpReceiver() as smtp:
        smtp.fail_first = 2
        host.channels = {"mail": mail_settings(smtp.port)}
        assert host.alert("test").returncode == 0
        assert len(smtp.mails) == 1


def test_mail_settings_that_are_wrong_are_not_hammered(host):
    with SmtpReceiver() as smtp:
        host.channels = {"mail": mail_settings(smtp.port, password="wrong-secret")}
        result = host.alert("test")
        assert (result.returncode, len(smtp.secured_logins)) == (75, 1)
    assert "answered 535" in result.stdout


def test_telegram_gets_plain_text_for_its_chat(host):
    with HttpReceiver() as http:
        host.channels = {"telegram": {"url": http.url, "token": "123:bot-secret", "chat": "-100"}}
        assert host.fails().returncode == 0
        ((path, _, content),) = http.posts
    assert path == "/bot123:bot-secret/sendMessage"
    assert content["chat_id"] == "-100"
    assert "FAILED" in content["text"]
    assert "parse_mode" not in content


def test_webhook_gets_fields_for_programs_and_text_for_people(host):
    with HttpReceiver() as http:
        host.channels = {"webhook": {"url": f"{http.url}/hook?key=url-secret", "token": "hook-secret"}}
        host.fails()
        host.works()
        (_, headers, fired), (_, _, resolved) = http.posts
    assert headers["Authorization"] == "Bearer hook-secret"
    assert (fired["event"], fired["deployment"], fired["subject"]) == ("firing", "zakaz", "zakaz-ticket-shop.service")
    assert fired["page"] == "docs/operations/loader-failed.md"
    assert resolved["event"] == "resolved"
    assert resolved["since"] == fired["since"]
    assert "works again" in resolved["text"]


@pytest.mark.parametrize("status", [500, 502, 429, 408])
def test_http_answer_that_passes_is_tried_again(host, status):
    with HttpReceiver() as http:
        http.answers = [status, status]
        host.channels = {"webhook": {"url": f"{http.url}/"}}
        assert host.alert("test").returncode == 0
        assert len(http.posts) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 404])
def test_http_answer_that_stays_is_told_at_once_and_kept(host, status):
    with HttpReceiver() as http:
        http.answers = [status]
        host.channels = {"webhook": {"url": f"{http.url}/"}}
        result = host.alert("test")
        assert (result.returncode, http.posts) == (75, [])
        assert f"answered {status}" in result.stdout
        # mended: the message was not lost
        assert host.alert("deliver").returncode == 0
        assert len(http.posts) == 1


def test_no_secret_of_a_channel_is_said_when_it_fails(host):
    port = free_port()
    host.channels = {
        "mail": mail_settings(port),
        "telegram": {"url": f"http://127.0.0.1:{port}", "token": "123:bot-secret", "chat": "-100"},
        "webhook": {"url": f"http://127.0.0.1:{port}/hook/url-secret", "token": "hook-secret"},
    }
    result = host.fails()
    assert result.returncode == 75
    assert result.stdout.count("did not take the message") == 9
    for secret in ("post-secret", "bot-secret", "url-secret", "hook-secret"):
        assert secret not in result.stdout + result.stderr
