//! Any request that is signed is accepted; changed in one byte anywhere that counts, it is refused; garbage is refused.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{Checked, ecs_call, now, signer};

#[derive(Debug, Clone)]
struct Plain {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn plain() -> impl Strategy<Value = Plain> {
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "DELETE"]);
    let segment = "([a-zA-Z0-9_~:@!$'*-]|%[2-7][0-9A-F]){1,6}";
    let pair = "([a-zA-Z0-9_.~/:-]|%[2-7][0-9A-F]){1,5}(=([a-zA-Z0-9_.~+/-]|%[2-7][0-9A-F]){0,5})?";
    let header = (
        "(x-amz-|x-|content-)[a-w]{1,6}",
        "[!-~]{1,4}( {1,3}[!-~]{1,4}){0,2}",
    );
    let target = (
        prop::collection::vec(segment, 0..4),
        any::<bool>(),
        prop::collection::vec(pair, 0..4),
    );
    (
        method,
        target,
        prop::collection::vec(header, 0..4),
        prop::collection::vec(any::<u8>(), 0..64),
    )
        .prop_map(|(method, (segments, slash, pairs), headers, body)| {
            let end = if slash && !segments.is_empty() { "/" } else { "" };
            let query = if pairs.is_empty() {
                String::new()
            } else {
                format!("?{}", pairs.join("&"))
            };
            Plain {
                method,
                target: format!("/{}{end}{query}", segments.join("/")),
                headers,
                body,
            }
        })
}

impl Plain {
    fn sign(&self, presigned: bool) -> Parts {
        let mut request = Request::builder()
            .method(self.method)
            .uri(&self.target)
            .header("host", "berth.local:8400");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        if presigned {
            signer()
                .presign(&mut parts, &self.body, now(), Duration::from_secs(60))
                .unwrap();
        } else {
            signer().sign(&mut parts, &self.body, now()).unwrap();
        }
        parts
    }
}

fn accepted(parts: &Parts, body: &[u8]) -> bool {
    Checked::with_example_key().verify(parts, body, now()).is_ok()
}

fn replaced(text: &str, at: Index, byte: u8) -> Option<Vec<u8>> {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.get(&(0..bytes.len()).collect::<Vec<_>>()).to_owned();
    (bytes[at] != byte).then(|| {
        bytes[at] = byte;
        bytes
    })
}

