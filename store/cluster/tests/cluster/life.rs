//! A private cluster is durable, is killed and starts again, and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mandate_test_cluster::{Cluster, DATABASE_URL, Error, Options};

/// Tells the child test to say where its cluster is and then to wait to be killed.
const HOLD: &str = "MANDATE_TEST_CLUSTER_HOLD";

fn folder(cluster: &Cluster) -> PathBuf {
    PathBuf::from(cluster.psql("postgres", "SHOW unix_socket_directories").unwrap())
}

#[test]
fn what_was_committed_is_there_after_the_postmaster_was_killed_and_started_again() {
    let cluster = Cluster::start(Options::default()).unwrap();
    cluster.create_database("kept").unwrap();
    cluster.psql("kept", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)").unwrap();
    for round in 2..5 {
        let pid = cluster.pid().unwrap();
        cluster.kill().unwrap();
        assert!(cluster.psql("kept", "SELECT 1").is_err(), "killed");
        assert_eq!(cluster.pid(), None);
        cluster.restart().unwrap();
        assert_ne!(cluster.pid(), Some(pid));
        cluster.psql("kept", &format!("INSERT INTO t VALUES ({round})")).unwrap();
    }
    assert_eq!(cluster.psql("kept", "SELECT string_agg(n::text, ',' ORDER BY n) FROM t").unwrap(), "1,2,3,4");
    cluster.stop().unwrap();
    cluster.restart().unwrap();
    assert_eq!(cluster.psql("kept", "SELECT count(*) FROM t").unwrap(), "4");
    cluster.drop_database("kept").unwrap();
    assert!(cluster.psql("kept", "SELECT 1").is_err(), "dropped");
    let folder = folder(&cluster);
    assert!(folder.exists());
    drop(cluster);
    assert!(!folder.exists(), "nothing is left");
}

#[test]
fn it_is_as_durable_as_in_production_unless_told_otherwise() {
    let cluster = Cluster::start(Options::default().with("synchronous_commit", "off")).unwrap();
    let show = |name: &str| cluster.psql("postgres", &format!("SHOW {name}")).unwrap();
    for (name, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("synchronous_commit", "off"),
    ] {
        assert_eq!(show(name), value, "{name}");
    }
}

#[test]
fn a_setting_that_the_server_refuses_is_told_with_the_end_of_its_log() {
    let refused = Cluster::start(Options::default().with("shared_buffers", "much")).unwrap_err();
    assert!(matches!(refused, Error::Server { .. }));
    assert!(refused.to_string().contains("invalid value for parameter \"shared_buffers\""), "{refused}");
}

#[test]
fn each_test_of_a_process_has_a_database_of_its_own_in_one_cluster() {
    let cluster = Cluster::shared().unwrap();
    let (one, two) = (cluster.fresh_database().unwrap(), cluster.fresh_database().unwrap());
    assert_ne!(one, two);
    assert!(std::ptr::eq(cluster, Cluster::shared().unwrap()));
}

/// Alone it only starts the shared cluster; as a child of the tests below it waits to be killed.
#[test]
fn the_shared_cluster_starts() {
    let cluster = Cluster::shared().unwrap();
    let database = cluster.fresh_database().unwrap();
    if std::env::var_os(HOLD).is_some() {
        let folder = std::env::var(DATABASE_URL).map_or_else(|_| folder(cluster), PathBuf::from);
        println!("\nheld {} {}", folder.display(), database);
        std::thread::park();
    }
}

/// Runs the test above in a process of its own, hears where its cluster is and its database, and kills it.
fn killed_child(given: Option<&str>) -> (String, String) {
    use std::io::{BufRead as _, BufReader};
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "life::the_shared_cluster_starts", "--nocapture"]).env(HOLD, "1");
    command.env_remove(DATABASE_URL).envs(given.map(|url| (DATABASE_URL, url)));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let held = lines.map(Result::unwrap).find_map(|line| {
        let (folder, database) = line.strip_prefix("held ")?.split_once(' ')?;
        Some((folder.to_owned(), database.to_owned()))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    held.expect("the child ended by itself")
}

fn eventually(what: &str, done: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    panic!("{what} after 20 s");
}

#[test]
fn a_process_that_is_killed_leaves_no_server_and_no_folder() {
    let (folder, _) = killed_child(None);
    eventually("the folder is still there", || !Path::new(&folder).exists());
    // The last to go is the watchdog, after the folder.
    eventually("a process that names the folder still runs", || {
        !std::fs::read_dir("/proc").unwrap().any(|process| {
            let command = std::fs::read(process.unwrap().path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(&folder)
        })
    });
}

#[test]
fn a_server_that_was_given_is_used_is_not_killed_and_is_left_as_it_was() {
    let given = Cluster::start(Options::default()).unwrap();
    let (_, database) = killed_child(Some(&given.url("postgres")));
    assert!(database.contains("/mandate_test_"), "{database}");
    let databases = || given.psql("postgres", "SELECT datname FROM pg_database").unwrap();
    eventually("its database is still there", || !databases().contains("mandate_test_"));
}
