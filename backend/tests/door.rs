//! Who is let in: signatures, nonces, times, idempotency keys, and what is open to all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{GUARD_KEY, OTHER_GUARD_KEY, Organisation, PEOPLE, countersignd, now, random, run};
use countersign_protocol::api::{RequestRecord, TrustDocument};
use countersign_protocol::authn::Headers;
use countersign_protocol::decision::Verdict;

const PATH: &str = "/v1/requests";

fn list(headers: Headers) -> Vec<(&'static str, String)> {
    vec![
        ("Content-Digest", headers.content_digest),
        ("Signature-Input", headers.signature_input),
        ("Signature", headers.signature),
    ]
}

#[tokio::test]
async fn only_a_fresh_signature_over_this_very_request_by_a_key_of_the_directory_is_let_in() {
    let organisation = Organisation::start();
    let seconds = now().millis() / 1000;
    let sign =
        |key, path: &str, created| list(organisation.signed(key, "GET", path, b"", created, &random()));
    let get = async |path: &str, headers: Vec<(&'static str, String)>| {
        organisation.plain("GET", path, vec![], &headers).await.unwrap()
    };
    let good = sign(GUARD_KEY, PATH, seconds);
    assert_eq!(get(PATH, good.clone()).await.status, 200);
    for (what, path, headers) in [
        ("replayed", PATH, good),
        ("no signature", PATH, vec![]),
        ("unknown key", PATH, sign(99, PATH, seconds)),
        ("reviewer key", PATH, sign(PEOPLE[1].1, PATH, seconds)),
        ("stale", PATH, sign(GUARD_KEY, PATH, seconds - 120)),
        ("from the future", PATH, sign(GUARD_KEY, PATH, seconds + 120)),
        ("other path", "/v1/watch", sign(GUARD_KEY, PATH, seconds)),
        (
            "other query",
            "/v1/requests?limit=1",
            sign(GUARD_KEY, PATH, seconds),
        ),
    ] {
        let answer = get(path, headers).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(answer.code(), "unauthenticated", "{what}");
    }
    let other_body = list(organisation.signed(GUARD_KEY, "POST", "/v1/verdicts", b"{}", seconds, &random()));
    let answer = organisation
        .plain("POST", "/v1/verdicts", br#"{"records":[]}"#.to_vec(), &other_body)
        .await;
    answer.unwrap().is(401, "unauthenticated");
}

#[tokio::test]
async fn what_was_signed_before_a_restart_is_not_let_in_after_it() {
    let mut organisation = Organisation::start();
    let port = organisation.url.rsplit(':').next().unwrap().to_owned();
    let headers =
        list(organisation.signed(GUARD_KEY, "GET", PATH, b"", now().millis() / 1000 - 2, &random()));
    let mut headers = headers;
    headers.push(("Host", format!("127.0.0.1:{port}")));
    organisation.kill();
    organisation.serve();
    organisation
        .plain("GET", PATH, vec![], &headers)
        .await
        .unwrap()
        .is(503, "just-started");
}

#[tokio::test]
async fn an_idempotency_key_gives_the_same_answer_and_stands_for_one_request() {
    let organisation = Organisation::start();
    let record = organisation.held("etc/app.ini").await;
    let (_, bob, login) = PEOPLE[1];
    let decision = organisation.decision(&record, "bob", Verdict::Approve);
    let path = format!("/v1/requests/{}/decisions", decision.request);
    let key = [("Idempotency-Key", "k-1")];
    let body = common::envelope(&decision, bob);
    let first = organisation
        .send_with(login, "POST", &path, body.clone(), &key)
        .await;
    assert_eq!(first.status, 200, "{first:?}");
    organisation.decide(&record, "carol", Verdict::Approve).await;
    let again = organisation.send_with(login, "POST", &path, body, &key).await;
    assert_eq!(first.body, again.body, "the answer of then");
    let other = common::envelope(&organisation.decision(&record, "bob", Verdict::Deny), bob);
    organisation
        .send_with(login, "POST", &path, other, &key)
        .await
        .is(422, "idempotency-key-reused");
    // Another sender's key of the same name is another key.
    let foreign = organisation.send_with(
        OTHER_GUARD_KEY,
        "POST",
        "/v1/verdicts",
        br#"{"records":[]}"#.to_vec(),
        &key,
    );
    assert_eq!(foreign.await.status, 204);
}

/// A guard sends what was refused again, byte for byte, until it is taken.
#[tokio::test]
async fn what_was_refused_is_taken_once_its_reason_is_gone() {
    let organisation = Organisation::start();
    let proposal = organisation.proposal("etc/app.ini", b"x=1\n");
    let body = organisation.propose_body(&proposal, b"x=1\n");
    let key = [("Idempotency-Key", "k-1")];
    let propose = async || {
        organisation
            .send_with(GUARD_KEY, "POST", "/v1/proposals", body.clone(), &key)
            .await
    };
    let mut directory = organisation.directory.clone();
    let agents = std::mem::take(&mut directory.agents);
    directory.version = 2;
    assert_eq!(organisation.publish_directory(&directory).await.status, 204);
    propose().await.is(403, "not-allowed");
    directory.agents = agents;
    directory.version = 3;
    assert_eq!(organisation.publish_directory(&directory).await.status, 204);
    let taken = propose().await;
    assert_eq!(taken.status, 201, "{taken:?}");
    assert_eq!(propose().await.body, taken.body, "the answer of then");
}

#[tokio::test]
async fn trust_log_and_health_are_open_and_strict() {
    let organisation = Organisation::start();
    assert_eq!(organisation.fetch("/livez").await.status, 200);
    assert_eq!(organisation.fetch("/readyz").await.status, 200);
    let trust: TrustDocument = organisation.fetch("/v1/trust").await.json();
    assert_eq!(trust, organisation.document);
    organisation.fetch("/v1/nothing").await.is(404, "not-found");
    organisation
        .plain("DELETE", "/v1/trust", vec![], &[])
        .await
        .unwrap()
        .is(405, "method-not-allowed");
    let twice = br#"{"envelope":{},"envelope":{}}"#.to_vec();
    organisation
        .plain("POST", "/v1/trust/policy", twice, &[])
        .await
        .unwrap()
        .is(400, "malformed");
    let mut newer = organisation.directory.clone();
    newer.version = 2;
    let owners = common::envelope(&newer, GUARD_KEY);
    organisation
        .plain("POST", "/v1/trust/directory", owners, &[])
        .await
        .unwrap()
        .is(422, "invalid-statement");
}

#[tokio::test]
async fn watchers_resume_after_what_they_saw() {
    use futures_util::StreamExt as _;
    let organisation = Organisation::start();
    let record: RequestRecord = organisation.held("etc/app.ini").await;
    let watch = async |after: &str, key: u8| {
        let headers =
            list(organisation.signed(key, "GET", "/v1/watch", b"", now().millis() / 1000, &random()));
        let mut request = organisation
            .client
            .get(format!("{}/v1/watch", organisation.url))
            .header("Last-Event-ID", after);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().bytes_stream()
    };
    let mut stream = watch("0", PEOPLE[1].2).await;
    let mut text = String::new();
    while !text.contains("\"request\"") || !text.contains("\"log\"") {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), stream.next())
            .await
            .unwrap();
        text.push_str(std::str::from_utf8(&next.unwrap().unwrap()).unwrap());
    }
    assert!(text.contains(&format!("id: {}\n", record.change)), "{text}");
    let mut foreign = watch("0", OTHER_GUARD_KEY).await;
    let mut live = watch(&record.change.to_string(), PEOPLE[1].2).await;
    organisation.decide(&record, "bob", Verdict::Deny).await;
    let mut text = String::new();
    while !text.contains("\"denied\"") {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), live.next())
            .await
            .unwrap();
        text.push_str(std::str::from_utf8(&next.unwrap().unwrap()).unwrap());
    }
    assert!(!text.contains(&format!("id: {}\n", record.change)), "{text}");
    let mut seen = String::new();
    while let Ok(Some(Ok(next))) =
        tokio::time::timeout(std::time::Duration::from_millis(300), foreign.next()).await
    {
        seen.push_str(std::str::from_utf8(&next).unwrap());
    }
    assert!(
        seen.contains("\"log\"") && !seen.contains("\"request\""),
        "{seen}"
    );
}

