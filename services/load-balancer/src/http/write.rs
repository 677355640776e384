//! Writes heads: the request's to a target, the response's to a client.

use bytes::{BufMut, Bytes};
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::body::{Encoder, put_field};
use super::fields::{self, Origin, decimal};
use super::head::{Known, Length, RequestHead, ResponseHead, Version};
use super::side::{Broken, H1, H2, Side};
use crate::state::LiveListener;

/// The request for an HTTP/1.1 target. `target`: path and query instead of the client's.
pub fn request_h1(side: &mut H1, request: &RequestHead, target: Option<&str>, origin: &Origin<'_>) {
    side.encoder = Encoder::new(request.length);
    let out = side.wire.output();
    out.reserve(request.fields.text.len() + 256);
    out.put_slice(request.fields.bytes(request.method));
    out.put_slice(b" ");
    out.put_slice(target.map_or(request.fields.bytes(request.target), str::as_bytes));
    out.put_slice(b" HTTP/1.1\r\n");
    fields::for_target(request, origin, |name, value| put_field(out, name, value));
    match request.length {
        Length::Exactly(length) => put_field(out, b"Content-Length", decimal(length, &mut [0; 20])),
        Length::Chunked => put_field(out, b"Transfer-Encoding", b"chunked"),
        Length::None | Length::UntilEnd => {}
    }
    if request.upgrade {
        put_field(out, b"Connection", b"upgrade");
        put_field(out, b"Upgrade", b"websocket");
    }
    out.put_slice(b"\r\n");
}

/// Begins the request on an HTTP/2 connection to a target.
pub fn request_h2(
    send: &mut SendRequest<Bytes>,
    request: &RequestHead,
    target: Option<&str>,
    origin: &Origin<'_>,
) -> Result<H2, Broken> {
    let mut map = HeaderMap::with_capacity(request.fields.list.len() + 6);
    let mut authority = String::new();
    fields::for_target(request, origin, |name, value| {
        if name == b"Host" {
            authority = String::from_utf8_lossy(value).into_owned();
        } else {
            append(&mut map, name, value);
        }
    });
    if let Length::Exactly(length) = request.length {
        map.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if request.fields.has_token(Known::Te, "trailers") {
        map.insert(http::header::TE, HeaderValue::from_static("trailers"));
    }
    let scheme = if origin.tls.is_some() { "https" } else { "http" };
    let path = target.unwrap_or_else(|| request.fields.str(request.target));
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path)
        .build();
    let method = http::Method::from_bytes(request.method().as_bytes());
    let (Ok(uri), Ok(method)) = (uri, method) else {
        return Err(Broken::Malformed);
    };
    let mut head = http::Request::new(());
    *head.uri_mut() = uri;
    *head.method_mut() = method;
    *head.version_mut() = http::Version::HTTP_2;
    *head.headers_mut() = map;
    let empty = matches!(request.length, Length::None | Length::Exactly(0));
    let (response, stream) = send.send_request(head, empty)?;
    Ok(H2 {
        response: Some(response),
        send: (!empty).then_some(stream),
        ..H2::default()
    })
}

/// What a response's head needs beside the target's fields.
pub struct Reply<'a> {
    pub listener: &'a LiveListener,
    pub version: Version,
    pub head_only: bool,
    pub keep_alive: bool,
    pub cookies: &'a [String],
}

/// The response for a client. Gives back whether the connection may stay open after it.
pub fn response(client: &mut Side, response: &ResponseHead, reply: &Reply<'_>) -> Result<bool, Broken> {
    match client {
        Side::H1(side) => Ok(response_h1(side, response, reply)),
        Side::H2(side) => response_h2(side, response, reply).map(|()| true),
    }
}

