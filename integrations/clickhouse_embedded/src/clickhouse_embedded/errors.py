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
_CODE = re.compile(r"Code: (\d+)\. DB::\w+: ")
_WRAPPED = re.compile(
    r"\A(?P<head>Code: (?P<code>\d+)\. DB::Exception: )(?P<inner>Code: (?P=code)\. DB::Exception: .*?)"
    r"(?: \(version [^()]*\))?\.(?: \([A-Z0-9_]+\))\Z",
    re.DOTALL,
)
_NAME = re.compile(r"\(([A-Z0-9_]+)\)\s*\Z")


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
        """Parse what the engine throws; nested repetitions of the same exception are unwrapped."""
        message = message.strip()
        while wrapped := _WRAPPED.match(message):
            message = wrapped["inner"]
        code = _CODE.match(message)
        if code is None:
            return cls(1002, "UNKNOWN_EXCEPTION", message)
        name = _NAME.search(message)
        text = message[code.end() : name.start() if name else None].rstrip()
        return cls(int(code[1]), name[1] if name else "UNKNOWN_EXCEPTION", text)

    def body(self, version: str) -> str:
        """The text a server of this version puts in the response body."""
        return f"Code: {self.code}. DB::Exception: {self.text} ({self.name}) (version {version})"


def http_status(code: int, version: tuple[int, ...]) -> int:
    """HTTP status the server of this version answers an error code with."""
    if code == 497:  # ACCESS_DENIED became 403 in 26.8; older servers say 500
        return 403 if version >= (26, 8) else 500
    return _STATUS_OF.get(code, 500)
