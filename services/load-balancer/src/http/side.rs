//! One side of an exchange, client or target, in HTTP/1.1 or HTTP/2: bodies flow between any two sides part by part.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::client::ResponseFuture;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};

use super::body::{Decoder, Encoder, Part, may_trail};
use super::head::{Fields, Length, ResponseHead};
use super::parse::{self, Parsed};
use crate::pool::{Counted, Slot};
use crate::wire::Wire;

/// Why a side cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("the connection was closed in the middle of a message")]
    Closed,
    #[error("the peer broke the protocol")]
    Malformed,
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("the stream broke: {0}")]
    H2(#[from] h2::Error),
}

/// A message exchange with one peer.
pub enum Side {
    H1(Box<H1>),
    H2(Box<H2>),
}

pub struct H1 {
    pub wire: Wire,
    pub decoder: Decoder,
    pub encoder: Encoder,
    /// Counts the connection as one of its target's, if it is to one.
    pub counted: Option<Counted>,
}

/// One stream. Which parts are there depends on the role and on how far the exchange is.
#[derive(Default)]
pub struct H2 {
    /// Target: its response is still to come.
    pub response: Option<ResponseFuture>,
    pub receive: Option<RecvStream>,
    pub send: Option<SendStream<Bytes>>,
    /// Client: the response was not begun yet.
    pub respond: Option<SendResponse<Bytes>>,
    pub received: u64,
    pub sent: u64,
    /// Target: this stream's place on its connection.
    pub slot: Option<Slot>,
}

impl H1 {
    pub fn new(wire: Wire) -> Self {
        Self {
            wire,
            decoder: Decoder::Done,
            encoder: Encoder::Plain,
            counted: None,
        }
    }
}

impl Side {
    /// The next part of the body that the peer sends.
    pub fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, Broken>> {
        match self {
            Self::H1(side) => side.poll_part(cx),
            Self::H2(side) => side.poll_part(cx),
        }
    }

    /// Ready when a part may be pushed.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self {
            Self::H1(side) => side.wire.poll_room(cx).map_err(Broken::from),
            Self::H2(side) => side.poll_room(cx),
        }
    }

    /// Sends a part of a body.
    pub fn push(&mut self, part: Part) -> Result<(), Broken> {
        match self {
            Self::H1(side) => {
                side.push(part);
                Ok(())
            }
            Self::H2(side) => side.push(part),
        }
    }

    /// Ready when all that was pushed is on its way.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self {
            Self::H1(side) => side.wire.poll_drain(cx).map_err(Broken::from),
            Self::H2(_) => Poll::Ready(Ok(())),
        }
    }

    /// Octets that came from and went to this peer.
    pub fn traffic(&self) -> (u64, u64) {
        match self {
            Self::H1(side) => (side.wire.received, side.wire.sent),
            Self::H2(side) => (side.received, side.sent),
        }
    }

    /// Ready when a client that has sent all of its request goes away. What it sends meanwhile is kept for later.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::H1(side) => {
                if !side.wire.input.is_empty() {
                    return Poll::Pending;
                }
                match ready!(side.wire.poll_fill(cx)) {
                    Ok(0) | Err(_) => Poll::Ready(()),
                    Ok(_) => Poll::Pending,
                }
            }
            Self::H2(side) => {
                let reset = match (&mut side.respond, &mut side.send) {
                    (Some(respond), _) => respond.poll_reset(cx),
                    (None, Some(send)) => send.poll_reset(cx),
                    (None, None) => return Poll::Pending,
                };
                reset.map(drop)
            }
        }
    }

    /// The head of a target's response; interim ones are passed over.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head_only: bool,
        head: &mut ResponseHead,
    ) -> Poll<Result<(), Broken>> {
        match self {
            Self::H1(side) => side.poll_head(cx, head_only, head),
            Self::H2(side) => side.poll_head(cx, head),
        }
    }
}

impl H1 {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, Broken>> {
        loop {
            if let Some(part) = self
                .decoder
                .next(&mut self.wire.input)
                .map_err(|_| Broken::Malformed)?
            {
                return Poll::Ready(Ok(part));
            }
            if ready!(self.wire.poll_fill(cx))? == 0 {
                if !self.decoder.ends_by_close() {
                    return Poll::Ready(Err(Broken::Closed));
                }
                self.decoder = Decoder::Done;
            }
        }
    }

