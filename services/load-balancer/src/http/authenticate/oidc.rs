//! `authenticate-oidc`: the authorization code flow of OpenID Connect, with everything that has to be remembered sealed in the browser.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use ring::hmac;
use routing::action::{AuthenticateOidc, OnUnauthenticated};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::provider::{ProviderError, Providers};
use super::renewals::{NotRenewed, Renewals};
use super::seal::{Seal, secret};
use super::session::{Session, cookie, set_cookie};
use super::sign_in::{begin, form, renew};
use super::{CALLBACK, Identity, Verdict};
use crate::http::answers::Answer;
use crate::http::head::RequestHead;

/// Binds a sign-in to the browser that began it.
const NONCE_COOKIE: &str = "AWSALBAuthNonce";
/// A sign-in has to be finished within this, as on AWS. Seconds.
const PATIENCE: i64 = 15 * 60;
/// How long targets may take the claims for true. Seconds.
const CLAIMS_LAST: i64 = 120;
/// Longer paths and queries cannot be come back to, octets.
const LONGEST_TARGET: usize = 4096;

/// An action and the request that it applies to.
pub struct SignIn<'a> {
    pub oidc: &'a AuthenticateOidc,
    pub providers: &'a Providers,
    pub renewals: &'a Renewals,
    /// ARN of the load balancer.
    pub balancer: &'a str,
    pub request: &'a RequestHead,
}

/// What a sign-in remembers on its way over the provider.
#[derive(Serialize, Deserialize)]
struct State {
    /// As in the browser's cookie.
    browser: String,
    /// As the ID token has to hold.
    nonce: String,
    authority: String,
    /// Path and query to come back to.
    target: String,
    until: i64,
}

/// What the nonce cookie holds.
#[derive(Serialize, Deserialize)]
struct Browser {
    nonce: String,
    until: i64,
}

