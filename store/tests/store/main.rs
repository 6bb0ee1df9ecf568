//! The store from outside: one program, one file to each of its qualities.

#[cfg(test)]
#[macro_use]
mod common;
#[cfg(test)]
mod append;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod cqrs;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod disk_full;
#[cfg(test)]
mod erasure;
#[cfg(test)]
mod insider;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod open;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod read;
#[cfg(test)]
mod sealing;
#[cfg(test)]
mod tamper;
