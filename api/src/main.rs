//! The `mandate` binary.

use std::process::ExitCode;

/// Facts are decoded on one thread and let go on another, which the system's allocator does slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mandate_api::cli::run()
}
