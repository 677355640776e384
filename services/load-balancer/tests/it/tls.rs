//! LB-39 with real handshakes.

use std::collections::HashMap;
use std::sync::Arc;

use load_balancer::session::Served;
use load_balancer::tls::{Accepted, Alpn, TargetTls, Termination, Terminations, TlsError};
use routing::Certificate;
use routing::snapshot::{ListenerProtocol, ListenerTls, MutualAuthentication};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fixture::{self, Rig};
use crate::world::{certificate, soon};

const POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

pub fn listener_tls(certificates: &[Certificate]) -> ListenerTls {
    ListenerTls {
        default_certificate: certificates[0].arn.clone(),
        certificates: certificates[1..]
            .iter()
            .map(|certificate| certificate.arn.clone())
            .collect(),
        policy: POLICY.to_owned(),
        alpn_policy: None,
        mutual: MutualAuthentication::Off,
    }
}

fn build(
    terminations: &Terminations,
    tls: &ListenerTls,
    certificates: &[Certificate],
) -> Result<Arc<Termination>, TlsError> {
    let known: HashMap<&str, &Certificate> = certificates
        .iter()
        .map(|certificate| (certificate.arn.as_str(), certificate))
        .collect();
    terminations.listener("listener", tls, Alpn::Http2, |arn| known.get(arn).copied())
}

/// Terminates with these certificates, the first being the default.
pub fn termination(certificates: &[Certificate]) -> Arc<Termination> {
    build(&Terminations::new(), &listener_tls(certificates), certificates).unwrap()
}

/// Trusts these certificates.
fn client(trusted: &[Certificate], versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
    client_of(rustls::crypto::ring::default_provider(), trusted, versions)
}

fn client_of(
    provider: rustls::crypto::CryptoProvider,
    trusted: &[Certificate],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        let certificate = CertificateDer::from_pem_slice(certificate.chain.as_bytes()).unwrap();
        roots.add(certificate).unwrap();
    }
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

type Shaken = (
    std::io::Result<TlsStream<DuplexStream>>,
    Option<Accepted<DuplexStream>>,
);

async fn handshake(termination: &Termination, client: &Arc<ClientConfig>, host: &str) -> Shaken {
    let (near, far) = duplex(64 * 1024);
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let connect = async {
        let mut stream = TlsConnector::from(client.clone()).connect(name, near).await?;
        // Tickets, and a refusal of the client's certificate, come with the first bytes.
        stream.read_exact(&mut [0; 1]).await?;
        Ok(stream)
    };
    let accept = async {
        let mut accepted = termination.accept(far).await.ok()?;
        accepted.stream.write_all(b"x").await.ok()?;
        accepted.stream.flush().await.ok()?;
        Some(accepted)
    };
    tokio::join!(connect, accept)
}

async fn shown(termination: &Termination, client: &Arc<ClientConfig>, host: &str) -> String {
    let (_, accepted) = handshake(termination, client, host).await;
    accepted.unwrap().facts.certificate.unwrap().to_string()
}

#[tokio::test]
async fn lb39_the_certificate_is_chosen_by_name_exact_before_wildcard_before_default() {
    let all = [
        certificate("default", 1, &["default.test"]),
        certificate("wildcard", 1, &["*.shop.test"]),
        certificate("exact", 1, &["www.shop.test"]),
    ];
    let termination = termination(&all);
    let client = Arc::new(client(&all, &[&rustls::version::TLS13, &rustls::version::TLS12]));
    assert_eq!(shown(&termination, &client, "www.shop.test").await, "exact");
    assert_eq!(shown(&termination, &client, "api.shop.test").await, "wildcard");
    assert_eq!(shown(&termination, &client, "default.test").await, "default");
    let (stream, accepted) = handshake(&termination, &client, "nobody.test").await;
    assert!(stream.is_err(), "the default one does not name this host");
    assert!(accepted.is_none_or(|accepted| accepted.facts.certificate.as_deref() == Some("default")));
}

