//! Encryption of stored secrets: XChaCha20-Poly1305 under a key of `CONFIG_ENCRYPTION_KEY`, each
//! bound to its setting's name.
//!
//! Must not know where the encrypted texts are stored.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD_NO_PAD,
    },
};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate as _, KeyInit as _, Payload},
};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::{Digest as _, Sha256};

use crate::domain::{SealedText, text::hex};

/// A key of 256 bits.
struct EncryptionKey {
    /// Identifies the key, and reveals nothing of it.
    id: String,
    key_bytes: SecretBox<[u8; 32]>,
}

/// The keys of `CONFIG_ENCRYPTION_KEY`: the first one encrypts, each of them decrypts.
#[derive(Default)]
pub struct Keyring(Vec<EncryptionKey>);

/// A secret that could not be encrypted or decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("CONFIG_ENCRYPTION_KEY is not set; without it, no secret is stored in the database")]
    NoKey,
    #[error(
        "is encrypted with the key {0}, which CONFIG_ENCRYPTION_KEY does not contain; append that key after a comma, or remove the stored value with `veracore-sync config unset`"
    )]
    UnknownKey(String),
    #[error("is damaged in veracore_config, or was encrypted for another setting; store it again")]
    Damaged,
}

impl EncryptionKey {
    /// Reads standard base64, padded or not.
    fn parse(text: &str) -> Result<Self, String> {
        let settings = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(false);
        let bytes = GeneralPurpose::new(&alphabet::STANDARD, settings).decode(text.trim());
        // The error of base64 would quote a character of the key.
        let bytes = bytes.map_err(|_| "is not base64".to_owned())?;
        let length = bytes.len();
        let bits =
            <[u8; 32]>::try_from(bytes).map_err(|_| format!("has {length} bytes instead of 32"))?;
        let digest = Sha256::new()
            .chain_update(b"veracore-sync key id")
            .chain_update(bits)
            .finalize();
        let id = hex(&digest[..4]);
        let bits = SecretBox::new(Box::new(bits));
        Ok(Self {
            id,
            key_bytes: bits,
        })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.key_bytes.expose_secret().into())
    }
}

impl Keyring {
    /// Reads keys in base64, separated by commas.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(EncryptionKey::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The id of the key that encrypts.
    pub fn sealing_key_id(&self) -> Option<&str> {
        self.0.first().map(|key| key.id.as_str())
    }

    /// Encrypts the value of a setting.
    pub fn seal(&self, setting: &str, value: &SecretString) -> Result<SealedText, SealError> {
        let key = self.0.first().ok_or(SealError::NoKey)?;
        // With 192 random bits, no two are ever the same.
        let nonce = XNonce::generate();
        let payload = Payload {
            msg: value.expose_secret().as_bytes(),
            aad: setting.as_bytes(),
        };
        let text = key.cipher().encrypt(&nonce, payload);
        Ok(SealedText {
            key_id: key.id.clone(),
            nonce: STANDARD_NO_PAD.encode(nonce),
            text: STANDARD_NO_PAD.encode(text.map_err(|_| SealError::Damaged)?),
        })
    }

    /// Decrypts the value of a setting.
    pub fn open(&self, setting: &str, sealed: &SealedText) -> Result<SecretString, SealError> {
        if sealed.key_id.is_empty() {
            return Err(SealError::Damaged);
        }
        if self.0.is_empty() {
            return Err(SealError::NoKey);
        }
        let key = self.0.iter().find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| SealError::UnknownKey(sealed.key_id.clone()))?;
        let bytes = |text: &str| STANDARD_NO_PAD.decode(text).ok();
        let nonce = bytes(&sealed.nonce).and_then(|nonce| <[u8; 24]>::try_from(nonce).ok());
        let (Some(nonce), Some(text)) = (nonce, bytes(&sealed.text)) else {
            return Err(SealError::Damaged);
        };
        let payload = Payload {
            msg: &text,
            aad: setting.as_bytes(),
        };
        let opened = key.cipher().decrypt(&XNonce::from(nonce), payload);
        let opened = opened.map_err(|_| SealError::Damaged)?;
        let text = String::from_utf8(opened).map_err(|_| SealError::Damaged)?;
        Ok(SecretString::from(text))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| &key.id))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(fills: &[u8]) -> Keyring {
        let keys: Vec<String> = fills
            .iter()
            .map(|fill| STANDARD_NO_PAD.encode([*fill; 32]))
            .collect();
        Keyring::parse(&keys.join(", ")).unwrap()
    }

    #[test]
    fn a_sealed_secret_is_opened_only_by_its_key() {
        let secret = SecretString::from("hunter2 ü");
        let old = keyring(&[1]);
        let sealed = old.seal("API_TOKEN", &secret).unwrap();
        assert!(!format!("{sealed:?}").contains("hunter2"));
        let opened = old.open("API_TOKEN", &sealed).unwrap();
        assert_eq!(opened.expose_secret(), "hunter2 ü");
        // The same secret is never encrypted to the same text.
        assert_ne!(old.seal("API_TOKEN", &secret).unwrap(), sealed);
        let both = keyring(&[2, 1]);
        assert!(both.open("API_TOKEN", &sealed).is_ok());
        assert_ne!(
            both.seal("API_TOKEN", &secret).unwrap().key_id,
            sealed.key_id
        );
        let new = keyring(&[2]);
        let other = SealError::UnknownKey(sealed.key_id.clone());
        assert_eq!(new.open("API_TOKEN", &sealed).unwrap_err(), other);
        let none = Keyring::default();
        assert_eq!(
            none.open("API_TOKEN", &sealed).unwrap_err(),
            SealError::NoKey
        );
        assert_eq!(
            none.seal("API_TOKEN", &secret).unwrap_err(),
            SealError::NoKey
        );
    }

    #[test]
    fn a_changed_or_moved_secret_is_not_opened() {
        let keys = keyring(&[1]);
        let sealed = keys.seal("API_TOKEN", &"hunter2".into()).unwrap();
        assert_eq!(
            keys.open("VENDURE_PASSWORD", &sealed).unwrap_err(),
            SealError::Damaged
        );
        for at in 0..sealed.text.len() {
            let mut text = sealed.text.clone().into_bytes();
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(text).unwrap();
            let changed = SealedText {
                text,
                ..sealed.clone()
            };
            assert!(keys.open("API_TOKEN", &changed).is_err(), "{at}");
        }
        for broken in ["", "%%%", "AAAA"] {
            let nonce = SealedText {
                nonce: broken.into(),
                ..sealed.clone()
            };
            assert_eq!(
                keys.open("API_TOKEN", &nonce).unwrap_err(),
                SealError::Damaged
            );
            let text = SealedText {
                text: broken.into(),
                ..sealed.clone()
            };
            assert_eq!(
                keys.open("API_TOKEN", &text).unwrap_err(),
                SealError::Damaged
            );
        }
    }
}
