//! Evidence of real (software) TPMs, judged by an owner: good evidence, and every way of bending it.

use countersign_client::now;
use countersign_console::enrolment::{Invitation, Standing, accept, code_key, judge};
use countersign_console::keys::tpm::{TpmKey, TpmKeys};
use countersign_console::keys::{KeyProvider as _, NewKey, ReviewerKey as _};
use countersign_protocol::attestation::{Certificate, Claim, EndorsementKind, TpmEvidence};
use countersign_protocol::canonical;
use countersign_protocol::directory::Directory;
use countersign_protocol::enrolment::{
    ActivationBody, CLAIM_SCHEMA, CLAIM_TYPE, EnrolmentClaim, EnrolmentRecord, open_credential, sign,
};
use countersign_protocol::identity::{KeyAssurance, PublicKey, Role};
use countersign_protocol::signed::{Signed, Signer};
use countersign_tests::device::{Swtpm, run, tool};
use countersign_tests::organisation::line;
use countersign_tests::{Organisation, Setup};
use secrecy::SecretString;

const PIN: &str = "correct horse";

/// An organisation on paper, an invitation of lee, and what lee's machine sends.
struct Desk {
    organisation: Organisation,
    directory: Directory,
    invitation: Invitation,
    record: EnrolmentRecord,
}

impl Desk {
    fn new(makers: &[&Swtpm]) -> Self {
        let organisation = Organisation::found(&Setup::default());
        let mut directory = organisation.directory.clone();
        for tpm in makers {
            let [root, issuer] = tpm.roots().map(|path| {
                let der = path.with_extension("der");
                run(tool("openssl")
                    .args(["x509", "-outform", "DER", "-in"])
                    .arg(&path)
                    .arg("-out")
                    .arg(&der));
                Certificate(std::fs::read(der).unwrap())
            });
            directory.attestations.roots.push(root);
            directory.attestations.issuers.push(issuer);
        }
        let (invitation, code) = Invitation::draw("lee".parse().unwrap(), vec![], now()).unwrap();
        let record = EnrolmentRecord {
            code: code_key(&code).unwrap().public_key().clone(),
            person: "lee".parse().unwrap(),
            invited_by: "owner".parse().unwrap(),
            expires_at: invitation.expires_at,
            claim: None,
            credential: None,
            activation: None,
        };
        Self {
            organisation,
            directory,
            invitation,
            record,
        }
    }

    /// Evidence of a key as this invitation wants it.
    fn evidence(&self, key: &TpmKey) -> TpmEvidence {
        let person = "lee".parse().unwrap();
        let about = Claim {
            root: &self.organisation.root,
            person: &person,
            key: key.public_key(),
            challenge: &self.invitation.code().unwrap().challenge(),
        };
        key.attest(&pin(), about.nonce().as_bytes()).unwrap()
    }

    /// What lee's machine sends with this evidence, signed by this key.
    fn claim(&mut self, reviewer: &PublicKey, signer: &dyn Signer, evidence: TpmEvidence) -> Standing {
        let code = code_key(&self.invitation.code().unwrap()).unwrap();
        let login = self.organisation.key("lee-login");
        let claim = EnrolmentClaim {
            schema: CLAIM_SCHEMA.to_owned(),
            root: self.organisation.root,
            code: code.public_key().id(),
            person: "lee".parse().unwrap(),
            display: line("Lee"),
            login: Some(login.public_key().clone()),
            reviewer: reviewer.clone(),
            replaces: None,
            provider: line("tpm"),
            evidence: Some(evidence),
        };
        let bytes = canonical::to_bytes(&claim).unwrap();
        self.record.claim = Some(sign(CLAIM_TYPE, bytes, &[&code, &login, signer]).unwrap());
        self.stand()
    }

    fn claim_of(&mut self, key: &TpmKey, evidence: TpmEvidence) -> Standing {
        let signer = key.unlock(&pin()).unwrap();
        self.claim(key.public_key(), signer.as_ref(), evidence)
    }

    fn stand(&self) -> Standing {
        judge(
            &self.record,
            &self.invitation,
            &self.organisation.root,
            &self.directory,
            now(),
        )
    }
}

fn pin() -> SecretString {
    SecretString::from(PIN)
}

fn key_in(tpm: &Swtpm) -> TpmKey {
    let keys = TpmKeys::at(Some(&tpm.address())).unwrap();
    let wanted = NewKey {
        role: Role::Reviewer,
        secret: &pin(),
        select: None,
    };
    let made = keys.create(&wanted).unwrap();
    keys.key(&made.public_key().id()).unwrap()
}

