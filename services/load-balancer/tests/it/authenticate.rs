//! LB-32 and LB-36 with a provider that signs in whoever comes: the code that it gives is the nonce that it was asked to put into the ID token.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use load_balancer::http::authenticate::CALLBACK;
use load_balancer::session::Served;
use parking_lot::Mutex;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use routing::Action;
use routing::action::{AuthenticateOidc, ClaimCheck, JwtValidation, OnUnauthenticated};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::fixture::{Response, Rig, answering, balancer, forward, group, mirror, nobody, ok};

const ISSUER: &str = "https://issuer.test";
const COOKIE: &str = "AWSELBAuthSessionCookie";

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn in_seconds(seconds: i64) -> i64 {
    Utc::now().timestamp() + seconds
}

/// A proxy that authenticates before it forwards to a target which answers with what it got.
async fn rig(action: Action) -> Rig {
    let rig = Rig::new();
    rig.proxy.set_target_group(group("tg", &[mirror().await]));
    rig.proxy
        .set_balancer(balancer(vec![action, forward(&[("tg", 1)])]));
    rig
}

async fn get(rig: &Rig, path: &str, fields: &str) -> Response {
    let mut conn = rig.connect().await;
    conn.send(format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n"))
        .await;
    conn.response().await
}

/// Signs with P-256.
struct Signer {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap();
        Self { id, pair }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let number = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.id, "x": number(&point[1..33]), "y": number(&point[33..]) })
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": self.id });
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// An issuer's key set, which may change, and how often it was read.
#[derive(Clone, Default)]
struct KeySet {
    keys: Arc<Mutex<Vec<Value>>>,
    reads: Arc<AtomicUsize>,
}

impl KeySet {
    async fn serve(&self) -> SocketAddr {
        let set = self.clone();
        answering(move |_| {
            set.reads.fetch_add(1, Ordering::SeqCst);
            ok(&json!({ "keys": *set.keys.lock() }).to_string())
        })
        .await
    }
}

fn validation(keys: SocketAddr, additional_claims: Vec<ClaimCheck>) -> Action {
    Action::JwtValidation(JwtValidation {
        jwks_endpoint: format!("http://{keys}/keys"),
        issuer: ISSUER.to_owned(),
        additional_claims,
    })
}

async fn status_with(rig: &Rig, token: &str) -> u16 {
    get(rig, "/", &format!("Authorization: Bearer {token}\r\n"))
        .await
        .status
}

#[tokio::test]
async fn lb32_only_tokens_that_the_issuer_signed_and_that_are_current_pass() {
    let (signer, stranger) = (Signer::new("a"), Signer::new("a"));
    let set = KeySet::default();
    set.keys.lock().push(signer.jwk());
    let rig = rig(validation(set.serve().await, Vec::new())).await;
    let good = json!({ "iss": ISSUER, "exp": in_seconds(600), "nbf": in_seconds(-5) });
    let passed = get(
        &rig,
        "/",
        &format!("Authorization: Bearer {}\r\n", signer.token(&good)),
    )
    .await;
    assert_eq!(passed.status, 200);
    assert!(
        passed.text().contains(&signer.token(&good)[..40]),
        "the target gets the token"
    );

    assert_eq!(status_with(&rig, &stranger.token(&good)).await, 401);
    let none = format!("{}.{}.", encode(&json!({ "alg": "none" })), encode(&good));
    assert_eq!(status_with(&rig, &none).await, 401);
    assert_eq!(status_with(&rig, "no.token").await, 401);
    for (name, value) in [
        ("exp", json!(in_seconds(-1))),
        ("exp", json!("never")),
        ("nbf", json!(in_seconds(600))),
        ("iat", json!(in_seconds(600))),
        ("iss", json!("https://elsewhere.test")),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        assert_eq!(status_with(&rig, &signer.token(&claims)).await, 401, "{claims}");
    }
    let nothing = get(&rig, "/", "").await;
    assert_eq!(
        (nothing.status, nothing.header("www-authenticate")),
        (401, Some("Bearer"))
    );
    let twice = format!("Authorization: Bearer {}\r\n", signer.token(&good)).repeat(2);
    assert_eq!(get(&rig, "/", &twice).await.status, 401);
    assert_eq!(set.reads.load(Ordering::SeqCst), 1, "keys are kept");
}

