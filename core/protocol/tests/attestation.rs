//! Evidence of keys in hardware: real evidence is accepted, and nothing else is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod paper_tpm;

use countersign_protocol::attestation::{
    AttestationError, Attestations, Certificate, Claim, TpmEvidence, check, name_of,
};
use countersign_protocol::digest::{RootId, Sha256Digest};
use countersign_protocol::identity::{Algorithm, PersonId, PublicKey};
use countersign_protocol::moment::Timestamp;
use paper_tpm::{Paper, RESTRICTED, SIGNING, attest, public, public_key, secret};
use proptest::prelude::*;

const EVIDENCE: &[u8] = include_bytes!("fixtures/swtpm/evidence.json");
const ROOT: &[u8] = include_bytes!("fixtures/swtpm/root.der");
const ISSUER: &[u8] = include_bytes!("fixtures/swtpm/issuer.der");

/// A claim with everything that it borrows.
#[derive(Clone)]
struct Held {
    root: RootId,
    person: PersonId,
    key: PublicKey,
    challenge: Sha256Digest,
}

impl Held {
    fn of(key: PublicKey) -> Self {
        Self {
            root: RootId::new(Sha256Digest::of(b"root")),
            person: "alice".parse().unwrap(),
            key,
            challenge: Sha256Digest::of(b"challenge"),
        }
    }

    fn claim(&self) -> Claim<'_> {
        Claim {
            root: &self.root,
            person: &self.person,
            key: &self.key,
            challenge: &self.challenge,
        }
    }
}

fn at() -> Timestamp {
    "2026-12-01T00:00:00.000Z".parse().unwrap()
}

/// Evidence that swtpm gave for a key of its own, with its maker's certificates.
fn real() -> (TpmEvidence, Held, Attestations) {
    let evidence: TpmEvidence = serde_json::from_slice(EVIDENCE).unwrap();
    let public = &evidence.key_public;
    let (x, y) = (
        &public[public.len() - 66..public.len() - 34],
        &public[public.len() - 32..],
    );
    let point = p256::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
    let key = p256::ecdsa::VerifyingKey::from_encoded_point(&point).unwrap();
    let der = p256::pkcs8::EncodePublicKey::to_public_key_der(&key).unwrap();
    let key = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, der.as_bytes()).unwrap();
    let authorities = Attestations {
        roots: vec![Certificate(ROOT.to_vec())],
        issuers: vec![Certificate(ISSUER.to_vec())],
        keys: vec![],
    };
    (evidence, Held::of(key), authorities)
}

fn paper() -> (Paper, Held, Attestations) {
    let paper = Paper::default();
    let authorities = Attestations {
        roots: vec![paper.root()],
        ..Attestations::default()
    };
    (paper, Held::of(public_key(&secret(9))), authorities)
}

fn refusal(paper: &Paper, held: &Held, authorities: &Attestations) -> AttestationError {
    check(&paper.evidence(&held.claim()), &held.claim(), authorities, at()).unwrap_err()
}

#[test]
fn evidence_of_a_tpm_is_accepted() {
    let (evidence, held, authorities) = real();
    check(&evidence, &held.claim(), &authorities, at()).unwrap();
    let (paper, held, authorities) = paper();
    check(&paper.evidence(&held.claim()), &held.claim(), &authorities, at()).unwrap();
}

#[test]
fn evidence_for_another_person_key_organisation_or_enrolment_is_refused() {
    let (evidence, held, authorities) = real();
    let refused = |held: &Held| check(&evidence, &held.claim(), &authorities, at()).unwrap_err();
    let mut other = held.clone();
    other.person = "mallory".parse().unwrap();
    assert_eq!(refused(&other), AttestationError::Certified);
    other = held.clone();
    other.root = RootId::new(Sha256Digest::of(b"other"));
    assert_eq!(refused(&other), AttestationError::Certified);
    other = held.clone();
    other.challenge = Sha256Digest::of(b"yesterday");
    assert_eq!(refused(&other), AttestationError::Certified);
    other = held;
    other.key = public_key(&secret(9));
    assert_eq!(refused(&other), AttestationError::OtherKey);
}

#[test]
fn a_foreign_root_no_root_and_a_time_outside_the_certificates_are_refused() {
    let (evidence, held, mut authorities) = real();
    let chain = |authorities: &Attestations, at| {
        matches!(
            check(&evidence, &held.claim(), authorities, at),
            Err(AttestationError::Chain(_))
        )
    };
    assert!(chain(&authorities, Timestamp::from_millis(0)));
    assert!(chain(&Attestations::default(), at()));
    // An issuer is no root, whoever names it.
    authorities.roots = vec![Paper::default().root()];
    assert!(chain(&authorities, at()));
    authorities.roots = vec![Certificate(b"no certificate".to_vec())];
    assert!(chain(&authorities, at()));
    authorities.roots = vec![Certificate(ROOT.to_vec())];
    authorities.issuers.clear();
    assert!(chain(&authorities, at()));
}

#[test]
fn a_software_key_that_claims_hardware_is_refused() {
    // It has no certificate of a maker: only one that its owner made.
    let (paper, held, authorities) = paper();
    let own = Paper {
        maker: secret(77),
        ..Paper::default()
    };
    assert!(matches!(
        refusal(&own, &held, &authorities),
        AttestationError::Chain(_)
    ));
    // A real certificate, but of another TPM's endorsement key.
    let mut swapped = own.evidence(&held.claim());
    swapped.endorsement_certificate = paper.certificate();
    let other = Paper {
        endorsement: secret(78),
        ..Paper::default()
    };
    swapped.endorsement_public = other.evidence(&held.claim()).endorsement_public;
    assert_eq!(
        check(&swapped, &held.claim(), &authorities, at()),
        Err(AttestationError::Endorsement)
    );
}

