//! Random bytes for tokens and sessions, from the system.

use std::fs::File;
use std::io::Read as _;

/// Fresh random bytes.
///
/// # Errors
/// When the system gives none.
pub fn bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The same as hexadecimal digits.
///
/// # Errors
/// As [`bytes`].
pub fn hexadecimal<const N: usize>() -> std::io::Result<String> {
    Ok(bytes::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}
