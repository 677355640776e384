//! Where an HTTP/1 body ends, in both directions.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::fields::is_reserved;
use super::head::{Fields, Known, Length};
use super::parse;

/// A piece of a body.
#[derive(Debug)]
pub enum Part {
    Data(Bytes),
    /// Data, and the body ends with it.
    Last(Bytes),
    /// The body ended with these fields behind it.
    Trailers(Box<Fields>),
    End,
}

/// The peer breaks the rules of framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed body")]
pub struct Malformed;

/// Takes a body apart, whose octets stand at the beginning of a buffer.
#[derive(Debug, Default)]
pub enum Decoder {
    #[default]
    Done,
    Left(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
}

/// A chunk's size line with extensions, octets.
const SIZE_LINE_LIMIT: usize = 4096;

impl Decoder {
    pub fn new(length: Length) -> Self {
        match length {
            Length::None | Length::Exactly(0) => Self::Done,
            Length::Exactly(length) => Self::Left(length),
            Length::Chunked => Self::ChunkSize,
            Length::UntilEnd => Self::UntilClose,
        }
    }

    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The connection's end is the body's end.
    pub fn ends_by_close(&self) -> bool {
        matches!(self, Self::UntilClose)
    }

    /// The next part, or none when more octets are needed.
    ///
    /// # Errors
    /// When chunks are not framed exactly as the standard says.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Part>, Malformed> {
        loop {
            match self {
                Self::Done => return Ok(Some(Part::End)),
                _ if buffer.is_empty() => return Ok(None),
                Self::UntilClose => return Ok(Some(Part::Data(buffer.split().freeze()))),
                Self::Left(left) => {
                    let data = take(buffer, left);
                    if *left > 0 {
                        return Ok(Some(Part::Data(data)));
                    }
                    *self = Self::Done;
                    return Ok(Some(Part::Last(data)));
                }
                Self::ChunkData(left) => {
                    let data = take(buffer, left);
                    if *left == 0 {
                        *self = Self::ChunkEnd;
                    }
                    return Ok(Some(Part::Data(data)));
                }
                Self::ChunkEnd => match &buffer[..] {
                    [b'\r', b'\n', ..] => {
                        buffer.advance(2);
                        *self = Self::ChunkSize;
                    }
                    [b'\r'] => return Ok(None),
                    _ => return Err(Malformed),
                },
                Self::ChunkSize => match chunk_size(buffer)? {
                    None => return Ok(None),
                    Some(0) => *self = Self::Trailers,
                    Some(size) => *self = Self::ChunkData(size),
                },
                Self::Trailers => {
                    let mut fields = Fields::default();
                    let Some(length) = parse::trailers(buffer, &mut fields).map_err(|_| Malformed)? else {
                        return Ok(None);
                    };
                    buffer.advance(length);
                    *self = Self::Done;
                    if !fields.list.is_empty() {
                        return Ok(Some(Part::Trailers(Box::new(fields))));
                    }
                }
            }
        }
    }
}

fn take(buffer: &mut BytesMut, left: &mut u64) -> Bytes {
    let length = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
    *left -= length as u64;
    buffer.split_to(length).freeze()
}

fn chunk_size(buffer: &mut BytesMut) -> Result<Option<u64>, Malformed> {
    let Some(end) = memchr::memchr(b'\n', buffer) else {
        return if buffer.len() > SIZE_LINE_LIMIT {
            Err(Malformed)
        } else {
            Ok(None)
        };
    };
    let line = buffer[..end].strip_suffix(b"\r").ok_or(Malformed)?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    // Extensions are dropped; they mean nothing beyond this hop.
    let rest = &line[digits..];
    let extension = rest.is_empty()
        || (rest.trim_ascii_start().starts_with(b";")
            && !rest.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'));
    if digits == 0 || digits > 15 || end > SIZE_LINE_LIMIT || !extension {
        return Err(Malformed);
    }
    let size = line[..digits]
        .iter()
        .fold(0, |sum, digit| sum * 16 + u64::from(hex_value(*digit)));
    buffer.advance(end + 1);
    Ok(Some(size))
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoder {
    /// As it is: its length is known or the connection's end ends it.
    #[default]
    Plain,
    Chunked,
}

impl Encoder {
    pub fn new(length: Length) -> Self {
        match length {
            Length::Chunked => Self::Chunked,
            _ => Self::Plain,
        }
    }

    /// Writes one part.
    pub fn write(self, part: &Part, out: &mut BytesMut) {
        match (self, part) {
            (Self::Plain, Part::Data(data) | Part::Last(data)) => out.extend_from_slice(data),
            (Self::Plain, _) => {}
            (Self::Chunked, Part::Data(data)) => put_chunk(data, out),
            (Self::Chunked, Part::Last(data)) => {
                put_chunk(data, out);
                out.extend_from_slice(b"0\r\n\r\n");
            }
            (Self::Chunked, Part::End) => out.extend_from_slice(b"0\r\n\r\n"),
            (Self::Chunked, Part::Trailers(fields)) => {
                out.extend_from_slice(b"0\r\n");
                for (known, name, value) in fields.iter() {
                    if may_trail(known, name) {
                        put_field(out, name, value);
                    }
                }
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

/// Fields about framing, routing and connections do not belong into trailers; nor do those that we vouch for, since there are programs
/// that take trailers for headers.
pub fn may_trail(known: Known, name: &[u8]) -> bool {
    !known.is_hop_by_hop()
        && !is_reserved(name)
        && !matches!(
            known,
            Known::ContentLength
                | Known::Host
                | Known::Trailer
                | Known::Cookie
                | Known::SetCookie
                | Known::AmznTraceId
                | Known::ForwardedFor
                | Known::ForwardedPort
                | Known::ForwardedProto
        )
}

pub fn put_field(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.put_slice(name);
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

fn put_chunk(data: &[u8], out: &mut BytesMut) {
    // An empty chunk would be the last.
    if !data.is_empty() {
        out.reserve(data.len() + 20);
        put_hex(data.len(), out);
        out.put_slice(b"\r\n");
        out.put_slice(data);
        out.put_slice(b"\r\n");
    }
}

fn put_hex(mut value: usize, out: &mut BytesMut) {
    let mut digits = [0; 16];
    let mut at = digits.len();
    while value > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b"0123456789abcdef"[value & 15];
        value >>= 4;
    }
    out.put_slice(&digits[at..]);
}