#[tokio::test]
async fn lb32_rsa_keys_check_tokens_and_never_as_another_algorithm() {
    let key = PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("rsa/key.pem")).unwrap();
    let pair = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let components: ring::signature::RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
    let set = KeySet::default();
    set.keys.lock().push(json!({
        "kty": "RSA", "alg": "RS256",
        "n": URL_SAFE_NO_PAD.encode(&components.n), "e": URL_SAFE_NO_PAD.encode(&components.e),
    }));
    let rig = rig(validation(set.serve().await, Vec::new())).await;
    let claims = encode(&json!({ "iss": ISSUER, "exp": in_seconds(600) }));
    let token = |algorithm: &str| {
        let signed = format!("{}.{claims}", encode(&json!({ "alg": algorithm })));
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    assert_eq!(status_with(&rig, &token("RS256")).await, 200);
    assert_eq!(status_with(&rig, &token("RS512")).await, 401);
    let signed = format!("{}.{claims}", encode(&json!({ "alg": "HS256" })));
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &components.n),
        signed.as_bytes(),
    );
    let confused = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
    assert_eq!(status_with(&rig, &confused).await, 401);
}

#[tokio::test]
async fn lb32_additional_claims_are_asked_for_in_their_format() {
    let signer = Signer::new("a");
    let set = KeySet::default();
    set.keys.lock().push(signer.jwk());
    let check = |format: &str, name: &str, values: &[&str]| ClaimCheck {
        format: format.to_owned(),
        name: name.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let checks = vec![
        check("single-string", "tier", &["gold", "silver"]),
        check("string-array", "groups", &["ops", "dev"]),
        check("space-separated-values", "scope", &["read", "write"]),
    ];
    let rig = rig(validation(set.serve().await, checks)).await;
    let good = json!({
        "iss": ISSUER, "exp": in_seconds(600),
        "tier": "silver", "groups": ["dev", "ops", "all"], "scope": "write admin read",
    });
    assert_eq!(status_with(&rig, &signer.token(&good)).await, 200);
    for (name, value) in [
        ("tier", json!("bronze")),
        ("tier", json!(["gold"])),
        ("groups", json!(["ops"])),
        ("groups", json!("ops dev")),
        ("scope", json!("readwrite read")),
        ("scope", Value::Null),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        assert_eq!(status_with(&rig, &signer.token(&claims)).await, 401, "{claims}");
    }
}

#[tokio::test]
async fn lb32_an_unknown_key_is_looked_for_once_and_strangers_cannot_hurry_the_issuer() {
    let (old, new, unknown) = (Signer::new("old"), Signer::new("new"), Signer::new("unknown"));
    let set = KeySet::default();
    set.keys.lock().push(old.jwk());
    let rig = rig(validation(set.serve().await, Vec::new())).await;
    let claims = json!({ "iss": ISSUER, "exp": in_seconds(600) });
    assert_eq!(status_with(&rig, &old.token(&claims)).await, 200);
    set.keys.lock().push(new.jwk());
    assert_eq!(status_with(&rig, &new.token(&claims)).await, 200);
    for _ in 0..3 {
        assert_eq!(status_with(&rig, &unknown.token(&claims)).await, 401);
    }
    assert_eq!(status_with(&rig, &old.token(&claims)).await, 200);
    assert_eq!(set.reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn lb36_nobody_passes_while_the_keys_cannot_be_had() {
    let rig = rig(validation(nobody().await, Vec::new())).await;
    let token = Signer::new("a").token(&json!({ "iss": ISSUER, "exp": in_seconds(600) }));
    assert_eq!(status_with(&rig, &token).await, 500);
    assert_eq!(status_with(&rig, &token).await, 500);
}

/// What the provider says beyond the usual.
#[derive(Clone, Copy, Default)]
struct Provider {
    /// The ID token is for another client.
    wrong_audience: bool,
    /// Access tokens end at once, and there are refresh tokens.
    short: bool,
    /// Refresh tokens are refused.
    ended: bool,
    /// The secret is taken in the form only.
    post_only: bool,
    /// Octets that the user's claims have too many.
    padding: usize,
}

impl Provider {
    async fn serve(self) -> SocketAddr {
        let refreshed = AtomicUsize::new(0);
        answering(move |request| match request.head.split(' ').nth(1).unwrap() {
            "/token" => self.tokens(&request.head, &String::from_utf8_lossy(&request.body), &refreshed),
            "/user" => {
                assert!(
                    request
                        .header("authorization")
                        .unwrap()
                        .starts_with("Bearer access-")
                );
                let padding = "p".repeat(self.padding);
                ok(&json!({ "sub": "user-1", "email": "u@x.test", "padding": padding }).to_string())
            }
            _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        })
        .await
    }

    fn tokens(self, head: &str, body: &str, refreshed: &AtomicUsize) -> String {
        let refuse = |error: &str| {
            let body = json!({ "error": error }).to_string();
            format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let basic = head.contains("uthorization: Basic Y2xpZW50OnMlM0FjcmV0");
        let posted = body.contains("client_id=client&client_secret=s%3Acret");
        if !(posted || basic && !self.post_only) {
            return refuse("invalid_client");
        }
        if body.starts_with("grant_type=refresh_token&refresh_token=again") {
            // Good for one time.
            return match self.ended || refreshed.fetch_add(1, Ordering::SeqCst) > 0 {
                true => refuse("invalid_grant"),
                false => ok(&json!({ "access_token": "access-2", "expires_in": 600 }).to_string()),
            };
        }
        let redirect = "redirect_uri=https%3A%2F%2Fapp.test%2Foauth2%2Fidpresponse";
        assert!(body.starts_with("grant_type=authorization_code&") && body.contains(redirect));
        let code = body
            .split('&')
            .find_map(|pair| pair.strip_prefix("code="))
            .unwrap();
        let claims = json!({
            "iss": ISSUER, "sub": "user-1", "nonce": code, "exp": in_seconds(60),
            "aud": if self.wrong_audience { "another" } else { "client" },
        });
        let id = format!("{}.{}.c2ln", encode(&json!({ "alg": "RS256" })), encode(&claims));
        let mut tokens = json!({ "access_token": "access-1", "id_token": id, "token_type": "Bearer" });
        if self.short {
            tokens["expires_in"] = json!(0);
            tokens["refresh_token"] = json!("again");
        }
        ok(&tokens.to_string())
    }
}

fn oidc(provider: SocketAddr) -> AuthenticateOidc {
    AuthenticateOidc {
        issuer: ISSUER.to_owned(),
        authorization_endpoint: format!("http://{provider}/authorize"),
        token_endpoint: format!("http://{provider}/token"),
        user_info_endpoint: format!("http://{provider}/user"),
        client_id: "client".to_owned(),
        client_secret: "s:cret".to_owned(),
        session_cookie_name: COOKIE.to_owned(),
        scope: "openid email".to_owned(),
        session_timeout_seconds: 600,
        extra_parameters: vec![("prompt".to_owned(), "login".to_owned())],
        on_unauthenticated: OnUnauthenticated::Authenticate,
        cookie_key: "0f".repeat(32),
    }
}

async fn oidc_rig(oidc: AuthenticateOidc) -> Rig {
    rig(Action::AuthenticateOidc(Box::new(oidc))).await
}

/// A browser on its way to the provider.
struct Departed {
    location: String,
    cookies: Vec<String>,
}

impl Departed {
    async fn from(rig: &Rig, path: &str) -> Self {
        let response = get(rig, path, "").await;
        assert_eq!(response.status, 302);
        Self {
            location: response.header("location").unwrap().to_owned(),
            cookies: response.cookies(),
        }
    }

    fn parameter(&self, name: &str) -> &str {
        let query = self.location.split_once('?').unwrap().1;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(given, _)| *given == name).unwrap().1
    }

    /// The path that the provider sends the browser back to.
    fn way_back(&self) -> String {
        let (code, state) = (self.parameter("nonce"), self.parameter("state"));
        format!("{CALLBACK}?code={code}&state={state}")
    }

    async fn back(&self, rig: &Rig) -> Response {
        get(rig, &self.way_back(), &sending(&self.cookies)).await
    }
}

fn sending(cookies: &[String]) -> String {
    format!("Cookie: {}\r\n", cookies.join("; "))
}

/// The cookies of a user who has signed in.
async fn signed_in(rig: &Rig) -> Vec<String> {
    let back = Departed::from(rig, "/").await.back(rig).await;
    assert_eq!(back.status, 302, "{}", back.head);
    back.cookies()
}

#[tokio::test]
async fn lb32_a_user_signs_in_at_the_provider_and_the_target_learns_who_it_is() {
    let rig = oidc_rig(oidc(Provider::default().serve().await)).await;
    let away = Departed::from(&rig, "/cart?item=1").await;
    assert!(away.location.contains("/authorize?client_id=client&redirect_uri=https%3A%2F%2Fapp.test%2Foauth2%2Fidpresponse&response_type=code&scope=openid%20email&"));
    assert_eq!(away.parameter("prompt"), "login");
    let back = away.back(&rig).await;
    assert_eq!(
        (back.status, back.header("location")),
        (302, Some("https://app.test/cart?item=1"))
    );
    assert!(back.head.contains("; Path=/; Secure; HttpOnly"), "{}", back.head);
    let cookies = back.cookies();
    assert!(cookies[0].starts_with("AWSELBAuthSessionCookie-0="));

    let forged = "x-amzn-oidc-identity: admin\r\nX-Amzn-Oidc-Extra: admin\r\n";
    let served = get(&rig, "/cart?item=1", &(sending(&cookies) + forged)).await;
    let text = served.text();
    assert_eq!(served.status, 200);
    assert!(text.contains("x-amzn-oidc-identity: user-1\r\n"), "{text}");
    assert!(text.contains("x-amzn-oidc-accesstoken: access-1\r\n"), "{text}");
    assert!(!text.contains("admin"), "{text}");

    let data = text
        .split("x-amzn-oidc-data: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let (signed, tag) = data.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s:cret");
    hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).unwrap()).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        (&claims["email"], &claims["iss"]),
        (&json!("u@x.test"), &json!(ISSUER))
    );
}

