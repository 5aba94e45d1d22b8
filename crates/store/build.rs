//! Rebuilds when a migration is added: `sqlx::migrate!` alone notices only changed ones.

#![allow(clippy::print_stdout, reason = "a build script speaks to cargo by printing")]

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
