"""What a code of Yandex Direct means for a run: try again, wait, or stop with a sentence that says what mends it.

The same codes come with HTTP 400 or 500 from the reports and with HTTP 200 from all other services, as numbers or as
text; so the code decides, not the status. Codes are those of the vendor's list; a code that is not here is no reason to
insist: the run of the account stops, and says what Direct said, unless the status alone says that it may pass.
"""

from __future__ import annotations

import re

from zakaz_common.errors import ConfigError, DataError, LoaderError, TryLaterError, UnavailableError
from zakaz_common.http import ErrorAnswer, RateLimitedError, RequestRejectedError, TransientError

from yandex_direct.access.accounts import Account

#: Seconds: the limits of requests are counted over ten.
_LIMIT_WAIT = 10.0
_LONGEST_DETAIL = 200


class AccessRefused(ConfigError):
    """The token, the login or the application is not let in: somebody has to do something."""


class UnitsUsedUp(TryLaterError):
    """The account's units of the API are spent; some come back each hour."""


class QueueFull(TryLaterError):
    """As many reports are queued as one user may have."""


class NameTaken(DataError):
    """A report of this name and with other parameters is stored."""


class BuildFailed(UnavailableError):
    """Direct could not build a report, or not in time.

    ``too_much`` is False where it may have failed by chance: an error of the server (500), or a gateway's page, which
    says nothing of the report.
    """

    def __init__(self, message: str, *, too_much: bool) -> None:
        super().__init__(message)
        self.too_much = too_much


def read_refusal(account: Account, answer: ErrorAnswer) -> LoaderError | None:
    """The error behind an answer that is one; None where its HTTP status tells enough.

    Parameters:
        account: whose answer it is; messages name its settings, never its token.
    """
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    told = error if isinstance(error, dict) else {}
    detail = said(told.get("error_detail")) or said(told.get("error_string"))
    request = str(told.get("request_id") or "")[:64]
    known = f" (RequestId {request})" if request.isalnum() and "RequestId" not in answer.text else ""
    why = f"{answer.text}{known}{': ' if detail else ''}{detail}"
    token, login = account.token_setting, account.login_setting
    of_report = answer.path.endswith("/reports") and answer.status in (500, 502)
    match answer.code:
        case "52" | "1000" | "1001" | "1002" if not of_report:
            return TransientError(why)
        case "53":
            return _sign_in(account, why)
        case "54":
            return AccessRefused(
                f"{why}; the token's user has no right to this account: check {login} and the user's rights in Direct"
            )
        case "56" | "506":
            return RateLimitedError(why, _LIMIT_WAIT)
        case "58" | "3000":
            return AccessRefused(
                f"{why}; the application of {token} is not admitted to the API: send its access request in Direct, "
                "and wait until it is approved"
            )
        case "3228":
            return AccessRefused(
                f"{why}; the account {account.name} is not in the Pro mode of Direct: switch it on there"
            )
        case "152":
            return UnitsUsedUp(
                f"{why}; the units of the API are used up, some come back each hour; the next run continues"
            )
        case "513" | "8800":
            return AccessRefused(
                f"{why}; Direct does not know {account.client_login or 'the user of the token'}: correct {login}, "
                f"or sign in for {token} as a user of Direct"
            )
        case "8000" if not account.client_login:
            return RequestRejectedError(f"{why} (an agency's token needs {login})", answer.status, "8000", answer.body)
        case "4000":
            return NameTaken(why)
        case "9000":
            return QueueFull(why)
    if answer.status in (401, 403):
        return _sign_in(account, why)
    if of_report:
        return BuildFailed(why, too_much=answer.status == 502 and bool(told))
    if answer.status in (408, 429) or answer.status >= 500:
        return None  # a code that nobody knows says less than such a status
    return RequestRejectedError(why, answer.status, answer.code, answer.body) if answer.code and detail else None


def said(text: object) -> str:
    """What Direct says of an error, as it may be shown: short, printable, without addresses."""
    if not isinstance(text, str):
        return ""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return re.sub(r"\S*@\S*", "…", words)[:_LONGEST_DETAIL]


def _sign_in(account: Account, why: str) -> AccessRefused:
    whose = f"the representative of the agency of {account.client_login}" if account.client_login else "the advertiser"
    return AccessRefused(
        f"{why}; the token of {account.name} is wrong, expired or revoked: {whose} must sign in again at "
        f"oauth.yandex.ru, and the new token belongs into {account.token_setting}"
    )
