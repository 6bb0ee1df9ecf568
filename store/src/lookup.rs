//! From a CRN, NOMS number, PNC number or ViSOR reference to the subject, through a keyed digest.

use crate::identifier::Identifier;
use crate::key_file::keyed_digest;
use crate::keys::{Keys, KeysError};

/// Most subjects that one number may lead to.
const MOST: i64 = 100;

impl Keys {
    /// The subject for which a number was stated last; any usual way of writing the number will do.
    ///
    /// # Errors
    /// [`KeysError::Database`] when the index cannot be read.
    pub fn find(&self, kind: Identifier, number: &str) -> Result<Option<String>, KeysError> {
        Ok(self.select(kind, number, 1)?.pop())
    }

    /// Every subject for which a number was stated, the last first; several until their records are merged. At most
    /// 100.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn find_all(&self, kind: Identifier, number: &str) -> Result<Vec<String>, KeysError> {
        self.select(kind, number, MOST)
    }

    /// As [`Self::find_all`], also those whose personal data is restricted: for recognising who is meant, never for
    /// showing it to others.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn recognise(&self, kind: Identifier, number: &str) -> Result<Vec<String>, KeysError> {
        self.lookup(self.lookup_digest(kind, number), MOST)
    }

    /// A name for a number that only who holds this log's keys can make, the same for every way of writing it: 32
    /// hexadecimal digits.
    #[must_use]
    pub fn pseudonym(&self, kind: Identifier, number: &str) -> String {
        let digest = keyed_digest(self.lookup_key(), &[b"pseudonym", &self.lookup_digest(kind, number)]);
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// A name for a content that only who holds this log's keys can make: 32 hexadecimal digits, the same for the same
    /// content, telling nothing of what it says.
    #[must_use]
    pub fn pseudonym_of_content(&self, content: &[u8]) -> String {
        let digest = keyed_digest(self.lookup_key(), &[b"content", content]);
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    fn select(&self, kind: Identifier, number: &str, limit: i64) -> Result<Vec<String>, KeysError> {
        let mut found = self.lookup(self.lookup_digest(kind, number), limit)?;
        found.retain(|subject| !self.is_restricted(subject));
        Ok(found)
    }

    pub(crate) fn lookup_digest(&self, kind: Identifier, number: &str) -> [u8; 32] {
        let this_year = self.clock().now().london_date().year();
        let canonical = zeroize::Zeroizing::new(kind.canonical(number, this_year));
        *keyed_digest(self.lookup_key(), &[kind.name().as_bytes(), canonical.as_bytes()])
    }
}
