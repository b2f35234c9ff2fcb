//! A person enrols a key in a TPM over the real command lines and the real backend, and decides where policy demands
//! proven hardware. Who cannot prove it does not, and a backend cannot help them.

use countersign_protocol::directory::Directory;
use countersign_protocol::enrolment::{CLAIM_TYPE, EnrolmentClaim, sign};
use countersign_protocol::identity::KeyAssurance;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::{Envelope, Signed, Signer as _};
use countersign_tests::device::Swtpm;
use countersign_tests::{Home, Organisation, Setup};
use countersign_verify::Purpose;

use crate::refusal;

const PIN: &str = "correct horse";
const ATTESTED: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("proven") forbid (principal, action == Action::"approve", resource) when { context.assurance < 3 };
@id("one") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;
const ONE: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("one") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

/// The machine of the directory's owner, with the login key that the directory knows.
fn owner(organisation: &Organisation) -> Home {
    let home = Home::new();
    std::fs::create_dir_all(home.path("home")).unwrap();
    let config = format!(
        "backend = \"{}\"\nroot = \"{}\"\nperson = \"owner\"\n",
        organisation.url, organisation.root
    );
    std::fs::write(home.path("home").join("config.toml"), config).unwrap();
    let _ = organisation.key("owner-login");
    std::fs::copy(
        organisation.path("keys").join("owner-login.key"),
        home.path("home").join("login.key"),
    )
    .unwrap();
    home.succeeds("", &["directory", "show"]);
    home
}

/// The candidate's machine, with a key of that provider and the organisation's root pinned.
fn candidate(organisation: &Organisation, tpm: &Swtpm, provider: &str) -> Home {
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.succeeds(PIN, &["keys", "create", "--provider", provider, "--pin-fd", "3"]);
    let (url, root) = (organisation.url.clone(), organisation.root.to_string());
    let file = home.path("enrolment.json");
    let mut login = vec!["login", "--backend", &url, "--root", &root, "--person", "lee"];
    login.extend(["--output", file.to_str().unwrap(), "--pin-fd", "3"]);
    home.succeeds(PIN, &login);
    home
}

