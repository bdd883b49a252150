"""Refusals of Yandex Direct: one body for all services, with HTTP 400 on reports and HTTP 200 elsewhere."""

from __future__ import annotations

from typing import Any

# In English and in Russian: the language of a request decides.
_STRINGS = {
    53: ("Authorization error", "Ошибка авторизации"),
    54: ("No rights", "Нет прав"),
    56: ("Request limit exceeded for the method", "Превышен лимит запросов метода"),
    152: ("Insufficient points", "Недостаточно баллов"),
    506: ("Exceeded the number of connections", "Превышено ограничение на количество соединений"),
    4000: ("Incorrect request parameters", "Неверно указаны параметры запроса"),
    4001: ("Invalid selection criteria", "Неверно заданы параметры условия отбора SelectionCriteria"),
    8000: ("Invalid request", "Неверный запрос"),
    8800: ("Object not found", "Объект не найден"),
    9000: ("The queue of reports is full", "Очередь отчетов переполнена"),
}


class DirectError(Exception):
    """A refusal by its code."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def body(self, request_id: str, language: str, *, as_text: bool) -> dict[str, Any]:
        """The documented body; ``language`` is ``Accept-Language``, ``as_text`` tells that the code is a string."""
        return {
            "error": {
                "request_id": request_id,
                "error_code": str(self.code) if as_text else self.code,
                "error_string": _STRINGS[self.code][language.lower().startswith("ru")],
                "error_detail": self.detail,
            }
        }


def malformed(detail: str) -> DirectError:
    """8000: the request is not understood."""
    return DirectError(8000, detail)