#[tokio::test]
async fn lb32_a_provider_that_takes_the_secret_in_the_form_only_gets_it_there() {
    let provider = Provider {
        post_only: true,
        ..Provider::default()
    };
    let rig = oidc_rig(oidc(provider.serve().await)).await;
    let cookies = signed_in(&rig).await;
    assert_eq!(get(&rig, "/", &sending(&cookies)).await.status, 200);
}

#[tokio::test]
async fn lb32_long_sessions_take_several_cookies_and_too_long_ones_are_refused() {
    let mut provider = Provider {
        padding: 5000,
        ..Provider::default()
    };
    let rig = oidc_rig(oidc(provider.serve().await)).await;
    let cookies = signed_in(&rig).await;
    assert!(cookies.len() > 1 && cookies.iter().all(|cookie| cookie.len() < 4096));
    assert_eq!(get(&rig, "/", &sending(&cookies)).await.status, 200);
    assert_eq!(get(&rig, "/", &sending(&cookies[..1])).await.status, 302);

    provider.padding = 20_000;
    let rig = oidc_rig(oidc(provider.serve().await)).await;
    assert_eq!(Departed::from(&rig, "/").await.back(&rig).await.status, 500);
}

#[tokio::test]
async fn lb36_cookies_and_states_that_were_changed_or_are_of_others_are_refused() {
    let provider = Provider::default().serve().await;
    let rig = oidc_rig(oidc(provider)).await;
    let away = Departed::from(&rig, "/").await;
    let stranger = Departed::from(&rig, "/").await;
    assert_eq!(get(&rig, &away.way_back(), "").await.status, 401);
    let theirs = get(&rig, &away.way_back(), &sending(&stranger.cookies)).await;
    assert_eq!(theirs.status, 401, "another browser began this");
    let changed = away.way_back().replace("&state=", "&state=AA");
    assert_eq!(get(&rig, &changed, &sending(&away.cookies)).await.status, 401);
    assert_eq!(get(&rig, CALLBACK, &sending(&away.cookies)).await.status, 401);
    let swapped = format!("{CALLBACK}?code=other&state={}", away.parameter("state"));
    let swapped = get(&rig, &swapped, &sending(&away.cookies)).await;
    assert_eq!(swapped.status, 561, "the ID token holds another nonce");
    let denied = format!("{CALLBACK}?error=access_denied&state={}", away.parameter("state"));
    assert_eq!(get(&rig, &denied, &sending(&away.cookies)).await.status, 561);

    let cookies = signed_in(&rig).await;
    let mut tampered = cookies.clone();
    let other = if tampered[0].as_bytes()[60] == b'A' {
        "B"
    } else {
        "A"
    };
    tampered[0].replace_range(60..61, other);
    assert_eq!(get(&rig, "/", &sending(&tampered)).await.status, 302);
    let elsewhere = AuthenticateOidc {
        client_id: "another".to_owned(),
        ..oidc(provider)
    };
    let elsewhere = oidc_rig(elsewhere).await;
    assert_eq!(get(&elsewhere, "/", &sending(&cookies)).await.status, 302);
    let state = format!("{COOKIE}-0={}", away.parameter("state"));
    assert_eq!(get(&rig, "/", &sending(&[state])).await.status, 302);
}