#[test]
fn keys_that_came_from_elsewhere_or_may_leave_are_refused() {
    let (_, held, authorities) = paper();
    // Without one of fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign; with noDA, decrypt, restricted,
    // adminWithPolicy, encryptedDuplication.
    for bit in [
        0x2, 0x10, 0x20, 0x40, 0x4_0000, 0x400, 0x2_0000, 0x1_0000, 0x80, 0x800,
    ] {
        let bent = Paper {
            key_attributes: SIGNING ^ bit,
            ..Paper::default()
        };
        assert_eq!(
            refusal(&bent, &held, &authorities),
            AttestationError::KeyAttributes,
            "{bit:x}"
        );
    }
    // What an attestation key without `restricted` signs proves nothing.
    for bit in [0x2, 0x10, 0x20, 0x40, 0x4_0000, 0x400, 0x2_0000, 0x1_0000, 0x80] {
        let bent = Paper {
            attesting_attributes: RESTRICTED ^ bit,
            ..Paper::default()
        };
        assert_eq!(
            refusal(&bent, &held, &authorities),
            AttestationError::AttestationKey,
            "{bit:x}"
        );
    }
}

#[test]
fn a_certificate_that_is_for_something_else_is_refused() {
    let (_, held, authorities) = paper();
    let bent = Paper {
        has_usage: false,
        ..Paper::default()
    };
    assert!(matches!(
        refusal(&bent, &held, &authorities),
        AttestationError::Chain(_)
    ));
}

#[test]
fn what_is_certified_is_this_key_by_its_name_under_this_signature() {
    let (paper, held, authorities) = paper();
    let good = paper.evidence(&held.claim());
    let refused = |evidence: &TpmEvidence| check(evidence, &held.claim(), &authorities, at()).unwrap_err();
    // Another key of the same TPM was certified, perhaps one with other attributes.
    let mut other = good.clone();
    let name = name_of(&public(0x0004_0040, held.key.raw().unwrap()));
    other.certify_info = attest(held.claim().nonce().as_bytes(), &name);
    other.certify_signature = paper.sign(&other.certify_info);
    assert_eq!(refused(&other), AttestationError::Certified);
    // A statement of another type (quote), of another maker, with something behind it.
    for (at, byte) in [(5, 0x18), (0, 0xfe)] {
        let mut quote = good.clone();
        quote.certify_info[at] = byte;
        quote.certify_signature = paper.sign(&quote.certify_info);
        assert_eq!(refused(&quote), AttestationError::Certified);
    }
    let mut longer = good.clone();
    longer.certify_info.push(0);
    longer.certify_signature = paper.sign(&longer.certify_info);
    assert_eq!(refused(&longer), AttestationError::Certified);
    let mut unsigned = good.clone();
    unsigned.certify_signature = Paper {
        attesting: secret(99),
        ..Paper::default()
    }
    .sign(&good.certify_info);
    assert_eq!(refused(&unsigned), AttestationError::Signature);
    let mut schema = good;
    schema.schema.push('0');
    assert_eq!(refused(&schema), AttestationError::Form);
}

#[test]
fn every_changed_cut_or_added_byte_of_real_evidence_is_refused() {
    let (evidence, held, authorities) = real();
    let change = |which: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bent = evidence.clone();
        change(match which {
            0 => &mut bent.endorsement_certificate,
            1 => &mut bent.endorsement_public,
            2 => &mut bent.attestation_public,
            3 => &mut bent.key_public,
            4 => &mut bent.certify_info,
            _ => &mut bent.certify_signature,
        });
        check(&bent, &held.claim(), &authorities, at()).is_ok()
    };
    let lengths = [
        evidence.endorsement_certificate.len(),
        evidence.endorsement_public.len(),
        evidence.attestation_public.len(),
        evidence.key_public.len(),
        evidence.certify_info.len(),
        evidence.certify_signature.len(),
    ];
    for (which, length) in lengths.into_iter().enumerate() {
        for index in 0..length {
            assert!(
                !change(which, &|bytes| bytes[index] ^= 1),
                "part {which}, byte {index}"
            );
            assert!(
                !change(which, &|bytes| bytes.truncate(index)),
                "part {which}, cut at {index}"
            );
        }
        assert!(!change(which, &|bytes| bytes.push(0)), "part {which}, longer");
        assert!(
            !change(which, &|bytes| bytes.resize(100_000, 0)),
            "part {which}, far longer"
        );
    }
}

proptest! {
    #[test]
    fn rubbish_is_refused_and_never_crashes(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 3),
        cut in 0_usize..120,
    ) {
        let (paper, held, authorities) = paper();
        let mut evidence = paper.evidence(&held.claim());
        evidence.certify_info.truncate(cut);
        evidence.certify_info.extend(&parts[0]);
        evidence.certify_signature = parts[1].clone();
        prop_assert!(check(&evidence, &held.claim(), &authorities, at()).is_err());
        evidence.key_public = parts[2].clone();
        evidence.endorsement_certificate = parts[0].clone();
        prop_assert!(check(&evidence, &held.claim(), &authorities, at()).is_err());
    }
}