    fn push(&mut self, part: Part) {
        match (self.encoder, part) {
            (Encoder::Plain, Part::Data(data) | Part::Last(data)) => self.wire.write(data),
            (encoder, part) => encoder.write(&part, self.wire.output()),
        }
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head_only: bool,
        head: &mut ResponseHead,
    ) -> Poll<Result<(), Broken>> {
        loop {
            let parsed = if self.wire.input.is_empty() {
                Parsed::Partial
            } else {
                parse::response(&self.wire.input, head_only, head)
            };
            match parsed {
                Parsed::Whole(length) => {
                    self.wire.input.advance(length);
                    if !head.is_interim() {
                        self.decoder = Decoder::new(head.length);
                        return Poll::Ready(Ok(()));
                    }
                }
                Parsed::Refused(_) => return Poll::Ready(Err(Broken::Malformed)),
                Parsed::Partial => {
                    if ready!(self.wire.poll_fill(cx))? == 0 {
                        let broken = if self.wire.input.is_empty() {
                            Broken::Closed
                        } else {
                            Broken::Malformed
                        };
                        return Poll::Ready(Err(broken));
                    }
                }
            }
        }
    }
}

impl H2 {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, Broken>> {
        let Some(receive) = &mut self.receive else {
            return Poll::Ready(Ok(Part::End));
        };
        if let Some(data) = ready!(receive.poll_data(cx)) {
            let data = data?;
            receive.flow_control().release_capacity(data.len())?;
            self.received += data.len() as u64;
            if receive.is_end_stream() {
                self.receive = None;
                return Poll::Ready(Ok(Part::Last(data)));
            }
            return Poll::Ready(Ok(Part::Data(data)));
        }
        let trailers = ready!(receive.poll_trailers(cx))?;
        self.receive = None;
        Poll::Ready(Ok(match trailers {
            Some(trailers) => Part::Trailers(Box::new(fields_of(&trailers))),
            None => Part::End,
        }))
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let Some(send) = &mut self.send else {
            return Poll::Ready(Ok(()));
        };
        if send.capacity() > 0 {
            return Poll::Ready(Ok(()));
        }
        send.reserve_capacity(16 * 1024);
        match ready!(send.poll_capacity(cx)) {
            Some(capacity) => {
                capacity?;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(Broken::Closed)),
        }
    }

    fn push(&mut self, part: Part) -> Result<(), Broken> {
        let Some(send) = &mut self.send else {
            return Ok(());
        };
        match part {
            Part::Data(data) => {
                self.sent += data.len() as u64;
                send.send_data(data, false)?;
            }
            Part::Last(data) => {
                self.sent += data.len() as u64;
                send.send_data(data, true)?;
            }
            Part::End => send.send_data(Bytes::new(), true)?,
            Part::Trailers(fields) => send.send_trailers(header_map(&fields))?,
        }
        Ok(())
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut ResponseHead) -> Poll<Result<(), Broken>> {
        let Some(response) = &mut self.response else {
            return Poll::Ready(Err(Broken::Closed));
        };
        let response = ready!(Pin::new(response).poll(cx))?;
        self.response = None;
        let (parts, body) = response.into_parts();
        head.clear();
        head.fields = fields_of(&parts.headers);
        head.status = parts.status.as_u16();
        head.keep_alive = true;
        head.length = if body.is_end_stream() {
            Length::None
        } else {
            let length = parts.headers.get(http::header::CONTENT_LENGTH);
            let length = length.and_then(|value| parse::decimal(value.as_bytes()));
            length.map_or(Length::Chunked, Length::Exactly)
        };
        self.receive = (!body.is_end_stream()).then_some(body);
        Poll::Ready(Ok(()))
    }
}

/// A header map as fields.
pub fn fields_of(map: &http::HeaderMap) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in map {
        fields.push(name.as_str().as_bytes(), value.as_bytes());
    }
    fields
}

/// Trailer fields as HTTP/2 takes them.
fn header_map(fields: &Fields) -> http::HeaderMap {
    let mut map = http::HeaderMap::with_capacity(fields.list.len());
    for (known, name, value) in fields.iter() {
        let is_trailer = may_trail(known, name);
        let name = http::HeaderName::from_bytes(name);
        let value = http::HeaderValue::from_bytes(value);
        if let (true, Ok(name), Ok(value)) = (is_trailer, name, value) {
            map.append(name, value);
        }
    }
    map
}
