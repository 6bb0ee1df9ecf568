//! How `mandate serve` is run: addresses, paths and machine limits, from flags and a file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mandate_scheduler::{
    AllowedDomains, EmlFiles, Fallback, Mailer, Nodes, Schedule, Schedules, Security, Settings,
    SettingsError, Smtp,
};
use mandate_store::Database;
use serde::{Deserialize, Serialize};

use crate::cli::{DATA_DIR, Place};
use crate::sign_in::SignInSettings;

/// The keys of a configuration file, for help and errors.
pub const HELP: &str = r#"Keys of the configuration file (TOML); flags win over the file:

  data_dir = "./mandate-data"            # the folder of the log
  database_url = "postgres://m@db/m"     # its PostgreSQL database; without it SQLite files in that folder
  key_file = "keys/kek"                  # its key file, if not in the usual place
  checkpoint_file = "checkpoints"        # where signed checkpoints are kept outside the database
  listen = "127.0.0.1:8080"              # the address to listen on
  base_url = "http://127.0.0.1:8080"     # the address that people use; it stands in mails
  token_file = "tokens.toml"             # who may state facts (see `mandate token --help`)
  trusted_proxies = ["10.0.0.0/8"]       # believed when they name the client in X-Forwarded-For; nobody is without it
  node = "app-1"                         # the name of this node; that of its machine without it
  lease_seconds = 10                     # for how long a node is not heard of before another raises and mails

  [sign_in]                              # your organisation's identity provider (OpenID Connect)
  issuer = "https://login.example.gov.uk/tenant"  # exactly as it names itself
  client_id = "mandate"                  # Mandate there; its redirect address is base_url + /sign-in/callback
  client_secret_file = "oidc-secret"     # first line, mode 600; without it Mandate is a public client (PKCE is always used)
  ca_file = "ca.pem"                     # a certificate authority of your own, for the issuer's certificate
  audience = "mandate-api"               # what an access token for the API must name; without it only pages are opened
  scope = "openid"                       # what is asked for
  user_claim = "mandate_user"            # the claim that names the user: "U-7F3K29QX" or "user/U-7F3K29QX". One that
                                         # people cannot change themselves
  roles_claim = "authorities"            # the claim with a machine's roles: ROLE_MANDATE__FACTS, __IMPORT, __READ,
                                         # __READ_LOG, __SUBJECT_ACCESS. A person's rights come from the log alone
  idle_minutes = 30                      # a session ends after so long without a request
  session_hours = 10                     # and after so long in any case

  [sign_in.people]                       # where the issuer cannot state the user: each value of user_claim (which may be
  "5f1c0a52-93be" = "user/U-7F3K29QX"    # `sub` or `oid`) with the user. Only these can then sign in

  [[sign_in.client]]                     # what a machine with ROLE_MANDATE__FACTS may state
  id = "ndelius-feed"                    # its client id
  sources = ["/ndelius"]
  types = ["mappa.*"]                    # left out: every type

  [mail]
  dir = "./mail"                         # write mails to files instead of sending them
  from = "Mandate <mandate@justice.gov.uk>"
  domains = ["*.gov.uk", "*.police.uk"]  # where mail may go
  administrator = "it@justice.gov.uk"    # told when nobody holds the post that answers
  per_minute = 600                       # mails that may leave in a minute
  digest = "0 30 7 * * Mon-Fri"          # second minute hour day month weekday, in London; "off" for none
  nothing_due = "0 30 7 * * Mon"         # when the digest comes even with nothing to say
  team = "0 0 8 * * Mon"                 # the week of each team
  quarterly = "0 0 9 1 Jan,Apr,Jul,Oct *" # the quarter of each board

  [mail.smtp]
  host = "mail.example.gov.uk"
  port = 587
  security = "starttls"                  # or tls, or none (this machine only)
  user = "mandate"
  password_file = "smtp-password"
  ca_file = "ca.pem"                     # a certificate authority of your own

  [webhooks]
  hosts = ["hooks.internal"]             # may be called although they are in a private network, and by http
  ca_file = "ca.pem"                     # a certificate authority of your own, for their certificates"#;

/// How long a node's lease lasts, where nothing else is said.
const LEASE_SECONDS: u32 = 10;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that cannot be read.
    #[error("{path}: cannot read it: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A key or value that is wrong.
    #[error("{path}: {reason}")]
    Form {
        /// The file.
        path: PathBuf,
        /// The line, the key and what would be right.
        reason: String,
    },
    /// A setting of the mail.
    #[error(transparent)]
    Mail(#[from] SettingsError),
    /// A folder and a server for mail.
    #[error("mail: `dir` and `smtp` are both named; leave one out")]
    TwoWays,
    /// `--smtp` of another form.
    #[error("--smtp `{0}`: expected HOST or HOST:PORT")]
    SmtpAddress(String),
}

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder of the log.
    pub data_dir: PathBuf,
    /// Its key file, if not in the usual place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Its PostgreSQL database, if it is not in SQLite files in that folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Where signed checkpoints are kept outside the database, if not in the usual place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_file: Option<PathBuf>,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address that people use, if not the one listened on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Who may state facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The addresses and networks of proxies that are believed when they say for whom they speak.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<String>,
    /// The name of this node among those that share a log; that of its machine without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// For how many seconds a node is not heard of before another raises and mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u32>,
    /// The organisation's identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInSettings>,
    /// Mail.
    pub mail: Mail,
    /// Webhooks.
    pub webhooks: WebhookHosts,
}

