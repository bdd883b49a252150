"""Generated buyers: made from the seed and the id, so that a leak test can list everything it must not find.

Surnames are built of syllables to be no ordinary word: a hit in a table or a log is a leak.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_FIRST = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Иван", "Кира", "Лев", "Мария", "Олег")
_MIDDLE = ("Аркадьевич", "Богдановна", "Витальевич", "Геннадьевна", "Денисович", "Егоровна")
_SYLLABLES = (
    "бры",
    "вель",
    "гжа",
    "дзо",
    "жуп",
    "зюль",
    "кры",
    "лупс",
    "мжи",
    "нюх",
    "пше",
    "ржу",
    "сняк",
    "тюбр",
    "фря",
    "хмыл",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Personal data of one generated client; none of it may leave the loader."""

    id: int
    email: str
    phone: str
    name: str
    middlename: str
    surname: str
    card: str

    def strings(self) -> tuple[str, ...]:
        """The strings that identify the person and must be found nowhere downstream."""
        return (self.email, self.phone, self.phone[1:], self.surname, self.card)


def person(seed: int, client_id: int) -> Person:
    """The client of that id in the season of that seed; the same every time."""
    digest = hashlib.blake2b(f"{seed}:client:{client_id}".encode(), digest_size=16).digest()
    surname = (_SYLLABLES[digest[0] % 16] + _SYLLABLES[digest[1] % 16] + _SYLLABLES[digest[2] % 16]).capitalize()
    # +7 000 is not a range in use, example.com is reserved: nobody real can be meant.
    return Person(
        id=client_id,
        email=f"buyer.{client_id}.{digest[3:6].hex()}@example.com",
        phone=f"+7000{int.from_bytes(digest[6:9], 'big') % 1000:03d}{client_id % 10_000:04d}",
        name=_FIRST[digest[9] % len(_FIRST)],
        middlename=_MIDDLE[digest[10] % len(_MIDDLE)],
        surname=surname + ("ова" if digest[9] % 2 == 0 else "ов"),
        card=f"220{digest[11] % 10}{digest[12] % 100:02d}******{int.from_bytes(digest[13:15], 'big') % 10_000:04d}",
    )


def barcode(ticket_id: int) -> str:
    """Twelve digits unique to the ticket (multiplication by a unit modulo 10**12 is a bijection)."""
    return f"{ticket_id * 387_420_489 % 10**12:012d}"


def cancel_hash(seed: int, order_id: int) -> str:
    """The secret part of an order's cancel URL."""
    return hashlib.blake2b(f"{seed}:cancel:{order_id}".encode(), digest_size=20).hexdigest()


def ticket_link(seed: int, ticket_id: int) -> str:
    """The secret part of the links under which a ticket can be fetched."""
    return hashlib.blake2b(f"{seed}:ticket:{ticket_id}".encode(), digest_size=16).hexdigest()


def uniqid(seed: int, order_id: int) -> str:
    """The public code of an order."""
    return hashlib.blake2b(f"{seed}:uniqid:{order_id}".encode(), digest_size=5).hexdigest()
