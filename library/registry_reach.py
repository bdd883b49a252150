#!/usr/bin/python
"""Ask whether the registries of images can be reached from a host, before anything is built on it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_reach
short_description: Ask registries for the images a host will pull
description:
  - Asks C(/v2/) of the registry of each image that the host does not have, and of the mirrors Docker has for it, by the
    proxy Docker has. Needs no Docker Engine; one that answers is asked for its mirrors, proxy and images.
  - Fails when nobody answers for an image. An answer that is no yes (another status than 200 and 401, an untrusted
    certificate, a proxy that only this process has) is a warning, because Docker may know better.
options:
  images:
    description: Images to be pulled.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {type: str, required: true, description: The image as it is pulled.}
      made: {type: str, description: Image that is made from it; where the host has that one nothing is pulled.}
      variable: {type: str, required: true, description: Variable that names the image.}
      ways: {type: str, required: true, description: What to do without its registry, as a sentence.}
  timeout:
    description: Seconds all questions together may take.
    type: float
    default: 8
  daemon_configuration:
    description: Docker's configuration file.
    type: path
    default: /etc/docker/daemon.json
  service_folder:
    description: Folder of systemd's additions to Docker's unit, which may set a proxy.
    type: path
    default: /etc/systemd/system/docker.service.d
attributes:
  check_mode: {support: full}
  diff_mode: {support: none}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Ask the registry
  registry_reach:
    images:
      - name: clickhouse/clickhouse-server:26.3.16.16
        variable: clickhouse_image
        ways: Set clickhouse_image to embedded.
"""

RETURN = r"""
answers:
  description: By image, C(there), C(yes), or why its registry gave no yes.
  type: dict
  returned: always
"""

import contextlib
import ipaddress
import json
import queue
import re
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule

HUB, HUB_URL = "docker.io", "https://registry-1.docker.io"
YES, DOUBT, NO = "yes", "doubt", "no"


def registry_of(image: str) -> str:
    """Return the registry's host, with its port, of an image's name; Docker Hub where the name has none."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named and first not in ("docker.io", "index.docker.io") else HUB


def docker(*arguments: str) -> str | None:
    """Return what Docker's command prints, None where it or the engine does not answer."""
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def engine() -> dict | None:
    """Return what a running engine says of itself, None where none answers."""
    try:
        found = json.loads(docker("info", "--format", "{{json .}}") or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("ServerVersion") else None


def configured(path: Path, folder: Path) -> dict:
    """Return, in the engine's own words, what its files will tell an engine that does not run yet."""
    try:
        daemon = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        daemon = {}
    daemon = daemon if isinstance(daemon, dict) else {}
    proxies = daemon.get("proxies")
    proxies = proxies if isinstance(proxies, dict) else {}
    text = ""
    for file in sorted(folder.glob("*.conf")) if folder.is_dir() else []:
        try:
            text += file.read_text(encoding="utf-8") + "\n"
        except (OSError, ValueError):
            continue
    unit = {name.lower(): value for name, value in re.findall(r"""(\w+_PROXY)=([^\s"']+)""", text, re.IGNORECASE)}
    return {
        "RegistryConfig": {
            "Mirrors": daemon.get("registry-mirrors", []),
            "IndexConfigs": {name: {"Secure": False} for name in daemon.get("insecure-registries", [])},
        },
        "HttpProxy": proxies.get("http-proxy") or unit.get("http_proxy", ""),
        "HttpsProxy": proxies.get("https-proxy") or unit.get("https_proxy", ""),
        "NoProxy": proxies.get("no-proxy") or unit.get("no_proxy", ""),
    }


def endpoints(registry: str, known: dict) -> list[str]:
    """Return the URLs that Docker would try for a registry, its mirrors first."""
    configuration = known.get("RegistryConfig") or {}
    if registry == HUB:
        return [mirror.rstrip("/") for mirror in configuration.get("Mirrors") or []] + [HUB_URL]
    insecure = not (configuration.get("IndexConfigs") or {}).get(registry, {}).get("Secure", True)
    local = re.match(r"(localhost|127\.[0-9.]+|\[::1\])(:|$)", registry)
    return [f"https://{registry}"] + ([f"http://{registry}"] if insecure or local else [])


def in_networks(host: str | None, without: str) -> bool:
    """Whether a host is an address in a network that needs no proxy; Docker knows networks, Python's library not."""
    for entry in without.split(","):
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(host or "") in ipaddress.ip_network(entry.strip(), strict=False):
                return True
    return False


def proxies_for(url: str, known: dict) -> dict[str, str]:
    """Return the proxy for a URL, as Docker's own settings name it."""
    found = {"http": known.get("HttpProxy") or "", "https": known.get("HttpsProxy") or ""}
    bypasses = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined] # typeshed lacks it
    without = known.get("NoProxy") or ""
    if without and (bypasses(urlsplit(url).netloc, {"no": without}) or in_networks(urlsplit(url).hostname, without)):
        return {}
    return {scheme: proxy for scheme, proxy in found.items() if proxy}