impl SignIn<'_> {
    /// Lets those with a session pass; the others as the action says. 500 if the action's secrets are missing.
    pub async fn check(&self, now: i64) -> Verdict {
        let Some(seal) = self.seal() else {
            return Verdict::Answer(Answer::page(500));
        };
        let name = &self.oidc.session_cookie_name;
        let purpose = self.purpose("session");
        let Some(mut session) = Session::read(self.request, name, &seal, &purpose, now) else {
            return self.unauthenticated(&seal, now);
        };
        let mut cookies = Vec::new();
        let over = session.access_until.is_some_and(|until| until <= now);
        if over && let Some(refresh_token) = session.refresh_token.clone() {
            let renewed = self.renewed(session, &refresh_token, now);
            session = match self.renewals.once(&purpose, &refresh_token, renewed).await {
                Ok(session) => session,
                Err(NotRenewed::Ended) => return self.unauthenticated(&seal, now),
                Err(NotRenewed::Failed(status)) => return Verdict::Answer(Answer::page(status)),
            };
            match session.cookies(self.request, name, &seal, &purpose) {
                Some(renewed) => cookies = renewed,
                None => return Verdict::Answer(Answer::page(500)),
            }
        }
        Verdict::Pass(Identity {
            headers: self.headers(&session, now),
            cookies,
        })
    }

    async fn renewed(&self, session: Session, refresh_token: &str, now: i64) -> Result<Session, NotRenewed> {
        let renewed = renew(self.oidc, self.providers, session, refresh_token, now).await;
        renewed.map_err(|error| match error {
            ProviderError::Refused(400..=499) => NotRenewed::Ended,
            error => NotRenewed::Failed(self.failed(&error)),
        })
    }

    /// Takes a browser that comes back from the provider. None unless this action sent it there.
    pub async fn call_back(&self, now: i64) -> Option<Answer> {
        let seal = self.seal()?;
        let parameter = |name| query_parameter(self.request.query()?, name);
        let state: State = seal.open(&self.purpose("state"), &parameter("state")?)?;
        let browser = self.browser(&seal, now);
        let same = browser.is_some_and(|browser| browser.nonce == state.browser);
        if !same || state.until <= now || state.authority != self.request.authority() {
            return Some(Answer::page(401));
        }
        let Some(code) = parameter("code") else {
            // The provider says why it does not sign the user in; that is between the two of them.
            return Some(Answer::page(561));
        };
        let redirect_uri = redirect_uri(&state.authority);
        let begun = begin(self.oidc, self.providers, &code, &redirect_uri, &state.nonce, now).await;
        let session = match begun {
            Ok(session) => session,
            Err(error) => return Some(Answer::page(self.failed(&error))),
        };
        let name = &self.oidc.session_cookie_name;
        let Some(cookies) = session.cookies(self.request, name, &seal, &self.purpose("session")) else {
            return Some(Answer::page(500));
        };
        let location = format!("https://{}{}", state.authority, state.target);
        Some(sent_to(location, cookies))
    }

    /// None if the server could not open the action's secrets: then nobody may pass.
    fn seal(&self) -> Option<Seal> {
        Seal::new(&self.oidc.cookie_key).filter(|_| !self.oidc.client_secret.is_empty())
    }

    /// What is sealed for one kind of use, provider and client opens for no other.
    fn purpose(&self, kind: &str) -> String {
        let oidc = self.oidc;
        [kind, &oidc.session_cookie_name, &oidc.issuer, &oidc.client_id].join("\n")
    }

    fn unauthenticated(&self, seal: &Seal, now: i64) -> Verdict {
        match self.oidc.on_unauthenticated {
            OnUnauthenticated::Deny => Verdict::Answer(Answer::page(401)),
            OnUnauthenticated::Allow => Verdict::Pass(Identity::default()),
            OnUnauthenticated::Authenticate => {
                Verdict::Answer(self.depart(seal, now).unwrap_or_else(|| Answer::page(500)))
            }
        }
    }

    /// Sends the browser to the provider. None for a request without a host, or with a path that is too long.
    fn depart(&self, seal: &Seal, now: i64) -> Option<Answer> {
        let authority = self.request.authority();
        let target = self.request.fields.str(self.request.target);
        if authority.is_empty() || target.len() > LONGEST_TARGET {
            return None;
        }
        let until = now + PATIENCE;
        // One browser may sign in on several pages at a time.
        let nonce = match self.browser(seal, now) {
            Some(browser) => browser.nonce,
            None => secret()?,
        };
        let state = State {
            browser: nonce.clone(),
            nonce: secret()?,
            authority: authority.to_owned(),
            target: if target.starts_with('/') { target } else { "/" }.to_owned(),
            until,
        };
        let sealed = seal.seal(&self.purpose("state"), &state)?;
        let redirect_uri = redirect_uri(authority);
        let ours = [
            ("client_id", self.oidc.client_id.as_str()),
            ("redirect_uri", &redirect_uri),
            ("response_type", "code"),
            ("scope", &self.oidc.scope),
            ("state", &sealed),
            ("nonce", &state.nonce),
        ];
        let extra = self.oidc.extra_parameters.iter();
        let extra = extra
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| ours.iter().all(|(taken, _)| taken != name));
        let endpoint = &self.oidc.authorization_endpoint;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let location = format!("{endpoint}{joint}{}", form(ours.into_iter().chain(extra)));
        let browser = seal.seal(&self.purpose("nonce"), &Browser { nonce, until })?;
        Some(sent_to(location, vec![set_cookie(NONCE_COOKIE, &browser, until)]))
    }

    /// The browser's nonce, if it has one that still counts.
    fn browser(&self, seal: &Seal, now: i64) -> Option<Browser> {
        let sealed = cookie(self.request, NONCE_COOKIE)?;
        let browser: Browser = seal.open(&self.purpose("nonce"), sealed)?;
        (now < browser.until).then_some(browser)
    }

    /// The status to answer with: 561 for what the provider says, 500 if it says nothing (LB-36).
    fn failed(&self, error: &ProviderError) -> u16 {
        tracing::warn!(issuer = %self.oidc.issuer, %error, "a user cannot be signed in");
        match error {
            ProviderError::Refused(_) | ProviderError::Unusable(_) => 561,
            _ => 500,
        }
    }

    /// What the target learns of the user.
    fn headers(&self, session: &Session, now: i64) -> Vec<(&'static str, String)> {
        vec![
            ("x-amzn-oidc-accesstoken", session.access_token.clone()),
            ("x-amzn-oidc-identity", session.subject.clone()),
            ("x-amzn-oidc-data", self.data(session, now)),
        ]
    }

    /// The claims as a token that those who know the client's secret can check (HS256, as OpenID Connect has it for such clients).
    fn data(&self, session: &Session, now: i64) -> String {
        let expiry = now + CLAIMS_LAST;
        let header = json!({
            "alg": "HS256",
            "typ": "JWT",
            "client": self.oidc.client_id,
            "exp": expiry,
            "iss": self.oidc.issuer,
            "signer": self.balancer,
        });
        let mut claims = session.claims.clone();
        claims.insert("exp".to_owned(), expiry.into());
        claims.insert("iss".to_owned(), self.oidc.issuer.as_str().into());
        let claims = serde_json::Value::Object(claims);
        let mut token = [header, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.oidc.client_secret.as_bytes());
        let tag = hmac::sign(&key, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(tag, &mut token);
        token
    }
}

fn redirect_uri(authority: &str) -> String {
    format!("https://{authority}{CALLBACK}")
}

/// A redirect that no cache keeps.
fn sent_to(location: String, cookies: Vec<String>) -> Answer {
    let mut answer = Answer::redirect(302, location);
    answer.fields.push(("Cache-Control", "no-store".to_owned()));
    let cookies = cookies.into_iter().map(|cookie| ("Set-Cookie", cookie));
    answer.fields.extend(cookies);
    answer
}

fn query_parameter(query: &str, name: &str) -> Option<String> {
    let value = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(given, _)| *given == name)?
        .1;
    let value: Cow<'_, str> = match value.contains('+') {
        true => value.replace('+', " ").into(),
        false => value.into(),
    };
    let decoded = percent_decode_str(&value).decode_utf8().ok()?.into_owned();
    Some(decoded)
}
