//! A secret that only the holder of its key can read.

use serde::{Deserialize, Serialize};

/// Text fields, stored as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedText {
    /// Names the key that it was sealed with.
    pub key_id: String,
    /// Base64.
    pub nonce: String,
    /// Base64.
    pub text: String,
}
