//! `Accept-Encoding`.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

/// zstd's fastest ordinary level: answers are made while a scraper waits.
const ZSTD_LEVEL: i32 = 1;

/// A way to make an answer shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Coding {
    Gzip,
    Zstd,
}

impl Coding {
    /// The coding that the client likes best (RFC 9110, 12.5.3); of equals the one that costs least. None, when none of ours
    /// was asked for: an answer that the client did not expect is of no use to it.
    pub(super) fn negotiate(accept_encoding: Option<&str>) -> Option<Coding> {
        let header = accept_encoding.unwrap_or_default();
        let mut best = (0.0, None);
        for (name, coding) in [("zstd", Coding::Zstd), ("gzip", Coding::Gzip)] {
            let quality = quality(header, name).unwrap_or(0.0);
            if quality > best.0 {
                best = (quality, Some(coding));
            }
        }
        match quality(header, "identity") {
            Some(plain) if plain > best.0 => None,
            _ => best.1,
        }
    }

    /// The value of `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
        }
    }

    /// The bytes of all pieces in this coding.
    pub(super) fn encode(self, pieces: impl Iterator<Item = Vec<u8>>) -> io::Result<Vec<u8>> {
        match self {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                for piece in pieces {
                    encoder.write_all(&piece)?;
                }
                encoder.finish()
            }
            Coding::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                for piece in pieces {
                    encoder.write_all(&piece)?;
                }
                encoder.finish()
            }
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
        assert_eq!(Coding::negotiate(header).map(Coding::name), wanted);
    }

    #[test]
    fn what_is_coded_decodes_to_the_same() {
        use std::io::Read as _;
        let bytes = b"a 1\n".repeat(1000);
        let pieces = || bytes.chunks(300).map(<[u8]>::to_vec);
        let zstd = Coding::Zstd.encode(pieces()).unwrap();
        assert_eq!(zstd::decode_all(&zstd[..]).unwrap(), bytes);
        let gzip = Coding::Gzip.encode(pieces()).unwrap();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..])
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, bytes);
    }
}
