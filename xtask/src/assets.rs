//! Browser files: the islands as WASM and JS, the style, hashed and compressed into `target/site`.

use crate::{Step, hex, node, proc, root, target};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};
use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";
/// What the Chromium, Firefox and Safari of today accept; `--all-features` makes more than that.
const WASM_OPT: [&str; 8] = [
    "-Oz",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
    "--strip-producers",
];

/// What cargo is told to work on the code that runs in the browser.
pub(crate) const BROWSER_CODE: [&str; 8] =
    ["-p", "sluice", "--lib", "--no-default-features", "--features", "hydrate", "--target", TARGET];

/// Builds the browser files, unless nothing they are made of has changed.
pub(crate) fn build() -> Step {
    wasm_target()?;
    // Only here is it a library that is loaded as a whole: for the server that would be a second, slow, linking.
    let how = ["--profile", "wasm-release", "--crate-type", "cdylib"];
    proc::cargo(&[&["rustc"][..], &BROWSER_CODE, &how].concat())?;
    let wasm = target().join(TARGET).join("wasm-release/sluice.wasm");
    let site = root().join("target/site");
    let optimise = node::is_there();
    let inputs = inputs(&wasm, optimise)?;
    if fs::read_to_string(site.join("inputs.txt")).is_ok_and(|old| old == inputs) {
        return Ok(());
    }
    let (js, wasm) = bind(&wasm, optimise)?;
    let css = style()?;
    let mut hasher = Sha256::new();
    for part in [&js, &wasm, &css] {
        hasher.update(part);
    }
    let hash: String = hex(&hasher.finalize()).chars().take(12).collect();

    let fresh = root().join("target/site.new");
    let _ = fs::remove_dir_all(&fresh);
    for (suffix, bytes) in [("js", &js), ("wasm", &wasm), ("css", &css)] {
        let packed = write(&fresh.join(format!("pkg/sluice.{hash}.{suffix}")), bytes, true)?;
        println!("sluice.{hash}.{suffix}: {} bytes, {packed} in brotli", bytes.len());
    }
    for entry in read_dir(&root().join("public"))? {
        let bytes = read(&entry)?;
        write(&fresh.join(entry.file_name().unwrap_or_default()), &bytes, true)?;
    }
    write(&fresh.join("hash.txt"), hash.as_bytes(), false)?;
    write(&fresh.join("inputs.txt"), inputs.as_bytes(), false)?;
    let _ = fs::remove_dir_all(&site);
    fs::rename(&fresh, &site).map_err(|error| format!("{}: {error}", site.display()))
}

/// Adds the compiler's WASM target where it is missing.
fn wasm_target() -> Step {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("rustc: {error}"))?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    if sysroot.join("lib/rustlib").join(TARGET).exists() {
        return Ok(());
    }
    proc::run(Command::new("rustup").args(["target", "add", TARGET]).current_dir(root()))
        .map_err(|why| format!("the compiler cannot make WASM yet, and adding {TARGET} failed: {why}"))
}

/// A fingerprint of everything the files are made of.
fn inputs(wasm: &Path, optimise: bool) -> Step<String> {
    let mut hasher = Sha256::new();
    let mut files = vec![wasm.to_owned(), root().join("xtask/src/assets.rs"), root().join("end2end/package-lock.json")];
    files.extend(read_dir(&root().join("style"))?);
    files.extend(read_dir(&root().join("public"))?);
    for file in files {
        hasher.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hasher.update(read(&file)?);
    }
    hasher.update([u8::from(optimise)]);
    Ok(hex(&hasher.finalize()))
}

/// Makes JS and WASM that browsers take of what the compiler made.
fn bind(input: &Path, optimise: bool) -> Step<(Vec<u8>, Vec<u8>)> {
    let out = root().join("target/bindgen");
    let _ = fs::remove_dir_all(&out);
    Bindgen::new()
        .input_path(input)
        .out_name("sluice")
        .web(true)
        .and_then(|bindgen| {
            bindgen.typescript(false).remove_name_section(true).remove_producers_section(true).generate(&out)
        })
        .map_err(|error| format!("wasm-bindgen: {error:#}"))?;
    let wasm = out.join("sluice_bg.wasm");
    if optimise {
        node::install()?;
        let tool = root().join("end2end/node_modules/.bin/wasm-opt");
        proc::run(Command::new(tool).args(WASM_OPT).arg(&wasm).arg("-o").arg(&wasm))?;
    } else {
        println!("Node is not here, so the WASM is about twice as large as it could be.");
    }
    Ok((read(&out.join("sluice.js"))?, read(&wasm)?))
}

/// The style sheets in one, without comments and indentation.
fn style() -> Step<Vec<u8>> {
    let mut css = String::new();
    for file in read_dir(&root().join("style"))? {
        let text = String::from_utf8(read(&file)?).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("/*") {
            css.push_str(before);
            rest = after.split_once("*/").map_or("", |(_, after)| after);
        }
        css.push_str(rest);
    }
    let lines: Vec<_> = css.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Ok(lines.join("\n").into_bytes())
}

/// Writes a file, and beside it its compressed forms; returns the size in brotli.
fn write(path: &Path, bytes: &[u8], compress: bool) -> Step<usize> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
    fs::write(path, bytes).map_err(failed)?;
    if !compress {
        return Ok(0);
    }
    let with = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let mut br = Vec::new();
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut br, &parameters).map_err(failed)?;
    fs::write(with(".br"), &br).map_err(failed)?;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(bytes).map_err(failed)?;
    fs::write(with(".gz"), gz.finish().map_err(failed)?).map_err(failed)?;
    Ok(br.len())
}

fn read(path: &Path) -> Step<Vec<u8>> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The files of a folder, in order of their names.
fn read_dir(path: &Path) -> Step<Vec<PathBuf>> {
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut files: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}
