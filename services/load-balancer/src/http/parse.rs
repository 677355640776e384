//! Reads HTTP/1 heads strictly, and says how far a request departs from the standard instead of guessing what was meant: what could be
//! framed in two ways is refused in every desync mode, the rest is classified as ALB does.

use memchr::memchr;

use super::head::{Fields, Known, Length, RequestHead, ResponseHead, Span, Version, tokens};
use crate::record::Classification::{Acceptable, Ambiguous, Severe};

/// LB-37, octets.
pub const LINE_LIMIT: usize = 16 * 1024;
pub const HEADERS_LIMIT: usize = 64 * 1024;
pub const RESPONSE_LIMIT: usize = 32 * 1024;

/// What became of a look at the buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The head has not ended yet.
    Partial,
    /// It ended; so many octets belong to it.
    Whole(usize),
    /// It cannot be taken; the request holds why. The status to answer with.
    Refused(u16),
}

/// Reads a request's head from the beginning of `buffer` into `request`.
pub fn request(buffer: &[u8], request: &mut RequestHead) -> Parsed {
    request.clear();
    // One empty line before a request is tolerated, as the standard asks.
    let lead = if buffer.starts_with(b"\r\n") { 2 } else { 0 };
    let Some(line_end) = memchr(b'\n', &buffer[lead..]).map(|at| at + lead) else {
        return if buffer.len() > LINE_LIMIT {
            Parsed::Refused(414)
        } else {
            Parsed::Partial
        };
    };
    if line_end - lead > LINE_LIMIT {
        return Parsed::Refused(414);
    }
    let Some(end) = end_of_head(buffer, line_end) else {
        return if buffer.len() - line_end > HEADERS_LIMIT {
            Parsed::Refused(400)
        } else {
            Parsed::Partial
        };
    };
    if end - line_end > HEADERS_LIMIT {
        return Parsed::Refused(400);
    }
    let Some(line) = buffer[lead..line_end].strip_suffix(b"\r") else {
        return refuse(request, "BadHeader");
    };
    if let Err(status) = request_line(line, request) {
        return Parsed::Refused(status);
    }
    if let Err(reason) = fields(&buffer[line_end + 1..end], &mut request.fields) {
        return refuse(request, reason);
    }
    match understand(request) {
        Ok(()) => Parsed::Whole(end),
        Err(status) => Parsed::Refused(status),
    }
}

/// Reads a response's head from the beginning of `buffer` into `response`. `head_only`: the request was a HEAD.
pub fn response(buffer: &[u8], head_only: bool, response: &mut ResponseHead) -> Parsed {
    response.clear();
    let first = memchr(b'\n', buffer);
    let Some((line_end, end)) = first.and_then(|at| end_of_head(buffer, at).map(|end| (at, end))) else {
        return if buffer.len() > RESPONSE_LIMIT {
            Parsed::Refused(502)
        } else {
            Parsed::Partial
        };
    };
    if end > RESPONSE_LIMIT {
        return Parsed::Refused(502);
    }
    let line = &buffer[..line_end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
        return Parsed::Refused(502);
    }
    let version = match line.get(..9) {
        Some(b"HTTP/1.1 ") => Version::Http11,
        Some(b"HTTP/1.0 ") => Version::Http10,
        _ => return Parsed::Refused(502),
    };
    let digits = line
        .get(9..12)
        .filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let (Some(&[a, b, c]), None | Some(b' ')) = (digits, line.get(12)) else {
        return Parsed::Refused(502);
    };
    response.status = [a, b, c]
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    response.reason = response.fields.keep(line.get(13..).unwrap_or_default());
    if response.status < 100 || fields(&buffer[line_end + 1..end], &mut response.fields).is_err() {
        return Parsed::Refused(502);
    }
    match response_length(response, version, head_only) {
        Some(length) => response.length = length,
        None => return Parsed::Refused(502),
    }
    let fields = &response.fields;
    response.keep_alive = match version {
        Version::Http10 => fields.has_token(Known::Connection, "keep-alive"),
        _ => !fields.has_token(Known::Connection, "close"),
    } && response.length != Length::UntilEnd;
    Parsed::Whole(end)
}

