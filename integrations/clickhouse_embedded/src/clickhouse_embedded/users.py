"""Users as users.d describes them: who may log in, from where, and with which settings and grants.

The engine knows one login, ``default`` without a password. Each user of users.d becomes an engine *role*
with that user's grants, and a connection that serves the user takes that role and no other. So grants are
enforced by the engine; passwords and networks are checked here.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from . import xml_merge
from .errors import ServerError

# As in the server image since 25.1: `default` without a password answers the loopback only.
_BASE = """<clickhouse>
<profiles><default/><readonly><readonly>1</readonly></readonly></profiles>
<users><default><password/><networks><ip>::1</ip><ip>127.0.0.1</ip></networks><profile>default</profile></default></users>
<quotas><default/></quotas>
</clickhouse>"""

# What the local engine switches on for convenience and a server does not have.
ENGINE_PROFILE = {
    "implicit_select": "0",
    "allow_introspection_functions": "0",
    # acknowledged means written: no server-side queue between the two
    "async_insert": "0",
    # threads for formatting cost a small result more than the query itself
    "output_format_parallel_formatting": "0",
}
_ALL = "GRANT ALL ON *.* WITH GRANT OPTION"
_READ = "GRANT SHOW, SELECT, dictGet, CREATE TEMPORARY TABLE ON *.*"
_NO_WRITES = (
    "REVOKE INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, BACKUP, KILL QUERY, ACCESS MANAGEMENT,"
    " SYSTEM ON *.*"
)
_KNOWN = {
    "password", "password_sha256_hex", "no_password", "networks", "profile", "quota", "access_management",
    "named_collection_control", "show_named_collections", "show_named_collections_secrets", "grants",
    "default_database",
}  # fmt: skip
_IGNORED = {"quota", "access_management", "named_collection_control", "default_database"}
_IGNORED |= {"show_named_collections", "show_named_collections_secrets"}


@dataclass(frozen=True)
class User:
    """One user of users.d.

    Attributes:
        settings: settings of the user's profile, applied to each of its connections.
        readonly: 0 writes, 1 reads only, 2 reads and may change settings.
        grants: GRANT queries of the engine role, without a grantee.
    """

    name: str
    password_sha256: bytes | None
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    settings: dict[str, str] = field(default_factory=dict)
    readonly: int = 0
    grants: tuple[str, ...] = (_ALL,)

    @property
    def role(self) -> str:
        """Name of the engine role with this user's grants."""
        return f"as_{self.name}"

    @property
    def unrestricted(self) -> bool:
        """The user has no grants of its own, which means all of them."""
        return self.grants == (_ALL,)


