"""Errors of the VK Реклама API: ``{"error": {"message", "code"}}`` with a status."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal to be rendered as the documented JSON."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message}}


def wrong_parameter(message: str) -> ApiError:
    """400 ERR_WRONG_PARAMETER."""
    return ApiError(400, "ERR_WRONG_PARAMETER", message)