def ask(url: str, proxies: dict[str, str], timeout: float) -> tuple[str, str]:
    """Return (yes, doubt or no, why): a registry answers /v2/ with 200, or 401 where it wants a login."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    try:
        status = opener.open(f"{url}/v2/", timeout=timeout).status
    except urllib.error.HTTPError as error:
        status = error.code
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return DOUBT, f"{url} has a certificate that this host does not trust: {reason.verify_message}"
        words = f"{url}: {getattr(reason, 'strerror', None) or reason}"
        # a running engine does not show the password of its proxy, so ours was a wrong one
        return (DOUBT if " 407 " in words else NO), words
    return (YES, "") if status in (200, 401) else (DOUBT, f"{url} answers HTTP {status}")


def answer_for(registry: str, known: dict, is_running: bool, timeout: float) -> tuple[str, str]:
    """Ask every way to a registry at once; the best answer within the time counts.

    :param known: mirrors and proxy of Docker
    :param is_running: whether they are those of a running engine
    :param timeout: seconds for all
    """
    urls = endpoints(registry, known)
    ways = [(url, proxies_for(url, known), False) for url in urls]
    own = urllib.request.getproxies()
    if not is_running and own and not any(proxies for _, proxies, _ in ways):
        ways += [(url, own, True) for url in urls]
    answers: queue.Queue[tuple[str, str]] = queue.Queue()

    def one(url: str, proxies: dict[str, str], is_own: bool) -> None:
        verdict, why = ask(url, proxies, timeout)
        if verdict == YES and is_own:
            verdict, why = DOUBT, f"{url} answers by the proxy of the environment, which Docker must be told of too"
        answers.put((verdict, why))

    for way in ways:
        # a name server that does not answer holds a thread beyond any timeout of ours
        threading.Thread(target=one, args=way, daemon=True).start()
    found: list[tuple[str, str]] = []
    deadline = time.monotonic() + timeout
    while len(found) < len(ways) and (YES, "") not in found:
        try:
            found.append(answers.get(timeout=max(0.0, deadline - time.monotonic())))
        except queue.Empty:
            found.append((NO, f"no answer within {timeout:g} s"))
            break
    best = next((verdict for verdict in (YES, DOUBT, NO) if any(entry[0] == verdict for entry in found)), NO)
    return best, "; ".join(dict.fromkeys(why for verdict, why in found if verdict == best and why))


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "images": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "made": {"type": "str"},
                    "variable": {"type": "str", "required": True},
                    "ways": {"type": "str", "required": True},
                },
            },
            "timeout": {"type": "float", "default": 8},
            "daemon_configuration": {"type": "path", "default": "/etc/docker/daemon.json"},
            "service_folder": {"type": "path", "default": "/etc/systemd/system/docker.service.d"},
        },
        supports_check_mode=True,
    )
    want = module.params
    wanted, answers = [], {}
    running = engine()
    for image in want["images"]:
        if running and docker("image", "inspect", "--format", "there", image["made"] or image["name"]):
            answers[image["name"]] = "there"
        else:
            wanted.append(image)
    known = running or configured(Path(want["daemon_configuration"]), Path(want["service_folder"]))
    problems, asked = [], {}
    for image in wanted:
        registry = registry_of(image["name"])
        if registry not in asked:
            asked[registry] = answer_for(registry, known, running is not None, want["timeout"])
        verdict, why = asked[registry]
        answers[image["name"]] = why or verdict
        if verdict == DOUBT:
            module.warn(f"{image['variable']}={image['name']} may not be pulled from {registry}: {why}.")
        if verdict == NO:
            problems.append(
                f"{image['variable']}={image['name']} cannot be pulled: no way from this host to its registry"
                f" {registry} ({why}). {image['ways']}"
            )
    if problems:
        module.fail_json(msg=" ".join(problems), answers=answers, changed=False)
    module.exit_json(changed=False, answers=answers)


if __name__ == "__main__":
    main()