/// Reads trailer fields; they end with an empty line. The octets that they take, or none while they are not all there.
pub fn trailers(buffer: &[u8], out: &mut Fields) -> Result<Option<usize>, &'static str> {
    out.clear();
    if buffer.starts_with(b"\r\n") {
        return Ok(Some(2));
    }
    let Some(end) = memchr(b'\n', buffer).and_then(|first| end_of_head(buffer, first)) else {
        return if buffer.len() > LINE_LIMIT {
            Err("BadHeader")
        } else {
            Ok(None)
        };
    };
    fields(&buffer[..end], out)?;
    Ok(Some(end))
}

/// Where the head ends: behind the first empty line, looked for from the newline at `line_end`.
fn end_of_head(buffer: &[u8], mut line_end: usize) -> Option<usize> {
    loop {
        let rest = &buffer[line_end + 1..];
        match rest {
            [b'\n', ..] => return Some(line_end + 2),
            [b'\r', b'\n', ..] => return Some(line_end + 3),
            _ => line_end += 1 + memchr(b'\n', rest)?,
        }
    }
}

fn refuse(request: &mut RequestHead, reason: &'static str) -> Parsed {
    request.classify(Severe, reason);
    Parsed::Refused(400)
}

fn request_line(line: &[u8], request: &mut RequestHead) -> Result<(), u16> {
    let mut severe = |reason| {
        request.classify(Severe, reason);
        Err(400)
    };
    let Some(method_end) = memchr(b' ', line) else {
        return severe("BadMethod");
    };
    let method = &line[..method_end];
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return severe("BadMethod");
    }
    let Some(version_at) = memchr::memrchr(b' ', line).filter(|at| *at > method_end) else {
        return severe("BadVersion");
    };
    let (target, version) = (&line[method_end + 1..version_at], &line[version_at + 1..]);
    if target.is_empty() || target.iter().any(|byte| matches!(byte, 0 | b'\r')) {
        return severe("BadUri");
    }
    request.version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => {
            request.classify(Acceptable, "NonCompliantVersion");
            Version::Http11
        }
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(505);
        }
        _ => return severe("BadVersion"),
    };
    request.method = request.fields.keep(method);
    uri(target, request)
}

/// Splits the request target, and escapes what may not stand in one.
fn uri(target: &[u8], request: &mut RequestHead) -> Result<(), u16> {
    if target.iter().any(|byte| byte.is_ascii_control()) {
        request.classify(Ambiguous, "AmbiguousUri");
    } else if target.contains(&b' ') {
        request.classify(Acceptable, "SpaceInUri");
    }
    let mut target = target;
    if target[0] != b'/' && target != b"*" {
        let scheme = ["http://", "https://"].into_iter().find(|scheme| {
            target
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        });
        // CONNECT's form is answered by the method; anything else has no meaning.
        let Some(scheme) = scheme else {
            request.target = request.fields.keep(b"/");
            request.path = request.target;
            return if request.method() == "CONNECT" {
                Ok(())
            } else {
                Err(400)
            };
        };
        let rest = &target[scheme.len()..];
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?'))
            .unwrap_or(rest.len());
        request.authority = request.fields.keep(&rest[..end]);
        request.absolute = true;
        target = &rest[end..];
    }
    // Rules look at text: octets that are none are escaped, or they would see nothing of the path.
    let is_text = std::str::from_utf8(target).is_ok();
    // A fragment is the client's own affair.
    let target = target.split(|byte| *byte == b'#').next().unwrap_or_default();
    let text = &mut request.fields.text;
    let start = text.len();
    if !matches!(target.first(), Some(b'/' | b'*')) {
        text.push(b'/');
    }
    let mut query = None;
    for byte in target {
        if *byte == b'?' && query.is_none() {
            query = Some(text.len());
        }
        if *byte <= b' ' || *byte == 0x7f || (!is_text && !byte.is_ascii()) {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            text.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        } else {
            text.push(*byte);
        }
    }
    let end = text.len();
    request.target = Span::new(start, end);
    request.path = Span::new(start, query.unwrap_or(end));
    request.query = query.map(|at| Span::new(at + 1, end));
    Ok(())
}

