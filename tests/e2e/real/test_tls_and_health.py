"""The portal over TLS by skykey itself, and the health address."""

import subprocess

import pytest
import requests

from realsite import Site, free_base_port


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory, stack, in_order):
    folder = tmp_path_factory.mktemp("tls")
    port = free_base_port()
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
        " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "key.pem").chmod(0o600)
    portal = (
        f'listen = "127.0.0.1:{port}"\npublic = "https://127.0.0.1:{port}/"\n'
        f'certificate = "{folder}/cert.pem"\nkey = "{folder}/key.pem"'
    )
    with Site(folder / "site", stack, portal=portal) as site:
        yield site, folder / "cert.pem"


def test_a_lease_over_tls_by_api_and_browser(over_tls, published, monkeypatch):
    site, certificate = over_tls
    assert site.up["portal"].startswith("https://")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(site.up["portal"])
    plain = site.up["portal"].replace("https:", "http:")
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(plain, timeout=10)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    bob = site.person("bob")
    assert bob.lease(method="sts-lite").client().list_objects_v2(Bucket="m13")["KeyCount"] > 0
    page = bob.portal_lease(lifetime="3600")
    assert page.status_code == 200 and "AWS_SESSION_TOKEN" in page.text
    portals = [cookie for cookie in bob.browser.cookies if cookie.name != "skykey_iam"]
    assert portals and all(cookie.secure for cookie in portals), portals


def test_the_health_address(over_tls, readyz, eventually):
    site, _ = over_tls
    assert requests.get(site.health + "healthz").text == "ok\n"
    # Each survey is proved first.
    eventually(lambda: readyz(site)[0], 45, "ready")
    _, systems = readyz(site)
    assert {"iam", "keystone", "sts", "echo", "survey m13 by sts-lite"} <= set(systems)
    metrics = requests.get(site.health + "metrics").text
    assert 'skykey_upstream_attempts_total{system="Keystone"' in metrics
    assert requests.get(site.health + "api/v1/surveys").status_code == 404
