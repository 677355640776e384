"""Certificate Manager by boto3 and the `aws` command."""

import json
import os
import socket
import ssl
import subprocess
import urllib.request

import botocore.exceptions
import pytest

from conftest import Berth, free_port, until

KEY_TYPES = ["RSA_2048", "EC_prime256v1"]
# Where the proxy of a fresh Berth puts its first load balancer.
ADDRESS = "127.0.64.1"


@pytest.fixture
def acm(berth, region):
    return berth.client(region, "acm")


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture
def chain(tmp_path):
    """A leaf with an RSA key that an authority signed: (leaf, key, authority), paths of PEM files."""
    ca, ca_key, key, request, leaf = (tmp_path / name for name in ("ca.pem", "ca.key", "leaf.key", "leaf.csr", "leaf.pem"))
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/O=Test Authority/CN=root", "-keyout", ca_key, "-out", ca)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.example.com", "-keyout", key, "-out", request)
    names = tmp_path / "names.txt"
    names.write_text("subjectAltName=DNS:shop.example.com,DNS:*.shop.example.com\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n")
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "20", "-extfile", names, "-out", leaf)
    return leaf, key, ca


def test_a_certificate_imported_as_terraform_does_it_reads_back(acm, chain):
    leaf, key, ca = (path.read_bytes() for path in chain)
    arn = acm.import_certificate(Certificate=leaf, PrivateKey=key, CertificateChain=ca, Tags=[{"Key": "Name", "Value": "shop"}])["CertificateArn"]
    detail = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert detail["DomainName"] == "shop.example.com" and detail["Status"] == "ISSUED" and detail["Type"] == "IMPORTED"
    assert detail["SubjectAlternativeNames"] == ["shop.example.com", "*.shop.example.com"]
    assert detail["KeyAlgorithm"] == "RSA_2048" and detail["SignatureAlgorithm"] == "SHA256WITHRSA" and detail["Issuer"] == "Test Authority"
    assert detail["KeyUsages"] == [{"Name": "DIGITAL_SIGNATURE"}]
    assert detail["ExtendedKeyUsages"] == [{"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"}]
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "Name", "Value": "shop"}]
    got = acm.get_certificate(CertificateArn=arn)
    assert got["Certificate"].split() == leaf.decode().split() and got["CertificateChain"].split() == ca.decode().split()
    listed = acm.list_certificates(Includes={"keyTypes": KEY_TYPES})["CertificateSummaryList"]
    assert [one["CertificateArn"] for one in listed] == [arn] and listed[0]["InUse"] is False
    acm.delete_certificate(CertificateArn=arn)
    with pytest.raises(acm.exceptions.ResourceNotFoundException):
        acm.describe_certificate(CertificateArn=arn)


def test_a_certificate_without_its_chain_or_key_is_refused(acm, chain):
    leaf, key, ca = (path.read_bytes() for path in chain)
    for request in ({"Certificate": leaf, "PrivateKey": key}, {"Certificate": leaf, "PrivateKey": key, "CertificateChain": leaf},
                    {"Certificate": ca, "PrivateKey": key}, {"Certificate": b"x", "PrivateKey": key}):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            acm.import_certificate(**request)
        assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_the_aws_command_imports_and_lists(berth, region, chain):
    def aws(*words):
        done = subprocess.run(["aws", "acm", *map(str, words), "--output", "json"], capture_output=True, text=True,
                              env=berth.environment(region), timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None
    leaf, key, ca = (f"fileb://{path}" for path in chain)
    arn = aws("import-certificate", "--certificate", leaf, "--private-key", key, "--certificate-chain", ca)["CertificateArn"]
    again = aws("import-certificate", "--certificate-arn", arn, "--certificate", leaf, "--private-key", key, "--certificate-chain", ca)
    assert again["CertificateArn"] == arn
    assert [one["CertificateArn"] for one in aws("list-certificates")["CertificateSummaryList"]] == [arn]
    aws("add-tags-to-certificate", "--certificate-arn", arn, "--tags", "Key=a,Value=b")
    assert aws("list-tags-for-certificate", "--certificate-arn", arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_certificates_are_not_issued_without_a_directory(acm):
    with pytest.raises(acm.exceptions.InvalidParameterException) as caught:
        acm.request_certificate(DomainName="a.example.com")
    assert "ACME directory" in str(caught.value)
    assert acm.get_account_configuration()["ExpiryEvents"]["DaysBeforeExpiry"] == 45


@pytest.fixture
def issuing(tmp_path):
    """A Berth whose certificates an ACME server issues, which finds every name at the first balancer: (berth, port that it asks, its management)."""
    port, directory, dns, http = free_port(), free_port(), free_port(), free_port()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
            "-keyout", tmp_path / "key.pem", "-out", tmp_path / "root.pem")
    config = {"listenAddress": f"127.0.0.1:{directory}", "managementListenAddress": f"127.0.0.1:{http}",
              "certificate": str(tmp_path / "root.pem"), "privateKey": str(tmp_path / "key.pem"), "httpPort": port, "tlsPort": port,
              "ocspResponderURL": "", "externalAccountBindingRequired": False}
    (tmp_path / "config.json").write_text(json.dumps({"pebble": config}))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    names = subprocess.Popen(["pebble-challtestsrv", "-defaultIPv4", ADDRESS, "-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns}", "-http01", "", "-https01", "",
                              "-tlsalpn01", "", "-management", "127.0.0.1:0"], **quiet)
    pebble = subprocess.Popen(["pebble", "-config", tmp_path / "config.json", "-dnsserver", f"127.0.0.1:{dns}"],
                              env={**os.environ, "PEBBLE_VA_NOSLEEP": "1"}, **quiet)
    folder = tmp_path / "berth"
    folder.mkdir()
    berth = Berth(folder)
    try:
        berth.start("--no-agent", "--acme-directory", f"https://localhost:{directory}/dir", "--acme-root", str(tmp_path / "root.pem"))
        yield berth, port, f"https://127.0.0.1:{http}"
    finally:
        berth.end()
        for process in (pebble, names):
            process.kill()
            process.wait()


def test_lb39_a_requested_certificate_is_validated_through_a_listener_and_shown_by_another(issuing):
    berth, port, management = issuing
    acm, elb, ec2 = (berth.client(service=service) for service in ("acm", "elbv2", "ec2"))
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    web = elb.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    hello = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": "hello", "ContentType": "text/plain"}}
    elb.create_listener(LoadBalancerArn=web, Port=port, Protocol="HTTP", DefaultActions=[hello])
    arn = acm.request_certificate(DomainName="shop.example.com", ValidationMethod="DNS")["CertificateArn"]
    acm.get_waiter("certificate_validated").wait(CertificateArn=arn, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Type"] == "AMAZON_ISSUED"
    tls = free_port()
    elb.create_listener(LoadBalancerArn=web, Port=tls, Protocol="HTTPS", Certificates=[{"CertificateArn": arn}], DefaultActions=[hello])
    anything = ssl._create_unverified_context()
    root = urllib.request.urlopen(f"{management}/roots/0", context=anything).read().decode()
    trusting = ssl.create_default_context(cadata=root)

    def greeting():
        try:
            with socket.create_connection((ADDRESS, tls), 5) as plain, trusting.wrap_socket(plain, server_hostname="shop.example.com") as s:
                s.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n")
                return b"".join(iter(lambda: s.recv(4096), b""))
        except ConnectionError:
            return None
    assert until("the listener shows its certificate", greeting, 20).endswith(b"hello")