fn invite(owner: &Home) -> String {
    let text = owner.succeeds("", &["directory", "invite", "lee", "--team", "sre", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    told["code"].as_str().unwrap().to_owned()
}

fn enroll(home: &Home, code: &str) -> String {
    home.succeeds(PIN, &["keys", "enroll", "--code", code, "--pin-fd", "3"])
}

fn standing(owner: &Home) -> serde_json::Value {
    let text = owner.succeeds("", &["directory", "enrolments", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["enrolments"][0].clone()
}

/// Has the owners sign and publish what the owner's machine wrote.
fn publish(organisation: &mut Organisation, owner: &Home, args: &[&str]) {
    let file = owner.path("next.json");
    owner.succeeds("", &[args, &["-o", file.to_str().unwrap()]].concat());
    let envelope: Envelope = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let next: Directory = Signed::<Directory>::from(envelope)
        .unproven_for_signing()
        .unwrap();
    organisation.publish_directory(|directory| *directory = next);
    owner.succeeds("", &["directory", "show"]);
}

fn believe(organisation: &mut Organisation, owner: &Home, tpm: &Swtpm) {
    let [root, issuer] = tpm.roots();
    let (root, issuer) = (root.display().to_string(), issuer.display().to_string());
    let args = [
        "directory",
        "propose",
        "--attestation-root",
        &root,
        "--attestation-issuer",
        &issuer,
    ];
    publish(organisation, owner, &args);
}

fn organisation(policy: &'static str) -> Organisation {
    Organisation::with(&Setup {
        policy: Some(policy),
        ..Setup::default()
    })
}

#[test]
fn a_key_in_a_tpm_is_proven_and_decides_where_others_may_not() {
    let tpm = Swtpm::certified();
    let mut organisation = organisation(ATTESTED);
    // Somebody has to be able to approve, or nothing may even be asked.
    let owner = owner(&organisation);
    believe(&mut organisation, &owner, &tpm);
    let home = candidate(&organisation, &tpm, "tpm");
    let code = invite(&owner);
    assert!(enroll(&home, &code).contains("no owner has answered yet"));
    assert_eq!(standing(&owner)["standing"], "challenged");
    // Not before its TPM answered.
    let early = owner.countersign(
        "",
        &["directory", "enrolments", "--accept", "lee", "-o", "/dev/null"],
    );
    assert_eq!(early.code, Some(4), "{}", early.stderr);
    assert!(enroll(&home, &code).contains("answered the owner's challenge"));
    assert_eq!(standing(&owner)["standing"], "hardware-attested");
    publish(
        &mut organisation,
        &owner,
        &["directory", "enrolments", "--accept", "lee"],
    );
    let lee = organisation
        .directory
        .keys
        .iter()
        .find(|key| key.assurance == KeyAssurance::HardwareAttested)
        .unwrap()
        .clone();

    let client = organisation.ask_change("app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    let by_software = organisation.decide(id, "kim", countersign_protocol::decision::Verdict::Approve);
    assert_eq!(refusal(by_software), "not-eligible");
    let _ = organisation.chain(id);
    let shown = home.succeeds(PIN, &["show", &id.to_string(), "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let view = shown["view_digest"].as_str().unwrap();
    let text = id.to_string();
    let args = [
        "approve",
        &text,
        "--reason",
        "read it all",
        "--view-digest",
        view,
        "--pin-fd",
        "3",
    ];
    home.succeeds(PIN, &args);
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
    let report = organisation.judge(&organisation.record(id), Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
    let decision = &report.chain.unwrap().decisions[0];
    assert_eq!(decision.vote.assurance, KeyAssurance::HardwareAttested);
    assert_eq!(decision.vote.key, lee.key.id());

    // The owners themselves cannot call kim's key attested, with no evidence or with lee's.
    let kim = organisation.key("kim").public_key().id();
    for borrowed in [false, true] {
        let mut claimed = organisation.directory.clone();
        claimed.version += 1;
        let entry = claimed
            .keys
            .iter_mut()
            .find(|entry| entry.key.id() == kim)
            .unwrap();
        entry.assurance = KeyAssurance::HardwareAttested;
        if borrowed {
            let mut evidence = claimed.attestations.keys[0].clone();
            evidence.key = kim;
            claimed.attestations.keys.push(evidence);
        }
        let envelope = organisation.seal(&claimed, "directory");
        let answer = organisation
            .runtime
            .block_on(organisation.backend_as("alex").publish_directory(envelope));
        assert_ne!(refusal(answer), "");
    }
}

#[test]
fn a_tpm_with_an_endorsement_key_on_p256_is_proven_as_well() {
    let tpm = Swtpm::certified_p256();
    let mut organisation = organisation(ONE);
    let owner = owner(&organisation);
    let home = candidate(&organisation, &tpm, "tpm");
    let code = invite(&owner);
    enroll(&home, &code);
    // Not before its maker is believed.
    assert_eq!(standing(&owner)["standing"], "refused");
    believe(&mut organisation, &owner, &tpm);
    assert_eq!(standing(&owner)["standing"], "challenged");
    enroll(&home, &code);
    assert_eq!(standing(&owner)["standing"], "hardware-attested");
    publish(
        &mut organisation,
        &owner,
        &["directory", "enrolments", "--accept", "lee"],
    );
    let kept = &organisation.directory.attestations.keys[0];
    assert_eq!(
        kept.evidence.endorsement,
        countersign_protocol::attestation::EndorsementKind::EccP256
    );
    let attested = |key: &&countersign_protocol::directory::DirectoryKey| key.key.id() == kept.key;
    let entry = organisation.directory.keys.iter().find(attested).unwrap();
    assert_eq!(entry.assurance, KeyAssurance::HardwareAttested);
}

#[test]
fn a_tpm_of_a_maker_that_nobody_named_and_a_software_key_prove_nothing() {
    let tpm = Swtpm::certified();
    let mut organisation = organisation(ONE);
    let owner = owner(&organisation);
    let home = candidate(&organisation, &tpm, "tpm");
    enroll(&home, &invite(&owner));
    let refused = standing(&owner);
    assert_eq!(refused["standing"], "refused");
    assert!(
        refused["problem"]
            .as_str()
            .unwrap()
            .contains("does not lead to a maker"),
        "{refused}"
    );
    let accept = owner.countersign(
        "",
        &["directory", "enrolments", "--accept", "lee", "-o", "/dev/null"],
    );
    assert_eq!(accept.code, Some(4), "{}", accept.stderr);

    // Without evidence the same key can be enrolled, as software.
    let code = invite(&owner);
    home.succeeds(
        PIN,
        &[
            "keys",
            "enroll",
            "--no-evidence",
            "--code",
            &code,
            "--pin-fd",
            "3",
        ],
    );
    publish(
        &mut organisation,
        &owner,
        &["directory", "enrolments", "--accept", "lee"],
    );
    let of_lee = |key: &&countersign_protocol::directory::DirectoryKey| {
        key.holder == countersign_protocol::directory::KeyHolder::Person("lee".parse().unwrap())
    };
    assert_eq!(organisation.directory.keys.iter().filter(of_lee).count(), 2);
    assert!(organisation.directory.attestations.keys.is_empty());
    assert!(
        organisation
            .directory
            .keys
            .iter()
            .filter(of_lee)
            .all(|key| key.assurance == KeyAssurance::Software)
    );
}

#[test]
fn a_backend_that_puts_its_own_key_in_the_way_is_found_out() {
    let tpm = Swtpm::blank();
    let organisation = organisation(ONE);
    let owner = owner(&organisation);
    let home = candidate(&organisation, &tpm, "software");
    enroll(&home, &invite(&owner));
    assert_eq!(standing(&owner)["standing"], "software");
    // The stolen backend has the claim; it swaps the key in it and signs with what it has.
    let list = organisation
        .runtime
        .block_on(organisation.backend_as("owner").enrolments())
        .unwrap();
    let honest = list.enrolments[0].claim.clone().unwrap();
    let mut claim: EnrolmentClaim = serde_json::from_slice(&honest.payload).unwrap();
    let (own, login) = (organisation.key("thief"), organisation.key("thief-login"));
    claim.reviewer = own.public_key().clone();
    claim.login = Some(login.public_key().clone());
    let bytes = serde_json::to_vec(&claim).unwrap();
    let mut forged = sign(CLAIM_TYPE, bytes, &[&own, &login]).unwrap();
    forged.signatures.extend(honest.signatures);
    let hex: String = serde_json::to_vec(&forged)
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    organisation.tamper(&format!("UPDATE enrolments SET claim = X'{hex}'"));
    let refused = standing(&owner);
    assert_eq!(refused["standing"], "refused");
    assert!(
        refused["problem"]
            .as_str()
            .unwrap()
            .contains("somebody on the way changed it"),
        "{refused}"
    );
}

#[test]
fn codes_are_for_one_person_once_and_only_owners_draw_them() {
    let tpm = Swtpm::blank();
    let organisation = organisation(ONE);
    let owner = owner(&organisation);
    let home = candidate(&organisation, &tpm, "software");
    let code = invite(&owner);
    enroll(&home, &code);
    // Used by somebody else, with other keys, it changes nothing.
    let other = candidate(&organisation, &tpm, "software");
    let used = other.countersign(PIN, &["keys", "enroll", "--code", &code, "--pin-fd", "3"]);
    assert_eq!(used.code, Some(4), "{}", used.stdout);
    assert!(used.stderr.contains("used for another key"), "{}", used.stderr);
    let list = organisation
        .runtime
        .block_on(organisation.backend_as("owner").enrolments())
        .unwrap();
    assert_eq!(list.enrolments.len(), 1);
    // An unknown code opens nothing, a reviewer lists nothing, and a code's key is no login.
    let wrong = home.countersign(
        PIN,
        &[
            "keys",
            "enroll",
            "--code",
            "aaaaa-aaaaa-aaaaa-aaaaa-aaaaa-a",
            "--pin-fd",
            "3",
        ],
    );
    assert_ne!(wrong.code, Some(0), "{}", wrong.stdout);
    let answer = organisation
        .runtime
        .block_on(organisation.backend_as("alex").enrolments());
    assert_eq!(refusal(answer), "not-allowed");
    let seed = code
        .parse::<countersign_protocol::enrolment::Code>()
        .unwrap()
        .seed();
    let key = std::sync::Arc::new(countersign_client::key_file::FileSigner::from_seed(&seed).unwrap());
    let options = countersign_client::http::Options::default();
    let backend = countersign_client::http::Backend::new(&organisation.url, Some(key), options).unwrap();
    let filter = countersign_client::http::RequestFilter::default();
    assert_eq!(
        refusal(organisation.runtime.block_on(backend.requests(&filter))),
        "unauthenticated"
    );
    assert_eq!(
        organisation
            .runtime
            .block_on(backend.own_enrolment())
            .unwrap()
            .person
            .as_str(),
        "lee"
    );
}

/// Approves over the command line, with the key that this machine takes by itself.
fn approve(home: &Home, id: &str) -> countersign_tests::Finished {
    let shown = home.succeeds(PIN, &["show", id, "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let view = shown["view_digest"].as_str().unwrap();
    let reason = ["--reason", "read it all", "--view-digest", view, "--pin-fd", "3"];
    home.countersign(PIN, &[&["approve", id], &reason[..]].concat())
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
fn a_key_is_rotated_by_its_holder_and_ended_by_an_owner_over_the_real_command_lines() {
    let tpm = Swtpm::certified();
    let mut organisation = organisation(ONE);
    let owner = owner(&organisation);
    believe(&mut organisation, &owner, &tpm);
    let home = candidate(&organisation, &tpm, "software");
    enroll(&home, &invite(&owner));
    let accept = ["directory", "enrolments", "--accept", "lee"];
    publish(&mut organisation, &owner, &accept);
    let entry = |organisation: &Organisation, assurance| {
        let holder = countersign_protocol::directory::KeyHolder::Person("lee".parse().unwrap());
        let keys = organisation.directory.keys.iter();
        keys.filter(|key| key.holder == holder && key.role == countersign_protocol::identity::Role::Reviewer)
            .find(|key| key.assurance == assurance)
            .unwrap()
            .clone()
    };
    let old = entry(&organisation, KeyAssurance::Software);

    // A key in the TPM takes the software key's place; the old one signs that it does.
    let create = [
        "keys",
        "create",
        "--name",
        "review-2",
        "--provider",
        "tpm",
        "--pin-fd",
        "3",
    ];
    home.succeeds(PIN, &create);
    let code = invite(&owner);
    let rotate = [
        "keys", "rotate", "--code", &code, "--old", "review", "--new", "review-2", "--pin-fd", "3",
    ];
    home.succeeds(PIN, &rotate);
    let open = || {
        let text = owner.succeeds("", &["directory", "enrolments", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        let all = told["enrolments"].as_array().unwrap();
        // The first one is over, and said to be.
        assert!(all.iter().any(|one| one["standing"] == "accepted"), "{told}");
        let open: Vec<_> = all.iter().filter(|one| one["standing"] != "accepted").collect();
        open.first()
            .map_or_else(String::new, |one| one["standing"].as_str().unwrap().to_owned())
    };
    assert_eq!(open(), "challenged");
    home.succeeds(PIN, &rotate);
    assert_eq!(open(), "hardware-attested");
    publish(&mut organisation, &owner, &accept);
    let new = entry(&organisation, KeyAssurance::HardwareAttested);
    let replaced = entry(&organisation, KeyAssurance::Software);
    assert_eq!(replaced.key, old.key);
    let day = countersign_tests::organisation::now().after(std::time::Duration::from_secs(24 * 3600));
    assert!(
        replaced.not_after <= day && day < new.not_after,
        "the old key counts for a day more"
    );

    // With both on the machine, the new one is what signs, without being named.
    let client = organisation.ask_change("app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    let _ = organisation.chain(id);
    let done = approve(&home, &id.to_string());
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
    let report = organisation.judge(&organisation.record(id), Purpose::Audit);
    assert_eq!(report.chain.unwrap().decisions[0].vote.key, new.key.id());

    // The machine is stolen. Its holder reads the command to an owner, who ends the key, as of before that approval.
    let told = home.succeeds("", &["keys", "revoke", "review-2"]);
    let command = told
        .lines()
        .find(|line| line.contains("countersign directory revoke"))
        .unwrap();
    let key = command.split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(key, new.key.id().to_string());
    let client = organisation.ask_change("next.conf", "a\n", "b\n");
    let open = organisation.wait_for(Phase::Pending);
    let _ = organisation.chain(open);
    let revoke = ["directory", "revoke", &key, "--reason", "laptop stolen"];
    publish(&mut organisation, &owner, &revoke);
    let refused = approve(&home, &open.to_string());
    // The old key counts for a day more, and is what is left; but named, the ended one signs nothing.
    assert_eq!(refused.code, Some(0), "{}{}", refused.stdout, refused.stderr);
    assert_eq!(client.finish().code, Some(0));
    let report = organisation.judge(&organisation.record(id), Purpose::Audit);
    assert!(
        report.is_valid(),
        "what was logged before it ended stands: {:?}",
        report.problems
    );

    // It turns out that it was in other hands before: what it approved then is void, although it ran.
    let logged = organisation
        .judge(&organisation.record(id), Purpose::Audit)
        .chain
        .unwrap()
        .decisions[0]
        .logged_at
        .unwrap();
    let since = logged.before(std::time::Duration::from_millis(1)).to_string();
    let earlier = [
        "directory",
        "revoke",
        &key,
        "--reason",
        "stolen earlier",
        "--compromised-since",
        &since,
    ];
    publish(&mut organisation, &owner, &earlier);
    let report = organisation.judge(&organisation.record(id), Purpose::Audit);
    assert!(!report.is_valid());
    let void = report.chain.unwrap().decisions[0].void.clone().unwrap();
    assert!(void.contains("is revoked from"), "{void}");
    // And the console says so of the file.
    let file = home.path("evidence.json");
    let path = file.to_str().unwrap();
    let written = home.countersign("", &["evidence", &id.to_string(), "-o", path]);
    assert_eq!(written.code, Some(1), "{}", written.stdout);
    assert!(written.stderr.contains("is revoked from"), "{}", written.stderr);
    let verified = home.countersign("", &["verify", file.to_str().unwrap()]);
    assert_eq!(verified.code, Some(1), "{}", verified.stdout);
    // Forward in time it can't be moved again.
    let later = owner.countersign(
        "",
        &[
            "directory",
            "revoke",
            &key,
            "--reason",
            "never mind",
            "-o",
            "/dev/null",
        ],
    );
    assert_ne!(later.code, Some(0), "{}", later.stdout);
    assert!(
        later.stderr.contains("only ever moved earlier"),
        "{}",
        later.stderr
    );
}

#[test]
fn a_queue_says_of_a_key_that_will_not_do_before_anything_is_opened() {
    let tpm = Swtpm::certified();
    let mut organisation = organisation(ATTESTED);
    let owner = owner(&organisation);
    believe(&mut organisation, &owner, &tpm);
    let strong = candidate(&organisation, &tpm, "tpm");
    let code = invite(&owner);
    enroll(&strong, &code);
    assert_eq!(standing(&owner)["standing"], "challenged");
    enroll(&strong, &code);
    publish(
        &mut organisation,
        &owner,
        &["directory", "enrolments", "--accept", "lee"],
    );
    // On another machine she has a key that counts as software. She may decide this, but not with that key.
    let weak = candidate(&organisation, &tpm, "software");
    enroll(&weak, &invite(&owner));
    publish(
        &mut organisation,
        &owner,
        &["directory", "enrolments", "--accept", "lee"],
    );
    let _client = organisation.ask_change("app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    let _ = organisation.chain(id);
    let listed = |home: &Home| {
        let text = home.succeeds("", &["list", "--json"]);
        let list: serde_json::Value = serde_json::from_str(&text).unwrap();
        list["requests"][0].clone()
    };
    let by_strong = listed(&strong);
    assert_eq!(by_strong["eligible"], true, "{by_strong}");
    assert_eq!(by_strong["why_not"], serde_json::Value::Null);
    let by_weak = listed(&weak);
    assert_eq!(by_weak["eligible"], false, "{by_weak}");
    let why = by_weak["why_not"].as_str().unwrap();
    assert!(
        why.contains("will not do here") && why.contains("proven"),
        "{why}"
    );
}
