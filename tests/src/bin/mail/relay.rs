//! A relay that is away for 72 hours of a virtual clock, and one that refuses some for good.

use std::net::TcpListener;

use anyhow::ensure;
use mandate_tests::arguments::Arguments;

use crate::check::check;
use crate::office::{Office, at, scheduler};
use crate::server::{Server, Word};

/// Nothing is lost while nobody listens; afterwards all of it goes.
pub fn relay(mut arguments: Arguments) -> anyhow::Result<()> {
    let notices: usize = arguments.take("--notices", 500)?;
    arguments.end()?;
    let folder = tempfile::tempdir()?;
    let mut office = Office::open(folder.path())?;
    // All of them fall due on one day.
    for area in 1..=notices {
        office.area(area)?;
    }
    office.settle()?;
    office.clock.set(at("2026-03-02T09:00:00Z")?);
    for area in 1..=notices {
        office.nominal(&format!("nominal/N-{area}"), &format!("area/A{area}"))?;
    }
    office.settle()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let away = scheduler(&office.store, &office.data_dir(), office.clock.clone(), port)?;
    let (mut now, back) = (at("2026-03-08T00:00:00Z")?, at("2026-03-11T00:00:00Z")?);
    let mut deferred = 0;
    while now < back {
        office.clock.set(now);
        let report = away.pass(now)?;
        ensure!(report.mails.accepted + report.mails.rejected == 0, "{now}: {:?}", report.mails);
        deferred += report.mails.deferred;
        let next = report.mails.next_at.filter(|next| *next > now);
        now = next.unwrap_or_else(|| now.plus_seconds(60));
    }
    drop(away);
    // One is tried for all, after pauses that grow to an hour.
    ensure!(deferred < 80, "{deferred} deferrals");
    let server = Server::start(1, Word::Kept)?;
    server.be_well();
    let present = scheduler(&office.store, &office.data_dir(), office.clock.clone(), server.port)?;
    office.clock.set(now);
    let report = present.pass(now)?;
    ensure!(report.mails.accepted == notices, "{:?}", report.mails);
    let counted = check(&office.target, &server.kept())?;
    ensure!(counted.repeated == 0 && counted.rejected == 0, "{counted:?}");
    println!(
        "relay away for 72 hours: {notices} notices, {deferred} deferrals; all delivered afterwards, once each"
    );
    Ok(())
}
