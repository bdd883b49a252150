"""A certificate that cannot serve is refused with what is wrong with it, and its key is never quoted."""

from __future__ import annotations

import pytest
from filter.certificate_problem import certificate_problem

from tests.certificates import certificate

CERTIFICATE, KEY = certificate("bi.example.org")


@pytest.mark.parametrize(
    ("names", "hostname"),
    [
        (("bi.example.org",), "bi.example.org"),
        (("other.example.org", "bi.example.org"), "BI.example.org"),
        (("*.example.org",), "bi.example.org"),
    ],
)
def test_certificate_of_the_host_can_serve(names, hostname):
    assert certificate_problem(*certificate(*names), hostname) == ""


def test_chain_begins_with_the_hosts_own():
    other, _ = certificate("authority.example.org")
    assert certificate_problem(CERTIFICATE + other, KEY, "bi.example.org") == ""
    assert "is not the key of" in certificate_problem(other + CERTIFICATE, KEY, "bi.example.org")


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("", ""), "needs tls_proxy_certificate and tls_proxy_key"),
        ((CERTIFICATE, ""), "needs tls_proxy_certificate and tls_proxy_key"),
        (("garbage", KEY), "tls_proxy_certificate is no certificate in PEM"),
        ((CERTIFICATE, "garbage"), "tls_proxy_key is no private key in PEM"),
        ((CERTIFICATE, certificate("bi.example.org")[1]), "tls_proxy_key is not the key of tls_proxy_certificate"),
        (certificate("bi.example.org", days=-1), "Give one that is valid now"),
        (certificate("www.example.org"), "www.example.org, and not for tls_proxy_hostname=bi.example.org"),
        (certificate("*.bi.example.org"), "and not for tls_proxy_hostname=bi.example.org"),
        (certificate(), "for no name"),
    ],
)
def test_what_is_wrong_is_said_without_the_key(pair, words):
    sentence = certificate_problem(*pair, "bi.example.org")
    assert words in sentence
    assert "PRIVATE" not in sentence
    for line in pair[1].splitlines()[1:-1]:
        assert line not in sentence