#[tokio::test]
async fn lb39_versions_ciphers_and_protocols_are_those_of_the_policy() {
    let all = [certificate("c", 1, &["a.test"])];
    let mut tls = listener_tls(&all);
    let mut old = client(&all, &[&rustls::version::TLS12]);
    old.alpn_protocols = vec![b"http/1.1".to_vec()];
    let old = Arc::new(old);
    let (_, accepted) = handshake(&build(&Terminations::new(), &tls, &all).unwrap(), &old, "a.test").await;
    let accepted = accepted.unwrap();
    assert_eq!(
        (accepted.facts.protocol, accepted.facts.cipher),
        ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")
    );
    assert_eq!(accepted.facts.server_name.as_deref(), Some("a.test"));
    assert_eq!(accepted.handshake.alpn.as_deref(), Some(&b"http/1.1"[..]));
    assert!(!accepted.facts.h2);

    tls.policy = "ELBSecurityPolicy-TLS13-1-3-2021-06".to_owned();
    let newest = build(&Terminations::new(), &tls, &all).unwrap();
    assert!(handshake(&newest, &old, "a.test").await.1.is_none());
    let mut new = client(&all, &[&rustls::version::TLS13]);
    new.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    let accepted = handshake(&newest, &Arc::new(new), "a.test").await.1.unwrap();
    assert_eq!(
        (accepted.facts.protocol, accepted.facts.cipher),
        ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    );
    assert!(accepted.facts.h2, "the listener's preference counts");
}

#[tokio::test]
async fn lb39_only_what_changed_is_built_anew_and_sessions_are_resumed_over_it() {
    for versions in [[&rustls::version::TLS13], [&rustls::version::TLS12]] {
        let terminations = Terminations::new();
        let first = [certificate("a", 1, &["a.test"]), certificate("b", 1, &["b.test"])];
        let mut tls = listener_tls(&first);
        let before = build(&terminations, &tls, &first).unwrap();
        assert!(
            Arc::ptr_eq(&before, &build(&terminations, &tls, &first).unwrap()),
            "nothing changed"
        );
        let client = Arc::new(client(&first, &versions));
        let kind = |stream: &std::io::Result<TlsStream<DuplexStream>>| {
            stream.as_ref().unwrap().get_ref().1.handshake_kind()
        };
        let (stream, _) = handshake(&before, &client, "a.test").await;
        assert_eq!(kind(&stream), Some(HandshakeKind::Full));
        let second = [first[0].clone(), certificate("b", 2, &["b.test"])];
        let after = build(&terminations, &tls, &second).unwrap();
        assert!(!Arc::ptr_eq(&before, &after));
        let (stream, _) = handshake(&after, &client, "a.test").await;
        assert_eq!(kind(&stream), Some(HandshakeKind::Resumed));
        // Other demands on the client: nobody gets in on a former session.
        tls.mutual = MutualAuthentication::Passthrough;
        let demanding = build(&terminations, &tls, &second).unwrap();
        let (stream, _) = handshake(&demanding, &client, "a.test").await;
        assert_eq!(kind(&stream), Some(HandshakeKind::Full));
    }
}

#[test]
fn lb39_what_cannot_be_used_is_a_sentence_and_not_a_crash() {
    let good = certificate("good", 1, &["a.test"]);
    let mut bad = certificate("bad", 1, &["b.test"]);
    bad.private_key = good.private_key.clone();
    let terminations = Terminations::new();
    let error = build(&terminations, &listener_tls(&[bad.clone()]), &[bad.clone()]).unwrap_err();
    assert!(
        error.to_string().starts_with("certificate bad cannot be used: "),
        "{error}"
    );
    let both = [good, bad];
    let termination = build(&terminations, &listener_tls(&both), &both).unwrap();
    assert_eq!(
        termination.complaints().len(),
        1,
        "a listener works without one of its other certificates"
    );
    let error = build(&terminations, &listener_tls(&both), &both[1..]).unwrap_err();
    assert_eq!(error.to_string(), "certificate good is not here yet");
    let mut tls = listener_tls(&both);
    tls.policy = "ELBSecurityPolicy-1999".to_owned();
    let error = build(&terminations, &tls, &both).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SSL policy ELBSecurityPolicy-1999 is not known"
    );
}

/// An authority, and a client's certificate with its key that it signed.
struct Authority {
    pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: String,
}

fn authority(has_expired: bool) -> Authority {
    let (issuer, pem) = issuer();
    signed_by(&issuer, pem, has_expired)
}

/// An authority with a client, and its list on which this serial number stands.
fn authority_with_revocation(serial: &[u8]) -> (Authority, String) {
    let (issuer, pem) = issuer();
    let now = rcgen::date_time_ymd(2024, 1, 1);
    let revoked = rcgen::RevokedCertParams {
        serial_number: serial.to_vec().into(),
        revocation_time: now,
        reason_code: None,
        invalidity_date: None,
    };
    let list = rcgen::CertificateRevocationListParams {
        this_update: now,
        next_update: rcgen::date_time_ymd(2199, 1, 1),
        crl_number: vec![1].into(),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&issuer).unwrap().pem().unwrap();
    (signed_by(&issuer, pem, false), list)
}

fn issuer() -> (rcgen::Issuer<'static, rcgen::KeyPair>, String) {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.key_usages = vec![
        rcgen::KeyUsagePurpose::KeyCertSign,
        rcgen::KeyUsagePurpose::CrlSign,
    ];
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, "clients");
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = parameters.self_signed(&key).unwrap().pem();
    (rcgen::Issuer::new(parameters, key), pem)
}