/// Names and values without escapes, sorted: what a query says.
fn meaning(query: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let plain =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).collect::<Vec<u8>>();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(n, v)| (plain(n), plain(v)))
        .collect();
    pairs.sort();
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_signed_request_is_accepted(plain in plain(), presigned: bool) {
        prop_assert!(accepted(&plain.sign(presigned), &plain.body));
    }

    #[test]
    fn another_method_is_refused(plain in plain(), presigned: bool) {
        let mut parts = plain.sign(presigned);
        parts.method = if plain.method == "POST" { Method::GET } else { Method::POST };
        prop_assert!(!accepted(&parts, &plain.body));
    }

    #[test]
    fn a_changed_byte_of_the_path_or_query_is_refused(
        plain in plain(), presigned: bool, at: Index, byte in 0x21_u8..0x7f,
    ) {
        let mut parts = plain.sign(presigned);
        let before = parts.uri.clone();
        let Some(Ok(after)) = replaced(&before.to_string(), at, byte).map(Uri::try_from) else { return Ok(()) };
        // A fragment never reaches a server, and `%2f` says the same as `%2F`.
        prop_assume!(byte != b'#' && after.authority().is_none() && after.path().starts_with('/'));
        let same_query = meaning(before.query().unwrap_or_default()) == meaning(after.query().unwrap_or_default());
        prop_assume!(before.path() != after.path() || !same_query);
        parts.uri = after;
        prop_assert!(!accepted(&parts, &plain.body), "{before} became {}", parts.uri);
    }

    #[test]
    fn a_changed_byte_of_a_signed_header_is_refused(
        plain in plain(), presigned: bool, which: Index, at: Index, byte in 0x20_u8..0x7f,
    ) {
        let mut parts = plain.sign(presigned);
        let mut values: Vec<(HeaderName, String)> =
            parts.headers.iter().map(|(name, value)| (name.clone(), value.to_str().unwrap().to_owned())).collect();
        let which = which.index(values.len());
        prop_assume!(values[which].0 != "authorization");
        let Some(changed) = replaced(&values[which].1, at, byte) else { return Ok(()) };
        let changed = String::from_utf8(changed).unwrap();
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        prop_assume!(words(&changed) != words(&values[which].1));
        values[which].1 = changed;
        parts.headers.clear();
        for (name, value) in values {
            parts.headers.append(name, HeaderValue::from_str(&value).unwrap());
        }
        prop_assert!(!accepted(&parts, &plain.body));
    }

    #[test]
    fn a_changed_byte_of_the_signature_itself_is_refused(plain in plain(), at: Index, byte in 0x21_u8..0x7f) {
        let mut parts = plain.sign(false);
        let text = parts.headers["authorization"].to_str().unwrap().to_owned();
        let Some(changed) = replaced(&text, at, byte) else { return Ok(()) };
        // Separators may be doubled or widened without any meaning.
        prop_assume!(changed.split(|b| b" ,".contains(b)).count() == text.split([' ', ',']).count());
        prop_assume!(!(byte == b',' && changed.split(|b| *b == b' ').count() != text.split(' ').count()));
        parts.headers.insert("authorization", HeaderValue::from_bytes(&changed).unwrap());
        prop_assert!(!accepted(&parts, &plain.body), "{}", String::from_utf8_lossy(&changed));
    }

    #[test]
    fn a_changed_body_is_refused(plain in plain(), presigned: bool, at: Index, flip in 1_u8..) {
        let parts = plain.sign(presigned);
        let mut body = plain.body.clone();
        if body.is_empty() {
            body.push(flip);
        } else {
            let at = at.index(body.len());
            body[at] ^= flip;
        }
        prop_assert!(!accepted(&parts, &body));
    }

    #[test]
    fn garbage_is_refused_and_never_panics(
        authorization in prop::collection::vec(any::<u8>(), 0..80),
        scheme in prop::sample::select(vec!["", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"]),
        date in prop_oneof![any::<String>(), "[0-9]{8}T[0-9]{6}Z"],
        query in "[ -~]{0,60}",
    ) {
        let (mut parts, body) = ecs_call();
        let header = [scheme.as_bytes(), &authorization].concat();
        if let Ok(value) = HeaderValue::from_bytes(&header) {
            parts.headers.insert("authorization", value);
        }
        if let Ok(value) = HeaderValue::from_str(&date) {
            parts.headers.insert("x-amz-date", value);
        }
        prop_assert!(!accepted(&parts, &body));
        parts.headers.remove("authorization");
        if let Ok(uri) = Uri::try_from(format!("/?X-Amz-Algorithm=AWS4-HMAC-SHA256&{query}")) {
            parts.uri = uri;
        }
        prop_assert!(!accepted(&parts, &body));
    }

    #[test]
    fn a_broken_field_is_refused_and_never_panics(
        field in prop::sample::select(vec!["Credential", "SignedHeaders", "Signature", "Date", "Expires", "Algorithm"]),
        value in any::<String>(),
    ) {
        let mut parts = ecs_call().0;
        signer().presign(&mut parts, b"", now(), Duration::from_secs(60)).unwrap();
        let query = parts.uri.query().unwrap().to_owned();
        let written = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC).to_string();
        let broken = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.strip_prefix("X-Amz-") == Some(field) => format!("{name}={written}"),
            _ => pair.to_owned(),
        });
        let broken = broken.collect::<Vec<_>>().join("&");
        prop_assume!(meaning(&broken) != meaning(&query));
        parts.uri = format!("/?{broken}").parse().unwrap();
        prop_assert!(!accepted(&parts, b""));
    }
}
