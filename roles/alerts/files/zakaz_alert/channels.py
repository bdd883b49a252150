"""The ways a message leaves the host: mail, Telegram, any webhook."""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from .message import Message

# Telegram takes 4096 characters, counted after its own parsing.
_TELEGRAM_CHARACTERS = 4000


class NotDelivered(Exception):
    """A message did not get through.

    :param lasting: whether trying again can help only after somebody mended a setting.
    """

    def __init__(self, reason: str, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


def mail(settings: dict[str, Any], message: Message, timeout: float) -> None:
    """Send by SMTP: `security` is none, starttls or tls; the certificate is verified."""
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = message.title, settings["from"], ", ".join(settings["to"])
    letter["Date"], letter["Message-ID"] = formatdate(), make_msgid(domain=settings["from"].rpartition("@")[2])
    # so that out-of-office replies and other robots keep quiet
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text)
    where = f"{settings['host']}:{settings['port']}"
    try:
        trust = ssl.create_default_context(cafile=settings.get("ca_file") or None)
        if settings["security"] == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                settings["host"], settings["port"], timeout=timeout, context=trust
            )
        else:
            connection = smtplib.SMTP(settings["host"], settings["port"], timeout=timeout)
        with connection as smtp:
            if settings["security"] == "starttls":
                smtp.starttls(context=trust)
            if settings.get("user"):
                smtp.login(settings["user"], settings["password"])
            refused = smtp.send_message(letter)
        if refused:
            raise NotDelivered(f"{where} refused {', '.join(refused)}", lasting=True)
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(f"{where} answered {error.smtp_code}", lasting=error.smtp_code >= 500) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        raise NotDelivered(f"{where} refused {', '.join(error.recipients)}", lasting=min(codes) >= 500) from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"{where}: {_words(error)}") from None


def telegram(settings: dict[str, Any], message: Message, timeout: float) -> None:
    """Send with the Bot API's sendMessage."""
    text = message.text if len(message.text) <= _TELEGRAM_CHARACTERS else message.text[:_TELEGRAM_CHARACTERS] + "…"
    # plain text: no parse_mode, so nothing has to be escaped
    content = {"chat_id": settings["chat"], "text": text, "disable_web_page_preview": True}
    _post(f"{settings['url']}/bot{settings['token']}/sendMessage", content, {}, timeout, settings["url"])


def webhook(settings: dict[str, Any], message: Message, timeout: float) -> None:
    """Send JSON to any address; chat services that show `text` understand it too."""
    headers = {"Authorization": f"Bearer {settings['token']}"} if settings.get("token") else {}
    place = "/".join(settings["url"].split("/")[:3])
    _post(settings["url"], message.as_dict(), headers, timeout, place)


CHANNELS: dict[str, Callable[[dict[str, Any], Message, float], None]] = {
    "mail": mail,
    "telegram": telegram,
    "webhook": webhook,
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its content."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(url: str, content: dict[str, Any], headers: dict[str, str], timeout: float, place: str) -> None:
    """Post JSON. `place` names the receiver in errors: the address itself may hold a secret."""
    request = urllib.request.Request(  # noqa: S310  the role lets http and https pass only
        url,
        data=json.dumps(content, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "zakaz-alert", **headers},
        method="POST",
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout) as answer:
            answer.read(65536)
    except urllib.error.HTTPError as error:
        # 408 and 429 ask for patience; another 4xx is about the request, and will be the same tomorrow
        lasting = 300 <= error.code < 500 and error.code not in (408, 429)
        raise NotDelivered(f"{place} answered {error.code}", lasting=lasting) from None
    except urllib.error.URLError as error:
        raise NotDelivered(f"{place}: {_words(error.reason)}") from None
    except (OSError, ValueError) as error:
        raise NotDelivered(f"{place}: {_words(error)}") from None


def _words(error: object) -> str:
    """An error in words that cannot hold an address's secret parts."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return error.__class__.__name__ if isinstance(error, ValueError) else str(error) or error.__class__.__name__
