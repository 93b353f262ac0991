//! Bodies of answers. Who answers says how long they are, so there is a limit.

use reqwest::Response;

/// No answer that the lab asks for is larger: that of a scrape with a million series has a third of it.
pub const LARGEST: usize = 512 << 20;
/// Characters of an answer that says that something is wrong. A stack trace has some thousands.
const SHOWN: usize = 10_000;

/// Why a body cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It ended early.
    #[error("the answer broke off")]
    BrokeOff(#[source] reqwest::Error),
    /// It is too large to be what was asked for.
    #[error("the answer is larger than {} MB", most >> 20)]
    TooLarge {
        /// Bytes.
        most: usize,
    },
}

/// The whole body, of so many bytes at the most.
///
/// # Errors
/// [`BodyError`], without the URL, which may have a password.
pub async fn bytes(mut answer: Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let broke_off = |error: reqwest::Error| BodyError::BrokeOff(error.without_url());
    while let Some(chunk) = answer.chunk().await.map_err(broke_off)? {
        if bytes.len() + chunk.len() > most {
            return Err(BodyError::TooLarge { most });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The same as text, with a mark for what is none.
///
/// # Errors
/// [`BodyError`].
pub async fn text(answer: Response, most: usize) -> Result<String, BodyError> {
    let bytes = bytes(answer, most).await?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// As much of it as an error message may show, without what a terminal would obey.
pub fn shown(text: &str) -> String {
    let mut characters = text.trim().chars();
    let is_obeyed = |character: char| character.is_control() && !"\n\t".contains(character);
    let replaced = |character| {
        if is_obeyed(character) {
            '\u{fffd}'
        } else {
            character
        }
    };
    let mut shown: String = characters.by_ref().take(SHOWN).map(replaced).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn answer(body: &'static [u8]) -> Response {
        reqwest::Response::from(http::Response::new(body))
    }

    #[tokio::test]
    async fn a_body_has_its_limit() {
        assert_eq!(text(answer(b"12345"), 5).await.unwrap(), "12345");
        let error = text(answer(b"123456"), 5).await.unwrap_err();
        assert!(matches!(error, BodyError::TooLarge { most: 5 }));
    }

    #[test]
    fn a_long_answer_is_shown_from_its_start() {
        assert_eq!(shown(" short\n"), "short");
        assert_eq!(shown("a\n\x1b[31mb"), "a\n\u{fffd}[31mb");
        assert_eq!(shown(&"ä".repeat(SHOWN)), "ä".repeat(SHOWN));
        assert_eq!(shown(&"ä".repeat(SHOWN + 1)), "ä".repeat(SHOWN) + "…");
    }

    #[tokio::test]
    async fn what_is_no_text_does_not_hide_the_rest() {
        assert_eq!(text(answer(b"a\xffb"), 9).await.unwrap(), "a\u{fffd}b");
    }
}