#[tokio::test]
async fn lb32_a_session_that_is_over_is_none() {
    let over = AuthenticateOidc {
        session_timeout_seconds: 0,
        ..oidc(Provider::default().serve().await)
    };
    let rig = oidc_rig(over).await;
    let cookies = signed_in(&rig).await;
    assert_eq!(get(&rig, "/", &sending(&cookies)).await.status, 302);
}

#[tokio::test]
async fn lb32_access_tokens_are_renewed_until_the_provider_ends_the_session() {
    let mut provider = Provider {
        short: true,
        ..Provider::default()
    };
    let rig = oidc_rig(oidc(provider.serve().await)).await;
    let cookies = signed_in(&rig).await;
    let fields = sending(&cookies);
    let together = futures::future::join_all((0..8).map(|_| get(&rig, "/", &fields))).await;
    assert!(together.iter().all(|served| served.status == 200));
    let served = &together[0];
    assert!(served.text().contains("x-amzn-oidc-accesstoken: access-2\r\n"));
    let renewed = served.cookies();
    assert!(renewed[0].starts_with("AWSELBAuthSessionCookie-0="));
    let next = get(&rig, "/", &sending(&renewed)).await;
    assert_eq!((next.status, next.cookies().len()), (200, 0));

    provider.ended = true;
    let rig = oidc_rig(oidc(provider.serve().await)).await;
    let cookies = signed_in(&rig).await;
    assert_eq!(get(&rig, "/", &sending(&cookies)).await.status, 302);
}

