"""`clickhouse server`: read the configuration, open the data directory, serve HTTP until SIGTERM."""

from __future__ import annotations

import argparse
import functools
import logging
import os
import signal
import sys
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import structlog
import uvicorn

from . import xml_merge
from .engine import Engine
from .http_interface import HttpInterface
from .protocol import Protocol
from .users import Users

# What the server image's own config.xml says and the engine would otherwise not know.
_BASE = """<clickhouse><http_port>8123</http_port><listen_host>0.0.0.0</listen_host>
<max_concurrent_queries>100</max_concurrent_queries></clickhouse>"""
# Files and network the engine can't or must not take from config.d; each is named in a warning.
_NOT_APPLIED = {
    "tcp_port", "https_port", "mysql_port", "postgresql_port", "interserver_http_port", "grpc_port", "openSSL",
    "zookeeper", "keeper_server", "remote_servers", "distributed_ddl", "user_directories", "ldap_servers", "kerberos",
    "logger", "prometheus", "path", "tmp_path", "user_files_path",
}  # fmt: skip
_SERVICE_OWNED = {"http_port", "listen_host", "max_concurrent_queries", "users_config", "default_database"}
# To finish what runs, before it is cancelled.
STOP_AFTER_S = 5

log = structlog.get_logger()


class _ForwardedLog(logging.Handler):
    """uvicorn's messages, in the same form as this service's own."""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        # a response cut off on purpose, after an error or because the client left
        if "without completing response" not in message:
            log.log(record.levelno, message.strip(), source=record.name, exc_info=record.exc_info)


def configure_logging() -> None:
    """One JSON object a line on stdout."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
    )
    logging.basicConfig(handlers=[_ForwardedLog()], level=logging.WARNING)


def engine_config(root: Element, backups: Path) -> Element:
    """The engine's configuration: the merged config.d without what is not the engine's."""
    for element in list(root):
        if element.tag in _NOT_APPLIED | _SERVICE_OWNED:
            root.remove(element)
    # the engine lays its overlay of local files over this name; `default` stays an ordinary database
    SubElement(root, "default_database").text = "_local_files"
    if root.find("backups") is None:
        SubElement(SubElement(root, "backups"), "allowed_path").text = str(backups)
    return root


def _last_text(config: Element, name: str) -> str:
    found = config.findall(name)
    text = (found[-1].text or "").strip() if found else ""
    if not text:
        raise xml_merge.ConfigError(f"config.d: <{name}> is empty or removed. Give it a value, or leave it out.")
    return text


def _number(config: Element, name: str) -> int:
    text = _last_text(config, name)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise xml_merge.ConfigError(f"config.d: <{name}> is {text[:32]!r}; a number above 0 was expected.")
    return int(text)


def main(arguments: list[str]) -> int:
    """Serve until told to stop.

    Returns:
        1 for a wrong configuration, 2 when the data directory can't be had; the process ends with 0 after SIGTERM or
        SIGINT, with 1 if the port can't be had.
    """
    parser = argparse.ArgumentParser("clickhouse server", description="The embedded ClickHouse over HTTP.")
    parser.add_argument("--data", type=Path, default="/var/lib/clickhouse")
    parser.add_argument("--config", type=Path, default="/etc/clickhouse-server", help="holds config.d and users.d")
    parser.add_argument("--backups", type=Path, default="/backups")
    parser.add_argument("--port", type=int, help="instead of http_port")
    parser.add_argument("--receive-timeout", type=float, default=30, help="seconds of silence inside a request")
    options, _ = parser.parse_known_args(arguments)
    configure_logging()
    try:
        users = Users.load(options.config / "users.d")
        config = xml_merge.load(_BASE, options.config / "config.d")
        port = _number(config, "http_port") if options.port is None else options.port
        host, limit = _last_text(config, "listen_host"), _number(config, "max_concurrent_queries")
    except (xml_merge.ConfigError, ValueError) as error:
        log.error("configuration_refused", error=str(error))
        return 1
    for warning in (*users.warnings, "SQL users, roles, row policies, quotas, settings constraints: see the README"):
        log.warning("not_enforced", what=warning)
    if ignored := sorted({element.tag for element in config} & _NOT_APPLIED):
        log.warning("configuration_not_applied", elements=ignored)

    try:
        engine = Engine(options.data, engine_config(config, options.backups), users.engine_users_config())
    except RuntimeError as error:
        log.error("data_directory_refused", error=str(error))
        return 2
    server = uvicorn.Server(
        uvicorn.Config(
            HttpInterface(engine, users, limit),
            host=host,
            port=port,
            # uvicorn calls it as it calls a class
            http=functools.partial(Protocol, receive_timeout=options.receive_timeout),  # type: ignore[arg-type]
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # <networks> is about the peer, not about what a header says
            timeout_keep_alive=30,
            timeout_graceful_shutdown=STOP_AFTER_S,
            lifespan="on",
        )
    )
    log.info("ready", version=engine.version, port=port, users=sorted(users.by_name), data=str(options.data))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # uvicorn raises it again after a clean stop
    server.run()
    log.info("stopped")
    sys.stdout.flush()
    # the engine is closed; interpreter teardown would only race its static destructors
    os._exit(0 if server.started else 1)