#[test]
fn off_loopback_without_tls_nothing_starts() {
    let organisation = Organisation::initialised(countersign_protocol::policy_bundle::Limits::default());
    let refused = run(organisation.command("serve").args(["--listen", "0.0.0.0:0"]));
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("without TLS"));
    let config = organisation.path("bad.toml");
    std::fs::write(&config, "max_conections = 3\n").unwrap();
    let refused = run(countersignd().arg("check-config").arg("--config").arg(&config));
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("did you mean `max_connections`?"));
}

#[test]
fn a_home_is_initialised_once_with_a_root_that_names_its_keys() {
    let organisation = Organisation::initialised(countersign_protocol::policy_bundle::Limits::default());
    let trust = organisation.path("trust.json");
    let again = run(organisation.command("init").arg("--trust").arg(&trust));
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("initialised already"));
    let other = tempfile::tempdir().unwrap();
    common::succeed(countersignd().arg("keygen").arg("--home").arg(other.path()));
    let foreign = run(countersignd()
        .arg("init")
        .arg("--home")
        .arg(other.path())
        .arg("--trust")
        .arg(&trust));
    assert_eq!(foreign.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&foreign.stderr).contains("does not name the key"));
}

#[tokio::test]
async fn with_a_certificate_it_speaks_tls_only() {
    let mut organisation = Organisation::initialised(countersign_protocol::policy_bundle::Limits::default());
    let (cert, key) = (organisation.path("cert.pem"), organisation.path("key.pem"));
    let made = run(std::process::Command::new("openssl")
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
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&cert));
    assert!(made.status.success(), "{made:?}");
    let config = organisation.path("tls.toml");
    std::fs::write(&config, format!("tls_cert = {cert:?}\ntls_key = {key:?}\n")).unwrap();
    organisation.serve_with(&["--config", config.to_str().unwrap()]);
    assert!(organisation.url.starts_with("https://"), "{}", organisation.url);
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(&cert).unwrap()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([trusted])
        .build()
        .unwrap();
    let answer = client
        .get(format!("{}/livez", organisation.url))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let plain = organisation.url.replace("https", "http");
    assert!(client.get(format!("{plain}/livez")).send().await.is_err());
}
