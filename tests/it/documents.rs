//! What the documents say of settings is what the program takes.

use clap::{Args, Command};
use sluice::server::config::Config;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Names that are not the server's: of the image's build, of compose, of the proxy's file, of the tests.
const OTHERS: [&str; 6] =
    ["SLUICE_COMMIT", "SLUICE_VERSION", "SLUICE_TAG", "SLUICE_HOST", "SLUICE_UPSTREAM_ADDRESS", "SLUICE_KILLS"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Names that look like settings.
fn named(text: &str) -> BTreeSet<&str> {
    let names = text.split(|letter: char| !(letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'));
    names.filter(|name| name.strip_prefix("SLUICE_").is_some_and(|rest| !rest.is_empty())).collect()
}

#[test]
fn every_setting_that_is_written_of_exists_and_every_one_is_written_of() {
    let command = Config::augment_args(Command::new("sluice"));
    let envs = |hidden: bool| -> BTreeSet<String> {
        let arguments = command.get_arguments().filter(|argument| hidden || !argument.is_hide_set());
        arguments.filter_map(|argument| Some(argument.get_env()?.to_str().unwrap().to_owned())).collect()
    };
    let (all, shown) = (envs(true), envs(false));
    let mut documents = files(&root().join("docs"));
    documents.extend(files(&root().join("deploy")));
    documents.extend(["README.md", "CONTRIBUTING.md", "compose.yaml", "Dockerfile"].map(|name| root().join(name)));
    let mut written = BTreeSet::new();
    for path in documents.into_iter().filter(|path| path.extension().is_none_or(|end| end != "png")) {
        let text = fs::read_to_string(&path).unwrap();
        for name in named(&text) {
            assert!(all.contains(name) || OTHERS.contains(&name), "{name} of {} is no setting", path.display());
            written.insert(name.to_owned());
        }
    }
    let silent: Vec<_> = shown.difference(&written).collect();
    assert!(silent.is_empty(), "nothing is written of {silent:?}");
    assert!(shown.len() > 30, "they were found");
}
