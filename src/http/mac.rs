//! Message authentication codes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The HMAC-SHA256 of the joined parts.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        // Unreachable: HMAC accepts keys of any length.
        return Sha256::digest(key).into();
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
