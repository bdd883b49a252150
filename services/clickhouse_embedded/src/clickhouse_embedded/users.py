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
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from . import xml_merge
from .errors import ServerError

# As in the server image since 25.1: `default` without a password answers the loopback only.
_BASE = """<clickhouse>
<profiles><default/><readonly><readonly>1</readonly></readonly></profiles>
<users><default><password/><networks><ip>::1</ip><ip>127.0.0.1</ip></networks><profile>default</profile></default></users>
<quotas><default/></quotas>
</clickhouse>"""
# What the local engine switches on for convenience and a server does not have, async_insert because acknowledged
# means written, and threads for formatting, which cost a small result more than the query itself.
_ENGINE = """<clickhouse>
<profiles><default><implicit_select>0</implicit_select><allow_introspection_functions>0</allow_introspection_functions>
<async_insert>0</async_insert><output_format_parallel_formatting>0</output_format_parallel_formatting></default></profiles>
<quotas><default/></quotas>
<roles><embedded_engine>{all}</embedded_engine>{roles}</roles>
<users><default><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
{memberships}</default>{twins}</users>
</clickhouse>"""
_TWIN = """<{name}><no_password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota>{grants}</{name}>"""
_ALL = "GRANT ALL ON *.* WITH GRANT OPTION"
_READ = "GRANT SHOW, SELECT, dictGet, CREATE TEMPORARY TABLE ON *.*"
_NO_WRITES = (
    "REVOKE INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, BACKUP, KILL QUERY, ACCESS MANAGEMENT,"
    " SYSTEM ON *.*"
)
_ENFORCED = {"password", "password_sha256_hex", "no_password", "networks", "profile", "grants", "quota"}
_IGNORED = {
    "access_management", "named_collection_control", "default_database",
    "show_named_collections", "show_named_collections_secrets",
}  # fmt: skip


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

    def may_come_from(self, address: str) -> bool:
        """Whether <networks> admit this peer."""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        forms = (ip, getattr(ip, "ipv4_mapped", None))
        # ::/0 in these files means everybody, IPv4 included; an address of the other version is in no network
        return any(n.prefixlen == 0 or any(f in n for f in forms if f) for n in self.networks)


class Users:
    """All users, and the engine configuration that follows from them."""

    def __init__(self, root: Element) -> None:
        self.warnings: list[str] = []
        self._profiles = root.find("profiles")
        self.by_name = {element.tag: self._user(element) for element in root.iterfind("users/*")}
        if root.find("quotas/*/*") is not None:
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
        # compared for unknown users too: the time must not tell which names exist
        correct = hmac.compare_digest(given, (user and user.password_sha256) or b"\0" * 32)
        if user is None or not (correct or user.password_sha256 is None) or not user.may_come_from(address):
            text = f"{name}: Authentication failed: password is incorrect, or there is no user with such name."
            raise ServerError(516, "AUTHENTICATION_FAILED", text)
        return user

    def engine_users_config(self) -> str:
        """users.xml for the engine: `default` without a password, and a role for each user.

        Each user is there as itself, too: DEFINER = user and SHOW GRANTS FOR user work; nobody logs in as it.
        """
        users = self.by_name.values()
        return _ENGINE.format(
            all=_grants(_ALL),
            roles="".join(f"<{u.role}>{_grants(*u.grants)}</{u.role}>" for u in users),
            memberships=_grants("GRANT embedded_engine", *(f"GRANT {u.role}" for u in users)),
            twins="".join(_TWIN.format(name=u.name, grants=_grants(*u.grants)) for u in users if u.name != "default"),
        )

    def _user(self, element: Element) -> User:
        name, present = element.tag, {child.tag for child in element}
        if unsupported := present - _ENFORCED - _IGNORED:
            raise xml_merge.ConfigError(
                f"users.d: user {name} has <{'>, <'.join(sorted(unsupported))}>, which cannot be enforced here."
                " Remove it, or run the ClickHouse server image."
            )
        for tag in sorted(present & _IGNORED):
            self.warnings.append(f"user {name}: <{tag}> is not enforced: users, roles and grants come from users.d")
        plain = _text(element, "password")
        password = hashlib.sha256(plain.encode()).digest() if plain else None
        if hex_hash := _text(element, "password_sha256_hex"):
            try:
                password = bytes.fromhex(hex_hash)
            except ValueError:
                password = b""
            if len(password) != 32:
                raise xml_merge.ConfigError(f"users.d: user {name}: password_sha256_hex must be 64 hex digits")
        networks = []
        for item in element.iterfind("networks/*"):
            if item.tag == "ip":
                networks.append(ipaddress.ip_network((item.text or "").strip(), strict=False))
            else:
                self.warnings.append(f"user {name}: <networks><{item.tag}> is not supported and admits nobody")
        settings = self._profile(_text(element, "profile") or "default", ())
        readonly = int(settings.pop("readonly", "0"))
        grants = tuple(" ".join((query.text or "").split()) for query in element.iterfind("grants/query"))
        if readonly:
            grants = (*grants, _NO_WRITES) if grants else (_READ,)
        return User(name, password, tuple(networks), settings, readonly, grants or (_ALL,))

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


def _grants(*queries: str) -> str:
    return "".join(["<grants>", *(f"<query>{escape(query)}</query>" for query in queries), "</grants>"])
