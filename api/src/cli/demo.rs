//! `mandate demo`: everything on this machine with a made-up history, a person of each kind and a clock to move on.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::sync::watch;

use super::generate::Size;
use super::running::{Running, start_logging};
use super::{Exit, print};
use crate::demo::{Demo, set_up};
use crate::http::{App, Books, Hosts, Limits, Metrics, Parts, Proxies, Sessions, Tellers};
use crate::pages::assets;
use crate::webhooks::{Addresses, Webhooks};

/// `serve` on this machine with a made-up history, people of each kind to be, a clock to move on and an inbox
#[derive(Debug, Args)]
pub struct Arguments {
    /// The address to listen on; this machine only
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Keep the demonstration here, and go on with one that is there [default: a folder that is removed at the end]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How large a history
    #[arg(long, value_enum, default_value_t = Size::Small)]
    scale: Size,
}

/// Runs the verb until it is told to stop.
///
/// # Errors
/// An address that cannot be listened on, files that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    if !arguments.listen.ip().is_loopback() {
        bail!(
            "--listen {}: the demonstration has no passwords and stays on this machine; use 127.0.0.1",
            arguments.listen
        );
    }
    start_logging("warn")?;
    let temporary = match arguments.data_dir {
        Some(_) => None,
        None => {
            Some(tempfile::Builder::new().prefix("mandate-demo-").tempdir().context("a temporary folder")?)
        }
    };
    let folder = match (&arguments.data_dir, &temporary) {
        (Some(folder), _) => folder.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => bail!("no folder"),
    };
    let running = Running::bind(arguments.listen)?;
    let base_url = format!("http://{}", running.address());
    say(&format!(
        "Mandate demonstration at {base_url}\nMaking up a history; the page answers when it is done …\n"
    ))?;
    if let Err(missing) = assets::check() {
        eprintln!("{missing}");
    }
    let started = std::time::Instant::now();
    let options = arguments.scale.options();
    let stage = set_up(&folder, &options, &base_url)?;
    let demo = stage.demo.clone();
    // The demonstration stays on this machine, and so do its webhooks.
    let here = ["127.0.0.1", "localhost", "::1"].map(str::to_owned);
    let webhooks = Webhooks::new(stage.store.clone(), stage.clock.clone(), Addresses::only(&here));
    let app = App::new(Parts {
        webhooks: webhooks.clone(),
        store: stage.store,
        projections: stage.projections,
        base_url: Some(base_url.clone()),
        scheduler: Some(demo.scheduler().clone()),
        clock: stage.clock,
        tellers: Tellers::Anyone,
        hosts: Hosts::loopback_and(&base_url),
        proxies: Proxies::default(),
        mail_dir: Some(stage.mail_dir),
        demo: Some(stage.demo),
        books: Books::default(),
        metrics: Metrics::default(),
        sessions: Sessions::new(Limits::of_demonstration()),
        sign_in: None,
    });
    say(&what_to_click(&base_url, &app, started.elapsed().as_millis())?)?;
    running.serve(&app, move |stop| async move {
        let (tell, told) = watch::channel(false);
        let following = async {
            follow(demo, stop).await;
            tell.send_replace(true);
        };
        tokio::join!(following, webhooks.run(|| true, told));
    })?;
    drop(temporary);
    Ok(Exit::Done)
}

fn say(text: &str) -> anyhow::Result<()> {
    print(text.as_bytes())
}

fn what_to_click(base_url: &str, app: &App, millis: u128) -> anyhow::Result<String> {
    let position = app.projections.progress()?.position;
    let first = app.demo.as_ref().and_then(|demo| demo.people().first().map(|person| person.name.clone()));
    Ok(format!(
        "Ready after {}.{} s: {position} events.\n\n  1. Open {base_url} and sign in as {}, CPC.\n  2. Inbox: open a \
         mail that begins with “Breach”, then the duty it names: why this date?\n  3. Press “Advance one day” and look \
         at My work again.\n\nStop with Ctrl+C.\n",
        millis / 1000,
        millis % 1000 / 100,
        first.unwrap_or_default(),
    ))
}

/// Looks whenever somebody has stated something, until told to stop.
async fn follow(demo: Demo, stop: impl Future<Output = ()> + Send) {
    let mut head = demo.store().watch();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            changed = head.changed() => if changed.is_err() { return },
        }
        let looking = demo.clone();
        match tokio::task::spawn_blocking(move || looking.look()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "the scheduler could not look"),
            Err(error) => tracing::error!(%error, "the scheduler ended early"),
        }
    }
}