fn signed_by(issuer: &rcgen::Issuer<'_, rcgen::KeyPair>, pem: String, has_expired: bool) -> Authority {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    let name = &mut parameters.distinguished_name;
    name.push(rcgen::DnType::CountryName, "DE");
    name.push(rcgen::DnType::OrganizationName, "Berth, Inc");
    name.push(rcgen::DnType::CommonName, "client");
    parameters.serial_number = Some(vec![0x03, 0xa5, 0xb1].into());
    parameters.not_before = rcgen::date_time_ymd(2023, 9, 21);
    parameters.not_after = rcgen::date_time_ymd(if has_expired { 2024 } else { 2199 }, 9, 20);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = parameters.signed_by(&key, issuer).unwrap();
    Authority {
        pem,
        chain: vec![leaf.der().clone()],
        key: key.serialize_pem(),
    }
}

fn with_certificate(mut config: ClientConfig, authority: &Authority) -> Arc<ClientConfig> {
    let key = PrivateKeyDer::from_pem_slice(authority.key.as_bytes()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let key = rustls::sign::CertifiedKey::from_der(authority.chain.clone(), key, &provider).unwrap();
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(key));
    Arc::new(config)
}

fn verify(authority: &Authority, ignore_expiry: bool) -> MutualAuthentication {
    MutualAuthentication::Verify {
        trust_store: "clients".to_owned(),
        authorities: authority.pem.clone(),
        revocations: Vec::new(),
        ignore_expiry,
        advertise_authorities: false,
    }
}

#[tokio::test]
async fn lb39_verify_lets_in_only_clients_of_the_trust_store_and_tells_the_target_of_them() {
    let all = [certificate("c", 1, &["a.test"])];
    let versions = [&rustls::version::TLS13];
    let known = authority(false);
    let mut tls = listener_tls(&all);
    tls.mutual = verify(&known, false);
    let termination = build(&Terminations::new(), &tls, &all).unwrap();
    let nobody = Arc::new(client(&all, &versions));
    assert!(handshake(&termination, &nobody, "a.test").await.0.is_err());
    let stranger = with_certificate(client(&all, &versions), &authority(false));
    assert!(handshake(&termination, &stranger, "a.test").await.0.is_err());

    let friend = with_certificate(client(&all, &versions), &known);
    let accepted = handshake(&termination, &friend, "a.test").await.1.unwrap();
    let headers = &accepted.facts.client_certificate_headers;
    let texts: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        texts[..4],
        [
            ("X-Amzn-Mtls-Clientcert-Serial-Number", "03A5B1"),
            ("X-Amzn-Mtls-Clientcert-Issuer", "CN=clients"),
            ("X-Amzn-Mtls-Clientcert-Subject", "CN=client,O=Berth\\, Inc,C=DE"),
            (
                "X-Amzn-Mtls-Clientcert-Validity",
                "NotBefore=2023-09-21T00:00:00Z;NotAfter=2199-09-20T00:00:00Z"
            ),
        ]
    );
    assert!(texts[4].1.starts_with("-----BEGIN%20CERTIFICATE-----%0A"));
}

#[tokio::test]
async fn lb39_an_expired_client_certificate_is_taken_only_if_expiry_is_ignored() {
    let all = [certificate("c", 1, &["a.test"])];
    let known = authority(true);
    let friend = with_certificate(client(&all, &[&rustls::version::TLS13]), &known);
    for ignored in [false, true] {
        let mut tls = listener_tls(&all);
        tls.mutual = verify(&known, ignored);
        let termination = build(&Terminations::new(), &tls, &all).unwrap();
        assert_eq!(
            handshake(&termination, &friend, "a.test").await.0.is_ok(),
            ignored
        );
    }
}

#[tokio::test]
async fn lb39_passthrough_takes_any_certificate_or_none() {
    let all = [certificate("c", 1, &["a.test"])];
    let mut tls = listener_tls(&all);
    tls.mutual = MutualAuthentication::Passthrough;
    let termination = build(&Terminations::new(), &tls, &all).unwrap();
    let config = || client(&all, &[&rustls::version::TLS13]);
    let accepted = handshake(&termination, &Arc::new(config()), "a.test")
        .await
        .1
        .unwrap();
    assert!(accepted.facts.client_certificate_headers.is_empty());
    let stranger = with_certificate(config(), &authority(true));
    let accepted = handshake(&termination, &stranger, "a.test").await.1.unwrap();
    assert_eq!(
        accepted.facts.client_certificate_headers[0].0,
        "X-Amzn-Mtls-Clientcert"
    );
}

