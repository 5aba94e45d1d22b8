//! What the fuzz targets do, with every file of the corpus: so they keep compiling, and run where no fuzzer is.

#[path = "../../../fuzz/fuzz_targets/bodies.rs"]
mod bodies;

use std::{fs, path::Path};

#[test]
fn every_target_takes_every_file() -> std::io::Result<()> {
    let mut files = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"))? {
        let bytes = fs::read(entry?.path())?;
        for target in [bodies::look, bodies::complaint] {
            target(&bytes);
            // Cut anywhere, and with itself behind it.
            for cut in (0..bytes.len()).step_by(bytes.len() / 20 + 1) {
                target(&bytes[..cut]);
                target(&[&bytes[cut..], &bytes[..]].concat());
            }
        }
        files += 1;
    }
    assert!(files >= 24, "{files}");
    Ok(())
}
