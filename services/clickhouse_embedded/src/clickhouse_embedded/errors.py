"""ClickHouse exceptions: how the engine words them and how the server answers them over HTTP."""

from __future__ import annotations

import re

# HTTP status by ClickHouse error code, as the server's exceptionCodeToHTTPStatus has it.
_STATUS = {
    400: "6 8 15 25 26 27 36 37 38 41 44 53 62 72 117 123 167 168 223 321 376 427 441 675 676",
    401: "194",
    403: "192 193 512 516",
    404: "46 47 50 56 60 63 73 78 81 115 152 336 511",
    408: "159",
    411: "381",
    413: "229",
    415: "779",
    501: "48",
    503: "76 209 439",
}
_STATUS_OF = {int(code): status for status, codes in _STATUS.items() for code in codes.split()}
# Code, text and name; what repeats the same exception around it is left out.
_MESSAGE = re.compile(
    r"\ACode: (?P<code>\d+)\. DB::\w+: (?:Code: (?P=code)\. DB::\w+: )*(?P<text>.*?)"
    r"(?: \((?P<name>[A-Z0-9_]+)\)(?: \(version [^()]*\)\.?)?)*\Z",
    re.DOTALL,
)


class ServerError(Exception):
    """An exception in ClickHouse's own terms.

    Args:
        code: ClickHouse error code, for example 62.
        name: its symbolic name, for example ``SYNTAX_ERROR``.
        text: the message, a sentence without code and name.
    """

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(text)
        self.code, self.name, self.text = code, name, text

    @classmethod
    def from_engine(cls, message: str) -> ServerError:
        """Parse what the engine throws."""
        found = _MESSAGE.match(message.strip())
        if found is None:
            return cls(1002, "UNKNOWN_EXCEPTION", message.strip())
        return cls(int(found["code"]), found["name"] or "UNKNOWN_EXCEPTION", found["text"].rstrip())

    def body(self, version: str) -> str:
        """The text a server of this version puts in the response body."""
        return f"Code: {self.code}. DB::Exception: {self.text} ({self.name}) (version {version})"


def http_status(code: int, version: str) -> int:
    """HTTP status the server of this version answers an error code with."""
    if code == 497:  # ACCESS_DENIED became 403 in 26.8; older servers say 500
        return 403 if tuple(map(int, version.split(".")[:2])) >= (26, 8) else 500
    return _STATUS_OF.get(code, 500)
