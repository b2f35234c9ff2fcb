//! Owners and the keys of backend and log change: under old and new thresholds together, on the real command lines and
//! services, with the new owners' keys in a TPM and on a token. What was approved before, between and after holds.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::directory::Directory;
use countersign_protocol::identity::Role;
use countersign_protocol::policy_bundle::PolicyBundle;
use countersign_protocol::request::Phase;
use countersign_protocol::root::{Root, RootKey, TrustedRoot};
use countersign_protocol::signed::{Envelope, Signed, Signer};
use countersign_tests::device::{SoftHsm, Swtpm, run, tool};
use countersign_tests::liar::Liar;
use countersign_tests::process::{Running, binary};
use countersign_tests::{Home, Organisation, Setup};
use countersign_verify::Purpose;

use crate::owners::{ONE, Owner, PIN, by_founder, countersignd, done, envelope, newest};
use crate::refusal;

/// Signs a checkpoint's text again, by another log key, as a thief of it would.
fn signed_again(organisation: &Organisation, key: &Path, note: &str) -> String {
    let base64 = base64::engine::general_purpose::STANDARD;
    let pem = std::fs::read_to_string(key).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64.decode(body).unwrap();
    // RFC 8410: the seed behind its header, the public half at the end. `openssl` reads the form without the latter.
    let header = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    let (seed, public) = (&der[16..48], &der[der.len() - 32..]);
    let [secret, message, signature] = ["note.key", "note", "note.sig"].map(|name| organisation.path(name));
    std::fs::write(&secret, [&header[..], seed].concat()).unwrap();
    let text = format!("{}\n", note.split("\n\n").next().unwrap());
    std::fs::write(&message, &text).unwrap();
    let mut sign = tool("openssl");
    sign.args(["pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey"])
        .arg(&secret);
    run(sign.arg("-in").arg(&message).arg("-out").arg(&signature));
    let name = text.lines().next().unwrap();
    let id = Sha256Digest::of(&[name.as_bytes(), b"\n\x01", public].concat());
    let signed = [&id.as_bytes()[..4], &std::fs::read(&signature).unwrap()].concat();
    format!("{text}\n\u{2014} {name} {}\n", base64.encode(signed))
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
fn owners_in_hardware_take_over_and_the_log_and_the_policy_key_change() {
    let mut organisation = Organisation::with(&Setup {
        policy: Some(ONE),
        ..Setup::default()
    });
    let before = done(&organisation, "before.conf");
    let kept = organisation.record(before);

    // Two owners with keys in hardware are to follow the founder, who is gone then.
    let (tpm, token) = (Swtpm::blank(), SoftHsm::new());
    let olga = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    let mut otto = Home::new();
    for (name, value) in token.variables() {
        otto.set(name, value);
    }
    let olga = Owner::new(&organisation, "owner", olga, PIN);
    let otto = Owner::new(&organisation, "kim", otto, SoftHsm::PIN);
    let [olgas, ottos, next, directory, policy] = ["olga", "otto", "root", "directory", "policy"]
        .map(|name| organisation.path(&format!("{name}-next.json")));
    let own = |owner: &Owner, person: &str, provider: &str, more: &[&str], file: &PathBuf| {
        let make = [
            "init",
            "--owner-keys",
            "--person",
            person,
            "--provider",
            provider,
            "--pin-fd",
            "3",
        ];
        owner.must(&[&make, more, &["-o", file.to_str().unwrap()]].concat());
    };
    own(&olga, "olga", "tpm", &[], &olgas);
    own(&otto, "otto", "pkcs11", &[], &ottos);
    let (a, b, to) = (
        olgas.to_str().unwrap(),
        ottos.to_str().unwrap(),
        next.to_str().unwrap(),
    );
    let propose = [
        "root",
        "propose",
        "--owner",
        a,
        "--owner",
        b,
        "--leave",
        "owner",
        "--threshold",
        "2",
        "-o",
        to,
    ];
    olga.must(&propose);

    // Neither the old nor the new threshold alone makes a root.
    let unsigned = envelope(&next);
    let publish = |organisation: &Organisation, envelope: Envelope| {
        organisation
            .runtime
            .block_on(organisation.backend_as("alex").publish_root(envelope))
    };
    assert_ne!(refusal(publish(&organisation, unsigned)), "");
    let signed = olga.sign("root", &next, &[]);
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    assert!(
        signed.stdout.contains("owners it names: 1 of 2"),
        "{}",
        signed.stdout
    );
    assert!(signed.stdout.contains("not yet: otto"), "{}", signed.stdout);
    let _ = otto.sign("root", &next, &[]);
    let only_new = envelope(&next);
    assert_ne!(refusal(publish(&organisation, only_new.clone())), "");
    by_founder::<Root>(&organisation, &next, "root");
    let all = envelope(&next);
    let mut only_old = all.clone();
    only_old
        .signatures
        .retain(|signature| signature.keyid == organisation.key("root").public_key().id());
    assert_eq!(only_old.signatures.len(), 1);
    assert_ne!(refusal(publish(&organisation, only_old)), "");

    // Nothing may stand still by accident: directory and policy come first, signed by old and new owners.
    let publish_root = ["root", "sign", to, "--publish", "--pin-fd", "3"];
    otto.refused(&publish_root, "would not stand under this root");
    olga.must(&["directory", "propose", "-o", directory.to_str().unwrap()]);
    assert_eq!(olga.sign("directory", &directory, &[]).code, Some(0));
    by_founder::<Directory>(&organisation, &directory, "directory");
    let published = otto.sign("directory", &directory, &["--publish"]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    let cedar = organisation.path("one.cedar");
    std::fs::write(&cedar, ONE).unwrap();
    let bundle = policy.to_str().unwrap();
    olga.must(&[
        "policy",
        "sign",
        cedar.to_str().unwrap(),
        "-o",
        bundle,
        "--pin-fd",
        "3",
    ]);
    by_founder::<PolicyBundle>(&organisation, &policy, "policy");
    let published = otto.sign("policy", &policy, &["-o", bundle, "--publish"]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    assert!(otto.must(&publish_root).contains("the backend took it"));
    assert_eq!(newest(&organisation).root().version, 2);

    // The founder signs nothing any more; guard and consoles go on.
    let alone = organisation.seal(&organisation.directory, "directory");
    let sent = organisation
        .runtime
        .block_on(organisation.backend_as("alex").publish_directory(alone));
    assert_ne!(refusal(sent), "");
    let between = done(&organisation, "between.conf");
    for owner in [&olga, &otto] {
        assert!(owner.must(&["root", "show"]).contains("root version 2"));
        owner.must(&["directory", "show"]);
        owner.must(&["log", "verify"]);
    }

    // The log's key and olga's policy key change. The running backend does not hold the new key.
    let home = organisation.path("backend");
    let home = home.to_str().unwrap();
    let made = countersignd(&["keygen", "--home", home, "--next", "--only", "log"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let services = organisation.path("services-next.json");
    std::fs::write(&services, &made.stdout).unwrap();
    own(&olga, "olga", "tpm", &["--renew", "policy"], &olgas);
    let propose = [
        "root",
        "propose",
        "--owner",
        a,
        "--service-keys",
        services.to_str().unwrap(),
        "-o",
        to,
    ];
    olga.must(&propose);
    for owner in [&olga, &otto] {
        assert_eq!(owner.sign("root", &next, &[]).code, Some(0));
    }
    // Her policy bundle bears both of her keys, so that it stands before and after.
    olga.must(&[
        "policy",
        "sign",
        cedar.to_str().unwrap(),
        "-o",
        bundle,
        "--pin-fd",
        "3",
    ]);
    let published = otto.sign("policy", &policy, &["-o", bundle, "--publish"]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    assert_eq!(envelope(&policy).signatures.len(), 3);
    let refused = otto.run(&publish_root);
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    assert!(
        refused
            .stderr
            .contains("does not name this backend's and log's keys"),
        "{}",
        refused.stderr
    );

    // A request that waits for its reviewer meanwhile goes on afterwards: the backend's own key stays.
    let waiting = organisation.ask_change("waiting.conf", "a\n", "b\n");
    let open = organisation.wait_for(Phase::Pending);
    assert_eq!(organisation.backend.as_mut().unwrap().terminate(), Some(0));
    let old_log_key = organisation.path("stolen-log.key");
    std::fs::copy(organisation.path("backend").join("log.key"), &old_log_key).unwrap();
    let not_named = countersignd(&["rotate", "--home", home]);
    assert_eq!(not_named.code, Some(1), "{}", not_named.stdout);
    assert!(
        not_named.stderr.contains("does not name the key"),
        "{}",
        not_named.stderr
    );
    let forged = organisation.path("forged.json");
    std::fs::write(&forged, serde_json::to_vec(&only_new).unwrap()).unwrap();
    let refused = countersignd(&["rotate", "--home", home, "--root", forged.to_str().unwrap()]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    let rotate = ["rotate", "--home", home, "--root", to];
    for _ in 0..2 {
        // Twice is as good as once: a crash in between is mended so.
        let rotated = countersignd(&rotate);
        assert_eq!(rotated.code, Some(0), "{}", rotated.stderr);
        assert!(rotated.stdout.contains("root version 3"), "{}", rotated.stdout);
    }
    let whole = countersignd(&["verify-store", "--home", home]);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    organisation.start_backend();
    organisation.decide(open, "alex", Verdict::Approve).unwrap();
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let after = done(&organisation, "after.conf");

    for owner in [&olga, &otto] {
        assert!(owner.must(&["root", "show"]).contains("root version 3"));
        owner.must(&["directory", "show"]);
        owner.must(&["log", "verify"]);
    }
    // What the store holds of every time verifies, and so does a file of the first day.
    for id in [before, between, open, after] {
        let report = organisation.judge(&organisation.record(id), Purpose::Audit);
        assert!(report.is_valid(), "{:?}", report.problems);
    }
    assert_eq!(kept.evidence.roots.len(), 1);
    let report = organisation.judge(&kept, Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
    let file = organisation.path("kept.json");
    std::fs::write(&file, serde_json::to_vec(&kept.evidence).unwrap()).unwrap();
    otto.must(&["verify", file.to_str().unwrap()]);

    // Looking back, the first log key vouches for its own time, and with the newer roots beside it too; but not for a
    // tree in which the root stands that took it out.
    let mut of_its_time = kept.clone();
    of_its_time.evidence.roots = organisation.record(after).evidence.roots;
    let report = organisation.judge(&of_its_time, Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
    assert!(!organisation.judge(&of_its_time, Purpose::Execute).is_valid());
    let mut stolen = organisation.record(before);
    let log = stolen.evidence.log.as_mut().unwrap();
    log.checkpoint = signed_again(&organisation, &old_log_key, &log.checkpoint);
    let report = organisation.judge(&stolen, Purpose::Audit);
    assert_eq!(report.problems[0].code, "log");
    assert!(
        report.problems[0]
            .message
            .contains("not signed by this organisation's log")
    );
    // It is the new root that stands in the way, and not the way the story signs.
    let mut alike = kept.clone();
    let log = alike.evidence.log.as_mut().unwrap();
    log.checkpoint = signed_again(&organisation, &old_log_key, &log.checkpoint);
    assert!(organisation.judge(&alike, Purpose::Audit).is_valid());
}

#[test]
fn an_organisation_is_founded_by_two_owners_with_keys_in_a_tpm_and_on_a_token() {
    let (tpm, token) = (Swtpm::blank(), SoftHsm::new());
    let olga = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    let mut otto = Home::new();
    for (name, value) in token.variables() {
        otto.set(name, value);
    }
    let [backend, ottos, trust, services] =
        ["backend", "otto.json", "trust.json", "services.json"].map(|name| olga.path(name));
    let [backend, ottos, trust, services] =
        [&backend, &ottos, &trust, &services].map(|path| path.to_str().unwrap());
    let made = countersignd(&["keygen", "--home", backend]);
    std::fs::write(services, made.stdout).unwrap();
    // What an agent signs is bound to decisions.
    let by_agent = otto.countersign(
        SoftHsm::PIN,
        &[
            "init",
            "--owner-keys",
            "--person",
            "otto",
            "--provider",
            "ssh-agent",
            "-o",
            ottos,
        ],
    );
    assert_eq!(by_agent.code, Some(2), "{}", by_agent.stdout);
    assert!(by_agent.stderr.contains("decisions alone"), "{}", by_agent.stderr);
    let own = [
        "init",
        "--owner-keys",
        "--person",
        "otto",
        "--provider",
        "pkcs11",
        "--pin-fd",
        "3",
    ];
    otto.succeeds(SoftHsm::PIN, &[&own[..], &["-o", ottos]].concat());
    let found = [
        "init",
        "--organisation",
        "Acme",
        "--person",
        "olga",
        "--provider",
        "tpm",
        "--pin-fd",
        "3",
    ];
    let with = ["--service-keys", services, "--co-owner", ottos, "-o", trust];
    let told = olga.succeeds(PIN, &[&found[..], &with].concat());
    assert!(told.contains("it is not complete yet"), "{told}");
    let half = countersignd(&["init", "--home", backend, "--trust", trust]);
    assert_eq!(half.code, Some(1), "{}", half.stdout);
    let sign = ["init", "--sign", trust, "-o", trust, "--pin-fd", "3"];
    let wrong = otto.countersign("135791", &sign);
    assert_eq!(wrong.code, Some(6), "{}{}", wrong.stdout, wrong.stderr);
    assert!(
        otto.succeeds(SoftHsm::PIN, &sign)
            .contains("it has all signatures it needs")
    );
    let whole = countersignd(&["init", "--home", backend, "--trust", trust]);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    for home in [&olga, &otto] {
        let kept = home.succeeds("", &["keys", "list", "--json"]);
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        let keys = kept["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 3, "{kept}");
        assert!(
            keys.iter()
                .all(|key| key["provider"] != "software" && key["available"] == true),
            "{kept}"
        );
    }
}

/// The second root of a story's organisation, in which another owner follows, signed by these keys.
fn second(organisation: &Organisation, by: &[&str]) -> Envelope {
    let first = TrustedRoot::follow(&organisation.root, &organisation.roots).unwrap();
    let mut next: Root = (**first.root()).clone();
    next.version = 2;
    next.previous = Some(Sha256Digest::of(&organisation.roots[0].payload));
    next.keys.retain(|key| key.role != Role::Root);
    next.keys.push(RootKey {
        key: organisation.key("heir").public_key().clone(),
        role: Role::Root,
        holder: Some("heir".parse().unwrap()),
    });
    let keys: Vec<_> = by.iter().map(|name| organisation.key(name)).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    Signed::seal(&next, &signers).unwrap().into_envelope()
}

#[test]
fn a_root_by_the_old_or_the_new_owners_alone_is_refused_by_backend_console_guard_and_verifier() {
    let organisation = Organisation::with(&Setup {
        policy: Some(ONE),
        ..Setup::default()
    });
    let id = done(&organisation, "done.conf");
    let record = organisation.record(id);
    for by in [&["root"][..], &["heir"], &["heir", "directory", "policy"]] {
        let forged = second(&organisation, by);
        let answer = organisation
            .runtime
            .block_on(organisation.backend_as("alex").publish_root(forged.clone()));
        assert_ne!(refusal(answer), "", "{by:?}");
        let mut bent = record.clone();
        bent.evidence.roots.push(forged.clone());
        let report = organisation.judge(&bent, Purpose::Audit);
        assert_eq!(report.problems[0].code, "invalid-root", "{by:?}");

        let liar = Liar::start(
            &organisation.url,
            Box::new(move |path, body| {
                let mut trust: serde_json::Value = serde_json::from_slice(body).ok()?;
                (path == "/v1/trust").then(|| {
                    let roots = trust["roots"].as_array_mut().unwrap();
                    roots.push(serde_json::to_value(&forged).unwrap());
                    serde_json::to_vec(&trust).unwrap()
                })
            }),
        );
        let home = organisation.path(&format!("{}-console", by.join("-")));
        std::fs::create_dir(&home).unwrap();
        std::fs::copy(
            organisation.path("keys").join("alex-login.key"),
            home.join("login.key"),
        )
        .unwrap();
        let config = format!(
            "backend = \"{}\"\nroot = \"{}\"\nperson = \"alex\"\n",
            liar.url, organisation.root
        );
        std::fs::write(home.join("config.toml"), config).unwrap();
        let mut console = Command::new(binary("countersign"));
        let shown =
            Running::start(console.args(["directory", "show"]).env("COUNTERSIGN_HOME", &home)).finish();
        assert_ne!(shown.code, Some(0), "{by:?}: {}", shown.stdout);
        assert!(shown.stderr.contains("root"), "{}", shown.stderr);

        let _guard = organisation.spawn_guard_quietly("g2", &liar.url);
        organisation.write("app.conf", b"a\n");
        let new = organisation.write("new.conf", b"b\n");
        let target = organisation.work("app.conf");
        let (path, after) = (target.to_str().unwrap(), new.to_str().unwrap());
        let ask = [
            "apply",
            "--kind",
            "config-file",
            "--path",
            path,
            "--after",
            after,
            "--wait",
            "2s",
            "--json",
        ];
        assert_ne!(organisation.agent_of("g2", &ask).finish().code, Some(0));
        assert_eq!(std::fs::read_to_string(target).unwrap(), "a\n");
    }
    // By both it is what everybody follows.
    let both = second(&organisation, &["root", "heir"]);
    organisation
        .runtime
        .block_on(organisation.backend_as("alex").publish_root(both))
        .unwrap();
    assert_eq!(newest(&organisation).root().version, 2);
    let _ = done(&organisation, "next.conf");
}
