//! Rules that ask who the user is before they forward: `jwt-validation` and `authenticate-oidc` (LB-32, LB-36).

mod keys;
mod oidc;
mod provider;
mod renewals;
mod seal;
mod session;
mod sign_in;
mod token;

use chrono::Utc;
use routing::Action;
use routing::action::{AuthenticateOidc, JwtValidation};

use self::keys::Keys;
use self::provider::Providers;
use self::renewals::Renewals;
use self::token::Token;
use super::answers::Answer;
use super::head::RequestHead;
use crate::state::{LiveListener, LiveRule, Step};

/// Where providers send browsers back to, on every host.
pub const CALLBACK: &str = "/oauth2/idpresponse";

/// What a proxy keeps for authentication: providers' trust and keys, and renewals under way. Sessions live in cookies.
#[derive(Default)]
pub struct Authentication {
    providers: Providers,
    keys: Keys,
    renewals: Renewals,
}

/// Who the user is, for the target, and what the user's browser has to remember of it.
#[derive(Debug, Default)]
pub struct Identity {
    /// Fields of the request to the target.
    pub headers: Vec<(&'static str, String)>,
    /// Values of Set-Cookie in the response.
    pub cookies: Vec<String>,
}

/// What became of an authentication step.
pub enum Verdict {
    /// The next step's turn.
    Pass(Identity),
    Answer(Answer),
}

impl Authentication {
    /// Runs an authentication step; other actions pass.
    pub async fn check(&self, action: &Action, listener: &LiveListener, request: &RequestHead) -> Verdict {
        match action {
            Action::AuthenticateOidc(oidc) => {
                let step = self.sign_in(oidc, listener, request);
                step.check(Utc::now().timestamp()).await
            }
            Action::JwtValidation(jwt) => self.check_token(jwt, request).await,
            Action::Forward(_) | Action::Redirect(_) | Action::FixedResponse(_) => {
                Verdict::Pass(Identity::default())
            }
        }
    }

    /// Takes a browser that comes back from a provider, whatever rule its path matches. None if this listener signs nobody in.
    pub async fn call_back<'a>(
        &self,
        listener: &'a LiveListener,
        request: &RequestHead,
    ) -> Option<(&'a LiveRule, Answer)> {
        let now = Utc::now().timestamp();
        let rules = listener.rules.iter().chain([&listener.default]);
        let mut refusing = None;
        for rule in rules {
            for step in &rule.steps {
                let Step::Other(Action::AuthenticateOidc(oidc)) = step else {
                    continue;
                };
                if let Some(answer) = self.sign_in(oidc, listener, request).call_back(now).await {
                    return Some((rule, answer));
                }
                refusing.get_or_insert(rule);
            }
        }
        // Nobody here sent the browser away, or not with this state.
        refusing.map(|rule| (rule, Answer::page(401)))
    }

    fn sign_in<'a>(
        &'a self,
        oidc: &'a AuthenticateOidc,
        listener: &'a LiveListener,
        request: &'a RequestHead,
    ) -> oidc::SignIn<'a> {
        oidc::SignIn {
            oidc,
            providers: &self.providers,
            renewals: &self.renewals,
            balancer: &listener.balancer.arn,
            request,
        }
    }

    /// 401 without a good token; 500 if the issuer's keys cannot be had.
    async fn check_token(&self, action: &JwtValidation, request: &RequestHead) -> Verdict {
        let refused = |challenge: &str| {
            let mut answer = Answer::page(401);
            answer.fields.push(("WWW-Authenticate", challenge.to_owned()));
            Verdict::Answer(answer)
        };
        let Some(text) = bearer(request) else {
            return refused("Bearer");
        };
        let invalid = "Bearer error=\"invalid_token\"";
        let Some(token) = Token::parse(text) else {
            return refused(invalid);
        };
        // Tokens that cannot pass anyway lead to no requests to the issuer.
        if !token::satisfies(&token.claims, action, Utc::now().timestamp()) {
            return refused(invalid);
        }
        match self
            .keys
            .verify(&self.providers, &action.jwks_endpoint, &token)
            .await
        {
            Ok(true) => Verdict::Pass(Identity::default()),
            Ok(false) => refused(invalid),
            Err(_) => Verdict::Answer(Answer::page(500)),
        }
    }
}

/// The one bearer token of a request.
fn bearer(request: &RequestHead) -> Option<&str> {
    let mut values = request
        .fields
        .iter()
        .filter(|(_, name, _)| name.eq_ignore_ascii_case(b"authorization"))
        .map(|(_, _, value)| value);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