class Users:
    """All users, and the engine configuration that follows from them."""

    def __init__(self, root: Element) -> None:
        self.warnings: list[str] = []
        self._profiles = root.find("profiles")
        self._root = root
        self.by_name = {e.tag: self._user(e) for e in root.find("users") or []}
        if any(len(q) for q in root.find("quotas") or []):
            self.warnings.append("quotas are read and not enforced")

    @classmethod
    def load(cls, directory: Path) -> Users:
        """Read users.d; without it only `default` exists, without a password, for the loopback."""
        return cls(xml_merge.load(_BASE, directory))

    def authenticate(self, name: str, password: str, address: str) -> User:
        """Check a login.

        Raises:
            ServerError: 516, in the same words for an unknown user, a wrong password and a forbidden address.
        """
        user = self.by_name.get(name)
        given = hashlib.sha256(password.encode("utf-8", "surrogateescape")).digest()
        expected = user.password_sha256 if user and user.password_sha256 else b"\0" * 32
        # compared for unknown users too: the time must not tell which names exist
        correct = hmac.compare_digest(given, expected) or (user is not None and user.password_sha256 is None)
        if user is None or not correct or not _allowed(address, user):
            raise ServerError(
                516,
                "AUTHENTICATION_FAILED",
                f"{name}: Authentication failed: password is incorrect, or there is no user with such name.",
            )
        return user

    def engine_users_config(self) -> str:
        """users.xml for the engine: `default` without a password, a role and a definer per user."""
        root = Element("clickhouse")
        profile = SubElement(SubElement(root, "profiles"), "default")
        for name, value in ENGINE_PROFILE.items():
            SubElement(profile, name).text = value
        SubElement(SubElement(root, "quotas"), "default")
        roles, users = SubElement(root, "roles"), SubElement(root, "users")
        _add_grants(SubElement(roles, "embedded_engine"), (_ALL,))
        engine = SubElement(users, "default")
        SubElement(engine, "password")
        SubElement(SubElement(engine, "networks"), "ip").text = "::/0"
        SubElement(engine, "profile").text = SubElement(engine, "quota").text = "default"
        _add_grants(engine, ("GRANT embedded_engine", *(f"GRANT {u.role}" for u in self.by_name.values())))
        for user in self.by_name.values():
            _add_grants(SubElement(roles, user.role), user.grants)
            if user.name != "default":  # DEFINER = user and SHOW GRANTS FOR user work; nobody logs in as it
                twin = SubElement(users, user.name)
                SubElement(twin, "no_password")
                SubElement(SubElement(twin, "networks"), "ip").text = "127.0.0.1"
                SubElement(twin, "profile").text = SubElement(twin, "quota").text = "default"
                _add_grants(twin, user.grants)
        return tostring(root, encoding="unicode")

    def _user(self, element: Element) -> User:
        name = element.tag
        present = {child.tag for child in element}
        if unsupported := present - _KNOWN:
            raise xml_merge.ConfigError(
                f"users.d: user {name} has <{'>, <'.join(sorted(unsupported))}>, which cannot be enforced here."
                " Remove it, or run the ClickHouse server image."
            )
        for tag in sorted(present & _IGNORED - {"quota"}):
            self.warnings.append(
                f"user {name}: <{tag}> is not enforced (users, roles and grants come from users.d only)"
            )
        hex_hash, plain = _text(element, "password_sha256_hex"), _text(element, "password")
        if hex_hash:
            try:
                password = bytes.fromhex(hex_hash)
            except ValueError:
                password = b""
            if len(password) != 32:
                raise xml_merge.ConfigError(f"users.d: user {name}: password_sha256_hex must be 64 hex digits")
        else:
            password = hashlib.sha256(plain.encode()).digest() if plain else None
        settings = self._profile(_text(element, "profile") or "default", ())
        readonly = int(settings.pop("readonly", "0"))
        grants = tuple(" ".join((q.text or "").split()) for q in element.findall("grants/query"))
        if readonly:
            grants = (*grants, _NO_WRITES) if grants else (_READ,)
        return User(name, password, self._networks(element), settings, readonly, grants or (_ALL,))

    def _networks(self, element: Element) -> tuple:
        networks = element.find("networks")
        result = []
        for item in networks if networks is not None else []:
            text = (item.text or "").strip()
            if item.tag != "ip":
                self.warnings.append(f"user {element.tag}: <networks><{item.tag}> is not supported and admits nobody")
                continue
            result.append(ipaddress.ip_network(text, strict=False))
        return tuple(result)

    def _profile(self, name: str, seen: tuple[str, ...]) -> dict[str, str]:
        profile = self._profiles.find(name) if self._profiles is not None else None
        if profile is None or name in seen:
            raise xml_merge.ConfigError(f"users.d: profile {name} is not defined. Define it under <profiles>.")
        settings: dict[str, str] = {}
        for item in profile:
            if item.tag == "constraints":
                self.warnings.append(f"profile {name}: <constraints> are not enforced")
            elif item.tag == "profile":
                settings |= self._profile((item.text or "").strip(), (*seen, name))
            else:
                settings[item.tag] = (item.text or "").strip()
        return settings


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _add_grants(element: Element, grants: tuple[str, ...]) -> None:
    parent = SubElement(element, "grants")
    for grant in grants:
        SubElement(parent, "query").text = grant


def _allowed(address: str, user: User) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    # ::/0 in these files means everybody, IPv4 included
    return any(
        n.prefixlen == 0 or any(a is not None and a.version == n.version and a in n for a in (ip, mapped))
        for n in user.networks
    )