#[tokio::test]
async fn lb32_who_is_not_signed_in_is_denied_or_let_through_without_a_name_as_the_rule_says() {
    let provider = Provider::default().serve().await;
    let of = |on_unauthenticated| AuthenticateOidc {
        on_unauthenticated,
        ..oidc(provider)
    };
    let deny = oidc_rig(of(OnUnauthenticated::Deny)).await;
    assert_eq!(get(&deny, "/", "").await.status, 401);
    let allow = oidc_rig(of(OnUnauthenticated::Allow)).await;
    let served = get(&allow, "/", "x-amzn-oidc-identity: admin\r\n").await;
    assert_eq!(served.status, 200);
    assert!(!served.text().contains("oidc"), "{}", served.text());
}

#[tokio::test]
async fn lb36_what_the_provider_refuses_is_561_and_what_it_does_not_say_500() {
    let provider = Provider {
        wrong_audience: true,
        ..Provider::default()
    };
    let rig = oidc_rig(oidc(provider.serve().await)).await;
    assert_eq!(Departed::from(&rig, "/").await.back(&rig).await.status, 561);
    let gone = oidc_rig(oidc(nobody().await)).await;
    assert_eq!(Departed::from(&gone, "/").await.back(&gone).await.status, 500);
    for broken in [("", "s"), ("0f", "s"), (&*"0f".repeat(32), "")] {
        let without_secrets = AuthenticateOidc {
            cookie_key: broken.0.to_owned(),
            client_secret: broken.1.to_owned(),
            ..oidc(nobody().await)
        };
        let rig = oidc_rig(without_secrets).await;
        assert_eq!(get(&rig, "/", "").await.status, 500);
    }
}
