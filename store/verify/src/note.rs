//! Signed checkpoints: C2SP signed-note with Ed25519, and C2SP tlog-checkpoint.
//!
//! ```text
//! note          = text ‖ "\n" ‖ one or more of: "— " ‖ key name ‖ " " ‖ base64(key hash ‖ signature) ‖ "\n"
//! text          = origin ‖ "\n" ‖ size ‖ "\n" ‖ base64(root) ‖ "\n" ‖ any extension lines, each with its "\n"
//! key hash      = the first 4 bytes of SHA-256(key name ‖ "\n" ‖ 0x01 ‖ public key)
//! public key    = key name ‖ "+" ‖ hex(key hash) ‖ "+" ‖ base64(0x01 ‖ 32 bytes)
//! private key   = "PRIVATE+KEY+" ‖ key name ‖ "+" ‖ hex(key hash) ‖ "+" ‖ base64(0x01 ‖ 32 bytes of seed)
//! ```
//!
//! The signature is over `text` with its last newline. Base64 is that of RFC 4648 with padding; sizes are decimal
//! without leading zeros. Each of these has one form only, and any other is refused. One key signs for one log: the
//! origin is the key's name. Signatures by other keys may stand beside (witnesses add theirs) and are ignored.

use std::fmt;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::{Hash, MAX_POSITION};

/// The longest note that is read.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;
/// The most signatures that a note may carry.
pub const MAX_SIGNATURES: usize = 100;
/// The longest name of a key, and so the longest origin.
pub const MAX_NAME_BYTES: usize = 255;

const ED25519: u8 = 0x01;
const PRIVATE: &str = "PRIVATE+KEY+";
/// Em dash and space begin a signature line.
pub const SIGNATURE_MARK: &str = "\u{2014} ";

