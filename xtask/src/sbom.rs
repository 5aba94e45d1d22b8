//! `cargo xtask sbom`: what the binary is made of, as `CycloneDX`, from Cargo.lock and the crates that were fetched. Asks
//! no network and says the same for the same commit: it has no date and no serial number.

use crate::{Step, assets::BROWSER_CODE, root};
use clap::Args;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

/// Flags of the list.
#[derive(Args)]
pub(crate) struct Sbom {
    /// Where to write it; without it, to standard output.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// One crate in the binary.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    name: String,
    version: String,
    licence: String,
    /// Part of this repository.
    own: bool,
}

impl Sbom {
    pub(crate) fn run(self) -> Step {
        // What runs on the server, and what is embedded to run in the browser. Not what only builds or tests them.
        let mut parts = tree(&["-p", "sluice"])?;
        let browser: Vec<_> = BROWSER_CODE.iter().copied().filter(|flag| *flag != "--lib").collect();
        parts.extend(tree(&browser)?);
        let lock = fs::read_to_string(root().join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
        let text = format!("{:#}\n", document(&parts, &checksums(&lock)));
        if let Some(path) = self.output {
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
        } else {
            print!("{text}");
            Ok(())
        }
    }
}

fn tree(what: &[&str]) -> Step<BTreeSet<Part>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--quiet", "--edges", "normal,no-proc-macro", "--prefix", "none"])
        .args(["--format", "{p}|{l}"])
        .args(what)
        .current_dir(root())
        .output()
        .map_err(|error| format!("cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8_lossy(&output.stdout).lines().map(part).collect()
}

/// Reads a line such as `url v2.5.8|MIT OR Apache-2.0`; the version may be followed by a path in brackets, and the
/// licence by `(*)` where the crate came before.
fn part(line: &str) -> Step<Part> {
    let odd = || format!("cargo tree says “{line}”, which is not understood");
    let (package, licence) = line.trim_end_matches(" (*)").split_once('|').ok_or_else(odd)?;
    let mut words = package.split(' ');
    let name = words.next().filter(|name| !name.is_empty()).ok_or_else(odd)?;
    let version = words.next().and_then(|version| version.strip_prefix('v')).ok_or_else(odd)?;
    let own = words.any(|word| word.starts_with("(/"));
    Ok(Part { name: name.into(), version: version.into(), licence: licence.trim().replace('/', " OR "), own })
}

/// The checksums of the lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let value = |block: &'_ str, key: &str| -> Option<(usize, usize)> {
        let at = block.find(&format!("\n{key} = \""))? + key.len() + 5;
        Some((at, at + block[at..].find('"')?))
    };
    let read = |block| {
        let get = |key| value(block, key).map(|(from, to)| &block[from..to]);
        Some(((get("name")?, get("version")?), get("checksum")?))
    };
    lock.split("[[package]]").filter_map(read).collect()
}

fn document(parts: &BTreeSet<Part>, checksums: &BTreeMap<(&str, &str), &str>) -> Value {
    let component = |part: &Part| {
        let mut it = json!({
            "type": "library",
            "bom-ref": format!("{}@{}", part.name, part.version),
            "name": part.name,
            "version": part.version,
        });
        if !part.licence.is_empty() {
            it["licenses"] = json!([{ "expression": part.licence }]);
        }
        if !part.own {
            it["purl"] = json!(format!("pkg:cargo/{}@{}", part.name, part.version));
        }
        if let Some(checksum) = checksums.get(&(part.name.as_str(), part.version.as_str())) {
            it["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        it
    };
    let is_sluice = |part: &&Part| part.own && part.name == "sluice";
    let sluice = parts.iter().find(is_sluice).map(|part| {
        let mut it = component(part);
        it["type"] = json!("application");
        it
    });
    let others: Vec<_> = parts.iter().filter(|part| !is_sluice(part)).map(component).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": sluice },
        "components": others,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"sluice\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"url\"\n\
        version = \"2.5.8\"\nsource = \"registry\"\nchecksum = \"ab12\"\n";

    #[test]
    fn lines_of_the_tree_are_read() {
        let url = part("url v2.5.8|MIT/Apache-2.0").unwrap();
        assert_eq!((url.name.as_str(), url.version.as_str(), url.own), ("url", "2.5.8", false));
        assert_eq!(url.licence, "MIT OR Apache-2.0");
        assert!(part("sluice v0.1.0 (/src)|Apache-2.0").unwrap().own);
        assert_eq!(part("url v2.5.8|MIT OR Apache-2.0 (*)").unwrap(), url);
        for odd in ["", "url", "url 2.5.8|MIT", " v1|MIT"] {
            assert!(part(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn every_crate_from_the_registry_has_its_checksum_and_address() {
        let parts = ["sluice v0.1.0 (/src)|Apache-2.0", "url v2.5.8|MIT", "desk v0.1.0 (/src/crates/desk)|Apache-2.0"];
        let parts = parts.into_iter().map(part).collect::<Step<BTreeSet<_>>>().unwrap();
        let said = document(&parts, &checksums(LOCK));
        assert_eq!(said["metadata"]["component"]["name"], "sluice");
        assert_eq!(said["metadata"]["component"]["type"], "application");
        assert_eq!(said["components"].as_array().unwrap().len(), 2);
        assert_eq!(said["components"][0]["name"], "desk");
        assert_eq!(said["components"][0].get("purl"), None);
        assert_eq!(said["components"][1]["purl"], "pkg:cargo/url@2.5.8");
        assert_eq!(said["components"][1]["hashes"][0]["content"], "ab12");
    }
}
