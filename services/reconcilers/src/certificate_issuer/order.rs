//! One step of an order: make it, answer its challenges, finalize it, fetch the certificate.

use auth::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certificates::Served;
use chrono::TimeDelta;
use domain::Scope;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
};
use store::acme::{self, Issuing, Pending};
use store::certificates::{Details, Material};

use super::failure::Failure;
use super::{CertificateIssuer, Next};

/// Between two looks at an order that the directory has begun to work on; each asks for every name of the order.
pub(super) const LOOK: TimeDelta = TimeDelta::seconds(1);
/// Between two looks at one that it has worked on for long.
const LONGEST_LOOK: TimeDelta = TimeDelta::minutes(2);
/// Proxies that have not taken the answers in by then are not waited for.
const PROXIES: TimeDelta = TimeDelta::seconds(10);

impl CertificateIssuer {
    /// Does the next thing for an order.
    pub(super) async fn advance(&self, pending: &Pending, scope: &Scope) -> Result<Next, Failure> {
        let account = self.account().await?;
        let issuing = pending.issuing.0.clone();
        let Some(url) = issuing.order_url.clone() else {
            return begin(account, pending, issuing).await;
        };
        let mut order = account.order(url).await?;
        match order.state().status {
            OrderStatus::Pending if issuing.answered_at.is_none() => self.answers(&mut order, issuing).await,
            OrderStatus::Pending => self.challenge(&mut order, issuing, scope).await,
            OrderStatus::Ready => self.finalize(&mut order, pending, issuing).await,
            OrderStatus::Processing => self.later(issuing),
            OrderStatus::Valid => self.fetch(&mut order, pending).await,
            OrderStatus::Invalid => Err(Failure::Order(reason(&mut order).await)),
        }
    }

    fn later(&self, issuing: Issuing) -> Result<Next, Failure> {
        let now = self.clock.now();
        let worked = issuing.answered_at.map_or(TimeDelta::zero(), |at| now - at);
        Ok(Next::Stands(issuing, Some(now + pause(worked))))
    }

