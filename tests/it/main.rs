//! Integration tests: the real router, a real SQLite file and the real stand-in, over TCP.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop where it stands")]

mod access;
mod app;
mod audit;
mod audit_program;
mod budget;
mod bulk;
mod canary;
mod changes;
mod crash;
mod entries;
mod explain;
mod find;
mod hardening;
mod jobs;
mod keymap;
mod keys;
mod kill_points;
mod kills;
mod lifecycle;
mod lists;
mod markup;
mod metrics;
mod mx;
mod operate;
mod provider;
mod provision;
mod proxies;
mod reach;
mod recipients;
mod reports;
mod rescue;
mod sign_in;
mod soak;
mod team;
mod web;
