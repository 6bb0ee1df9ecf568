//! The program: its command line, exit codes, and what it does when files or pipes fail.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mandate_verify::witness::Request;

use crate::log::{Log, Raw, file};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mandate-verify"))
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Exit code, standard output, standard error.
fn result(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn fed(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut command = program();
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may stop reading early when it has seen enough.
    let _ = stdin.write_all(input);
    drop(stdin);
    result(child.wait_with_output().unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn bundles_are_verified_from_files_and_from_standard_input() {
    let log = Log::new(9);
    let folder = tempfile::tempdir().unwrap();
    let key = log.key.verifying_key().to_string();
    let whole = file(&folder, "whole", log.whole());
    let short = file(&folder, "short", log.bundle(1, 4, &[4]));
    let held = file(&folder, "held", log.checkpoint(6));
    let key_file = file(&folder, "key", format!("{key}\n"));
    let bare_key_file = file(&folder, "bare", &key);

    let (code, out, error) = result(run(&["--key", &key, "--checkpoint", text(&held), text(&whole)]));
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.starts_with("Ok: positions 1 to 9 of the log `mandate.example/log` are complete"), "{out}");
    assert!(out.ends_with(".\n") && out.lines().count() == 1, "{out}");
    for key in [&key_file, &bare_key_file] {
        assert_eq!(result(run(&["--key", text(key), text(&whole)])).0, 0);
    }
    let (code, out, _) = fed(&[&format!("--key={key}"), "-"], &log.whole());
    assert_eq!((code, out.get(..3)), (0, Some("Ok:")));

    let (code, out, error) = result(run(&["--checkpoint", text(&held), text(&short), "--key", &key]));
    assert_eq!((code, error.as_str()), (6, ""));
    assert!(out.starts_with("Missing: positions 5 to 6 of the log"), "{out}");

    let mut bad = log.whole();
    let at = bad.windows(7).position(|part| part == b"{\"n\":3}").unwrap();
    bad[at + 5] = b'4';
    let (code, out, _) = fed(&["--key", &key, "-"], &bad);
    assert_eq!(code, 5);
    assert!(out.contains("The first bad position is 3."), "{out}");

    let (code, out, _) = fed(&["--key", &key, "-"], &bad[..40]);
    assert_eq!(code, 3);
    assert!(out.starts_with("Unreadable: the bundle ends within record 1."), "{out}");
    let (code, out, _) = fed(&["--json", "--key", &key, "-"], b"");
    assert_eq!(code, 3);
    assert!(out.starts_with("{\"verdict\":\"unreadable\",\"exit\":3,"), "{out}");
}

#[test]
fn a_part_is_taken_where_it_was_asked_for() {
    let log = Log::new(9);
    let folder = tempfile::tempdir().unwrap();
    let key = log.key.verifying_key().to_string();
    let bundle = file(&folder, "part", log.bundle(2, 5, &[9]));
    let held = file(&folder, "held", log.checkpoint(9));
    let whole = ["--key", &key, "--checkpoint", text(&held), text(&bundle)];
    let (code, out, _) = result(run(&whole));
    assert_eq!(code, 6);
    assert!(out.contains("`--part`"), "{out}");
    assert_eq!(result(run(&[&["--part"], &whole[..]].concat())).0, 0);
}

#[test]
fn a_wrong_command_line_is_told_what_is_wrong() {
    let log = Log::new(3);
    let folder = tempfile::tempdir().unwrap();
    let key = log.key.verifying_key().to_string();
    let private = file(&folder, "private", log.key.to_text().as_str());
    let bundle = file(&folder, "bundle", log.whole());
    let bundle = text(&bundle);
    let slip = key.replace("mandate.example", "mandate.exampel");
    for (arguments, wanted) in [
        (&[][..], "Which bundle?"),
        (&["--key", &key], "Which bundle?"),
        (&[bundle], "With which key?"),
        (&["--key"], "--key wants a value"),
        (&["--key", &key, "--key", &key, bundle], "--key is given twice"),
        (&["--key", &key, "--frobnicate", bundle], "`--frobnicate` is no option"),
        (&["--key", &key, "-x", bundle], "`-x` is no option"),
        (&["--key", &key, "--json=1", bundle], "--json takes no value"),
        (&["--key", &key, bundle, "two"], "`two` is one path too many"),
        (&["--key", "nonsense", bundle], "not a public key"),
        (&["--key", &slip, bundle], "do not belong together"),
        (&["--key", bundle, bundle], "not a public key"),
        (&["--key", text(&private), bundle], "holds the private key"),
        (&["--key", &key, "--state", "s", bundle], "`--state` is for"),
        (&["witness", "--key", &key], "Where is the checkpoint kept?"),
        (&["witness", "--key", &key, "--state", "s", "--part"], "takes neither"),
    ] {
        let (code, out, error) = result(run(arguments));
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?} {error}");
        assert!(error.contains(wanted) && error.contains("--help"), "{arguments:?}: {error}");
        assert!(!error.contains("BwcH"), "a private key is never shown: {error}");
    }
}

#[test]
fn files_that_cannot_be_read_are_no_finding() {
    let log = Log::new(3);
    let folder = tempfile::tempdir().unwrap();
    let key = log.key.verifying_key().to_string();
    let bundle = file(&folder, "bundle", log.whole());
    let missing = folder.path().join("missing");
    for arguments in [
        &["--key", &key, text(&missing)][..],
        &["--key", &key, "--checkpoint", text(&missing), text(&bundle)],
        &["--key", &key, text(folder.path())],
        &["witness", "--key", &key, "--state", text(&missing), text(&missing)],
    ] {
        let (code, out, error) = result(run(arguments));
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?} {error}");
        assert!(error.contains("cannot read"), "{error}");
    }
    // A checkpoint that is too long, and one that is not text.
    for bad in [vec![b'a'; 100_000], vec![0xff; 10]] {
        let bad = file(&folder, "bad", bad);
        let (code, _, error) = result(run(&["--key", &key, "--checkpoint", text(&bad), text(&bundle)]));
        assert_eq!(code, 3, "{error}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let (code, out, error) = result(run(&["--help"]));
    assert_eq!((code, error.as_str()), (0, ""));
    for option in ["--key", "--checkpoint", "--part", "--json", "--state", "witness", "Exit codes"] {
        assert!(out.contains(option), "{option}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 120));
    let (code, out, _) = result(run(&["--version"]));
    assert_eq!((code, out), (0, format!("mandate-verify {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(result(run(&["-h"])).0, 0);
}

#[test]
fn paths_after_two_dashes_may_look_like_options() {
    let log = Log::new(3);
    let folder = tempfile::tempdir().unwrap();
    let key = log.key.verifying_key().to_string();
    file(&folder, "--json", log.whole());
    let output = program().args(["--key", &key, "--", "--json"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(result(output).0, 0);
}

#[test]
fn a_closed_output_is_no_panic_and_a_full_one_an_error() {
    let log = Log::new(3);
    let key = log.key.verifying_key().to_string();
    let folder = tempfile::tempdir().unwrap();
    let bundle = file(&folder, "bundle", log.whole());
    for arguments in [&["--help"][..], &["--key", &key, text(&bundle)]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = program().args(arguments).stdout(writer).output().unwrap();
        assert_eq!(result(output), (0, String::new(), String::new()));
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = program().arg("--frobnicate").stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2));
    if let Ok(full) = File::options().write(true).open("/dev/full") {
        let output = program().args(["--key", &key, text(&bundle)]).stdout(full).output().unwrap();
        let (code, _, error) = result(output);
        assert_eq!(code, 1);
        assert!(error.contains("cannot write to standard output"), "{error}");
    }
}

#[test]
fn the_witness_keeps_and_refuses() {
    let log = Log::new(20);
    let mut other = Log::new(20);
    other.events[0].payload = b"{}".to_vec();
    let folder = tempfile::tempdir().unwrap();
    let key = log.key.verifying_key().to_string();
    let state = folder.path().join("state");
    let request = |log: &Log, old: u64, new: u64| {
        Request { old, proof: log.proof(old, new), note: log.checkpoint(new) }.to_string()
    };
    let arguments = ["witness", "--state", text(&state), "--key", &key];
    let ask = |request: &str| fed(&arguments, request.as_bytes());

    let (code, out, error) = ask(&request(&log, 0, 8));
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.starts_with("Accepted: size 8 is kept as the first"), "{out}");
    let path = file(&folder, "request", request(&log, 8, 12));
    let (code, out, _) = result(run(&[&arguments[..], &[text(&path)]].concat()));
    assert_eq!((code, out.as_str()), (0, "Accepted: size 12 continues size 8; it is kept now.\n"));
    for (bad, wanted) in [
        (request(&log, 8, 20), "Refused: the kept checkpoint has size 12, not 8; send a proof from 12."),
        (
            request(&log, 0, 11),
            "Refused: the log was set back: it signed size 12 before and signs size 11 now;",
        ),
        (
            request(&other, 12, 12),
            "Refused: the log has two histories: it signed another root for size 12 before;",
        ),
        (request(&other, 12, 20), "Refused: it is not proven that size 20 continues size 12:"),
        (
            request(&log, 12, 20).replace("\n20\n", "\n19\n"),
            "Refused: the checkpoint is not one of this log:",
        ),
    ] {
        let (code, out, error) = ask(&bad);
        assert_eq!((code, error.as_str()), (5, ""), "{out}");
        assert!(out.starts_with(wanted), "{out}");
    }
    assert_eq!(fs::read_to_string(&state).unwrap(), log.checkpoint(12));
    assert_eq!(ask("old 12\n").0, 3);
    let (code, out, _) = fed(&[&arguments[..], &["--json"]].concat(), request(&log, 12, 20).as_bytes());
    assert_eq!(
        (code, out.as_str()),
        (
            0,
            "{\"verdict\":\"accepted\",\"exit\":0,\"reason\":\"continues\",\"size\":20,\
             \"text\":\"size 20 continues size 12; it is kept now\"}\n"
        )
    );
    let (code, out, _) = fed(&[&arguments[..], &["--json"]].concat(), request(&log, 12, 20).as_bytes());
    assert_eq!(code, 5);
    assert!(
        out.starts_with("{\"verdict\":\"refused\",\"exit\":5,\"reason\":\"old\",\"size\":null,"),
        "{out}"
    );
    // What the witness keeps is a checkpoint that an auditor can bring.
    let bundle = file(&folder, "bundle", log.bundle(1, 16, &[16]));
    let (code, out, _) = result(run(&["--key", &key, "--checkpoint", text(&state), text(&bundle)]));
    assert_eq!(code, 6);
    assert!(out.starts_with("Missing: positions 17 to 20"), "{out}");
    fs::write(&state, "damaged").unwrap();
    assert_eq!(ask(&request(&log, 20, 20)).0, 3);
}

#[test]
fn reading_stops_at_the_first_thing_that_is_wrong() {
    // A header, and then much that is no record.
    let log = Log::new(3);
    let key = log.key.verifying_key().to_string();
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let start = Raw(Raw::parse(&log.whole()).0[..1].to_vec());
    writer.write_all(&start.bytes()).unwrap();
    let mut child = program()
        .args(["--key", &key, "-"])
        .stdin(reader.try_clone().unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // More than the buffer of a pipe is only taken when the other end reads.
    let writing = std::thread::spawn(move || writer.write_all(&vec![b'!'; 1 << 20]));
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(3));
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    writing.join().unwrap().unwrap();
    assert!(rest.len() > 1 << 19, "{} bytes were left unread", rest.len());
}
