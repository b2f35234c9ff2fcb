//! Options of `countersign keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::enrolment::Code as EnrolmentCode;

use super::Pin;

/// Keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// The keys that are configured here.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Make a key.
    Create(CreateKey),
    /// Sign something that is worth nothing, to see that a key works.
    Check(CheckKey),
    /// Ask the owners for another key.
    Enroll(EnrollKey),
    /// Collect evidence that a key is in a TPM, or answer the challenge made from it.
    Attest(Attest),
    /// Replace a key.
    Rotate(RotateKey),
    /// Say how an owner ends a key.
    Revoke(RevokeKey),
    /// Remember the PIN or passphrase of a key in the keyring: lower assurance, which everything it signs then says.
    RememberPin(RememberPin),
    /// Forget the PIN or passphrase of a key; it is asked for again.
    ForgetPin(ForgetPin),
}

/// Options of `keys create`.
#[derive(Debug, Args)]
pub struct CreateKey {
    /// Its name on this machine.
    #[arg(long, default_value = "review")]
    pub name: String,
    /// What keeps it.
    #[arg(long, default_value = "software")]
    pub provider: ProviderName,
    /// Where its device is: a TPM's address, a PKCS#11 module, an agent's socket.
    #[arg(long)]
    pub at: Option<String>,
    /// Which token (serial number or label) or which of the agent's keys (fingerprint or comment).
    #[arg(long)]
    pub select: Option<String>,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
    /// Where the PIN or passphrase comes from.
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `keys check`.
#[derive(Debug, Args)]
pub struct CheckKey {
    /// Its name on this machine.
    #[arg(default_value = "review")]
    pub name: String,
    /// A folder for the message, the signature and the public key, for other tools to verify.
    #[arg(long, short)]
    pub output: Option<PathBuf>,
    /// Where the PIN or passphrase comes from.
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `keys enroll`.
#[derive(Debug, Args)]
pub struct EnrollKey {
    /// The key's name on this machine.
    #[arg(default_value = "review")]
    pub name: String,
    /// The one-time code that an owner told you.
    #[arg(long)]
    pub code: EnrolmentCode,
    /// Your name, as others see it.
    #[arg(long)]
    pub display: Option<String>,
    /// Do not prove where the key is; it counts as software then.
    #[arg(long)]
    pub no_evidence: bool,
    /// How many seconds to wait for the owner's challenge.
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
    /// Where the PIN or passphrase comes from.
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `keys rotate`.
#[derive(Debug, Args)]
pub struct RotateKey {
    /// The one-time code that an owner told you.
    #[arg(long)]
    pub code: EnrolmentCode,
    /// The name of the key that ends; it signs that it does.
    #[arg(long)]
    pub old: String,
    /// The name of the key that takes its place, as `keys create` made it.
    #[arg(long)]
    pub new: String,
    /// Do not prove where the key is; it counts as software then.
    #[arg(long)]
    pub no_evidence: bool,
    /// How many seconds to wait for the owner's challenge.
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
    /// Where the PIN or passphrase of both comes from.
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `keys revoke`.
#[derive(Debug, Args)]
pub struct RevokeKey {
    /// The key's name on this machine.
    #[arg(default_value = "review")]
    pub name: String,
}

/// Options of `keys remember-pin`.
#[derive(Debug, Args)]
pub struct RememberPin {
    /// The key's name on this machine.
    #[arg(default_value = "review")]
    pub name: String,
    /// Where the PIN or passphrase comes from.
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `keys forget-pin`.
#[derive(Debug, Args)]
pub struct ForgetPin {
    /// The key's name on this machine.
    #[arg(default_value = "review")]
    pub name: String,
}

/// Options of `keys attest`.
#[derive(Debug, Args)]
pub struct Attest {
    /// Its name on this machine.
    #[arg(default_value = "review")]
    pub name: String,
    /// The verifier's nonce: 64 hexadecimal digits.
    #[arg(long, conflicts_with = "credential")]
    pub nonce: Option<Sha256Digest>,
    /// The verifier's challenge, as a file.
    #[arg(long)]
    pub credential: Option<PathBuf>,
    /// Where the evidence, or the challenge's secret, goes.
    #[arg(long, short)]
    pub output: Option<PathBuf>,
    /// Where the PIN comes from.
    #[command(flatten)]
    pub pin: Pin,
}

/// Names of providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProviderName {
    /// A TPM 2.0.
    Tpm,
    /// A PKCS#11 token.
    Pkcs11,
    /// An SSH agent.
    SshAgent,
    /// A passphrase-protected key in the keyring of the operating system.
    Software,
    /// The Secure Enclave of Apple machines (not on this build).
    SecureEnclave,
    /// The TPM by way of Windows (not on this build).
    WindowsTpm,
    /// A FIDO2 authenticator (not on this build).
    Fido2,
}
