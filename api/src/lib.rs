//! HTTP, pages and command line.

pub mod bulk;
pub mod cli;
pub mod generate;
pub mod input;
pub mod pages;