    /// What has to be answered to the directory, so that balancers can.
    async fn answers(&self, order: &mut Order, issuing: Issuing) -> Result<Next, Failure> {
        let mut answers = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let name = authorization.identifier().to_string();
            let challenge = authorization
                .challenge(ChallengeType::Http01)
                .ok_or(Failure::NoChallenge(name))?;
            answers.push((
                challenge.token.clone(),
                challenge.key_authorization().as_str().to_owned(),
            ));
        }
        let after = Issuing {
            answered_at: Some(self.clock.now()),
            tokens: answers.iter().map(|(token, _)| token.clone()).collect(),
            ..issuing
        };
        Ok(Next::Answers(after, answers))
    }

    /// Asks the directory to look, once the proxies give the answers.
    async fn challenge(&self, order: &mut Order, issuing: Issuing, scope: &Scope) -> Result<Next, Failure> {
        let waited = issuing
            .answered_at
            .is_some_and(|at| self.clock.now() - at > PROXIES);
        if !waited && !acme::answers_stand(&self.db, scope).await? {
            return self.later(issuing);
        }
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) else {
                continue;
            };
            if challenge.status == ChallengeStatus::Pending {
                challenge.set_ready().await?;
            }
        }
        self.later(issuing)
    }

    /// Makes the key, writes it down, and only then sends the request for its certificate.
    async fn finalize(
        &self,
        order: &mut Order,
        pending: &Pending,
        issuing: Issuing,
    ) -> Result<Next, Failure> {
        if issuing.sealed_key.is_none() {
            let algorithm = match pending.details.key_algorithm.as_deref() {
                Some("EC_secp384r1") => &PKCS_ECDSA_P384_SHA384,
                _ => &PKCS_ECDSA_P256_SHA256,
            };
            let key = KeyPair::generate_for(algorithm).map_err(Failure::other)?;
            let sealed = self.vault.seal(&pending.arn, &Secret::new(key.serialize_pem()));
            let after = Issuing {
                sealed_key: Some(STANDARD.encode(sealed)),
                ..issuing
            };
            return Ok(Next::Stands(after, None));
        }
        let (_, key) = self.key(pending)?;
        let key = KeyPair::from_pem(key.expose()).map_err(Failure::other)?;
        let mut params = CertificateParams::new(pending.alternative_names.clone()).map_err(Failure::other)?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, pending.domain_name.as_str());
        let request = params.serialize_request(&key).map_err(Failure::other)?;
        order.finalize_csr(request.der()).await?;
        self.later(issuing)
    }

    async fn fetch(&self, order: &mut Order, pending: &Pending) -> Result<Next, Failure> {
        let Some(chain) = order.certificate().await? else {
            return self.later(pending.issuing.0.clone());
        };
        let (sealed, key) = self.key(pending)?;
        let served = certificates::read_issued(&chain, key.expose().as_bytes())?;
        Ok(Next::Issued(Box::new(self.material(pending, served, sealed))))
    }

    /// The order's key, sealed and open.
    fn key(&self, pending: &Pending) -> Result<(Vec<u8>, Secret), Failure> {
        let text = pending.issuing.sealed_key.as_deref().unwrap_or_default();
        let sealed = STANDARD.decode(text).map_err(Failure::other)?;
        let key = self.vault.open(&pending.arn, &sealed).map_err(Failure::other)?;
        Ok((sealed, key))
    }

    fn material(&self, pending: &Pending, served: Served, sealed_private_key: Vec<u8>) -> Material {
        let (now, before, facts) = (self.clock.now(), pending.details.0.clone(), served.facts);
        let renewed = pending.status == "ISSUED";
        Material {
            certificate: served.certificate,
            chain: served.chain,
            sealed_private_key,
            domain_name: pending.domain_name.clone(),
            alternative_names: pending.alternative_names.clone(),
            not_before: facts.not_before,
            not_after: facts.not_after,
            details: Details {
                subject: Some(facts.subject),
                issuer: Some(facts.issuer),
                serial: Some(facts.serial),
                key_algorithm: Some(facts.key_algorithm),
                signature_algorithm: Some(facts.signature_algorithm),
                key_usages: facts.key_usages,
                extended_key_usages: facts.extended_key_usages,
                issued_at: Some(now),
                renewal: renewed.then(|| ("SUCCESS".to_owned(), now)),
                ..before
            },
        }
    }
}

/// Until the next look at an order that the directory has worked on for so long.
fn pause(worked: TimeDelta) -> TimeDelta {
    (worked / 8).clamp(LOOK, LONGEST_LOOK)
}

async fn begin(account: &Account, pending: &Pending, issuing: Issuing) -> Result<Next, Failure> {
    let names = pending.alternative_names.iter();
    let identifiers: Vec<Identifier> = names.map(|name| Identifier::Dns(name.clone())).collect();
    let order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let after = Issuing {
        order_url: Some(order.url().to_owned()),
        ..issuing
    };
    Ok(Next::Stands(after, None))
}

/// What the directory says about an order that is over.
async fn reason(order: &mut Order) -> String {
    if let Some(problem) = &order.state().error {
        return problem.to_string();
    }
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let challenge = authorization.challenge(ChallengeType::Http01);
        if let Some(problem) =
            challenge.and_then(|challenge| challenge.error.as_ref().map(ToString::to_string))
        {
            return format!("{name}: {problem}");
        }
    }
    "the directory does not say why".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_takes_its_time_is_asked_less_and_less_often() {
        let seconds = |worked| pause(TimeDelta::seconds(worked)).num_seconds();
        assert_eq!([seconds(-5), seconds(0), seconds(8), seconds(80)], [1, 1, 1, 10]);
        assert_eq!(seconds(72 * 3600), 120);
    }
}
