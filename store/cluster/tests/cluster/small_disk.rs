//! A full disk under a server whose write-ahead log is elsewhere.

use std::path::Path;
use std::process::Command;

use mandate_test_cluster::{Cluster, Options};

/// Names the small disk and the ample one to the child.
const DISKS: [&str; 2] = ["MANDATE_TEST_CLUSTER_SMALL_DISK", "MANDATE_TEST_CLUSTER_AMPLE_DISK"];

/// Without the variables there is no small disk, and it only checks where the write-ahead log is.
#[test]
fn rows_are_taken_until_the_disk_is_full_and_again_once_there_is_room() {
    let ample = tempfile::Builder::new().permissions(open()).tempdir().unwrap();
    if let [Some(small), Some(ample)] = DISKS.map(std::env::var_os) {
        return fill(Path::new(&small), Path::new(&ample));
    }
    let wal = ample.path().join("wal");
    let cluster = Cluster::start(Options::default().within(ample.path()).with_wal_in(&wal)).unwrap();
    cluster.psql("postgres", "CREATE TABLE t (x text)").unwrap();
    assert!(std::fs::read_dir(&wal).unwrap().count() > 1);
}

fn open() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

fn fill(small: &Path, ample: &Path) {
    let ballast = small.join("ballast");
    std::fs::write(&ballast, vec![0; 8 << 20]).unwrap();
    // The memory that workers of one query share is a file in the data folder, and would find the disk full as well.
    let options = Options::default().with("max_parallel_workers_per_gather", "0");
    let cluster = Cluster::start(options.within(small).with_wal_in(ample.join("wal"))).unwrap();
    let pid = cluster.pid();
    let psql = |sql: &str| cluster.psql("postgres", sql);
    psql("CREATE TABLE t (x text)").unwrap();
    let insert = "INSERT INTO t SELECT repeat('x', 900) FROM generate_series(1, 1000)";
    let mut stored = 0;
    let refused = loop {
        match psql(insert) {
            Ok(_) => stored += 1_000,
            Err(error) => break error.to_string(),
        }
        assert!(stored < 1_000_000, "the disk never filled");
    };
    assert!(refused.contains("could not extend file"), "{refused}");
    assert_eq!(psql("SELECT count(*) FROM t").unwrap(), stored.to_string(), "reads go on");
    std::fs::remove_file(&ballast).unwrap();
    psql(insert).unwrap();
    assert_eq!(psql("SELECT count(*) FROM t").unwrap(), (stored + 1_000).to_string());
    assert_eq!(cluster.pid(), pid, "it was never started again");
}

#[test]
fn a_server_on_a_full_disk_refuses_rows_and_goes_on() {
    let place = tempfile::Builder::new().permissions(open()).tempdir().unwrap();
    let [small, ample] = ["small", "ample"].map(|name| place.path().join(name));
    std::fs::create_dir(&small).unwrap();
    std::fs::create_dir(&ample).unwrap();
    // Without a user's namespace: the server runs as another user, and in one there is none.
    let script = r#"mount -t tmpfs -o size=64m,mode=755 none "$1" || exit 99; shift; exec "$@""#;
    let child = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&small)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "small_disk::rows_are_taken_until_the_disk_is_full_and_again_once_there_is_room"])
        .arg("--nocapture")
        .envs([(DISKS[0], &small), (DISKS[1], &ample)])
        .output();
    match child {
        Ok(output)
            if output.status.code() == Some(99)
                || String::from_utf8_lossy(&output.stderr).contains("unshare failed") =>
        {
            println!("skipped: only root may mount a small disk for another user");
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
        }
        Err(error) => println!("skipped: no `unshare` here: {error}"),
    }
}
