//! Verifies the signature and the age of a webhook. Pure.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{domain::text::hex, http::hmac_sha256};

/// Tolerance for the sender's clock and the transport.
const MAX_CLOCK_SKEW_SECS: u64 = 5 * 60;

const SIGNATURE_PREFIX: &str = "sha256=";

/// The headers of a webhook. `None`: missing, repeated, or not text.
#[derive(Debug, Clone, Copy)]
pub struct SignatureHeaders<'a> {
    /// `X-VeraCore-Timestamp`
    pub timestamp: Option<&'a str>,
    /// `X-VeraCore-Signature`
    pub signature: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("Send X-VeraCore-Timestamp once, in Unix seconds.")]
    BadTimestamp,
    #[error(
        "Send X-VeraCore-Signature once: sha256= and the 64 hexadecimal digits of an HMAC-SHA256."
    )]
    Malformed,
    #[error("The signature does not match the timestamp and body under VERACORE_WEBHOOK_SECRET.")]
    Mismatch,
    #[error("The webhook is more than 5 minutes old.")]
    TooOld,
    #[error("The webhook's timestamp is more than 5 minutes in the future.")]
    TooEarly,
    #[error("The webhook was sent before; sign it again to repeat it.")]
    Replayed,
}

/// Verifies a signature. Returns the digest that identifies a repetition.
pub(super) fn verify(
    secret: &str,
    headers: SignatureHeaders<'_>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<String, SignatureError> {
    let (timestamp, sent) = headers
        .timestamp
        .and_then(|text| Some((text, parse_timestamp(text)?)))
        .ok_or(SignatureError::BadTimestamp)?;
    let signature = headers
        .signature
        .and_then(|text| text.strip_prefix(SIGNATURE_PREFIX))
        .and_then(decode_hex)
        .ok_or(SignatureError::Malformed)?;
    let expected = hmac_sha256(secret.as_bytes(), &[timestamp.as_bytes(), b".", body]);
    if !bool::from(expected.ct_eq(&signature)) {
        return Err(SignatureError::Mismatch);
    }
    // After the signature: others must not learn our time.
    let now = u64::try_from(now.timestamp()).unwrap_or(0);
    if now.saturating_sub(sent) > MAX_CLOCK_SKEW_SECS {
        return Err(SignatureError::TooOld);
    }
    if sent.saturating_sub(now) > MAX_CLOCK_SKEW_SECS {
        return Err(SignatureError::TooEarly);
    }
    // A digest: nobody can send a signature that they read in the ledger.
    Ok(hex(&Sha256::digest(signature)))
}

/// Accepts digits only.
fn parse_timestamp(text: &str) -> Option<u64> {
    let digits = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn decode_hex(hex: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = hex.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "correct horse";
    const BODY: &[u8] = br#"{"OrderNumber":"C1","Status":"Shipped"}"#;
    /// printf '%s' '1800000000.{"OrderNumber":"C1","Status":"Shipped"}' | openssl dgst -sha256 -hmac 'correct horse'
    const SIGNATURE: &str =
        "sha256=f92fd91d2692649f1f4c24cd537d707651ce69b1151da8726dc565036d0a033f";

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn seal<'a>(timestamp: &'a str, signature: &'a str) -> SignatureHeaders<'a> {
        SignatureHeaders {
            timestamp: Some(timestamp),
            signature: Some(signature),
        }
    }

    fn checked(timestamp: &str, signature: &str, body: &[u8]) -> Result<String, SignatureError> {
        verify(SECRET, seal(timestamp, signature), body, at(0))
    }

    #[test]
    fn what_openssl_signs_is_taken_for_five_minutes_to_either_side() {
        let good = seal("1800000000", SIGNATURE);
        let digest = verify(SECRET, good, BODY, at(0)).unwrap();
        assert_eq!(digest.len(), 64);
        for second in [-300, 0, 300] {
            let again = verify(SECRET, good, BODY, at(second));
            assert_eq!(again.as_ref(), Ok(&digest), "{second}");
        }
        assert_eq!(
            verify(SECRET, good, BODY, at(301)),
            Err(SignatureError::TooOld)
        );
        assert_eq!(
            verify(SECRET, good, BODY, at(-301)),
            Err(SignatureError::TooEarly)
        );
        assert_eq!(
            verify(SECRET, good, BODY, DateTime::<Utc>::MIN_UTC),
            Err(SignatureError::TooEarly)
        );
        // Another spelling of the same signature is the same.
        let upper = SIGNATURE.to_uppercase().replace("SHA", "sha");
        assert_eq!(checked("1800000000", &upper, BODY), Ok(digest));
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused() {
        assert_eq!(
            checked("1800000000", SIGNATURE, b"{}"),
            Err(SignatureError::Mismatch)
        );
        for timestamp in ["1800000001", "01800000000", "0"] {
            assert_eq!(
                checked(timestamp, SIGNATURE, BODY),
                Err(SignatureError::Mismatch),
                "{timestamp}"
            );
        }
        let good = seal("1800000000", SIGNATURE);
        assert_eq!(verify("", good, BODY, at(0)), Err(SignatureError::Mismatch));
        for at in 0..64 {
            let mut changed = SIGNATURE.to_owned().into_bytes();
            let digit = &mut changed[SIGNATURE_PREFIX.len() + at];
            *digit = if *digit == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(
                checked("1800000000", &changed, BODY),
                Err(SignatureError::Mismatch)
            );
        }
    }

    #[test]
    fn seals_of_another_form_are_refused() {
        for timestamp in [
            "",
            " 1800000000",
            "+1800000000",
            "-1",
            "1.8e9",
            "1800000000.0",
            "９",
        ] {
            assert_eq!(
                checked(timestamp, SIGNATURE, BODY),
                Err(SignatureError::BadTimestamp),
                "{timestamp}"
            );
        }
        assert_eq!(
            checked(&"1".repeat(1000), SIGNATURE, BODY),
            Err(SignatureError::BadTimestamp)
        );
        let digits = &SIGNATURE[SIGNATURE_PREFIX.len()..];
        for length in (0..64).chain([65, 66, 128, 10_000]) {
            let signature = format!("sha256={}", &digits.repeat(200)[..length]);
            assert_eq!(
                checked("1800000000", &signature, BODY),
                Err(SignatureError::Malformed),
                "{length}"
            );
        }
        for signature in [
            digits.to_owned(),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256= {}", &digits[1..]),
            format!("sha256={}g", &digits[1..]),
            format!("sha256=+{}", &digits[1..]),
            format!("sha256=é{}", &digits[2..]),
        ] {
            assert_eq!(
                checked("1800000000", &signature, BODY),
                Err(SignatureError::Malformed),
                "{signature}"
            );
        }
    }
}