fn response_h1(side: &mut H1, response: &ResponseHead, reply: &Reply<'_>) -> bool {
    // A body of unknown length is chunked, or for old clients ended by closing.
    let unknown = matches!(response.length, Length::Chunked | Length::UntilEnd);
    let chunked = unknown && reply.version == Version::Http11;
    let keep_alive = reply.keep_alive && (chunked || !unknown);
    let upgraded = response.status == 101;
    side.encoder = if chunked { Encoder::Chunked } else { Encoder::Plain };
    let out = side.wire.output();
    out.reserve(response.fields.text.len() + 128);
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(decimal(u64::from(response.status), &mut [0; 20]));
    out.put_slice(b" ");
    let reason = response.fields.bytes(response.reason);
    out.put_slice(if reason.is_empty() {
        super::answers::reason(response.status).as_bytes()
    } else {
        reason
    });
    out.put_slice(b"\r\n");
    fields::for_client(&response.fields, reply.listener, |name, value| {
        put_field(out, name, value)
    });
    for cookie in reply.cookies {
        put_field(out, b"Set-Cookie", cookie.as_bytes());
    }
    match response.length {
        Length::Exactly(length) => put_field(out, b"Content-Length", decimal(length, &mut [0; 20])),
        Length::None if reply.head_only || response.status == 304 => {
            if let Some(length) = response.fields.first(Known::ContentLength) {
                put_field(out, b"Content-Length", length);
            }
        }
        _ if chunked => put_field(out, b"Transfer-Encoding", b"chunked"),
        // A stream of HTTP/2 that ended with its head has an empty body, which HTTP/1.1 has to be told.
        Length::None if !upgraded && !matches!(response.status, 100..=199 | 204) => {
            put_field(out, b"Content-Length", b"0")
        }
        _ => {}
    }
    if upgraded {
        put_field(out, b"Connection", b"upgrade");
        put_field(out, b"Upgrade", b"websocket");
    } else {
        put_field(
            out,
            b"Connection",
            if keep_alive { b"keep-alive" } else { b"close" },
        );
    }
    out.put_slice(b"\r\n");
    keep_alive
}

fn response_h2(side: &mut H2, response: &ResponseHead, reply: &Reply<'_>) -> Result<(), Broken> {
    let mut map = HeaderMap::with_capacity(response.fields.list.len() + 4);
    // One copy for all values that stand in the target's head.
    let text = Bytes::copy_from_slice(&response.fields.text);
    fields::for_client(
        &response.fields,
        reply.listener,
        |name, value| match offset_within(&response.fields.text, value) {
            Some(at) => {
                let value = text.slice(at..at + value.len());
                append_value(&mut map, name, HeaderValue::from_maybe_shared(value));
            }
            None => append(&mut map, name, value),
        },
    );
    for cookie in reply.cookies {
        append(&mut map, b"set-cookie", cookie.as_bytes());
    }
    match response.length {
        Length::Exactly(length) => {
            map.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        Length::None if reply.head_only || response.status == 304 => {
            if let Some(length) = response.fields.first(Known::ContentLength) {
                append(&mut map, b"content-length", length);
            }
        }
        _ => {}
    }
    let mut head = http::Response::new(());
    *head.status_mut() = http::StatusCode::from_u16(response.status).map_err(|_| Broken::Malformed)?;
    *head.headers_mut() = map;
    let empty = matches!(response.length, Length::None | Length::Exactly(0));
    let Some(mut respond) = side.respond.take() else {
        return Err(Broken::Closed);
    };
    let send = respond.send_response(head, empty)?;
    side.send = (!empty).then_some(send);
    Ok(())
}

fn append(map: &mut HeaderMap, name: &[u8], value: &[u8]) {
    append_value(map, name, HeaderValue::from_bytes(value));
}

fn append_value<E>(map: &mut HeaderMap, name: &[u8], value: Result<HeaderValue, E>) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
        map.append(name, value);
    }
}

/// Where `part` begins in `text`, if it is a piece of it.
fn offset_within(text: &[u8], part: &[u8]) -> Option<usize> {
    let range = text.as_ptr_range();
    let part = part.as_ptr_range();
    (range.start <= part.start && part.end <= range.end).then(|| part.start as usize - range.start as usize)
}
