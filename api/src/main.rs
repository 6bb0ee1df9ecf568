//! The `mandate` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    mandate_api::cli::run()
}
