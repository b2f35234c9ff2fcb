//! Keys in a TPM: made, kept, used by other processes, refused elsewhere, and proven.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use countersign_protocol::attestation::{CREDENTIAL_SCHEMA, Credential, TpmEvidence as Evidence};
use countersign_protocol::digest::Sha256Digest;
use countersign_tests::Home;
use countersign_tests::device::{Swtpm, run, tool};

const PIN: &str = "correct horse";

#[test]
fn a_key_is_made_kept_and_used_by_other_processes_and_after_a_restart() {
    let mut tpm = Swtpm::blank();
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", PIN);
    tpm.stop();
    home.refuses(PIN, &["keys", "check", "--pin-fd", "3"], "there is no TPM at");
    tpm.start();
    home.sign_with_openssl(PIN);
}

#[test]
fn a_key_does_not_work_on_another_tpm() {
    let (tpm, other) = (Swtpm::blank(), Swtpm::blank());
    let mut home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", PIN);
    home.set("COUNTERSIGN_TPM", other.address());
    home.refuses(PIN, &["keys", "check", "--pin-fd", "3"], "belongs to another TPM");
    home.set("COUNTERSIGN_TPM", tpm.address());
    home.sign_with_openssl(PIN);
}

#[test]
fn wrong_pins_are_counted_never_repeated_and_lock_the_tpm() {
    let tpm = Swtpm::blank();
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", PIN);
    let check = ["keys", "check", "--pin-fd", "3"];
    assert_eq!(home.listed()["attempts_left"], 3);
    home.refuses("wrong horse", &check, "2 attempts are left");
    // One try used up one attempt: the program did not repeat it.
    assert_eq!(home.listed()["attempts_left"], 2);
    let second = home.countersign("wrong horse", &check);
    assert!(
        second.stderr.contains("2 of 3 PIN attempts are left"),
        "{}",
        second.stderr
    );
    home.refuses("wrong horse", &check, "no attempt is left");
    // The right PIN is not even sent now.
    home.refuses(PIN, &check, "forgets one within 1000 seconds");
    let listed = home.listed();
    assert_eq!(listed["available"], false);
    assert!(listed["problem"].as_str().unwrap().contains("takes no PIN"));
}

#[test]
fn the_pin_never_crosses_in_the_clear() {
    let tpm = Swtpm::blank();
    let (address, heard) = listen_in(&tpm);
    let home = Home::new().with("COUNTERSIGN_TPM", address);
    home.create_and_sign("tpm", PIN);
    home.refuses("wrong horse", &["keys", "check", "--pin-fd", "3"], "PIN is wrong");
    let heard = heard.lock().unwrap();
    assert!(heard.len() > 2000, "{} bytes were heard", heard.len());
    for pin in [PIN, "wrong horse"] {
        let secret = Sha256Digest::of_domain("countersign/tpm-pin/v1", &[pin.as_bytes()]);
        for part in [pin.as_bytes(), &secret.as_bytes()[..16], &secret.as_bytes()[16..]] {
            assert!(
                !heard.windows(part.len()).any(|window| window == part),
                "the PIN was heard"
            );
        }
    }
}

#[test]
fn what_is_changed_on_the_way_is_refused() {
    let tpm = Swtpm::blank();
    let mut home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", PIN);
    // Whoever sits between changes the signature, whose frame is the only one with TPM_ALG_ECDSA first.
    let address = relay(&tpm, |frame| {
        let sessions = frame.starts_with(&[0x80, 0x02]);
        if sessions && frame.get(14..16) == Some(&[0x00, 0x18]) {
            frame[30] ^= 1;
        }
    });
    home.set("COUNTERSIGN_TPM", address);
    home.refuses(PIN, &["keys", "check", "--pin-fd", "3"], "somebody changed it");
}

