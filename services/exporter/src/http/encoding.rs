//! `Accept-Encoding`.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

/// zstd's fastest ordinary level: answers are made while a scraper waits.
const ZSTD_LEVEL: i32 = 1;

/// How the bytes of an answer are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// The coding that the client likes best (RFC 9110, 12.5.3); of equals the one that costs least. As they are, when none of ours
    /// was asked for: an answer that the client did not expect is of no use to it.
    pub(super) fn negotiate(accept_encoding: Option<&str>) -> Encoding {
        let header = accept_encoding.unwrap_or_default();
        let mut best = (0.0, Encoding::Identity);
        for (name, encoding) in [("zstd", Encoding::Zstd), ("gzip", Encoding::Gzip)] {
            let quality = quality(header, name).unwrap_or(0.0);
            if quality > best.0 {
                best = (quality, encoding);
            }
        }
        match quality(header, "identity") {
            Some(plain) if plain > best.0 => Encoding::Identity,
            _ => best.1,
        }
    }

    /// The value of `Content-Encoding`, if there is one.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Zstd => Some("zstd"),
        }
    }

    /// The bytes in this coding.
    pub(super) fn encode(self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Encoding::Identity => Ok(bytes),
            Encoding::Gzip => {
                let room = Vec::with_capacity(bytes.len() / 8);
                let mut encoder = GzEncoder::new(room, Compression::fast());
                encoder.write_all(&bytes)?;
                encoder.finish()
            }
            Encoding::Zstd => zstd::bulk::compress(&bytes, ZSTD_LEVEL),
        }
    }
}

/// The weight of a coding: its own, or that of `*`.
fn quality(header: &str, wanted: &str) -> Option<f32> {
    let named = |name: &str| {
        header.split(',').find_map(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            if !parts.next()?.eq_ignore_ascii_case(name) {
                return None;
            }
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            Some(weight.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0)))
        })
    };
    named(wanted).or_else(|| named("*"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing(None, None)]
    #[case::prometheus(Some("gzip"), Some("gzip"))]
    #[case::weighed(Some("deflate, GZIP;q=0.5"), Some("gzip"))]
    #[case::both(Some("gzip, zstd"), Some("zstd"))]
    #[case::gzip_rather(Some("zstd;q=0.5, gzip"), Some("gzip"))]
    #[case::refused(Some("zstd;q=0, gzip;q=0, *"), None)]
    #[case::all_but_one(Some("zstd;q=0, *"), Some("gzip"))]
    #[case::anything(Some("*"), Some("zstd"))]
    #[case::plain(Some("identity"), None)]
    #[case::plain_rather(Some("identity, gzip;q=0.5"), None)]
    #[case::bad_weight(Some("gzip;q=high"), None)]
    fn negotiates(#[case] header: Option<&str>, #[case] wanted: Option<&str>) {
        assert_eq!(Encoding::negotiate(header).name(), wanted);
    }

    #[test]
    fn what_is_coded_decodes_to_the_same() {
        use std::io::Read as _;
        let bytes = b"a 1\n".repeat(1000);
        let zstd = Encoding::Zstd.encode(bytes.clone()).unwrap();
        assert_eq!(zstd::decode_all(&zstd[..]).unwrap(), bytes);
        let gzip = Encoding::Gzip.encode(bytes.clone()).unwrap();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..])
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, bytes);
    }
}