#[tokio::test]
async fn targets_may_show_any_certificate() {
    let termination = termination(&[certificate("c", 1, &["elsewhere.test"])]);
    let (near, far) = duplex(64 * 1024);
    let targets = TargetTls::new();
    let (connected, accepted) = tokio::join!(
        targets.connect(near, [127, 0, 0, 1].into(), Some(b"h2")),
        termination.accept(far)
    );
    assert_eq!(connected.unwrap().get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert!(accepted.unwrap().facts.server_name.is_none());
}

#[tokio::test]
async fn lb39_a_revoked_client_certificate_is_refused() {
    let all = [certificate("c", 1, &["a.test"])];
    let (known, revocations) = authority_with_revocation(&[0x03, 0xa5, 0xb1]);
    let friend = with_certificate(client(&all, &[&rustls::version::TLS13]), &known);
    for (lists, is_let_in) in [(Vec::new(), true), (vec![revocations], false)] {
        let mut tls = listener_tls(&all);
        tls.mutual = MutualAuthentication::Verify {
            trust_store: "clients".to_owned(),
            authorities: known.pem.clone(),
            revocations: lists,
            ignore_expiry: false,
            advertise_authorities: true,
        };
        let termination = build(&Terminations::new(), &tls, &all).unwrap();
        assert_eq!(
            handshake(&termination, &friend, "a.test").await.0.is_ok(),
            is_let_in
        );
    }
}

#[tokio::test]
async fn lb39_of_two_certificates_for_a_name_the_client_gets_the_best_that_it_can_use() {
    let rsa = Certificate {
        arn: "rsa".to_owned(),
        revision: 1,
        chain: include_str!("rsa/certificate.pem").to_owned(),
        private_key: include_str!("rsa/key.pem").to_owned(),
    };
    let all = [
        certificate("default", 1, &["default.test"]),
        rsa,
        certificate("ecdsa", 1, &["both.test"]),
    ];
    let termination = termination(&all);
    let modern = Arc::new(client(&all, &[&rustls::version::TLS13, &rustls::version::TLS12]));
    assert_eq!(shown(&termination, &modern, "both.test").await, "ecdsa");

    let mut provider = rustls::crypto::ring::default_provider();
    provider
        .cipher_suites
        .retain(|suite| format!("{:?}", suite.suite()).contains("ECDHE_RSA"));
    let old = client_of(provider, &all, &[&rustls::version::TLS12]);
    assert_eq!(shown(&termination, &Arc::new(old), "both.test").await, "rsa");
}

/// A connection to the HTTPS listener of a proxy, by a client that trusts these certificates.
async fn https(rig: &Rig, trusted: &[Certificate]) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(rig.address).await?;
    let client = Arc::new(client(trusted, &[&rustls::version::TLS13]));
    let name = ServerName::try_from("a.test").unwrap();
    TlsConnector::from(client).connect(name, stream).await
}

async fn get(stream: &mut TlsStream<TcpStream>) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 4096];
    let length = soon("an answer", stream.read(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn lb39_a_new_certificate_is_shown_to_new_connections_and_old_ones_stay() {
    let rig = Rig::new();
    let first = certificate("c", 1, &["a.test"]);
    let second = certificate("c", 2, &["a.test"]);
    let mut config = fixture::balancer(vec![fixture::fixed(200, "served")]);
    config.listeners[0].protocol = ListenerProtocol::Https;
    config.listeners[0].tls = Some(listener_tls(std::slice::from_ref(&first)));
    rig.proxy.set_balancer(config);
    let failure = |rig: &Rig| rig.proxy.statuses()[0].2[0].failure.clone();
    assert_eq!(failure(&rig).as_deref(), Some("certificate c is not here yet"));
    let mut unusable = first.clone();
    unusable.revision = 0;
    unusable.private_key = "nonsense".to_owned();
    rig.proxy.set_certificate(unusable);
    let text = failure(&rig).unwrap_or_default();
    assert!(
        text.starts_with("certificate c cannot be used: its private key is not PEM"),
        "{text}"
    );

    rig.proxy.set_certificate(first.clone());
    assert_eq!(failure(&rig), None);
    let mut old = https(&rig, std::slice::from_ref(&first)).await.unwrap();
    assert!(get(&mut old).await.ends_with("served"));
    rig.proxy.set_certificate(second.clone());
    assert!(https(&rig, std::slice::from_ref(&first)).await.is_err());
    let mut new = https(&rig, std::slice::from_ref(&second)).await.unwrap();
    assert!(get(&mut new).await.ends_with("served"));
    assert!(get(&mut old).await.ends_with("served"));
}
