//! Has cargo build the crate again when the built assets change, appear or vanish.
//!
//! The file names in `dist` hold hashes of their content, so a new style sheet is a new file, which
//! cargo would not notice by itself.

use std::path::Path;

fn main() {
    // A path that does not exist would have the script run every time; its parent always exists.
    let watched = if Path::new("assets/dist").exists() { "assets/dist" } else { "assets" };
    println!("cargo::rerun-if-changed={watched}");
}
