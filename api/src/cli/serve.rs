//! `mandate serve`: the log, the read models, the scheduler, mail and HTTP in one process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use mandate_domain::time::SystemClock;
use mandate_projections::Projections;
use mandate_scheduler::Scheduler;
use mandate_store::Store;
use tokio::sync::watch;

use super::Exit;
use super::running::{Running, start_logging};
use crate::checkpoints::{sign, sign_every_minute};
use crate::config::{Config, HELP, SmtpServer};
use crate::http::{App, Books, Hosts, Limits, Metrics, Parts, Proxies, Sessions, Tellers, Transport};
use crate::outgoing::Authorities;
use crate::sign_in::{SignIn, SignInSettings};
use crate::tokens::Tokens;
use crate::webhooks::{Addresses, Webhooks, is_on_duty};

/// Web, API, read models, scheduler and mail in one process
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A configuration file
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// The folder of the log [default: ./mandate-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The PostgreSQL database that holds the log [default: the variable `MANDATE_DATABASE_URL`, else SQLite files in
    /// the folder of the log]. Keep a password in a password file (PGPASSFILE), not here
    #[arg(long, value_name = "postgres://USER@HOST/NAME")]
    database_url: Option<String>,
    /// Where signed checkpoints are kept outside the database [default: checkpoints in the folder of the log]
    #[arg(long, value_name = "FILE")]
    checkpoint_file: Option<PathBuf>,
    /// The key file [default: keys/kek in the folder of the log]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The address that people use, for links in mails [default: http:// and the address listened on]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Who may state facts; see `mandate token --help` [default: nobody]
    #[arg(long, value_name = "FILE.toml")]
    token_file: Option<PathBuf>,
    /// The organisation's identity provider: the issuer, exactly as it names itself. More is said in the configuration
    /// file [default: nobody signs in]
    #[arg(long, value_name = "URL", requires = "client_id")]
    issuer: Option<String>,
    /// Under which client id Mandate is registered there
    #[arg(long, value_name = "ID", requires = "issuer")]
    client_id: Option<String>,
    /// Send mails through this server
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with = "mail_dir")]
    smtp: Option<String>,
    /// Write mails to files in this folder instead of sending them [default: mail in the folder of the log]
    #[arg(long, value_name = "DIR")]
    mail_dir: Option<PathBuf>,
    /// Listen on an address that other machines reach, although nobody signs in here (neither an issuer nor a token file
    /// is given): whoever reaches it reads everything but what is sealed
    #[arg(long)]
    anyone_may_read: bool,
}

impl Arguments {
    /// The configuration: flags before the file before the usual.
    ///
    /// # Errors
    /// A file that cannot be read or holds a mistake.
    pub fn config(&self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        config.key_file = self.key_file.clone().or(config.key_file);
        config.database_url = self.database_url.clone().or(config.database_url);
        config.checkpoint_file = self.checkpoint_file.clone().or(config.checkpoint_file);
        config.base_url = self.base_url.clone().or(config.base_url);
        config.token_file = self.token_file.clone().or(config.token_file);
        if let (Some(issuer), Some(client_id)) = (&self.issuer, &self.client_id) {
            let stated = config.sign_in.take().unwrap_or_else(|| SignInSettings::new(issuer, client_id));
            config.sign_in =
                Some(SignInSettings { issuer: issuer.clone(), client_id: client_id.clone(), ..stated });
        }
        if let Some(dir) = &self.mail_dir {
            config.mail.dir = Some(dir.clone());
            config.mail.smtp = None;
        }
        if let Some(server) = &self.smtp {
            config.mail.smtp = Some(SmtpServer::parse(server)?);
            config.mail.dir = None;
        }
        Ok(config)
    }
}

