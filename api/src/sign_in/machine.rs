//! What the roles of a machine's token allow; of machines the log knows nothing.

use super::token::Claims;
use crate::tokens::{Client, Import, Opens, Reads};
use mandate_domain::fact::{Newlines, forbidden_character, looks_personal};

/// A role of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// States facts and messages, of the sources that the configuration names for it.
    Facts,
    /// Its claims of when a fact was recorded are accepted.
    Import,
    /// Reads duties, nominals, registers and reports, but for records of limited access.
    Read,
    /// Reads the whole log and its proofs, but for records of limited access.
    ReadLog,
    /// Asks for what is held of one person, and nothing else.
    SubjectAccess,
}

/// The roles by name.
pub const ROLES: [(&str, Role); 5] = [
    ("ROLE_MANDATE__FACTS", Role::Facts),
    ("ROLE_MANDATE__IMPORT", Role::Import),
    ("ROLE_MANDATE__READ", Role::Read),
    ("ROLE_MANDATE__READ_LOG", Role::ReadLog),
    ("ROLE_MANDATE__SUBJECT_ACCESS", Role::SubjectAccess),
];

/// The machine of a token, if it has a role here. `stating` says what machines may state.
pub fn of(claims: &Claims, roles_claim: &str, stating: &[Client]) -> Option<Client> {
    let stated = claims.words(roles_claim);
    let has = |role: Role| ROLES.iter().any(|(name, own)| *own == role && stated.contains(name));
    let id = ["client_id", "azp", "sub"].iter().find_map(|name| claims.text(name))?;
    if looks_personal(id) || forbidden_character(id, Newlines::Refused).is_some() {
        return None;
    }
    if !ROLES.iter().any(|(_, role)| has(*role)) {
        return None;
    }
    let stating = stating.iter().find(|client| client.name == id).filter(|_| has(Role::Facts));
    let nothing = Client::nothing(id);
    if has(Role::SubjectAccess) {
        // What opens everything that is held of a person opens nothing else.
        return Some(nothing.with_roles(Import::Refused, Reads::default(), Opens::SubjectAccess));
    }
    let import = if has(Role::Import) { Import::Allowed } else { Import::Refused };
    let reads = Reads { state: has(Role::Read), log: has(Role::ReadLog) };
    Some(stating.cloned().unwrap_or(nothing).with_roles(import, reads, Opens::Everything))
}