#[test]
fn evidence_is_collected_and_its_parts_belong_together() {
    let tpm = Swtpm::certified();
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", PIN);
    let nonce = Sha256Digest::of(b"nonce");
    let text = home.succeeds(
        PIN,
        &["keys", "attest", "--pin-fd", "3", "--nonce", &nonce.to_string()],
    );
    let evidence: Evidence = serde_json::from_str(&text).unwrap();
    let certificate = home.path("ek.der");
    std::fs::write(&certificate, &evidence.endorsement_certificate).unwrap();
    let [root, issuer] = tpm.roots();
    let verified = run(tool("openssl")
        .args(["verify", "-ignore_critical", "-CAfile"])
        .arg(root)
        .arg("-untrusted")
        .arg(issuer)
        .arg(&certificate));
    assert!(verified.contains("OK"), "{verified}");
    // The endorsement key that the TPM made again is the certified one.
    let modulus = run(tool("openssl")
        .args(["x509", "-noout", "-modulus", "-in"])
        .arg(&certificate));
    let modulus = modulus.trim().trim_start_matches("Modulus=").to_lowercase();
    assert_eq!(
        hex(&evidence.endorsement_public[evidence.endorsement_public.len() - 256..]),
        modulus
    );
    // TPMS_ATTEST: magic, type CERTIFY, and the nonce inside; signed by the attestation key.
    assert_eq!(evidence.certify_info[..6], [0xff, b'T', b'C', b'G', 0x80, 0x17]);
    assert!(
        evidence
            .certify_info
            .windows(32)
            .any(|part| part == nonce.as_bytes())
    );
    let attestation_key = point_key(&evidence.attestation_public);
    assert!(attestation_key.accepts(&evidence.certify_info, &ecdsa_der(&evidence.certify_signature)));
    // The certified name is the signing key's, and that is the key that signs.
    let name = [
        &[0x00, 0x0b],
        Sha256Digest::of(&evidence.key_public).as_bytes().as_slice(),
    ]
    .concat();
    assert!(evidence.certify_info.windows(34).any(|part| part == name));
    assert_eq!(point_key(&evidence.key_public), home.public_key());
    assert_ne!(evidence.attestation_public, evidence.key_public);
    home.refuses(
        "wrong horse",
        &["keys", "attest", "--pin-fd", "3", "--nonce", &nonce.to_string()],
        "PIN is wrong",
    );
}

#[test]
fn a_challenge_is_answered_by_the_tpm_and_key_it_was_made_for_and_by_no_other() {
    let tpm = Swtpm::certified();
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", PIN);
    let nonce = Sha256Digest::of(b"nonce").to_string();
    let text = home.succeeds(PIN, &["keys", "attest", "--pin-fd", "3", "--nonce", &nonce]);
    let evidence: Evidence = serde_json::from_str(&text).unwrap();
    let secret = b"only the TPM can tell";
    let name = |public: &[u8]| [&[0x00, 0x0b], Sha256Digest::of(public).as_bytes().as_slice()].concat();
    let answer = |name: &[u8]| {
        let credential = make_credential(&home, &evidence, name, secret);
        std::fs::write(
            home.path("credential.json"),
            serde_json::to_vec(&credential).unwrap(),
        )
        .unwrap();
        let (challenge, told) = (home.path("credential.json"), home.path("secret"));
        let files = [
            "--credential",
            challenge.to_str().unwrap(),
            "-o",
            told.to_str().unwrap(),
        ];
        home.countersign("", &[&["keys", "attest"], &files[..]].concat())
    };
    let right = answer(&name(&evidence.attestation_public));
    assert_eq!(right.code, Some(0), "{}", right.stderr);
    assert_eq!(std::fs::read(home.path("secret")).unwrap(), secret);
    // Made for the signing key itself, which is not restricted, or for anything else: no answer.
    for other in [name(&evidence.key_public), name(b"another key")] {
        let wrong = answer(&other);
        assert_eq!(wrong.code, Some(6), "{}", wrong.stdout);
        assert!(
            wrong.stderr.contains("not for this TPM and this key"),
            "{}",
            wrong.stderr
        );
    }
}

#[test]
fn a_tpm_without_a_certificate_says_so() {
    let tpm = Swtpm::blank();
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", PIN);
    let nonce = Sha256Digest::of(b"nonce").to_string();
    home.refuses(
        PIN,
        &["keys", "attest", "--pin-fd", "3", "--nonce", &nonce],
        "holds no certificate",
    );
}

#[test]
fn many_uses_leave_nothing_behind_in_the_tpm() {
    // Without a resource manager there are three slots: one leak each and the fourth use fails.
    let tpm = Swtpm::blank();
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", PIN);
    let wrong = home.countersign("wrong horse", &["keys", "check", "--pin-fd", "3"]);
    assert_eq!(wrong.code, Some(6));
    for _ in 0..6 {
        home.sign_with_openssl(PIN);
    }
}