/// Runs the verb until it is told to stop.
///
/// # Errors
/// A configuration that cannot be used, a log that cannot be opened, an address that cannot be listened on.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut config = arguments.config()?;
    let loopback = config.listen.ip().is_loopback();
    let knows_people = config.sign_in.is_some() || config.token_file.is_some();
    if !loopback && !knows_people && !arguments.anyone_may_read {
        bail!(
            "--listen {}: other machines reach this address, and nobody signs in here: whoever reaches it reads \
             everything. Name your identity provider ([sign_in] in the configuration file, or --issuer and \
             --client-id) or a --token-file; or listen on 127.0.0.1; or say --anyone-may-read",
            config.listen
        );
    }
    start_logging("info")?;
    let running = Running::bind(config.listen)?;
    config.listen = running.address();
    let clock = Arc::new(SystemClock);
    let store = Store::open(config.place().options(clock.clone())?)?;
    let projections = Projections::open(&config.data_dir, &store)?;
    let scheduler = Scheduler::new(
        store.clone(),
        projections.clone(),
        clock.clone(),
        config.mailer()?,
        config.scheduler_settings()?,
    )?;
    let tellers = match &config.token_file {
        Some(path) => Tellers::Tokens(Tokens::read(path)?),
        None => Tellers::Nobody,
    };
    let sign_in = config.sign_in.clone().map(|stated| SignIn::new(stated, &config.base_url())).transpose()?;
    let proxies = Proxies::parse(&config.trusted_proxies).map_err(anyhow::Error::msg)?;
    let (hosts, authorities) =
        (&config.webhooks.hosts, Authorities::public_and(config.webhooks.ca_file.as_deref())?);
    let webhooks =
        Webhooks::believing(store.clone(), clock.clone(), Addresses::public_and(hosts), &authorities);
    let app = App::new(Parts {
        webhooks: webhooks.clone(),
        store,
        projections,
        clock,
        tellers,
        hosts: if loopback { Hosts::loopback_and(&config.base_url()) } else { Hosts::any() },
        proxies,
        mail_dir: None,
        demo: None,
        books: Books::default(),
        metrics: Metrics::default(),
        sessions: Sessions::new(limits(&config)),
        sign_in,
        base_url: Some(config.base_url()),
        scheduler: Some(scheduler.clone()),
    });
    announce(&config, &app);
    if let Some(reason) = app.store.read_only() {
        tracing::error!(reason, "the log is read-only: nothing can be stated, raised or sent");
    }
    let store = app.store.clone();
    running.serve(&app, move |stop| async move {
        let asked = scheduler.clone();
        let on_duty = move || is_on_duty(&asked);
        let signing = tokio::spawn(sign_every_minute(store.clone()));
        let (tell, told) = watch::channel(false);
        let passes = async {
            scheduler.run(stop).await;
            tell.send_replace(true);
        };
        tokio::join!(passes, webhooks.run(on_duty, told));
        signing.abort();
        sign(&store).await;
    })?;
    Ok(Exit::Done)
}

/// When sessions end, and how their cookie is set.
fn limits(config: &Config) -> Limits {
    let usual = Limits { transport: Transport::of(&config.base_url()), ..Limits::default() };
    match &config.sign_in {
        None => usual,
        Some(stated) => Limits {
            idle_seconds: i64::from(stated.idle_minutes) * 60,
            longest_seconds: i64::from(stated.session_hours) * 60 * 60,
            ..usual
        },
    }
}

fn announce(config: &Config, app: &App) {
    eprintln!("Mandate at http://{} (log in {})", config.listen, config.data_dir.display());
    match (&config.mail.smtp, &config.mail.dir) {
        (Some(server), None) => eprintln!("mails go through {}", server.host),
        (_, _) => eprintln!("mails are written to {}; --smtp HOST sends them", config.mail_dir().display()),
    }
    match (&config.sign_in, &config.token_file) {
        (Some(stated), _) => eprintln!("people sign in at {}", stated.issuer),
        (None, Some(_)) => eprintln!(
            "people sign in with a token of the token file; name an identity provider with --issuer"
        ),
        (None, None) => eprintln!(
            "nobody signs in: whoever reaches {} sees everything but what is sealed; name an identity provider with \
             --issuer, or a --token-file",
            config.listen
        ),
    }
    match &app.tellers {
        Tellers::Nobody => eprintln!("nobody may state facts over HTTP: no --token-file was given"),
        Tellers::Tokens(tokens) => eprintln!("{} clients may state facts", tokens.count()),
        Tellers::Anyone => eprintln!("anyone may state facts"),
    }
}
