//! A P-256 endorsement key in a software TPM, certified by a maker of the story's own.
//!
//! `swtpm_setup` certifies RSA and P-384 keys alone. So the key is made here from the profile's template, in plain
//! TPM frames, certified by `openssl`, and the certificate is put where makers put it (TCG EK Credential Profile 2.5).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use crate::device::{run, tool};

const ENDORSEMENT: u32 = 0x4000_000b;
const OWNER: u32 = 0x4000_0001;
/// Where the certificate of the P-256 endorsement key stands.
const INDEX: u32 = 0x01c0_000a;
/// Owner and the index's own, empty, password may read and write; no guesses are counted.
const ATTRIBUTES: u32 = 0x0206_0006;
/// `TPM2_PolicySecret(TPM_RH_ENDORSEMENT)` with SHA-256.
const POLICY_A: [u8; 32] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd,
    0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
];
/// The profile's template L-2 before its point: ECC, SHA-256, restricted decryption under policy A, AES-128-CFB, P-256.
const KIND: [u8; 8] = [0, 0x23, 0, 0x0b, 0, 3, 0, 0xb2];
const PARAMETERS: [u8; 12] = [0, 6, 0, 0x80, 0, 0x43, 0, 0x10, 0, 3, 0, 0x10];
/// The DER of a P-256 public key before its point.
const SPKI: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// Makes the TPM at `port` one of a maker whose root and issuing certificates are left in `ca`.
pub fn certify(port: u16, ca: &Path) {
    let mut tpm = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let point = endorsement_point(&mut tpm);
    std::fs::write(ca.join("ek.der"), [&SPKI[..], &point].concat()).unwrap();
    let certificate = issue(ca);
    let (index, size) = (
        INDEX.to_be_bytes(),
        u16::try_from(certificate.len()).unwrap().to_be_bytes(),
    );
    let public = [&index[..], &[0, 0x0b], &ATTRIBUTES.to_be_bytes(), &[0, 0], &size].concat();
    command(
        &mut tpm,
        0x12a,
        &[OWNER],
        &[&[0, 0][..], &sized(&public)].concat(),
    );
    command(
        &mut tpm,
        0x137,
        &[INDEX, INDEX],
        &[&sized(&certificate)[..], &[0, 0]].concat(),
    );
}

fn endorsement_point(tpm: &mut TcpStream) -> Vec<u8> {
    let zeros = sized(&[0; 32]);
    let template = [&KIND[..], &sized(&POLICY_A), &PARAMETERS, &zeros, &zeros].concat();
    let wanted = [&sized(&[0; 4])[..], &sized(&template), &[0, 0], &[0; 4]].concat();
    let answer = command(tpm, 0x131, &[ENDORSEMENT], &wanted);
    let (handle, rest) = answer.split_at(4);
    // The size of the parameters, that of the public area, and what stands before its point.
    let mut rest = &rest[4 + 2 + KIND.len() + 34 + PARAMETERS.len()..];
    let mut point = Vec::new();
    for _ in 0..2 {
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        let coordinate = &rest[2..2 + length];
        point.extend(std::iter::repeat_n(0, 32 - length));
        point.extend(coordinate);
        rest = &rest[2 + length..];
    }
    let flush = [&[0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x65][..], handle].concat();
    transmit(tpm, &flush);
    point
}

/// Two certificate authorities, and the certificate of the endorsement key; all P-256.
fn issue(ca: &Path) -> Vec<u8> {
    let openssl = |arguments: &str| {
        run(tool("openssl").current_dir(ca).args(arguments.split(' ')));
    };
    std::fs::write(
        ca.join("ca.ext"),
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
    )
    .unwrap();
    std::fs::write(
        ca.join("ek.ext"),
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyAgreement\nextendedKeyUsage=2.23.133.8.1\n\
         subjectAltName=critical,dirName:tpm\n[tpm]\nCN=id:00001014\n",
    )
    .unwrap();
    for name in ["root", "issuer", "ek"] {
        openssl(&format!(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"
        ));
        openssl(&format!(
            "req -new -key {name}.key -subj /CN=countersign-{name} -out {name}.csr"
        ));
    }
    let root = "swtpm-localca-rootca-cert.pem";
    openssl(&format!(
        "x509 -req -in root.csr -signkey root.key -days 30 -extfile ca.ext -out {root}"
    ));
    openssl(&format!(
        "x509 -req -in issuer.csr -CA {root} -CAkey root.key -set_serial 2 -days 30 -extfile ca.ext -out issuercert.pem"
    ));
    openssl("pkey -pubin -inform DER -in ek.der -out ek.pem");
    openssl(
        "x509 -req -in ek.csr -force_pubkey ek.pem -CA issuercert.pem -CAkey issuer.key -set_serial 3 -days 30 \
         -extfile ek.ext -outform DER -out ek.crt",
    );
    std::fs::read(ca.join("ek.crt")).unwrap()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// Sends a command whose first handle has an empty password; gives what follows the response's header.
fn command(tpm: &mut TcpStream, code: u32, handles: &[u32], parameters: &[u8]) -> Vec<u8> {
    let handles: Vec<u8> = handles.iter().flat_map(|handle| handle.to_be_bytes()).collect();
    let password = [0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0];
    let body = [&code.to_be_bytes()[..], &handles, &password, parameters].concat();
    let size = u32::try_from(body.len() + 6).unwrap().to_be_bytes();
    transmit(tpm, &[&[0x80, 2][..], &size, &body].concat())
}

fn transmit(tpm: &mut TcpStream, frame: &[u8]) -> Vec<u8> {
    loop {
        tpm.write_all(frame).unwrap();
        let mut header = [0; 10];
        tpm.read_exact(&mut header).unwrap();
        let size = u32::from_be_bytes(header[2..6].try_into().unwrap());
        let mut rest = vec![0; usize::try_from(size).unwrap() - 10];
        tpm.read_exact(&mut rest).unwrap();
        match u32::from_be_bytes(header[6..10].try_into().unwrap()) {
            0 => return rest,
            // Busy with itself: the same again.
            0x922 => {}
            code => panic!("the TPM answered {code:#x}"),
        }
    }
}