/// `TPM2_MakeCredential` (Part 1, section 24) with `openssl` alone, so that nothing of ours judges itself.
fn make_credential(home: &Home, evidence: &Evidence, name: &[u8], secret: &[u8]) -> Credential {
    let certificate = home.path("ek.der");
    std::fs::write(&certificate, &evidence.endorsement_certificate).unwrap();
    let seed = [0x5a; 32];
    let pipe = |args: &[&str], input: &[u8]| {
        let (from, to) = (home.path("pipe-in"), home.path("pipe-out"));
        std::fs::write(&from, input).unwrap();
        run(tool("openssl")
            .args(args)
            .arg("-in")
            .arg(&from)
            .arg("-out")
            .arg(&to));
        std::fs::read(&to).unwrap()
    };
    let hmac = |key: &[u8], message: &[u8]| {
        let (from, to) = (home.path("mac-in"), home.path("mac-out"));
        std::fs::write(&from, message).unwrap();
        let key = format!("hexkey:{}", hex(key));
        run(tool("openssl")
            .args([
                "dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "-binary", "-out",
            ])
            .arg(&to)
            .arg(&from));
        std::fs::read(&to).unwrap()
    };
    let derive = |label: &[u8], context: &[u8], bits: u32| {
        let message = [&1_u32.to_be_bytes(), label, &[0], context, &bits.to_be_bytes()].concat();
        hmac(&seed, &message)
    };
    let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let key = hex(&derive(b"STORAGE", name, 128)[..16]);
    let zeros = "0".repeat(32);
    let hidden = pipe(
        &["enc", "-aes-128-cfb", "-K", &key, "-iv", &zeros],
        &sized(secret),
    );
    let proof = hmac(&derive(b"INTEGRITY", b"", 256), &[&hidden[..], name].concat());
    let certificate = certificate.display().to_string();
    let encrypted = pipe(
        &[
            &[
                "pkeyutl",
                "-encrypt",
                "-certin",
                "-keyform",
                "DER",
                "-inkey",
                &certificate,
            ][..],
            &[
                "-pkeyopt",
                "rsa_padding_mode:oaep",
                "-pkeyopt",
                "rsa_oaep_md:sha256",
            ],
            &[
                "-pkeyopt",
                "rsa_mgf1_md:sha256",
                "-pkeyopt",
                "rsa_oaep_label:4944454e5449545900",
            ],
        ]
        .concat(),
        &seed,
    );
    Credential {
        schema: CREDENTIAL_SCHEMA.to_owned(),
        endorsement: evidence.endorsement,
        id_object: [sized(&proof), hidden].concat(),
        encrypted_secret: encrypted,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key of a `TPMT_PUBLIC` on P-256: its two coordinates end it.
fn point_key(public: &[u8]) -> countersign_protocol::identity::PublicKey {
    use countersign_protocol::identity::{Algorithm, PublicKey};
    use p256::pkcs8::EncodePublicKey as _;
    let x = &public[public.len() - 66..public.len() - 34];
    let y = &public[public.len() - 32..];
    let point = p256::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
    let key = p256::PublicKey::from_sec1_bytes(point.as_bytes()).unwrap();
    let der = key.to_public_key_der().unwrap();
    PublicKey::from_spki(Algorithm::EcdsaP256Sha256, der.as_bytes()).unwrap()
}

/// A `TPMT_SIGNATURE` with ECDSA and SHA-256, in DER.
fn ecdsa_der(signature: &[u8]) -> Vec<u8> {
    let r = &signature[6..38];
    let s = &signature[40..72];
    let signature = p256::ecdsa::Signature::from_scalars(
        *p256::FieldBytes::from_slice(r),
        *p256::FieldBytes::from_slice(s),
    );
    signature.unwrap().to_der().as_bytes().to_vec()
}

/// Hears every byte on its way to the TPM.
fn listen_in(tpm: &Swtpm) -> (String, Arc<Mutex<Vec<u8>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    let address = between(
        tpm,
        move |bytes| keep.lock().unwrap().extend_from_slice(bytes),
        |_| {},
    );
    (address, heard)
}

/// May change every frame on its way back.
fn relay(tpm: &Swtpm, change: impl Fn(&mut [u8]) + Send + Clone + 'static) -> String {
    between(tpm, |_| {}, change)
}

fn between(
    tpm: &Swtpm,
    there: impl Fn(&[u8]) + Send + 'static,
    back: impl Fn(&mut [u8]) + Send + Clone + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    let real = tpm.address().trim_start_matches("tcp:").to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(mut client), Ok(mut server)) = (client, TcpStream::connect(&real)) else {
                continue;
            };
            let (mut answers, mut to, change) = (
                server.try_clone().unwrap(),
                client.try_clone().unwrap(),
                back.clone(),
            );
            std::thread::spawn(move || {
                let mut buffer = [0; 8192];
                while let Ok(got) = answers.read(&mut buffer) {
                    if got == 0 {
                        break;
                    }
                    change(&mut buffer[..got]);
                    let _ = to.write_all(&buffer[..got]);
                }
            });
            let mut buffer = [0; 8192];
            while let Ok(got) = client.read(&mut buffer) {
                if got == 0 {
                    break;
                }
                there(&buffer[..got]);
                let _ = server.write_all(&buffer[..got]);
            }
            let _ = server.shutdown(std::net::Shutdown::Both);
        }
    });
    address
}
