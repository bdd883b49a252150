"""What can go wrong with a schema, as sentences an operator can act on."""

from __future__ import annotations


class SchemaFailure(Exception):
    """A schema that cannot be read, replayed, planned or applied.

    :param message: what was expected and what was found, one sentence.
    :param file: file that declares the object, if known.
    :param line: line in it, counted from 1.
    :param name: object concerned, as ``database.name``.
    :param mend: what to do next: the variable or command that helps.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int = 0,
        name: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.name = name
        self.mend = mend

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        subject = f"{self.name}: " if self.name else ""
        mend = f" {self.mend}" if self.mend else ""
        return f"{place}{subject}{self.message}{mend}"
