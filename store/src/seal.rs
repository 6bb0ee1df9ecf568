//! Encryption of the private part of an event, and of the keys that encrypt it: XChaCha20-Poly1305.
//!
//! A sealed part is `0x01 ‖ nonce (24 bytes) ‖ ciphertext ‖ tag (16 bytes)`; its associated data are the subject,
//! the source and the id of the event, so that it cannot be moved to another event. A wrapped key is
//! `nonce ‖ ciphertext ‖ tag` with the subject as associated data.

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::key_file::Secret;
use crate::keys::KeysError;

const NONCE_BYTES: usize = 24;
const SEALED_VERSION: u8 = 1;

/// The event that a sealed part belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Belongs<'a> {
    pub(crate) subject: &'a str,
    pub(crate) source: &'a str,
    pub(crate) id: &'a str,
}

impl Belongs<'_> {
    fn associated_data(&self) -> Vec<u8> {
        labelled(b"mandate v1 sealed", &[self.subject, self.source, self.id])
    }
}

/// Seals a text under a subject's key.
pub(crate) fn seal(key: &Secret, belongs: Belongs<'_>, text: &[u8]) -> Result<Box<[u8]>, KeysError> {
    let mut sealed = vec![SEALED_VERSION];
    sealed.extend(encrypt(key, text, &belongs.associated_data())?);
    Ok(sealed.into())
}

/// Opens a sealed part; `None` when the key is another's or a byte was changed.
pub(crate) fn unseal(key: &Secret, belongs: Belongs<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (version, rest) = sealed.split_first()?;
    if *version != SEALED_VERSION {
        return None;
    }
    decrypt(key, rest, &belongs.associated_data())
}

/// Wraps a subject's key.
pub(crate) fn wrap(wrapping: &Secret, subject: &str, key: &Secret) -> Result<Vec<u8>, KeysError> {
    encrypt(wrapping, &**key, &labelled(b"mandate v1 subject key", &[subject]))
}

/// Unwraps a subject's key; `None` when it was wrapped under another key or for another subject.
pub(crate) fn unwrap(wrapping: &Secret, subject: &str, wrapped: &[u8]) -> Option<Secret> {
    let key = decrypt(wrapping, wrapped, &labelled(b"mandate v1 subject key", &[subject]))?;
    <[u8; 32]>::try_from(key.as_slice()).ok().map(Zeroizing::new)
}

fn labelled(label: &[u8], parts: &[&str]) -> Vec<u8> {
    let mut bytes = label.to_vec();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn encrypt(key: &Secret, text: &[u8], aad: &[u8]) -> Result<Vec<u8>, KeysError> {
    let nonce = XNonce::try_generate().map_err(|_| KeysError::Random)?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    // Encryption fails only for texts of many gigabytes.
    let ciphertext = cipher.encrypt(&nonce, Payload { msg: text, aad }).map_err(|_| KeysError::Random)?;
    let mut bytes = Vec::with_capacity(NONCE_BYTES + ciphertext.len());
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&ciphertext);
    Ok(bytes)
}

fn decrypt(key: &Secret, bytes: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES)?;
    let nonce = XNonce::try_from(nonce).ok()?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    cipher.decrypt(&nonce, Payload { msg: ciphertext, aad }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Belongs<'static> = Belongs { subject: "nominal/N-1", source: "/t", id: "a" };

    fn key(byte: u8) -> Secret {
        Zeroizing::new([byte; 32])
    }

    #[test]
    fn what_was_sealed_opens_under_the_same_key_for_the_same_event_only() {
        let sealed = seal(&key(1), HERE, b"text").unwrap();
        assert_eq!(unseal(&key(1), HERE, &sealed).unwrap().as_slice(), b"text");
        assert!(unseal(&key(2), HERE, &sealed).is_none());
        for elsewhere in [
            Belongs { subject: "nominal/N-2", ..HERE },
            Belongs { source: "/u", ..HERE },
            Belongs { id: "b", ..HERE },
            Belongs { source: "/ta", id: "", ..HERE },
        ] {
            assert!(unseal(&key(1), elsewhere, &sealed).is_none(), "{elsewhere:?}");
        }
    }

    #[test]
    fn a_change_to_any_byte_is_noticed() {
        let sealed = seal(&key(1), HERE, b"text").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(unseal(&key(1), HERE, &changed).is_none(), "byte {at}");
        }
        assert!(unseal(&key(1), HERE, &[]).is_none());
    }

    #[test]
    fn the_same_text_is_sealed_differently_each_time() {
        assert_ne!(seal(&key(1), HERE, b"text").unwrap(), seal(&key(1), HERE, b"text").unwrap());
    }

    #[test]
    fn a_wrapped_key_belongs_to_one_subject() {
        let wrapped = wrap(&key(1), "nominal/N-1", &key(9)).unwrap();
        assert_eq!(wrapped.len(), 72);
        assert_eq!(unwrap(&key(1), "nominal/N-1", &wrapped), Some(key(9)));
        assert_eq!(unwrap(&key(1), "nominal/N-2", &wrapped), None);
        assert_eq!(unwrap(&key(2), "nominal/N-1", &wrapped), None);
    }
}
