//! What stands in `deploy/`: checked without a container engine.

use std::path::{Path, PathBuf};
use std::process::Command;

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(deploy(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn the_unit_takes_away_what_the_program_does_not_need() {
    let unit = read("mandate.service");
    for line in [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateDevices=yes",
        "MemoryDenyWriteExecute=yes",
        "CapabilityBoundingSet=",
    ] {
        assert!(unit.lines().any(|own| own == line), "{line} is missing");
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit_where_it_is_installed() {
    // The binary is not at its place on a machine that builds: verify a copy that starts another program.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("mandate.service");
    let unit = read("mandate.service");
    let start = unit.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    std::fs::write(&copy, unit.replace(start, "ExecStart=/bin/true")).unwrap();
    match Command::new("systemd-analyze").arg("verify").arg(&copy).output() {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            let own: Vec<&str> = told.lines().filter(|line| line.contains("mandate.service")).collect();
            assert!(own.is_empty(), "{own:?}");
        }
        Err(error) => eprintln!("systemd-analyze is not here ({error}); only the lines were checked"),
    }
}

#[test]
fn the_container_runs_as_nobody_and_starts_the_program() {
    let file = read("Containerfile");
    for line in ["USER 65534:65534", "ENTRYPOINT [\"/usr/local/bin/mandate\"]"] {
        assert!(file.lines().any(|own| own == line), "{line} is missing");
    }
    assert!(file.contains("make build"));
}

#[test]
fn every_key_of_the_example_configuration_exists_and_every_key_stands_in_it() {
    let example = read("mandate.example.toml");
    let parsed: Result<mandate_api::config::Config, _> = toml::from_str(&example);
    assert!(parsed.is_ok(), "{}", parsed.unwrap_err());
    // A key that is no key is refused: the check above can fail.
    assert!(toml::from_str::<mandate_api::config::Config>(&format!("colour = 1\n{example}")).is_err());
    let keys = mandate_api::config::HELP.lines().filter_map(|line| line.split_once(" = "));
    let keys: Vec<&str> = keys.map(|(key, _)| key.trim()).collect();
    assert!(keys.len() >= 10, "{keys:?}");
    for key in keys {
        let stands = example
            .lines()
            .any(|line| line.trim_start_matches("# ").split_once(" = ").is_some_and(|(own, _)| own == key));
        assert!(stands, "{key} is not in the example");
    }
}
