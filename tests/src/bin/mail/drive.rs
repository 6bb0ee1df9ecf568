//! Kills a program that owes mails, and checks what was received.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mandate_tests::arguments::Arguments;
use mandate_tests::random::Random;

use crate::check::{Counted, check};
use crate::office::{Office, target};
use crate::postfix::Postfix;
use crate::server::{Server, VERBS, Word};

/// How long the program may make no progress.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at how far it came.
const LOOK: Duration = Duration::from_millis(2);

/// The campaign on a server that fails, or on a real one.
pub fn drive(mut arguments: Arguments) -> anyhow::Result<()> {
    let notices: usize = arguments.take("--notices", 10_000)?;
    let kills: u64 = arguments.take("--kills", 200)?;
    let seed: u64 = arguments.take("--seed", 1)?;
    let server: String = arguments.take("--server", "scripted".to_owned())?;
    arguments.end()?;
    let started = Instant::now();
    let (counted, killed) = match server.as_str() {
        "scripted" => scripted(notices, kills, seed, Word::Kept)?,
        "postfix" => real(notices, kills, seed)?,
        other => anyhow::bail!("--server {other}: expected scripted or postfix"),
    };
    ensure!(counted.notices >= notices, "{} of {notices} mails were owed", counted.notices);
    let Counted { notices, accepted, rejected, deferrals, ambiguous, repeated } = counted;
    println!(
        "{server}: {notices} notices through {killed} kills: {accepted} accepted, {rejected} refused for good and told to \
         others, {deferrals} deferrals, {ambiguous} answers lost, {repeated} sent again; none lost, all as expected, {} s",
        started.elapsed().as_secs()
    );
    Ok(())
}

/// A server that breaks its word must be caught.
pub fn control(mut arguments: Arguments) -> anyhow::Result<()> {
    let word: Word = arguments.take("--fault", Word::Loses)?;
    let notices: usize = arguments.take("--notices", 200)?;
    arguments.end()?;
    match scripted(notices, 2, 1, word) {
        Err(error) => {
            let found = error.to_string();
            ensure!(word.is_named_in(&found), "control {word:?}: caught for another reason: {found}");
            println!("control {word:?}: caught: {found}");
        }
        Ok(counted) => anyhow::bail!("control {word:?}: not caught: {counted:?}"),
    }
    Ok(())
}

fn scripted(notices: usize, kills: u64, seed: u64, word: Word) -> anyhow::Result<(Counted, u64)> {
    let folder = tempfile::tempdir()?;
    prepare(folder.path(), notices)?;
    let server = Server::start(seed, word)?;
    let mut random = Random::new(seed);
    let each = notices as u64 * 4 / kills.max(1);
    let mut killed = 0;
    while killed < kills {
        let mut program = start(folder.path(), server.port)?;
        let held = random.once_in(2).then(|| server.hold());
        let wanted = server.verbs() + random.below(each.max(1) * 2);
        let reached = match &held {
            // Killed while the server has the message and has not said so.
            Some(held) => held.reached.recv_timeout(PATIENCE).is_ok(),
            None => wait_for(&mut program, || server.verbs() >= wanted)?,
        };
        if !reached {
            break;
        }
        program.kill()?;
        program.wait()?;
        killed += 1;
    }
    finish(folder.path(), server.port)?;
    if word == Word::Kept {
        for (verb, failures) in VERBS.iter().zip(server.failures()) {
            ensure!(notices < 1_000 || failures > 0, "the server never failed at {verb}");
        }
        println!("failures: {:?}", VERBS.iter().zip(server.failures()).collect::<Vec<_>>());
    }
    Ok((check(&target(folder.path()), &server.kept())?, killed))
}

fn real(notices: usize, kills: u64, seed: u64) -> anyhow::Result<(Counted, u64)> {
    let folder = tempfile::tempdir()?;
    prepare(folder.path(), notices)?;
    let postfix = Postfix::start()?;
    let mut random = Random::new(seed);
    let mut killed = 0;
    while killed < kills {
        let mut program = start(folder.path(), postfix.port)?;
        let ends = Instant::now() + Duration::from_millis(200 + random.below(1_000));
        if !wait_for(&mut program, || Instant::now() >= ends)? {
            break;
        }
        program.kill()?;
        program.wait()?;
        killed += 1;
    }
    finish(folder.path(), postfix.port)?;
    let kept = postfix.delivered()?;
    Ok((check(&target(folder.path()), &kept)?, killed))
}

fn prepare(folder: &Path, notices: usize) -> anyhow::Result<()> {
    Office::open(folder)?.late(notices)
}

fn start(folder: &Path, port: u16) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["program", "--folder"]).arg(folder).args(["--port", &port.to_string()]);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
}

/// Waits until something is so; whether it came before the program ended well.
fn wait_for(program: &mut Child, so: impl Fn() -> bool) -> anyhow::Result<bool> {
    let end = Instant::now() + PATIENCE;
    while !so() {
        if let Some(status) = program.try_wait()? {
            ensure!(status.success(), "the program ended by itself: {status}");
            return Ok(false);
        }
        ensure!(Instant::now() < end, "the program made no progress for {} s", PATIENCE.as_secs());
        std::thread::park_timeout(LOOK);
    }
    Ok(true)
}

/// Lets the program come to its end.
fn finish(folder: &Path, port: u16) -> anyhow::Result<()> {
    let ended = start(folder, port)?.wait_with_output().context("the program")?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ensure!(ended.status.success(), "the program ended with {}: {said}", ended.status);
    Ok(())
}
