//! HTTP, pages and command line.

pub mod attest;
pub mod backtest;
pub mod beside;
pub mod bulk;
pub mod checkpoints;
pub mod cli;
pub mod config;
pub mod demo;
mod duty_csv;
pub mod generate;
pub mod hmpps;
pub mod http;
pub mod import;
pub mod input;
pub mod outgoing;
pub mod outside;
pub mod pages;
mod random;
pub mod readings;
pub mod reference;
pub mod sign_in;
pub mod tokens;
pub mod webhooks;
