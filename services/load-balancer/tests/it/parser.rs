//! The codec against any octets at all.

use bytes::BytesMut;
use load_balancer::http::body::{Decoder, Encoder, Part};
use load_balancer::http::head::{Length, RequestHead, ResponseHead};
use load_balancer::http::parse::{self, Parsed};
use proptest::prelude::*;

/// Pieces of which requests are made, right and wrong.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "GET",
        "POST",
        " ",
        "/",
        "/a?b",
        " HTTP/1.1",
        " HTTP/1.0",
        "\r\n",
        "\n",
        "\r",
        "Host: a",
        "Content-Length: 5",
        "Content-Length: 6",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding",
        ": ",
        ":",
        "chunked",
        "\t",
        "\0",
        "é",
        "X: y",
        "http://b/",
        "#",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
    ])
}

proptest! {
    #[test]
    fn no_octets_at_all_upset_the_parser(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        parse::request(&octets, &mut RequestHead::default());
        parse::response(&octets, false, &mut ResponseHead::default());
        let mut buffer = BytesMut::from(&octets[..]);
        let mut decoder = Decoder::new(Length::Chunked);
        while let Ok(Some(part)) = decoder.next(&mut buffer) {
            if !matches!(part, Part::Data(_)) {
                break;
            }
        }
    }

    #[test]
    fn a_request_that_is_taken_has_one_meaning_however_it_arrives(pieces in prop::collection::vec(piece(), 1..24)) {
        let text = pieces.concat();
        let mut request = RequestHead::default();
        let whole = parse::request(text.as_bytes(), &mut request);
        if let Parsed::Whole(length) = whole {
            prop_assert!(text.as_bytes()[..length].ends_with(b"\r\n\r\n"), "only an empty line ends a head");
            prop_assert!(!request.fields.bytes(request.target).iter().any(|byte| *byte <= b' '));
            for end in 0..length {
                let part = parse::request(&text.as_bytes()[..end], &mut RequestHead::default());
                prop_assert!(matches!(part, Parsed::Partial), "a part of it is not yet a request");
            }
        }
    }

    #[test]
    fn a_body_is_the_same_in_whichever_pieces_it_comes(body in prop::collection::vec(any::<u8>(), 0..400), chunk in 1usize..50, read in 1usize..50) {
        let mut encoded = BytesMut::new();
        for part in body.chunks(chunk) {
            Encoder::Chunked.write(&Part::Data(part.to_vec().into()), &mut encoded);
        }
        Encoder::Chunked.write(&Part::End, &mut encoded);
        encoded.extend_from_slice(b"NEXT");
        let mut decoder = Decoder::new(Length::Chunked);
        let (mut buffer, mut got, mut ended) = (BytesMut::new(), Vec::new(), false);
        for piece in encoded.chunks(read) {
            buffer.extend_from_slice(piece);
            while !ended && let Some(part) = decoder.next(&mut buffer).expect("well formed") {
                match part {
                    Part::Data(data) | Part::Last(data) => got.extend_from_slice(&data),
                    Part::End | Part::Trailers(_) => ended = true,
                }
            }
        }
        prop_assert!(ended && got == body);
        prop_assert_eq!(&buffer[..], b"NEXT");
    }
}
