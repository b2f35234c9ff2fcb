//! Between client and backend: TLS by a certificate authority that the client was told of, and by no other.

use std::process::Command;
use std::sync::Arc;

use countersign_client::http::{Backend, Options};
use countersign_tests::{Organisation, Setup};

#[test]
fn a_client_trusts_the_authority_it_was_told_of_and_no_other() {
    let mut organisation = Organisation::found(&Setup::default());
    let (certificate, key) = (organisation.path("cert.pem"), organisation.path("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let config = organisation.path("backend.toml");
    std::fs::write(
        &config,
        format!("tls_cert = {certificate:?}\ntls_key = {key:?}\n"),
    )
    .unwrap();
    organisation.start_backend_with(&["--config", config.to_str().unwrap()]);
    assert!(organisation.url.starts_with("https://"), "{}", organisation.url);

    let told = Options {
        ca_file: Some(certificate),
        ..Options::default()
    };
    let untold = Options {
        attempts: 1,
        ..Options::default()
    };
    let backend = |options| {
        Backend::new(
            &organisation.url,
            Some(Arc::new(organisation.key("alex-login"))),
            options,
        )
    };
    let trust = organisation
        .runtime
        .block_on(backend(told.clone()).unwrap().trust())
        .unwrap();
    assert_eq!(trust.roots, organisation.roots);
    let refused = organisation
        .runtime
        .block_on(backend(untold).unwrap().trust())
        .unwrap_err();
    assert!(refused.is_unreachable(), "{refused}");
    // Without TLS nothing leaves this machine, whatever the address says.
    assert!(Backend::new("http://192.0.2.1:7420", None, told).is_err());
}
