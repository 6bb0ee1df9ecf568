//! Black-box tests through HTTP and the command line, tests of the architecture, and what the campaigns in `src/bin`
//! share.

pub mod arguments;
pub mod database;
pub mod derived;
pub mod facts;
pub mod mutants;
pub mod power;
pub mod random;
pub mod target;

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod area_year;
#[cfg(test)]
mod authorities;
#[cfg(test)]
mod backtest;
#[cfg(test)]
mod broken_disk;
#[cfg(test)]
mod bundles;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod cells;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod demonstration;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod hangups;
#[cfg(test)]
mod hmpps;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod limited;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod office;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod proofs;
#[cfg(test)]
mod reconciliation;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod search;
#[cfg(test)]
mod server;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod small_disk;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod statistics;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod wire;
