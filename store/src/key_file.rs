//! The key-encryption key: 32 random bytes in a file outside the database, and the keys derived from it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::Generate;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::folder;
use crate::keys::KeysError;

/// The first word of a key file; 64 hexadecimal digits and a line feed follow.
const LABEL: &str = "mandate-kek-v1 ";
const LENGTH: usize = LABEL.len() + 64 + 1;

/// A secret of 32 bytes, wiped from memory when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// What is derived from the key-encryption key; each use has a key of its own.
pub(crate) struct Derived {
    /// Wraps subjects' keys.
    pub(crate) wrapping: Secret,
    /// Keys the look-up index.
    pub(crate) lookup: Secret,
    /// Tells this key from another.
    pub(crate) fingerprint: [u8; 32],
}

/// Makes a new key file that only its owner can read; refuses to replace one.
pub(crate) fn create(path: &Path) -> Result<(), KeysError> {
    let mut text = Zeroizing::new(String::with_capacity(LENGTH));
    text.push_str(LABEL);
    for byte in random()?.iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    write_new(path, &text)
}

/// The file that a new key waits in during a rotation.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Makes a new key beside a key file; one that an earlier rotation left there is used.
pub(crate) fn prepare_rotation(path: &Path) -> Result<Derived, KeysError> {
    let new = beside(path);
    if !new.exists() {
        create(&new)?;
    }
    read(&new)
}

/// Puts the new key in the place of the old one if the keys are wrapped under it; `None` when they are not.
pub(crate) fn finish_rotation(path: &Path, fingerprint: &[u8]) -> Result<Option<Derived>, KeysError> {
    let new = beside(path);
    if !new.exists() {
        return Ok(None);
    }
    let derived = read(&new)?;
    if derived.fingerprint != fingerprint {
        return Ok(None);
    }
    let failed = |doing| move |source| KeysError::File { doing, path: path.to_owned(), source };
    std::fs::rename(&new, path).map_err(failed("put in place"))?;
    sync_folder(path)?;
    Ok(Some(derived))
}

/// Writes a new file that only its owner can read, durably; refuses to replace one.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), KeysError> {
    let failed = |doing| move |source| KeysError::File { doing, path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        folder::make(parent).map_err(failed("make the folder of"))?;
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed("create"))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed("write"))?;
    sync_folder(path)
}

/// The name of a new file must be on disk as well before anything is sealed under the key in it.
pub(crate) fn sync_folder(path: &Path) -> Result<(), KeysError> {
    let failed = |doing| move |source| KeysError::File { doing, path: path.to_owned(), source };
    match path.parent() {
        Some(folder) => {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync the folder of"))
        }
        None => Ok(()),
    }
}

/// Reads a key file.
pub(crate) fn read(path: &Path) -> Result<Derived, KeysError> {
    let text = read_private(path, LENGTH as u64 + 1)?;
    let key = decode(&text).ok_or_else(|| KeysError::Malformed { path: path.to_owned() })?;
    Ok(Derived {
        wrapping: derive(&key, b"mandate v1 wrap subject keys"),
        lookup: derive(&key, b"mandate v1 look-up index"),
        fingerprint: *derive(&key, b"mandate v1 fingerprint"),
    })
}

/// Reads a file that only its owner may read, at most `limit` bytes of it.
pub(crate) fn read_private(path: &Path, limit: u64) -> Result<Zeroizing<String>, KeysError> {
    let failed = |doing| move |source| KeysError::File { doing, path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => KeysError::NoKeyFile { path: path.to_owned() },
        _ => KeysError::File { doing: "open", path: path.to_owned(), source },
    })?;
    let mode = file.metadata().map_err(failed("look at"))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeysError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(LENGTH + 1));
    file.take(limit).read_to_string(&mut text).map_err(failed("read"))?;
    Ok(text)
}

/// Thirty-two bytes from the system's random generator.
pub(crate) fn random() -> Result<Secret, KeysError> {
    <[u8; 32]>::try_generate().map(Zeroizing::new).map_err(|_| KeysError::Random)
}

/// HMAC-SHA-256 of a message given in parts, each preceded by its length.
pub(crate) fn keyed_digest(key: &Secret, parts: &[&[u8]]) -> Secret {
    // HMAC takes a key of any length, so the error cannot occur.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&**key) else { return Zeroizing::default() };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn derive(key: &Secret, purpose: &[u8]) -> Secret {
    keyed_digest(key, &[purpose])
}

fn decode(text: &str) -> Option<Secret> {
    let digits = text.strip_prefix(LABEL)?.strip_suffix('\n')?.as_bytes();
    let mut key = Secret::default();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let nibble = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(nibble).ok()?;
        }
    }
    Some(key)
}
