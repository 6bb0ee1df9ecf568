//! The invariants of ARCHITECTURE.md that are about files: arrows, banned crates, names of tests, claims of documents.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names in the `[dependencies]` table of a crate.
fn dependencies(krate: &str) -> Vec<String> {
    let manifest = read(&format!("{krate}/Cargo.toml"));
    let table = manifest.split("\n[dependencies]\n").nth(1).unwrap_or("");
    let lines = table.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().to_owned()).collect()
}

#[test]
fn the_arrows_between_the_crates_point_one_way() {
    let order = ["domain", "store", "projections", "scheduler", "api"];
    for (place, krate) in order.iter().enumerate() {
        for name in dependencies(krate) {
            // The offline verifier stands below the store and beside the domain.
            if name == "mandate-verify" {
                assert_ne!(*krate, "domain", "{krate} must not use {name}");
            } else if name == "mandate-check" {
                // The checker stands beside the judge; who shows derivations hands them to it.
                assert_eq!(*krate, "api", "{krate} must not use {name}");
            } else if let Some(other) = name.strip_prefix("mandate-") {
                let used = order.iter().position(|k| *k == other);
                assert!(used.is_some_and(|used| used < place), "{krate} must not use {name}");
            }
        }
    }
}

#[test]
fn the_offline_verifier_needs_hashing_and_signatures_only() {
    assert_eq!(dependencies("store/verify"), ["base64ct", "ed25519-dalek", "sha2", "zeroize"]);
}

#[test]
fn the_checker_of_derivations_shares_no_code_with_the_judge() {
    let used = dependencies("domain/check");
    assert!(used.len() > 3 && used.iter().all(|name| !name.starts_with("mandate-")), "{used:?}");
}

#[test]
fn the_domain_is_pure() {
    let banned = ["tokio", "sqlx", "rusqlite", "cqrs-es", "async-trait", "axum", "lettre"];
    for name in dependencies("domain") {
        assert!(!banned.contains(&name.as_str()), "domain must not use {name}");
    }
}

#[test]
fn there_is_one_sqlx_and_one_tls_stack() {
    let lock = read("Cargo.lock");
    let count = |name: &str| lock.matches(&format!("\nname = \"{name}\"\n")).count();
    assert!(count("sqlx") <= 1 && count("libsqlite3-sys") == 1);
    for banned in ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"] {
        assert_eq!(count(banned), 0, "{banned}");
    }
}

fn source_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if entry.is_dir() && !["target", "node_modules", ".git", "dist"].contains(&name) {
            source_files(&entry, found);
        } else if entry.extension().is_some_and(|end| end == "rs") {
            found.push(entry);
        }
    }
}

#[test]
fn every_test_that_the_architecture_names_exists() {
    let mut files = Vec::new();
    source_files(&root(), &mut files);
    let all: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let document = read("ARCHITECTURE.md");
    let rows = document.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let table: Vec<&str> = rows
        .filter(|line| !line.contains("| `domain` |"))
        .filter_map(|line| line.rsplit('|').nth(1))
        .collect();
    let mut named = 0;
    for quoted in table.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        let name = quoted.rsplit("::").next().unwrap();
        if name.matches('_').count() >= 3 {
            named += 1;
            assert!(all.contains(&format!("fn {name}(")), "ARCHITECTURE.md names {name}, which is no test");
        }
    }
    assert!(named >= 5, "only {named} tests are named");
}

#[test]
fn no_file_reads_the_clock_but_the_system_clock() {
    let mut files = Vec::new();
    source_files(&root(), &mut files);
    for file in files.iter().filter(|file| !file.ends_with("tests/src/architecture.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        let reads = ["Utc::now(", "Local::now(", "SystemTime::now("].iter().any(|call| text.contains(call));
        assert!(!reads || file.ends_with("domain/src/time.rs"), "{} reads the clock", file.display());
    }
}

#[test]
fn no_source_file_mentions_a_registry_host_or_a_build_machine() {
    let mut files = Vec::new();
    source_files(&root(), &mut files);
    let banned = ["index.crates", "registry.npm", "deb.debian"];
    for file in files.iter().filter(|file| !file.ends_with("tests/src/architecture.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        for word in banned {
            assert!(!text.contains(word), "{} names {word}", file.display());
        }
    }
}
