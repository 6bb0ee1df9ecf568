//! The offline verifier: `mandate-verify` checks a bundle, `mandate-verify witness` keeps watch over checkpoints.

mod arguments;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::{Check, Command, HELP, Watch};
use mandate_verify::check::{Options, json_text, verify_with};
use mandate_verify::note::{MAX_NOTE_BYTES, VerifyingKey};
use mandate_verify::witness::{MAX_REQUEST_BYTES, Request, Witness, WitnessError};

/// Anything that is neither a finding nor a wrong command line, such as a file that is not there.
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const UNREADABLE: u8 = 3;
const REFUSED: u8 = 5;
/// The longest key file.
const MAX_KEY_BYTES: usize = 4096;

/// Why there is no finding: the exit code and a sentence.
struct Failure(u8, String);

fn main() -> ExitCode {
    let done = arguments::parse(std::env::args_os().skip(1)).map_err(|what| usage(&what)).and_then(run);
    let done = done.and_then(|(code, line)| say(&line).map(|()| code));
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Failure(code, sentence)) => {
            // Where standard error is closed too, the exit code is all that is left.
            let _ = writeln!(io::stderr(), "mandate-verify: {sentence}");
            ExitCode::from(code)
        }
    }
}

fn run(command: Command) -> Result<(u8, String), Failure> {
    match command {
        Command::Help => Ok((0, HELP.to_owned())),
        Command::Version => Ok((0, concat!("mandate-verify ", env!("CARGO_PKG_VERSION")).to_owned())),
        Command::Check(check) => run_check(&check),
        Command::Watch(watch) => run_witness(&watch),
    }
}

fn run_check(check: &Check) -> Result<(u8, String), Failure> {
    let key = read_key(&check.key)?;
    let brought: Result<Vec<String>, Failure> =
        check.checkpoints.iter().map(|path| read_text(path, MAX_NOTE_BYTES)).collect();
    let (brought, input) = (brought?, open(&check.bundle)?);
    let mut shown = None;
    let mut progress = |position: u64, last: u64| {
        let percent = u128::from(position) * 100 / u128::from(last.max(1));
        if shown.replace(percent) != Some(percent) {
            let _ = write!(io::stderr(), "\rposition {position} of {last}, {percent} %");
        }
    };
    let terminal = io::stderr().is_terminal();
    let options = Options { part: check.part, progress: terminal.then_some(&mut progress) };
    let report = verify_with(BufReader::with_capacity(1 << 18, input), &key, &brought, options);
    if shown.is_some() {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    let report = report.map_err(|error| Failure(FAILED, cannot_read(&check.bundle, &error)))?;
    let line = if check.json { report.to_json() } else { report.to_string() };
    Ok((report.verdict.exit_code(), line))
}

fn run_witness(watch: &Watch) -> Result<(u8, String), Failure> {
    let key = read_key(&watch.key)?;
    let request = read_text(&watch.request, MAX_REQUEST_BYTES)?;
    let failed = |error: &WitnessError| {
        let code = match error {
            WitnessError::Refused(_) => REFUSED,
            WitnessError::Request(_) | WitnessError::Kept { .. } => UNREADABLE,
            WitnessError::State { .. } => FAILED,
        };
        let word = match error {
            WitnessError::Refused(refusal) => refusal.word(),
            WitnessError::Request(_) => "request",
            WitnessError::Kept { .. } | WitnessError::State { .. } => "state",
        };
        let verdict = if code == REFUSED { "refused" } else { "unreadable" };
        (code, verdict, word, error.to_string())
    };
    let accepted = Request::parse(&request)
        .and_then(|request| Witness::open(&watch.state, key).and_then(|mut witness| witness.add(&request)));
    let (code, verdict, word, text) = match &accepted {
        Ok(accepted) => {
            let size = accepted.checkpoint.size;
            let text = match &accepted.before {
                None => format!("size {size} is kept as the first; there was nothing to compare it with"),
                Some(before) => format!("size {size} continues size {}; it is kept now", before.size),
            };
            (0, "accepted", if accepted.before.is_some() { "continues" } else { "first" }, text)
        }
        Err(error) => failed(error),
    };
    if code == FAILED {
        return Err(Failure(FAILED, format!("{text}.")));
    }
    if watch.json {
        let size = accepted.as_ref().ok().map(|accepted| accepted.checkpoint.size);
        let size = size.map_or("null".to_owned(), |size| size.to_string());
        let (verdict, word, text) = (json_text(verdict), json_text(word), json_text(&text));
        let line =
            format!(r#"{{"verdict":{verdict},"exit":{code},"reason":{word},"size":{size},"text":{text}}}"#);
        return Ok((code, line));
    }
    let word = match verdict {
        "accepted" => "Accepted",
        "refused" => "Refused",
        _ => "Unreadable",
    };
    Ok((code, format!("{word}: {text}.")))
}

/// Writes a line to standard output; who closed it does not want it.
fn say(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure(FAILED, format!("cannot write to standard output: {error}.")))
        }
        _ => Ok(()),
    }
}

fn usage(what: &str) -> Failure {
    Failure(USAGE, format!("{what} See `mandate-verify --help`."))
}

/// A public key from its text or from a file with its text.
fn read_key(given: &str) -> Result<VerifyingKey, Failure> {
    let path = Path::new(given);
    let parsed = VerifyingKey::parse(given);
    if parsed.is_ok() || !path.exists() {
        return parsed.map_err(|error| usage(&format!("--key {given}: {error}, nor is there such a file.")));
    }
    let text = match read_text(path, MAX_KEY_BYTES) {
        Err(Failure(UNREADABLE, _)) => String::new(),
        other => other?,
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    if line.starts_with("PRIVATE+KEY+") {
        return Err(usage(&format!("--key {given}: holds the private key; give the public one only.")));
    }
    VerifyingKey::parse(line).map_err(|error| usage(&format!("--key {given}: {error}.")))
}

/// A short text; one that is too long or not UTF-8 cannot be what is wanted.
fn read_text(path: &Path, limit: usize) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure(FAILED, cannot_read(path, &error)))?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= limit);
    let why = || format!("{}: expected UTF-8 of at most {limit} bytes.", path.display());
    text.ok_or_else(|| Failure(UNREADABLE, why()))
}

/// A file, or standard input for `-`.
fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).map_err(|error| Failure(FAILED, cannot_read(path, &error)))?;
    Ok(Box::new(file))
}

fn cannot_read(path: &Path, error: &io::Error) -> String {
    let name = if path == Path::new("-") { PathBuf::from("standard input") } else { path.to_owned() };
    format!("{}: cannot read: {error}; check the path and the file's permissions.", name.display())
}
