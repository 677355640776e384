use chrono::TimeDelta;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P384_SHA384,
};

use super::*;

fn now() -> DateTime<Utc> {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, names[0]);
    params
}

fn self_signed(names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params(names).self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut authority = params(&[name]);
    authority.subject_alt_names.clear();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::OrganizationName, "Test");
    CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
}

fn read_at(certificate: &str, key: &str, chain: Option<&str>, at: DateTime<Utc>) -> Result<Served, Flaw> {
    read(
        certificate.as_bytes(),
        key.as_bytes(),
        chain.map(str::as_bytes),
        at,
    )
}

#[test]
fn a_self_signed_certificate_says_what_it_is() {
    let (certificate, key) = self_signed(&["a.test", "*.a.test"]);
    let served = read_at(&certificate, &key, None, now()).unwrap();
    let facts = served.facts;
    assert_eq!(facts.domain_name, "a.test");
    assert_eq!(facts.alternative_names, ["a.test", "*.a.test"]);
    assert_eq!(
        (facts.subject.as_str(), facts.issuer.as_str()),
        ("CN=a.test", "a.test")
    );
    assert_eq!(facts.key_algorithm, "EC_prime256v1");
    assert_eq!(facts.signature_algorithm, "SHA256WITHECDSA");
    assert_eq!(
        facts.not_after,
        "2027-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(
        (served.certificate.lines().next(), served.chain),
        (Some("-----BEGIN CERTIFICATE-----"), None)
    );
}

#[test]
fn a_chain_has_to_lead_on_from_the_leaf() {
    let (root, other) = (authority("root"), authority("other"));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let leaf = params(&["a.test"]).signed_by(&key, &root).unwrap();
    let (leaf, key) = (leaf.pem(), key.serialize_pem());
    let served = read_at(&leaf, &key, Some(&root.pem()), now()).unwrap();
    assert_eq!(
        (served.facts.issuer.as_str(), served.facts.key_algorithm.as_str()),
        ("Test", "EC_secp384r1")
    );
    assert!(served.chain.is_some());
    assert_eq!(
        read_at(&leaf, &key, None, now()).unwrap_err(),
        Flaw::NotSelfSigned
    );
    assert_eq!(
        read_at(&leaf, &key, Some(&other.pem()), now()).unwrap_err(),
        Flaw::BrokenChain
    );
    assert_eq!(read_at(&leaf, &key, Some("x"), now()).unwrap_err(), Flaw::Chain);
    let full = format!("{leaf}{}", root.pem());
    assert_eq!(
        read_at(&full, &key, None, now()).unwrap_err(),
        Flaw::SeveralCertificates
    );
    let issued = read_issued(&full, key.as_bytes()).unwrap();
    assert_eq!(
        (issued.certificate, issued.chain),
        (served.certificate, served.chain)
    );
}

#[test]
fn what_could_not_be_served_is_refused_with_the_reason() {
    let (certificate, key) = self_signed(&["a.test"]);
    let (_, foreign) = self_signed(&["a.test"]);
    assert_eq!(
        read_at(&certificate, &foreign, None, now()).unwrap_err(),
        Flaw::OtherKey
    );
    assert_eq!(read_at(&key, &key, None, now()).unwrap_err(), Flaw::Certificate);
    assert_eq!(read_at("", &key, None, now()).unwrap_err(), Flaw::Certificate);
    assert_eq!(
        read_at(&certificate, &certificate, None, now()).unwrap_err(),
        Flaw::Key
    );
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert_eq!(
        read_at(&certificate, encrypted, None, now()).unwrap_err(),
        Flaw::EncryptedKey
    );
    let year = TimeDelta::days(365);
    assert!(matches!(
        read_at(&certificate, &key, None, now() + year),
        Err(Flaw::Expired(_))
    ));
    assert!(matches!(
        read_at(&certificate, &key, None, now() - year),
        Err(Flaw::NotYet(_))
    ));
}
