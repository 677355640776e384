//! The image of the Docker half: one static binary.

use bollard::Docker;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Compiles the probe, once per test run.
pub fn probe() -> &'static [u8] {
    static PROBE: OnceLock<Vec<u8>> = OnceLock::new();
    PROBE.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/probe.c");
        let binary = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("probe-{}", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-static", "-O1", "-o"])
            .arg(&binary)
            .arg(source)
            .status();
        assert!(
            compiled.expect("cc is needed for the probe").success(),
            "cc could not link the probe statically"
        );
        let bytes = std::fs::read(&binary).unwrap();
        std::fs::remove_file(&binary).unwrap();
        bytes
    })
}

/// A root file system with nothing but `/probe`, as a tar archive.
pub fn root_fs() -> Vec<u8> {
    let content = probe();
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, "probe");
    put(100, "0000755");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", content.len()));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = header.to_vec();
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}

/// `docker import` of the root file system under `reference` (`repository:tag`).
pub async fn import(docker: &Docker, reference: &str) {
    let (repository, tag) = reference.rsplit_once(':').unwrap();
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(repository)
        .tag(tag)
        .changes(vec![
            "ENTRYPOINT [\"/probe\"]".to_owned(),
            "ENV GREETING=hello".to_owned(),
        ])
        .build();
    let mut steps = docker.create_image(Some(options), Some(bollard::body_full(root_fs().into())), None);
    while let Some(step) = steps.next().await {
        step.expect("docker imports the test image");
    }
}
