//! What an administrator states of the issuer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::tokens::Client;

/// The claim that names the user, where nothing else is said.
const USER_CLAIM: &str = "mandate_user";
/// The claim that holds the roles of a machine, as HMPPS Auth states them, where nothing else is said.
const ROLES_CLAIM: &str = "authorities";
/// Minutes after which a session ends in which nothing is asked for.
const IDLE_MINUTES: u32 = 30;
/// Hours after which a session ends, whatever is asked for.
const SESSION_HOURS: u32 = 10;

/// How people and machines sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInSettings {
    /// The issuer, exactly as it names itself.
    pub issuer: String,
    /// The client id under which Mandate is registered there.
    pub client_id: String,
    /// The file whose first line is the client's secret; none for a public client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// A certificate authority that is believed beside the public ones (PEM), where the issuer's certificate is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The audience that an access token for the API must name; without it tokens of the issuer open pages only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The scopes that are asked for.
    #[serde(default = "usual_scope")]
    pub scope: String,
    /// The claim that names the user.
    #[serde(default = "usual_user_claim")]
    pub user_claim: String,
    /// The claim that holds the roles of a machine.
    #[serde(default = "usual_roles_claim")]
    pub roles_claim: String,
    /// Minutes after which a session ends in which nothing is asked for.
    #[serde(default = "usual_idle")]
    pub idle_minutes: u32,
    /// Hours after which a session ends, whatever is asked for.
    #[serde(default = "usual_hours")]
    pub session_hours: u32,
    /// The user of each value of the claim, where the issuer cannot state the user itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub people: BTreeMap<String, String>,
    /// What machines may state, by the client id of their tokens.
    #[serde(default, rename = "client", skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<MachineSettings>,
}

/// What one machine may state with the role `ROLE_MANDATE__FACTS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineSettings {
    /// Its client id at the issuer.
    pub id: String,
    /// The sources it may state.
    pub sources: Vec<String>,
    /// The types it may state; every type where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
}

impl SignInSettings {
    /// The usual settings of an issuer.
    #[must_use]
    pub fn new(issuer: &str, client_id: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret_file: None,
            ca_file: None,
            audience: None,
            scope: usual_scope(),
            user_claim: usual_user_claim(),
            roles_claim: usual_roles_claim(),
            idle_minutes: IDLE_MINUTES,
            session_hours: SESSION_HOURS,
            people: BTreeMap::new(),
            clients: Vec::new(),
        }
    }

    /// What machines may state.
    ///
    /// # Errors
    /// Naming the machine and what is wrong.
    pub fn machines(&self) -> Result<Vec<Client>, String> {
        self.clients
            .iter()
            .map(|own| Client::of_machine(&own.id, &own.sources, own.types.as_deref()))
            .collect()
    }
}

fn usual_scope() -> String {
    "openid".to_owned()
}

fn usual_user_claim() -> String {
    USER_CLAIM.to_owned()
}

fn usual_roles_claim() -> String {
    ROLES_CLAIM.to_owned()
}

const fn usual_idle() -> u32 {
    IDLE_MINUTES
}

const fn usual_hours() -> u32 {
    SESSION_HOURS
}
