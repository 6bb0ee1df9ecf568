//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
Checks the log of Mandate without Mandate.

Usage:
  mandate-verify --key KEY [--checkpoint FILE]... [--part] [--json] BUNDLE
  mandate-verify witness --state FILE --key KEY [--json] [REQUEST]

The first checks a bundle, as `mandate log export --format bundle` writes it. The second keeps the last
checkpoint that it saw in a file and refuses one that does not continue it.

  BUNDLE             the bundle; `-` is standard input
  REQUEST            a request `add-checkpoint` of C2SP tlog-witness; `-`, the default, is standard input
  --key KEY          the log's public key, name+hash+key, or a file that holds it
  --checkpoint FILE  a signed checkpoint that you kept, from a mail, a witness or an earlier audit; the more of them,
                     and the farther from the log they were kept, the more is proven. May be given several times
  --part             you asked for a part of the log: a checkpoint that you bring may cover more than the bundle
                     holds, when the bundle proves that it is consistent
  --state FILE       where the witness keeps the checkpoint; made at first sight
  --json             one line of JSON instead of sentences
  --help, --version

Exit codes: 0 proven or accepted, 5 altered or refused, 6 positions are missing or not proven, 3 not readable,
2 wrong command line, 1 anything else, such as a file that cannot be opened.";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Version,
    Check(Check),
    Watch(Watch),
}

/// Check a bundle.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    pub key: String,
    pub checkpoints: Vec<PathBuf>,
    pub part: bool,
    pub json: bool,
    pub bundle: PathBuf,
}

/// Take a checkpoint as a witness.
#[derive(Debug, PartialEq, Eq)]
pub struct Watch {
    pub state: PathBuf,
    pub key: String,
    pub json: bool,
    pub request: PathBuf,
}

/// Everything that was given, before it is known to fit together.
#[derive(Default)]
struct Given {
    key: Option<OsString>,
    state: Option<OsString>,
    checkpoints: Vec<PathBuf>,
    part: bool,
    json: bool,
    paths: Vec<OsString>,
}

/// Reads the arguments after the program's name.
pub fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut given = Given::default();
    let mut only_paths = false;
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or("");
        if only_paths || text == "-" || !text.starts_with('-') {
            given.paths.push(argument);
            continue;
        }
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(OsString::from(value))),
            _ => (text, None),
        };
        let takes_value = matches!(name, "--key" | "--state" | "--checkpoint");
        if attached.is_some() && !takes_value {
            return Err(format!("{name} takes no value."));
        }
        let value = if takes_value {
            let value = attached.or_else(|| arguments.next());
            Some(value.ok_or_else(|| format!("{name} wants a value after it."))?)
        } else {
            None
        };
        match (name, value) {
            ("--help" | "-h", _) => return Ok(Command::Help),
            ("--version" | "-V", _) => return Ok(Command::Version),
            ("--json", _) => given.json = true,
            ("--part", _) => given.part = true,
            ("--", _) => only_paths = true,
            ("--key", Some(value)) => once(&mut given.key, value, name)?,
            ("--state", Some(value)) => once(&mut given.state, value, name)?,
            ("--checkpoint", Some(value)) => given.checkpoints.push(value.into()),
            _ => return Err(format!("`{name}` is no option.")),
        }
    }
    given.command()
}

fn once(slot: &mut Option<OsString>, value: OsString, name: &str) -> Result<(), String> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{name} is given twice.")),
    }
}

impl Given {
    fn command(self) -> Result<Command, String> {
        let Self { key, state, checkpoints, part, json, paths } = self;
        let mut paths = paths.into_iter();
        let first = paths.next();
        let watch = first.as_ref().is_some_and(|first| first == "witness");
        let path = if watch { paths.next().or_else(|| Some("-".into())) } else { first };
        let path: PathBuf = path.ok_or("Which bundle? Give its path, or `-` for standard input.")?.into();
        if let Some(other) = paths.next() {
            return Err(format!("`{}` is one path too many.", other.display()));
        }
        let key = key.ok_or("With which key? Give the log's public key with `--key`.")?;
        let key = key.into_string().map_err(|key| format!("--key {}: not UTF-8.", key.display()))?;
        if watch {
            if part || !checkpoints.is_empty() {
                return Err("`witness` takes neither `--part` nor `--checkpoint`.".to_owned());
            }
            let state = state.ok_or("Where is the checkpoint kept? Give a file with `--state`.")?;
            return Ok(Command::Watch(Watch { state: state.into(), key, json, request: path }));
        }
        if state.is_some() {
            return Err("`--state` is for `mandate-verify witness`.".to_owned());
        }
        Ok(Command::Check(Check { key, checkpoints, part, json, bundle: path }))
    }
}
