//! A TPM and its maker on paper: keys that the test knows, under certificates that the test signs. It makes good
//! evidence, and every kind of bad evidence that no real TPM could be talked into.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by tests, each of which uses a part"
)]

use countersign_protocol::attestation::{
    Attestations, Certificate, Claim, EVIDENCE_SCHEMA, EndorsementKind, KeyAttestation, TpmEvidence, name_of,
};
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::directory::{Directory, KeyHolder};
use countersign_protocol::identity::{KeyAssurance, PublicKey};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;

/// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign.
pub const SIGNING: u32 = 0x0004_0072;
/// The same with restricted and noDA.
pub const RESTRICTED: u32 = 0x0005_0472;
/// Template L-2 up to the point.
const ENDORSEMENT: &str = "0023000b000300b200208371976744 84b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa00060080004300100003 0010";

/// What makes evidence; tests bend it.
pub struct Paper {
    pub maker: SigningKey,
    pub endorsement: SigningKey,
    pub attesting: SigningKey,
    pub key_attributes: u32,
    pub attesting_attributes: u32,
    /// Whether the endorsement certificate says what it is for.
    pub has_usage: bool,
}

impl Default for Paper {
    fn default() -> Self {
        Self {
            maker: secret(231),
            endorsement: secret(232),
            attesting: secret(233),
            key_attributes: SIGNING,
            attesting_attributes: RESTRICTED,
            has_usage: true,
        }
    }
}

pub fn secret(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

impl Paper {
    /// The maker's certificate.
    pub fn root(&self) -> Certificate {
        let constraints = tlv(0x30, &[&tlv(0x01, &[&[0xff]])]);
        let extension = extension(&[0x55, 0x1d, 0x13], &constraints);
        Certificate(certificate(
            "maker",
            &spki(&self.maker),
            &[&extension],
            &self.maker,
        ))
    }

    /// The certificate of the endorsement key.
    pub fn certificate(&self) -> Vec<u8> {
        let usage = tlv(0x30, &[&tlv(0x06, &[&[0x67, 0x81, 0x05, 0x08, 0x01]])]);
        let usage = extension(&[0x55, 0x1d, 0x25], &usage);
        let extensions: Vec<&[u8]> = if self.has_usage { vec![&usage] } else { vec![] };
        certificate("", &spki(&self.endorsement), &extensions, &self.maker)
    }

    /// Evidence about a key, for a claim.
    pub fn evidence(&self, claim: &Claim<'_>) -> TpmEvidence {
        let key_public = public(self.key_attributes, claim.key.raw().unwrap());
        let certify_info = attest(claim.nonce().as_bytes(), &name_of(&key_public));
        let endorsement = point(&self.endorsement);
        TpmEvidence {
            schema: EVIDENCE_SCHEMA.to_owned(),
            endorsement: EndorsementKind::EccP256,
            endorsement_certificate: self.certificate(),
            endorsement_public: [hex(ENDORSEMENT), coordinates(&endorsement)].concat(),
            attestation_public: public(self.attesting_attributes, &point(&self.attesting)),
            key_public,
            certify_signature: self.sign(&certify_info),
            certify_info,
        }
    }

    /// `TPMT_SIGNATURE` over anything.
    pub fn sign(&self, info: &[u8]) -> Vec<u8> {
        let signature: Signature = self.attesting.sign(info);
        let (r, s) = signature.split_bytes();
        [&[0, 0x18, 0, 0x0b][..], &sized(&r), &sized(&s)].concat()
    }
}

/// Gives every key of a directory that is called attested its evidence.
pub fn attest_all(directory: &mut Directory) {
    let paper = Paper::default();
    let mut attestations = Attestations::default();
    for key in &directory.keys {
        let KeyHolder::Person(person) = &key.holder else {
            continue;
        };
        if key.assurance == KeyAssurance::HardwareAttested {
            let challenge = Sha256Digest::of(b"challenge");
            let claim = Claim {
                root: &directory.root,
                person,
                key: &key.key,
                challenge: &challenge,
            };
            attestations.keys.push(KeyAttestation {
                key: key.key.id(),
                challenge,
                at: directory.issued_at,
                evidence: paper.evidence(&claim),
            });
        }
    }
    if !attestations.keys.is_empty() {
        attestations.roots.push(paper.root());
    }
    directory.attestations = attestations;
}

/// `TPMT_PUBLIC` of a P-256 key that signs with ECDSA and SHA-256.
pub fn public(attributes: u32, point: &[u8]) -> Vec<u8> {
    [
        &[0, 0x23, 0, 0x0b][..],
        &attributes.to_be_bytes(),
        &[0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10],
        &coordinates(point),
    ]
    .concat()
}

/// `TPMS_ATTEST` as `TPM2_Certify` makes it.
pub fn attest(nonce: &[u8], name: &[u8]) -> Vec<u8> {
    [
        &[0xff, b'T', b'C', b'G', 0x80, 0x17][..],
        &sized(&[7; 34]),
        &sized(nonce),
        &[0; 25],
        &sized(name),
        &sized(&[8; 34]),
    ]
    .concat()
}

/// The public half as this product reads it.
pub fn public_key(secret: &SigningKey) -> PublicKey {
    PublicKey::from_spki(
        countersign_protocol::identity::Algorithm::EcdsaP256Sha256,
        &spki(secret),
    )
    .unwrap()
}

fn spki(secret: &SigningKey) -> Vec<u8> {
    secret
        .verifying_key()
        .to_public_key_der()
        .unwrap()
        .as_bytes()
        .to_vec()
}

fn point(secret: &SigningKey) -> Vec<u8> {
    secret.verifying_key().to_encoded_point(false).as_bytes().to_vec()
}

fn coordinates(point: &[u8]) -> Vec<u8> {
    [sized(&point[1..33]), sized(&point[33..65])].concat()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn certificate(subject: &str, spki: &[u8], extensions: &[&[u8]], maker: &SigningKey) -> Vec<u8> {
    let algorithm = tlv(
        0x30,
        &[&tlv(0x06, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]])],
    );
    let name = |text: &str| {
        if text.is_empty() {
            return tlv(0x30, &[]);
        }
        let text = tlv(0x0c, &[text.as_bytes()]);
        tlv(
            0x30,
            &[&tlv(
                0x31,
                &[&tlv(0x30, &[&tlv(0x06, &[&[0x55, 0x04, 0x03]]), &text])],
            )],
        )
    };
    let validity = tlv(
        0x30,
        &[&tlv(0x17, &[b"700101000000Z"]), &tlv(0x18, &[b"99991231235959Z"])],
    );
    let body = tlv(
        0x30,
        &[
            &tlv(0xa0, &[&[0x02, 0x01, 0x02]]),
            &[0x02, 0x01, 0x05],
            &algorithm,
            &name("maker"),
            &validity,
            &name(subject),
            spki,
            &tlv(0xa3, &[&tlv(0x30, extensions)]),
        ],
    );
    let signature: Signature = maker.sign(&body);
    let signature = tlv(0x03, &[&[0], signature.to_der().as_bytes()]);
    tlv(0x30, &[&body, &algorithm, &signature])
}

fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x06, &[oid]), &tlv(0x04, &[value])])
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        short @ 0..0x80 => vec![u8::try_from(short).unwrap()],
        middle @ 0x80..0x100 => vec![0x81, u8::try_from(middle).unwrap()],
        long => [&[0x82], &u16::try_from(long).unwrap().to_be_bytes()[..]].concat(),
    };
    [&[tag], length.as_slice(), &body].concat()
}
