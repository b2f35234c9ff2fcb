//! Embeds the web side and declares the commands, so that each needs a permission of the capability file.

#![expect(clippy::print_stderr, reason = "a build script has no other way to complain")]

fn main() {
    let manifest =
        tauri_build::AppManifest::new().commands(&["snapshot", "dispatch", "lines", "find", "sign"]);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        eprintln!("countersign-desktop: {error:#}");
        std::process::exit(1);
    }
}
