//! What is done with a request once its rule is known (LB-32, LB-33).

use serde::{Deserialize, Serialize};

/// One step of a rule, in ascending order; the last is terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Action {
    Forward(Forward),
    Redirect(Redirect),
    FixedResponse(FixedResponse),
    AuthenticateOidc(Box<AuthenticateOidc>),
    JwtValidation(JwtValidation),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    pub groups: Vec<ForwardGroup>,
    /// Seconds for which a client stays with the group that it was given; none: not sticky.
    pub group_stickiness_seconds: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardGroup {
    pub target_group: String,
    /// 0 to 999, as a share of the sum.
    pub weight: u32,
}

/// Parts may hold `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// 301 or 302.
    pub status: u16,
    pub protocol: String,
    pub host: String,
    pub port: String,
    pub path: String,
    pub query: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedResponse {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: String,
}

/// Signs users in at an OpenID Connect provider (HTTPS listeners only).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticateOidc {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub user_info_endpoint: String,
    pub client_id: String,
    pub client_secret: String,
    pub session_cookie_name: String,
    pub scope: String,
    pub session_timeout_seconds: u64,
    pub extra_parameters: Vec<(String, String)>,
    pub on_unauthenticated: OnUnauthenticated,
    /// Seals the session cookie: 32 bytes in hexadecimal, one for each load balancer, the same on all proxies.
    pub cookie_key: String,
}

impl std::fmt::Debug for AuthenticateOidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthenticateOidc")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnauthenticated {
    Deny,
    Allow,
    Authenticate,
}

/// Lets only requests with a valid bearer token pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwtValidation {
    pub jwks_endpoint: String,
    pub issuer: String,
    pub additional_claims: Vec<ClaimCheck>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimCheck {
    /// `single-string`, `string-array` or `space-separated-values`.
    pub format: String,
    pub name: String,
    pub values: Vec<String>,
}