/// Which addresses webhooks may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookHosts {
    /// Hosts that may be called although they are on this machine or in a private network, and by `http`.
    pub hosts: Vec<String>,
    /// A certificate authority that is believed beside the public ones (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// How mail goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// A folder for mails that are written instead of sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// The sender of every mail.
    pub from: String,
    /// Where mail may go; government and police where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<String>>,
    /// The address told when nobody holds the post that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administrator: Option<String>,
    /// How many mails may leave in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// When digests are due; `off` for none, as below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When they come even with nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing_due: Option<String>,
    /// When the week of each team is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// When the quarter of each board is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarterly: Option<String>,
    /// The mail server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<SmtpServer>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpServer {
    /// Its name or address.
    pub host: String,
    /// Its port; by the kind of security where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// Who signs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The file whose first line is the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// A certificate authority to trust beside the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// `STARTTLS`, or nothing is sent.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None; this machine only.
    None,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from(DATA_DIR),
            key_file: None,
            database_url: None,
            checkpoint_file: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            base_url: None,
            token_file: None,
            trusted_proxies: Vec::new(),
            node: None,
            lease_seconds: None,
            sign_in: None,
            mail: Mail::default(),
            webhooks: WebhookHosts::default(),
        }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            dir: None,
            from: "Mandate <mandate@localhost.localdomain>".to_owned(),
            domains: None,
            administrator: None,
            per_minute: None,
            digest: None,
            nothing_due: None,
            team: None,
            quarterly: None,
            smtp: None,
        }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file, the line and the key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        toml::from_str(&text).map_err(|error| ConfigError::Form {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })
    }

    /// Where the log is.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            data_dir: self.data_dir.clone(),
            database_url: self.database_url.clone(),
            key_file: self.key_file.clone(),
            checkpoint_file: self.checkpoint_file.clone(),
        }
    }

    /// The address that people use.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.base_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// The folder for mails that are written.
    #[must_use]
    pub fn mail_dir(&self) -> PathBuf {
        self.mail.dir.clone().unwrap_or_else(|| self.data_dir.join("mail"))
    }

    /// The scheduler's settings.
    ///
    /// # Errors
    /// [`ConfigError::Mail`] naming the setting.
    pub fn scheduler_settings(&self) -> Result<Settings, ConfigError> {
        let mut settings = Settings::new(&self.base_url(), &self.mail.from)?;
        if let Some(domains) = &self.mail.domains {
            settings = settings.with_domains(AllowedDomains::new(domains)?);
        }
        if let Some(per_minute) = self.mail.per_minute {
            settings = settings.with_rate(per_minute);
        }
        let nodes = match self.place().database() {
            Ok(Database::Sqlite) => Nodes::One,
            // One that cannot be is named when the log is opened.
            Ok(Database::Postgres(_)) | Err(_) => Nodes::Several,
        };
        let fallback = Fallback { address: self.mail.administrator.clone(), ..Fallback::default() };
        Ok(settings
            .with_fallback(fallback)
            .with_schedules(self.mail.schedules()?)
            .with_outbox(self.data_dir.join("outbox"))
            .with_nodes(nodes)
            .with_node(&self.node(), Duration::from_secs(self.lease_seconds.unwrap_or(LEASE_SECONDS).into())))
    }

    /// The name of this node.
    fn node(&self) -> String {
        let machine = || std::fs::read_to_string("/proc/sys/kernel/hostname");
        self.node.clone().or_else(|| machine().ok()).unwrap_or_default()
    }

    /// The way out for mail: the server if one is named, else files.
    ///
    /// # Errors
    /// [`ConfigError`] for a server that cannot be used.
    pub fn mailer(&self) -> Result<Mailer, ConfigError> {
        match (&self.mail.smtp, &self.mail.dir) {
            (Some(_), Some(_)) => Err(ConfigError::TwoWays),
            (Some(server), None) => server.mailer(),
            (None, _) => Ok(Mailer::Files(EmlFiles::new(self.mail_dir()))),
        }
    }
}