/// What a log signs: that it is this, and no other, at this size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of events, and so the last position.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// Lines after the root, which mean nothing here and are kept.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    #[must_use]
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Self {
        Self { origin: origin.into(), size, root, extensions: Vec::new() }
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let root = Base64::encode_string(&self.root);
        let mut text = format!("{}\n{}\n{root}\n", self.origin, self.size);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text that is signed; it proves nothing without its signature.
    ///
    /// # Errors
    /// [`NoteError::Text`] names the line that is not as it should be.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let refused = |line| NoteError::Text { line };
        let mut lines = text.strip_suffix('\n').ok_or(refused("last"))?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(refused("origin"))?;
        let size = lines.next().and_then(parse_size).ok_or(refused("size"))?;
        let root = lines.next().and_then(parse_hash).ok_or(refused("root"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if text.chars().any(|c| c < ' ' && c != '\n') || extensions.iter().any(String::is_empty) {
            return Err(refused("extension"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }
}

/// Reads a size as checkpoints write it: decimal, without sign and leading zeros, at most [`MAX_POSITION`].
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|size| plain && *size <= MAX_POSITION)
}

/// Reads a hash as checkpoints and proofs write it.
#[must_use]
pub fn parse_hash(text: &str) -> Option<Hash> {
    decode(text)?.as_slice().try_into().ok()
}

/// Base64, which `base64ct` takes in its one form only: padded, and without bits that mean nothing.
fn decode(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// The key that signs checkpoints; erased from memory when dropped.
pub struct SigningKey {
    public: VerifyingKey,
    secret: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// The key with this name from 32 random bytes.
    ///
    /// # Errors
    /// [`NoteError::Name`] for a name that a key cannot have.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::new(name, secret.verifying_key())?;
        Ok(Self { public, secret })
    }

    /// Reads [`Self::to_text`].
    ///
    /// # Errors
    /// [`NoteError::PrivateKey`], which never shows the text.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, hash, key) =
            text.strip_prefix(PRIVATE).and_then(split_key).ok_or(NoteError::PrivateKey)?;
        let mut bytes = decode(key).ok_or(NoteError::PrivateKey)?;
        let seed: Option<Zeroizing<[u8; 32]>> = match bytes.split_first() {
            Some((&ED25519, seed)) => seed.try_into().ok().map(Zeroizing::new),
            _ => None,
        };
        bytes.zeroize();
        let key = Self::from_seed(name, &*seed.ok_or(NoteError::PrivateKey)?)?;
        if key.public.key_hash() == hash {
            Ok(key)
        } else {
            Err(NoteError::KeyHash { name: name.to_owned() })
        }
    }

    /// The key as a key file holds it, without a newline.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([ED25519; 33]);
        let seed = Zeroizing::new(self.secret.to_bytes());
        for (to, from) in bytes.iter_mut().skip(1).zip(seed.iter()) {
            *to = *from;
        }
        let key = Zeroizing::new(Base64::encode_string(&*bytes));
        let mut text = Zeroizing::new(String::with_capacity(PRIVATE.len() + MAX_NAME_BYTES + 64));
        for part in [PRIVATE, &self.public.name, "+", &hex(&self.public.hash), "+", &key] {
            text.push_str(part);
        }
        text
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The checkpoint as a note with this key's signature.
    ///
    /// # Errors
    /// [`NoteError::OtherOrigin`] when the checkpoint is of a log with another name than the key's;
    /// [`NoteError::Text`] when an extension line is empty or holds control characters.
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<String, NoteError> {
        self.public.check_origin(&checkpoint.origin)?;
        let text = checkpoint.text();
        if Checkpoint::parse(&text)? != *checkpoint {
            return Err(NoteError::Text { line: "extension" });
        }
        let mut bytes = self.public.hash.to_vec();
        bytes.extend_from_slice(&self.secret.sign(text.as_bytes()).to_bytes());
        Ok(format!("{text}\n{SIGNATURE_MARK}{} {}\n", self.public.name, Base64::encode_string(&bytes)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The key that checks checkpoints; its text form is what an auditor is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    hash: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    fn new(name: &str, key: ed25519_dalek::VerifyingKey) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Name);
        }
        let digest =
            Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key.as_bytes());
        let digest: Hash = digest.finalize().into();
        let hash = digest.first_chunk().copied().unwrap_or_default();
        Ok(Self { name: name.to_owned(), hash, key })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`NoteError::PublicKey`] when it is not of that form, [`NoteError::KeyHash`] when name, hash and key do not belong
    /// together, which a slip of copying brings about.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, hash, key) = split_key(text).ok_or(NoteError::PublicKey)?;
        let bytes = decode(key).ok_or(NoteError::PublicKey)?;
        let Some((&ED25519, key)) = bytes.split_first() else { return Err(NoteError::PublicKey) };
        let key: [u8; 32] = key.try_into().map_err(|_| NoteError::PublicKey)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&key).map_err(|_| NoteError::PublicKey)?;
        if key.is_weak() {
            return Err(NoteError::PublicKey);
        }
        let key = Self::new(name, key)?;
        if key.key_hash() == hash { Ok(key) } else { Err(NoteError::KeyHash { name: name.to_owned() }) }
    }

    /// Name of the key, and so of the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key hash as eight hexadecimal digits.
    #[must_use]
    pub fn key_hash(&self) -> String {
        hex(&self.hash)
    }

    /// The checkpoint in a note, when this key signed it.
    ///
    /// # Errors
    /// [`NoteError::OtherKey`] when only other keys did, [`NoteError::Signature`] when a signature that names this key
    /// is not by it, and the others as they say.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (text, signatures) = split_note(note)?;
        let mut signed = false;
        for line in &signatures {
            if line.name != self.name || line.hash != self.hash {
                continue;
            }
            let signature = Signature::from_slice(&line.signature).map_err(|_| NoteError::Signature)?;
            self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| NoteError::Signature)?;
            signed = true;
        }
        if !signed {
            let keys = signatures.iter().map(|line| format!("{}+{}", line.name, hex(&line.hash)));
            return Err(NoteError::OtherKey { signed_by: keys.collect::<Vec<_>>().join(", ") });
        }
        let checkpoint = Checkpoint::parse(text)?;
        self.check_origin(&checkpoint.origin)?;
        Ok(checkpoint)
    }

    fn check_origin(&self, origin: &str) -> Result<(), NoteError> {
        if origin == self.name {
            return Ok(());
        }
        Err(NoteError::OtherOrigin { origin: origin.to_owned(), name: self.name.clone() })
    }
}

