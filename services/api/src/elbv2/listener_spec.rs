//! What a listener is: protocol, port and how it terminates TLS (LB-39).

use aws_model::elbv2::ErrorCode;
use aws_model::elbv2::types::{
    AdvertiseTrustStoreCaNamesEnum, Certificate, MutualAuthenticationAttributes, ProtocolEnum,
    TrustStoreAssociationStatusEnum,
};
use domain::{ElbKind, Scope};
use routing::ssl_policy::{self, SslPolicy};
use store::listeners::{ListenerRow, ListenerSpec};
use store::{Tx, certificates, trust_stores};

use super::find;
use crate::{Error, Result};

const ALPN_POLICIES: [&str; 5] = [
    "HTTP1Only",
    "HTTP2Only",
    "HTTP2Optional",
    "HTTP2Preferred",
    "None",
];

/// What CreateListener and ModifyListener may say of it; `None` leaves what there is, or takes the default.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub protocol: Option<ProtocolEnum>,
    pub port: Option<i32>,
    pub ssl_policy: Option<String>,
    pub certificates: Option<Vec<Certificate>>,
    pub alpn_policy: Option<Vec<String>>,
    pub mutual: Option<MutualAuthenticationAttributes>,
}

/// What the listener is to be. Members of TLS go when it no longer terminates TLS.
///
/// # Errors
/// ValidationError, UnsupportedProtocol, CertificateNotFound, SSLPolicyNotFound, ALPNPolicyNotFound, InvalidConfigurationRequest,
/// TooManyCertificates.
pub fn merged(kind: &str, given: Given, before: Option<&ListenerRow>) -> Result<ListenerSpec> {
    let protocol = match (given.protocol, before) {
        (Some(protocol), _) => protocol.to_string(),
        (None, Some(before)) => before.protocol.clone(),
        (None, None) => return Err(Error::validation("A listener protocol must be specified")),
    };
    check_protocol(kind, &protocol)?;
    let port = given
        .port
        .or(before.map(|before| before.port))
        .ok_or_else(|| Error::validation("A listener port must be specified"))?;
    if !(1..=65535).contains(&port) {
        return Err(Error::validation(
            "The listener port must be between '1' and '65535'",
        ));
    }
    if !matches!(protocol.as_str(), "HTTPS" | "TLS") {
        return plain(protocol, port, &given);
    }
    let certificate = single_certificate(given.certificates)?
        .or_else(|| before.and_then(|before| before.certificate_arn.clone()))
        .ok_or_else(|| {
            Error::validation(format!(
                "A certificate must be specified for {protocol} listeners"
            ))
        })?;
    let policy = given
        .ssl_policy
        .or_else(|| before.and_then(|before| before.ssl_policy.clone()))
        .unwrap_or_else(|| ssl_policy::DEFAULT.to_owned());
    if SslPolicy::named(&policy).is_none() {
        return Err(Error::new(
            ErrorCode::SSLPolicyNotFoundException,
            format!("SSL policy '{policy}' not found"),
        ));
    }
    Ok(ListenerSpec {
        alpn_policy: alpn(&protocol, given.alpn_policy, before)?,
        mutual: mutual(&protocol, given.mutual, before)?,
        port,
        ssl_policy: Some(policy),
        certificate_arn: Some(certificate),
        protocol,
    })
}

fn check_protocol(kind: &str, protocol: &str) -> Result<()> {
    let fits = match kind {
        "application" => matches!(protocol, "HTTP" | "HTTPS"),
        _ => matches!(protocol, "TCP" | "TLS" | "UDP" | "TCP_UDP"),
    };
    match fits {
        true => Ok(()),
        false => Err(Error::new(
            ErrorCode::UnsupportedProtocolException,
            format!(
                "The protocol '{protocol}' is not supported for listeners of load balancers with type '{kind}'"
            ),
        )),
    }
}

/// A listener that does not terminate TLS.
fn plain(protocol: String, port: i32, given: &Given) -> Result<ListenerSpec> {
    let mode_off = |mutual: &MutualAuthenticationAttributes| mutual.mode.as_deref() == Some("off");
    let refused = [
        (
            "A certificate",
            given.certificates.as_ref().is_some_and(|list| !list.is_empty()),
        ),
        ("An SSL policy", given.ssl_policy.is_some()),
        (
            "An ALPN policy",
            given.alpn_policy.as_ref().is_some_and(|list| !list.is_empty()),
        ),
        (
            "Mutual authentication",
            given.mutual.as_ref().is_some_and(|mutual| !mode_off(mutual)),
        ),
    ];
    if let Some((what, _)) = refused.iter().find(|(_, set)| *set) {
        return Err(invalid(format!(
            "{what} cannot be specified for {protocol} listeners"
        )));
    }
    Ok(ListenerSpec {
        port,
        protocol,
        ssl_policy: None,
        certificate_arn: None,
        alpn_policy: None,
        mutual: None,
    })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidConfigurationRequestException, message)
}