impl Mail {
    /// When mails of the clock are due: the usual where nothing else is said.
    fn schedules(&self) -> Result<Schedules, ConfigError> {
        let read = |text: &Option<String>, usual: Option<Schedule>| match text.as_deref() {
            None => Ok(usual),
            Some("off") => Ok(None),
            Some(text) => Schedule::parse(text).map(Some),
        };
        let usual = Schedules::usual()?;
        Ok(Schedules {
            digest: read(&self.digest, usual.digest)?,
            nothing_due: read(&self.nothing_due, usual.nothing_due)?,
            team: read(&self.team, usual.team)?,
            quarterly: read(&self.quarterly, usual.quarterly)?,
            watch: usual.watch,
        })
    }
}

impl SmtpServer {
    /// Reads `HOST` or `HOST:PORT`.
    ///
    /// # Errors
    /// [`ConfigError::SmtpAddress`] for another form.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::SmtpAddress(text.to_owned());
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, Some(port.parse().map_err(|_| wrong())?)),
            _ => (text, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(wrong());
        }
        let security =
            if host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()) {
                SmtpSecurity::None
            } else {
                SmtpSecurity::StartTls
            };
        Ok(Self { host: host.to_owned(), port, security, user: None, password_file: None, ca_file: None })
    }

    fn mailer(&self) -> Result<Mailer, ConfigError> {
        let (security, usual_port) = match self.security {
            SmtpSecurity::StartTls => (Security::StartTls, 587),
            SmtpSecurity::Tls => (Security::Tls, 465),
            SmtpSecurity::None => (Security::Plaintext, 25),
        };
        let mut smtp = Smtp::new(&self.host, self.port.unwrap_or(usual_port), security)?;
        if let Some(path) = &self.ca_file {
            smtp = smtp.trusting(read_text(path)?.as_bytes())?;
        }
        if let (Some(user), Some(path)) = (&self.user, &self.password_file) {
            let password = read_text(path)?.lines().next().unwrap_or_default().to_owned();
            smtp = smtp.with_credentials(user.clone(), password);
        }
        Ok(Mailer::Smtp(smtp))
    }
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mandate.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn the_keys_that_the_help_names_are_read() {
        let text: String = HELP.lines().skip(1).map(|line| format!("{}\n", line.trim())).collect();
        let config = read(&text).unwrap();
        assert_eq!(config.token_file, Some(PathBuf::from("tokens.toml")));
        assert_eq!(config.mail.smtp.unwrap().security, SmtpSecurity::StartTls);
        let sign_in = config.sign_in.unwrap();
        assert_eq!((sign_in.people.len(), sign_in.clients.len()), (1, 1));
        assert_eq!(sign_in.machines().unwrap().len(), 1);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        for (text, key) in [("listn = \"x\"\n", "listn"), ("[mail]\nfrm = \"x\"\n", "frm")] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(&format!("unknown field `{key}`")) && error.contains("line "), "{error}");
        }
    }

    #[test]
    fn what_is_usual_of_an_issuer_need_not_be_stated() {
        let text = "[sign_in]\nissuer = \"https://login.example.gov.uk\"\nclient_id = \"mandate\"\n";
        let stated = read(text).unwrap().sign_in.unwrap();
        assert_eq!(stated, SignInSettings::new("https://login.example.gov.uk", "mandate"));
    }

    #[test]
    fn what_is_shown_reads_back_the_same() {
        let mut sign_in = SignInSettings::new("https://login.example.gov.uk", "mandate");
        sign_in.people.insert("5f1c".to_owned(), "user/U-1".to_owned());
        let base_url = Some("https://m.example".to_owned());
        let config = Config { base_url, sign_in: Some(sign_in), ..Config::default() };
        assert_eq!(read(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn a_schedule_that_a_clock_change_could_break_is_refused_with_the_reason() {
        for (text, reason) in [
            ("[mail]\ndigest = \"0 30 1 * * *\"\n", "01:00"),
            ("[mail]\nteam = \"0 0 8 * * 1\"\n", "by name"),
            ("[mail]\nquarterly = \"monthly\"\n", "expected second"),
        ] {
            let error = read(text).unwrap().scheduler_settings().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(read("[mail]\ndigest = \"off\"\n").unwrap().scheduler_settings().is_ok());
    }

    #[test]
    fn mail_goes_one_way_only() {
        let both = "[mail]\ndir = \"letters\"\n[mail.smtp]\nhost = \"localhost\"\nsecurity = \"none\"\n";
        assert!(matches!(read(both).unwrap().mailer(), Err(ConfigError::TwoWays)));
        assert!(read("[mail]\ndir = \"letters\"\n").unwrap().mailer().is_ok());
    }

    #[test]
    fn a_mail_server_is_protected_unless_it_is_this_machine() {
        let server = |text| SmtpServer::parse(text).unwrap();
        assert_eq!(server("mail.example:2525").port, Some(2525));
        assert_eq!(server("mail.example").security, SmtpSecurity::StartTls);
        assert_eq!(server("127.0.0.1:25").security, SmtpSecurity::None);
        assert_eq!(server("[::1]:25").host, "::1");
        assert!(SmtpServer::parse("mail.example:smtp").is_err());
    }
}
