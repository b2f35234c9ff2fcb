//! Who sends an HTTP request: HTTP Message Signatures (RFC 9421) by keys of the signed directory.
//!
//! Covered are the method, authority, path, query and the body's digest (RFC 9530), under a creation time and a
//! nonce. People sign with their login key, guards with their guard key; no name in a body is believed. Pure:
//! the signature base is built here; keys, clocks and the memory of nonces are the callers'.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::{KeyId, Sha256Digest};
use crate::identity::{Algorithm, PublicKey};
use crate::signed::{SignError, Signer};

/// The label of the one signature.
const LABEL: &str = "countersign";
/// The covered components, in their order.
const COMPONENTS: &str = r#"("@method" "@authority" "@path" "@query" "content-digest")"#;

/// The parts of an HTTP request that are signed.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Host and port as in the `Host` header, lower case.
    pub authority: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The query as sent, without `?`; empty when there is none.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// The three headers of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `Content-Digest` (RFC 9530).
    pub content_digest: String,
    /// `Signature-Input` (RFC 9421 section 4.1).
    pub signature_input: String,
    /// `Signature` (RFC 9421 section 4.2).
    pub signature: String,
}

/// Why a request is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthnError {
    /// A header is not in the one form this product writes.
    #[error("`{0}` header is not in the form of this API")]
    Header(&'static str),
    /// The body is not the one that was signed.
    #[error("body does not fit its `Content-Digest`")]
    Body,
    /// The signature is not the key's.
    #[error("signature does not fit the request")]
    Signature,
}

/// What a `Signature-Input` claims, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key that is said to have signed.
    pub key: KeyId,
    /// When, in seconds since 1970.
    pub created: u64,
    /// Unlike any other of this key's.
    pub nonce: String,
    parameters: String,
}

/// Signs a request.
///
/// # Errors
/// [`SignError`] when the key cannot be used.
pub fn sign(
    parts: &Parts<'_>,
    signer: &dyn Signer,
    created: u64,
    nonce: &[u8; 16],
) -> Result<Headers, SignError> {
    let key = signer.public_key();
    let parameters = format!(
        r#"{COMPONENTS};created={created};nonce="{}";keyid="{}";alg="{}""#,
        data_encoding::HEXLOWER.encode(nonce),
        key.id(),
        algorithm(key),
    );
    let content_digest = content_digest(parts.body);
    let signature = signer.sign(base(parts, &content_digest, &parameters).as_bytes())?;
    let raw = match key.algorithm() {
        Algorithm::Ed25519 => signature,
        Algorithm::EcdsaP256Sha256 => fixed_from_der(&signature)
            .ok_or_else(|| SignError::Key("made a signature that is not DER".into()))?,
    };
    Ok(Headers {
        content_digest,
        signature_input: format!("{LABEL}={parameters}"),
        signature: format!("{LABEL}=:{}:", STANDARD.encode(raw)),
    })
}

/// Reads who claims to have signed.
///
/// # Errors
/// [`AuthnError::Header`] when the header has another form.
pub fn claim(signature_input: &str) -> Result<Claim, AuthnError> {
    let refused = AuthnError::Header("Signature-Input");
    let parameters = signature_input
        .strip_prefix(LABEL)
        .and_then(|rest| rest.strip_prefix('='))
        .ok_or(refused.clone())?;
    let mut rest = parameters.strip_prefix(COMPONENTS).ok_or(refused.clone())?;
    let mut next = |name: &str, end: &str| -> Option<String> {
        let (value, after) = rest.strip_prefix(name)?.split_once(end)?;
        rest = after;
        Some(value.to_owned())
    };
    let created = next(";created=", ";nonce=\"")
        .and_then(|text| text.parse().ok())
        .ok_or(refused.clone())?;
    let nonce = next("", "\";keyid=\"").ok_or(refused.clone())?;
    let key = next("", "\";alg=\"")
        .and_then(|text| text.parse().ok())
        .ok_or(refused.clone())?;
    let plain = nonce.len() == 32 && nonce.bytes().all(|b| b.is_ascii_hexdigit());
    let ends = matches!(rest, "ecdsa-p256-sha256\"" | "ed25519\"");
    if plain && ends {
        Ok(Claim {
            key,
            created,
            nonce,
            parameters: parameters.to_owned(),
        })
    } else {
        Err(refused)
    }
}

