"""Refusals of Yandex Direct: one body for all services, with HTTP 400 on reports and HTTP 200 elsewhere."""

from __future__ import annotations

from typing import Any

_STRINGS = {
    53: "Ошибка авторизации",
    54: "Нет прав",
    56: "Превышен лимит запросов метода",
    152: "Недостаточно баллов",
    506: "Превышено ограничение на количество соединений",
    4000: "Неверно указаны параметры запроса",
    4001: "Неверно заданы параметры условия отбора SelectionCriteria",
    8000: "Неверный запрос",
    8800: "Объект не найден",
    9000: "Очередь отчетов переполнена",
}


class DirectError(Exception):
    """A refusal by its code."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def body(self, request_id: str, *, as_text: bool) -> dict[str, Any]:
        """The documented body; ``as_text`` tells that the code is a string."""
        return {
            "error": {
                "request_id": request_id,
                "error_code": str(self.code) if as_text else self.code,
                "error_string": _STRINGS[self.code],
                "error_detail": self.detail,
            }
        }


def malformed(detail: str) -> DirectError:
    """8000: the request is not understood."""
    return DirectError(8000, detail)