fn single_certificate(given: Option<Vec<Certificate>>) -> Result<Option<String>> {
    let Some(list) = given else {
        return Ok(None);
    };
    match list.as_slice() {
        [only] if only.is_default.is_some() => Err(Error::validation(
            "'IsDefault' cannot be specified when setting the certificate of a listener",
        )),
        [only] => match &only.certificate_arn {
            Some(arn) => Ok(Some(arn.clone())),
            None => Err(Error::validation("A certificate ARN must be specified")),
        },
        [] => Err(Error::validation("A certificate must be specified")),
        _ => Err(Error::validation("Exactly one certificate must be specified")),
    }
}

fn alpn(protocol: &str, given: Option<Vec<String>>, before: Option<&ListenerRow>) -> Result<Option<String>> {
    let Some(list) = given.filter(|list| !list.is_empty()) else {
        let kept = before.filter(|before| before.protocol == protocol);
        return Ok(kept.and_then(|before| before.alpn_policy.clone()));
    };
    if protocol != "TLS" {
        return Err(invalid(format!(
            "An ALPN policy cannot be specified for {protocol} listeners"
        )));
    }
    match list.as_slice() {
        [name] if ALPN_POLICIES.contains(&name.as_str()) => Ok(Some(name.clone())),
        [name] => Err(Error::new(
            ErrorCode::ALPNPolicyNotSupportedException,
            format!("ALPN policy '{name}' not found"),
        )),
        _ => Err(Error::validation("Exactly one ALPN policy must be specified")),
    }
}

fn mutual(
    protocol: &str,
    given: Option<MutualAuthenticationAttributes>,
    before: Option<&ListenerRow>,
) -> Result<Option<MutualAuthenticationAttributes>> {
    let off = MutualAuthenticationAttributes {
        mode: Some("off".to_owned()),
        ..MutualAuthenticationAttributes::default()
    };
    if protocol != "HTTPS" {
        return match given.is_some_and(|given| given.mode != off.mode) {
            true => Err(invalid(format!(
                "Mutual authentication cannot be specified for {protocol} listeners"
            ))),
            false => Ok(None),
        };
    }
    let Some(given) = given else {
        let kept = before.and_then(|before| before.mutual.as_ref());
        return Ok(Some(kept.map_or(off, |kept| kept.0.clone())));
    };
    let mode = given.mode.as_deref().unwrap_or("off");
    let extra = given.trust_store_arn.is_some()
        || given.ignore_client_certificate_expiry == Some(true)
        || given.advertise_trust_store_ca_names == Some(AdvertiseTrustStoreCaNamesEnum::On);
    match (mode, given.trust_store_arn) {
        ("off" | "passthrough", _) if extra => Err(invalid(format!(
            "Trust store settings cannot be specified for the mutual authentication mode '{mode}'"
        ))),
        ("off" | "passthrough", _) => Ok(Some(MutualAuthenticationAttributes {
            mode: Some(mode.to_owned()),
            ..MutualAuthenticationAttributes::default()
        })),
        ("verify", Some(arn)) => {
            find::check_arn(&arn, ElbKind::TrustStore)?;
            Ok(Some(MutualAuthenticationAttributes {
                mode: Some("verify".to_owned()),
                trust_store_arn: Some(arn),
                ignore_client_certificate_expiry: Some(
                    given.ignore_client_certificate_expiry.unwrap_or(false),
                ),
                trust_store_association_status: Some(TrustStoreAssociationStatusEnum::Active),
                advertise_trust_store_ca_names: Some(
                    given
                        .advertise_trust_store_ca_names
                        .unwrap_or(AdvertiseTrustStoreCaNamesEnum::Off),
                ),
            }))
        }
        ("verify", None) => Err(invalid(
            "A trust store must be specified for the mutual authentication mode 'verify'",
        )),
        (other, _) => Err(Error::validation(format!(
            "Mutual authentication mode '{other}' must be one of '[off, passthrough, verify]'"
        ))),
    }
}

/// Checks that what the listener refers to is there, and keeps it until the transaction ends.
///
/// # Errors
/// CertificateNotFound, TrustStoreNotFound.
pub async fn hold_references(tx: &mut Tx, scope: &Scope, spec: &ListenerSpec) -> Result<()> {
    if let Some(certificate) = &spec.certificate_arn {
        hold_certificates(tx, scope, std::slice::from_ref(certificate)).await?;
    }
    let trust_store = spec
        .mutual
        .as_ref()
        .and_then(|mutual| mutual.trust_store_arn.as_deref());
    if let Some(arn) = trust_store
        && !trust_stores::hold(tx, scope, arn).await?
    {
        return Err(find::not_found(ElbKind::TrustStore, arn));
    }
    Ok(())
}

/// Checks that certificates are there and issued, and keeps them until the transaction ends.
///
/// # Errors
/// CertificateNotFound.
pub async fn hold_certificates(tx: &mut Tx, scope: &Scope, arns: &[String]) -> Result<()> {
    let held = certificates::hold(tx, scope, arns).await?;
    match arns.iter().find(|arn| !held.contains(arn)) {
        Some(missing) => Err(Error::new(
            ErrorCode::CertificateNotFoundException,
            format!("Certificate '{missing}' not found"),
        )),
        None => Ok(()),
    }
}
