//! Processor time and memory, from /proc.

use std::fs;

use mandate_test_cluster::Cluster;

/// Ticks a second of the times in /proc, the same on every Linux.
const TICKS: f64 = 100.0;

/// Seconds of processor time that this process has used, and the server with its children.
pub fn seconds(server: Option<&Cluster>) -> f64 {
    let own = ticks(std::process::id()).map_or(0, |(_, ticks)| ticks);
    let servers: u32 = server.and_then(Cluster::pid).map_or(0, |postmaster| {
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid = entry.unwrap().file_name().to_str()?.parse().ok()?;
            ticks(pid).filter(|(parent, _)| *parent == postmaster || pid == postmaster)
        });
        processes.map(|(_, ticks)| ticks).sum()
    });
    f64::from(own + servers) / TICKS
}

/// A process's parent, and what it has used.
fn ticks(pid: u32) -> Option<(u32, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the parent is the second field after it, the times the 12th and 13th.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some((field(1)?, field(11)? + field(12)?))
}

/// The most memory that a process has had resident, in megabytes, while it runs.
pub fn peak_megabytes(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u32 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(f64::from(kilobytes) / 1_024.0)
}