/// Reads `name: value` lines up to and including the empty one.
fn fields(mut text: &[u8], out: &mut Fields) -> Result<(), &'static str> {
    while let Some(at) = memchr(b'\n', text) {
        let line = text[..at].strip_suffix(b"\r").ok_or("BadHeader")?;
        text = &text[at + 1..];
        if line.is_empty() {
            return Ok(());
        }
        if line.len() > LINE_LIMIT {
            return Err("HeaderTooLarge");
        }
        let colon = memchr(b':', line).ok_or("BadHeader")?;
        let (name, value) = (&line[..colon], trim_blanks(&line[colon + 1..]));
        // Folded lines and spaces before the colon begin or end the name with a blank.
        if name.is_empty()
            || name.iter().any(|byte| *byte <= b' ' || *byte == 0x7f)
            || value.iter().any(|byte| matches!(byte, 0 | b'\r'))
        {
            return Err("BadHeader");
        }
        out.push(name, value);
    }
    Err("BadHeader")
}

/// Without the spaces and tabs around it. Other octets that look blank belong to the value: a form feed in front of `chunked` is not chunked.
pub fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Finds what the fields say of the body, the connection and the host.
fn understand(request: &mut RequestHead) -> Result<(), u16> {
    let mut lengths = Lengths::default();
    let mut hosts = 0;
    let mut host = Span::default();
    for index in 0..request.fields.list.len() {
        let field = request.fields.list[index];
        let (name, value) = (
            field.name.of(&request.fields.text),
            field.value.of(&request.fields.text),
        );
        let finding = odd_field(field.known, name, value);
        match field.known {
            Known::ContentLength => lengths.content_length(value),
            Known::TransferEncoding => lengths.transfer_encoding(value),
            Known::Host => {
                hosts += 1;
                host = field.value;
            }
            // Another protocol behind an upgrade (h2c) would carry requests past all rules.
            Known::Upgrade => request.upgrade |= value.eq_ignore_ascii_case(b"websocket"),
            // Old clients do not know what an interim response is.
            Known::Expect => {
                request.expects_continue =
                    request.version == Version::Http11 && value.eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
        if let Some((classification, reason)) = finding {
            request.classify(classification, reason);
        }
    }
    request.length = lengths.resolve(request)?;
    if hosts > 1 || (hosts == 0 && request.version == Version::Http11) {
        return Err(400);
    }
    if !request.absolute {
        request.authority = host;
    }
    if !is_authority(request.fields.bytes(request.authority)) {
        request.classify(Severe, "BadHeader");
        return Err(400);
    }
    let fields = &request.fields;
    request.keep_alive = match request.version {
        Version::Http10 => fields.has_token(Known::Connection, "keep-alive"),
        _ => !fields.has_token(Known::Connection, "close"),
    };
    request.upgrade = request.upgrade
        && request.version == Version::Http11
        && fields.has_token(Known::Connection, "upgrade");
    Ok(())
}

/// Whether this can be the host of a request, with or without a port: everybody reads the same host out of it.
pub(super) fn is_authority(text: &[u8]) -> bool {
    let splits = |byte: &u8| matches!(byte, 0..=b' ' | 0x7f | b'/' | b'?' | b'#' | b'@' | b'\\' | b',');
    !text.iter().any(splits) && std::str::from_utf8(text).is_ok()
}

/// Classifies a request that did not come as text by its fields.
pub(super) fn classify(request: &mut RequestHead) {
    for index in 0..request.fields.list.len() {
        let field = request.fields.list[index];
        let (name, value) = (
            request.fields.bytes(field.name),
            request.fields.bytes(field.value),
        );
        if let Some((classification, reason)) = odd_field(field.known, name, value) {
            request.classify(classification, reason);
        }
    }
}

/// A field that is no fault yet.
fn odd_field(
    known: Known,
    name: &[u8],
    value: &[u8],
) -> Option<(crate::record::Classification, &'static str)> {
    if known == Known::Other && is_like(name, "content-length") | is_like(name, "transfer-encoding") {
        return Some((Ambiguous, "SuspiciousHeader"));
    }
    let plain = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    (!name.iter().chain(value).all(plain)).then_some((Acceptable, "NonCompliantHeader"))
}

/// Whether a program that reads names generously might take `name` for `known`.
fn is_like(name: &[u8], known: &str) -> bool {
    let letters = |text: &[u8]| -> usize { text.iter().filter(|byte| byte.is_ascii_alphabetic()).count() };
    let wanted = known.bytes().filter(u8::is_ascii_alphabetic);
    name.len() <= known.len() + 4
        && letters(name) == known.len() - 1
        && name
            .iter()
            .filter(|byte| byte.is_ascii_alphabetic())
            .map(u8::to_ascii_lowercase)
            .eq(wanted)
}

/// What was said of the length of a body.
#[derive(Default)]
struct Lengths {
    content: Option<u64>,
    duplicate: bool,
    differing: bool,
    bad_content: bool,
    chunked: u32,
    unsupported: bool,
    bad_transfer: bool,
}

impl Lengths {
    fn content_length(&mut self, value: &[u8]) {
        match decimal(value) {
            None => self.bad_content = true,
            Some(length) if self.content.is_none() => self.content = Some(length),
            Some(length) => {
                self.duplicate = true;
                self.differing |= self.content != Some(length);
            }
        }
    }

    fn transfer_encoding(&mut self, value: &[u8]) {
        for coding in tokens(value) {
            match coding {
                _ if coding.eq_ignore_ascii_case(b"chunked") => self.chunked += 1,
                _ if coding.eq_ignore_ascii_case(b"identity") => {}
                _ if coding.iter().copied().all(is_token) => self.unsupported = true,
                _ => self.bad_transfer = true,
            }
        }
        self.bad_transfer |= value.is_empty();
    }

    fn resolve(self, request: &mut RequestHead) -> Result<Length, u16> {
        let bodiless = matches!(request.method(), "GET" | "HEAD");
        let severe = if self.bad_content {
            Some("BadContentLength")
        } else if self.differing {
            Some("MultipleContentLength")
        } else if self.bad_transfer || (self.chunked > 0 && request.version == Version::Http10) {
            Some("BadTransferEncoding")
        } else {
            None
        };
        if let Some(reason) = severe {
            request.classify(Severe, reason);
            return Err(400);
        }
        if self.unsupported {
            return Err(501);
        }
        if self.chunked > 0 {
            if self.content.is_some() {
                request.classify(Ambiguous, "BothTeClPresent");
            }
            if self.chunked > 1 {
                request.classify(Ambiguous, "MultipleTransferEncodingChunked");
            }
            if bodiless {
                request.classify(Ambiguous, "UndefinedTransferEncodingSemantics");
            }
            return Ok(Length::Chunked);
        }
        if self.duplicate {
            request.classify(Ambiguous, "DuplicateContentLength");
        }
        match self.content {
            Some(0) if bodiless => request.classify(Acceptable, "GetHeadZeroContentLength"),
            Some(_) if bodiless => request.classify(Ambiguous, "UndefinedContentLengthSemantics"),
            _ => {}
        }
        Ok(self.content.map_or(Length::None, Length::Exactly))
    }
}

/// None when the target contradicts itself.
fn response_length(response: &ResponseHead, version: Version, head_only: bool) -> Option<Length> {
    let mut lengths = Lengths::default();
    response
        .fields
        .all(Known::ContentLength)
        .for_each(|value| lengths.content_length(value));
    response
        .fields
        .all(Known::TransferEncoding)
        .for_each(|value| lengths.transfer_encoding(value));
    if lengths.bad_content || lengths.differing || lengths.bad_transfer || lengths.unsupported {
        return None;
    }
    if head_only || matches!(response.status, 100..=199 | 204 | 304) {
        return Some(Length::None);
    }
    if lengths.chunked > 0 {
        // Both at once is how responses are smuggled.
        return (version == Version::Http11 && lengths.content.is_none() && lengths.chunked == 1)
            .then_some(Length::Chunked);
    }
    Some(lengths.content.map_or(Length::UntilEnd, Length::Exactly))
}

/// Digits only: no sign, no list, no blank.
pub fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        value
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')),
    )
}

pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