fn refusal(standing: &Standing) -> &str {
    match standing {
        Standing::Refused(why) => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_key_in_a_tpm_is_proven_in_two_rounds_and_every_reader_accepts_it() {
    let tpm = Swtpm::certified();
    let mut desk = Desk::new(&[&tpm]);
    let key = key_in(&tpm);
    let evidence = desk.evidence(&key);
    let Standing::Claimed(claim) = desk.claim_of(&key, evidence) else {
        panic!("{:?}", desk.stand());
    };
    let envelope = desk.invitation.challenge(&claim).unwrap();
    assert!(matches!(desk.stand(), Standing::Challenged(_)));
    // A made-up answer is none.
    desk.record.activation = Some(ActivationBody { secret: vec![7; 32] });
    assert!(refusal(&desk.stand()).contains("not the one that holds the key"));
    let credential = open_credential(&envelope, &desk.record.code).unwrap();
    let secret = key.activate(&credential).unwrap().to_vec();
    desk.record.activation = Some(ActivationBody { secret });
    let standing = desk.stand();
    assert!(matches!(standing, Standing::Proven(_)), "{standing:?}");
    let mut next = desk.directory.clone();
    accept(&mut next, &standing, &desk.invitation, false, now()).unwrap();
    countersign_console::organisation::renew(&mut next, 1, now(), std::time::Duration::from_secs(3600));
    let root =
        countersign_protocol::root::TrustedRoot::follow(&desk.organisation.root, &desk.organisation.roots)
            .unwrap();
    next.check(&root).unwrap();
    let entry = next
        .keys
        .iter()
        .find(|entry| entry.key == *key.public_key())
        .unwrap();
    assert_eq!(entry.assurance, KeyAssurance::HardwareAttested);
    let sealed = Signed::seal(&next, &[&desk.organisation.key("directory")]).unwrap();
    countersign_protocol::directory::TrustedDirectory::accept(&root, &sealed.into_envelope(), 0).unwrap();
    // Without its maker it is refused by every reader.
    next.attestations.roots.clear();
    assert!(
        next.check(&root)
            .unwrap_err()
            .to_string()
            .contains("does not lead to a maker")
    );
}

#[test]
fn a_software_key_another_key_and_a_foreign_maker_are_refused() {
    let (tpm, other) = (Swtpm::certified(), Swtpm::certified());
    let mut desk = Desk::new(&[&tpm]);
    let (key, second) = (key_in(&tpm), key_in(&tpm));
    // A software key with the evidence of a key in a TPM.
    let software = desk.organisation.key("lee-software");
    let evidence = desk.evidence(&key);
    let standing = desk.claim(&software.public_key().clone(), &software, evidence.clone());
    assert!(refusal(&standing).contains("about another key"));
    // Evidence of another key of the same TPM.
    let standing = desk.claim_of(&second, evidence);
    assert!(refusal(&standing).contains("about another key"));
    // A TPM of a maker that the directory does not name.
    let foreign = key_in(&other);
    let evidence = desk.evidence(&foreign);
    let standing = desk.claim_of(&foreign, evidence);
    assert!(refusal(&standing).contains("does not lead to a maker"));
}

#[test]
fn evidence_of_an_earlier_invitation_is_stale() {
    let tpm = Swtpm::certified();
    let earlier = Desk::new(&[&tpm]);
    let mut desk = Desk::new(&[&tpm]);
    let key = key_in(&tpm);
    let stale = earlier.evidence(&key);
    let standing = desk.claim_of(&key, stale);
    assert!(refusal(&standing).contains("not for this enrolment"));
}

#[test]
fn another_tpms_certificate_is_found_out_by_the_challenge() {
    let (tpm, better) = (Swtpm::certified(), Swtpm::certified());
    let mut desk = Desk::new(&[&tpm, &better]);
    let (key, theirs) = (key_in(&tpm), key_in(&better));
    let borrowed = desk.evidence(&theirs);
    let mut evidence = desk.evidence(&key);
    assert_eq!(evidence.endorsement, EndorsementKind::Rsa2048);
    // The certificate alone does not fit the endorsement key that is shown.
    evidence.endorsement_certificate = borrowed.endorsement_certificate;
    let standing = desk.claim_of(&key, evidence.clone());
    assert!(refusal(&standing).contains("for another key"));
    // With the key as well, everything on paper fits; but no TPM holds both.
    evidence.endorsement_public = borrowed.endorsement_public;
    let Standing::Claimed(claim) = desk.claim_of(&key, evidence) else {
        panic!("{:?}", desk.stand());
    };
    let envelope = desk.invitation.challenge(&claim).unwrap();
    let credential = open_credential(&envelope, &desk.record.code).unwrap();
    assert!(key.activate(&credential).is_err(), "the wrong TPM opened it");
    assert!(
        theirs.activate(&credential).is_err(),
        "a TPM without the key opened it"
    );
    for guess in 0..3 {
        let secret = vec![guess; 32];
        desk.record.activation = Some(ActivationBody { secret });
        assert!(refusal(&desk.stand()).contains("not the one that holds the key"));
    }
    let mut next = desk.directory.clone();
    assert!(accept(&mut next, &desk.stand(), &desk.invitation, true, now()).is_err());
    assert_eq!(next, desk.directory);
}