impl fmt::Display for VerifyingKey {
    /// The text form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [ED25519; 33];
        for (to, from) in bytes.iter_mut().skip(1).zip(self.key.as_bytes()) {
            *to = *from;
        }
        write!(f, "{}+{}+{}", self.name, hex(&self.hash), Base64::encode_string(&bytes))
    }
}

impl std::str::FromStr for VerifyingKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        Self::parse(text)
    }
}

/// Name, hash and base64 of a key's text form, which are separated by the first two plus signs.
fn split_key(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once('+')?;
    let (hash, key) = rest.split_once('+')?;
    Some((name, hash, key))
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.chars().all(allowed)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct SignatureLine<'a> {
    name: &'a str,
    hash: [u8; 4],
    signature: Vec<u8>,
}

/// The signed text and the signatures of a note.
fn split_note(note: &str) -> Result<(&str, Vec<SignatureLine<'_>>), NoteError> {
    if note.len() > MAX_NOTE_BYTES || note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Form);
    }
    let end = note.rfind("\n\n").ok_or(NoteError::Form)?;
    let (text, rest) = note.split_at_checked(end + 1).ok_or(NoteError::Form)?;
    let lines = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n')).ok_or(NoteError::Form)?;
    let lines: Option<Vec<_>> = lines.split('\n').take(MAX_SIGNATURES + 1).map(parse_signature).collect();
    let lines = lines.filter(|lines| lines.len() <= MAX_SIGNATURES).ok_or(NoteError::Form)?;
    Ok((text, lines))
}

fn parse_signature(line: &str) -> Option<SignatureLine<'_>> {
    let (name, signature) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
    let bytes = decode(signature)?;
    let (hash, signature) = bytes.split_first_chunk()?;
    let line = SignatureLine { name, hash: *hash, signature: signature.to_vec() };
    (is_name(name) && !signature.is_empty()).then_some(line)
}

/// Why a note, a checkpoint or a key is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteError {
    /// Not a signed note.
    Form,
    /// A line of the signed text is not as a checkpoint has it.
    Text {
        /// Which line.
        line: &'static str,
    },
    /// The key did not sign it.
    OtherKey {
        /// The keys that signatures name.
        signed_by: String,
    },
    /// A signature names the key and is not by it.
    Signature,
    /// The key signs for another log.
    OtherOrigin {
        /// The log of the checkpoint.
        origin: String,
        /// The log of the key.
        name: String,
    },
    /// No name of a key.
    Name,
    /// Not a public key.
    PublicKey,
    /// Not a private key.
    PrivateKey,
    /// The parts of a key's text do not belong together.
    KeyHash {
        /// Name of the key.
        name: String,
    },
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => {
                write!(
                    f,
                    "not a signed note: expected a text, an empty line and lines `\u{2014} name signature`"
                )
            }
            Self::Text { line } => write!(
                f,
                "not a checkpoint (its {line} line): expected the lines origin, size and base64 of the root"
            ),
            Self::OtherKey { signed_by } => write!(f, "signed by {signed_by}, not by the given key"),
            Self::Signature => {
                write!(f, "the signature names the given key, but that key did not sign this text")
            }
            Self::OtherOrigin { origin, name } => {
                write!(f, "a checkpoint of the log `{origin}`, but the key signs for the log `{name}`")
            }
            Self::Name => write!(
                f,
                "not a name of a key: expected 1 to {MAX_NAME_BYTES} bytes without spaces, control characters and `+`"
            ),
            Self::PublicKey => write!(f, "not a public key: expected `name+hash+key`, as Mandate prints it"),
            Self::PrivateKey => {
                write!(f, "not a private key: expected `PRIVATE+KEY+name+hash+key`, as Mandate writes it")
            }
            Self::KeyHash { name } => {
                write!(
                    f,
                    "key `{name}`: name, hash and key do not belong together; copy the whole line again"
                )
            }
        }
    }
}

impl std::error::Error for NoteError {}