/// Checks that `key` signed this request as `claim` says. Time and nonce are the caller's to check.
///
/// # Errors
/// [`AuthnError`] says what does not fit.
pub fn verify(
    parts: &Parts<'_>,
    headers: &Headers,
    claim: &Claim,
    key: &PublicKey,
) -> Result<(), AuthnError> {
    if headers.content_digest != content_digest(parts.body) {
        return Err(AuthnError::Body);
    }
    let names_algorithm = claim
        .parameters
        .ends_with(&format!(";alg=\"{}\"", algorithm(key)));
    let encoded = headers
        .signature
        .strip_prefix(LABEL)
        .and_then(|rest| rest.strip_prefix("=:"))
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or(AuthnError::Header("Signature"))?;
    let signature = STANDARD
        .decode(encoded)
        .map_err(|_| AuthnError::Header("Signature"))?;
    let base = base(parts, &headers.content_digest, &claim.parameters);
    let verifier: &dyn ring::signature::VerificationAlgorithm = match key.algorithm() {
        Algorithm::EcdsaP256Sha256 => &ring::signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Ed25519 => &ring::signature::ED25519,
    };
    let fits = key.id() == claim.key
        && names_algorithm
        && key.raw().is_some_and(|raw| {
            ring::signature::UnparsedPublicKey::new(verifier, raw)
                .verify(base.as_bytes(), &signature)
                .is_ok()
        });
    if fits { Ok(()) } else { Err(AuthnError::Signature) }
}

/// The signature base (RFC 9421 section 2.5).
fn base(parts: &Parts<'_>, content_digest: &str, parameters: &str) -> String {
    format!(
        "\"@method\": {}\n\"@authority\": {}\n\"@path\": {}\n\"@query\": ?{}\n\"content-digest\": {content_digest}\n\"@signature-params\": {parameters}",
        parts.method, parts.authority, parts.path, parts.query,
    )
}

fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256Digest::of(body).as_bytes()))
}

const fn algorithm(key: &PublicKey) -> &'static str {
    match key.algorithm() {
        Algorithm::EcdsaP256Sha256 => "ecdsa-p256-sha256",
        Algorithm::Ed25519 => "ed25519",
    }
}

/// Turns an ECDSA signature from DER (`SEQUENCE { r INTEGER, s INTEGER }`) into `r || s` of 32 bytes each.
#[must_use]
pub fn fixed_from_der(der: &[u8]) -> Option<Vec<u8>> {
    let body = der.strip_prefix(&[0x30])?;
    let (length, body) = body.split_first()?;
    if usize::from(*length) != body.len() || body.len() > 72 {
        return None;
    }
    let (r, rest) = integer(body)?;
    let (s, rest) = integer(rest)?;
    rest.is_empty().then(|| [r, s].concat())
}

fn integer(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (length, bytes) = bytes.strip_prefix(&[0x02])?.split_first()?;
    let (value, rest) = bytes.split_at_checked(usize::from(*length))?;
    let value = value.strip_prefix(&[0]).unwrap_or(value);
    let mut fixed = [0; 32];
    let start = fixed.len().checked_sub(value.len())?;
    fixed.get_mut(start..)?.copy_from_slice(value);
    Some((fixed, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed::tests::TestKey;

    fn parts() -> Parts<'static> {
        Parts {
            method: "POST",
            authority: "127.0.0.1:1",
            path: "/v1/proposals",
            query: "",
            body: b"{}",
        }
    }

    #[test]
    fn a_signed_request_is_its_senders() {
        let key = TestKey::new(5);
        let headers = sign(&parts(), &key, 1_795_335_330, &[7; 16]).unwrap();
        let claim = claim(&headers.signature_input).unwrap();
        assert_eq!((claim.key, claim.created), (key.public_key().id(), 1_795_335_330));
        let check = |parts: &Parts<'_>, key: &TestKey| verify(parts, &headers, &claim, key.public_key());
        assert_eq!(check(&parts(), &key), Ok(()));
        assert_eq!(check(&parts(), &TestKey::new(6)), Err(AuthnError::Signature));
        assert_eq!(
            check(
                &Parts {
                    body: b"[]",
                    ..parts()
                },
                &key
            ),
            Err(AuthnError::Body)
        );
        for other in [
            Parts {
                method: "GET",
                ..parts()
            },
            Parts {
                authority: "other:1",
                ..parts()
            },
            Parts {
                path: "/v1/requests",
                ..parts()
            },
            Parts {
                query: "a=b",
                ..parts()
            },
        ] {
            assert_eq!(check(&other, &key), Err(AuthnError::Signature));
        }
    }

    #[test]
    fn every_other_form_of_header_is_refused() {
        let good = sign(&parts(), &TestKey::new(5), 1, &[7; 16])
            .unwrap()
            .signature_input;
        for bad in [
            String::new(),
            good.replace("countersign", "sig1"),
            good.replace(" \"@path\"", ""),
            good.replace("created=1", "created=x"),
            good.replace("0707", "07\\\""),
            format!("{good};expires=5"),
        ] {
            assert!(claim(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn der_is_read_strictly() {
        assert!(fixed_from_der(&[0x30, 6, 2, 1, 1, 2, 1, 2]).is_some());
        assert!(fixed_from_der(&[0x30, 6, 2, 1, 1, 2, 1, 2, 0]).is_none());
        assert!(fixed_from_der(&[0x30, 6, 2, 9, 1, 2, 1, 2]).is_none());
        assert!(fixed_from_der(&[]).is_none());
    }
}
