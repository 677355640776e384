//! Heads of requests and responses, the same for HTTP/1.1 and HTTP/2: one piece of text and places in it. They are used again for the next
//! message of a connection, so that a request costs no allocation here.

use routing::matcher::Headers;

use crate::record::Classification;

/// A place in a head's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..self.end as usize]
    }

    pub fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// Fields that a proxy treats in a way of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Connection,
    ContentLength,
    Cookie,
    Date,
    Expect,
    Host,
    KeepAlive,
    ProxyConnection,
    Server,
    SetCookie,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    UserAgent,
    AmznTraceId,
    ForwardedFor,
    ForwardedPort,
    ForwardedProto,
    Other,
}

impl Known {
    pub fn of(name: &[u8]) -> Self {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            2 if is("te") => Self::Te,
            4 if is("host") => Self::Host,
            4 if is("date") => Self::Date,
            6 if is("cookie") => Self::Cookie,
            6 if is("expect") => Self::Expect,
            6 if is("server") => Self::Server,
            7 if is("upgrade") => Self::Upgrade,
            7 if is("trailer") => Self::Trailer,
            10 if is("connection") => Self::Connection,
            10 if is("keep-alive") => Self::KeepAlive,
            10 if is("user-agent") => Self::UserAgent,
            10 if is("set-cookie") => Self::SetCookie,
            14 if is("content-length") => Self::ContentLength,
            15 if is("x-amzn-trace-id") => Self::AmznTraceId,
            15 if is("x-forwarded-for") => Self::ForwardedFor,
            16 if is("x-forwarded-port") => Self::ForwardedPort,
            16 if is("proxy-connection") => Self::ProxyConnection,
            17 if is("x-forwarded-proto") => Self::ForwardedProto,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            _ => Self::Other,
        }
    }

    /// Speaks of one connection only, so it is never passed on.
    pub fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::Te
                | Self::TransferEncoding
                | Self::Upgrade
        )
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub known: Known,
    pub name: Span,
    pub value: Span,
}

/// Header or trailer fields in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    pub text: Vec<u8>,
    pub list: Vec<Field>,
}

impl Fields {
    pub fn clear(&mut self) {
        self.text.clear();
        self.list.clear();
    }

    /// Appends bytes and gives their place.
    pub fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        Span::new(start, self.text.len())
    }

    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let known = Known::of(name);
        let (name, value) = (self.keep(name), self.keep(value));
        self.list.push(Field { known, name, value });
    }

    pub fn bytes(&self, span: Span) -> &[u8] {
        span.of(&self.text)
    }

    /// What stands at `span`, or nothing where that is not text.
    pub fn str(&self, span: Span) -> &str {
        std::str::from_utf8(self.bytes(span)).unwrap_or_default()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (Known, &[u8], &[u8])> {
        self.list
            .iter()
            .map(|field| (field.known, self.bytes(field.name), self.bytes(field.value)))
    }

    /// Values of all fields of this kind.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.list
            .iter()
            .filter(move |field| field.known == known)
            .map(|field| self.bytes(field.value))
    }

    pub fn first(&self, known: Known) -> Option<&[u8]> {
        self.all(known).next()
    }

    /// Whether a comma separated list of this kind holds `token`.
    pub fn has_token(&self, known: Known, token: &str) -> bool {
        self.all(known)
            .any(|value| tokens(value).any(|found| found.eq_ignore_ascii_case(token.as_bytes())))
    }
}

impl Headers for Fields {
    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        let mut fields = self
            .iter()
            .filter(|(_, field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        fields.any(|(_, _, value)| std::str::from_utf8(value).is_ok_and(&mut *test))
    }
}

/// The parts of a comma separated list.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    Http10,
    #[default]
    Http11,
    H2,
}

impl Version {
    /// As the access log writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::H2 => "HTTP/2.0",
        }
    }
}

/// How long a message's body is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Length {
    #[default]
    None,
    Exactly(u64),
    Chunked,
    /// Until the other side ends the stream or closes.
    UntilEnd,
}

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    pub fields: Fields,
    pub method: Span,
    /// Path and query, as they go to the target.
    pub target: Span,
    pub path: Span,
    pub query: Option<Span>,
    /// With its port, if the client named one.
    pub authority: Span,
    /// Of an absolute-form request line; else none.
    pub absolute: bool,
    pub version: Version,
    pub length: Length,
    /// The client wants the connection to go on after this.
    pub keep_alive: bool,
    pub expects_continue: bool,
    pub upgrade: bool,
    pub classification: Classification,
    pub classification_reason: Option<&'static str>,
}

impl RequestHead {
    pub fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self {
            fields,
            ..Self::default()
        };
    }

    pub fn method(&self) -> &str {
        self.fields.str(self.method)
    }

    pub fn path(&self) -> &str {
        self.fields.str(self.path)
    }

    pub fn query(&self) -> Option<&str> {
        self.query.map(|query| self.fields.str(query))
    }

    pub fn authority(&self) -> &str {
        self.fields.str(self.authority)
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        host_of(self.authority())
    }

    /// The worst of what was found so far is what the request is.
    pub fn classify(&mut self, classification: Classification, reason: &'static str) {
        if classification > self.classification {
            self.classification = classification;
            self.classification_reason = Some(reason);
        }
    }

    /// May be sent twice without harm: there is no body, and the method says so.
    pub fn is_repeatable(&self) -> bool {
        matches!(self.length, Length::None | Length::Exactly(0))
            && matches!(self.method(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE")
    }
}

/// A host without the port behind it; an IPv6 address keeps its brackets.
pub fn host_of(authority: &str) -> &str {
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[end..].find(':') {
        Some(colon) => &authority[..end + colon],
        None => authority,
    }
}

/// A response of a target.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    pub fields: Fields,
    pub status: u16,
    pub reason: Span,
    pub length: Length,
    /// The target keeps the connection.
    pub keep_alive: bool,
}

impl ResponseHead {
    pub fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self {
            fields,
            ..Self::default()
        };
    }

    /// An answer that is followed by another one: 100, 102, 103 (101 is the last).
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }
}
