//! What a TPM, an SSH agent, or somebody in their place answers.
#![no_main]

use countersign_console::keys::ssh_agent;
use countersign_console::keys::tpm::command::read;
use countersign_console::keys::tpm::session::Auth;
use countersign_console::keys::tpm::{object, transport};
use libfuzzer_sys::fuzz_target;
use tpm2_protocol::data::TpmCc;
use tpm2_protocol::frame::{
    TpmCertifyResponse, TpmCreatePrimaryResponse, TpmCreateResponse, TpmGetCapabilityResponse,
    TpmLoadResponse, TpmNvReadPublicResponse, TpmNvReadResponse, TpmSignResponse,
    TpmStartAuthSessionResponse,
};

fuzz_target!(|bytes: &[u8]| {
    if transport::whole(bytes) == Ok(true) {
        let _ = read::<TpmCreatePrimaryResponse>(TpmCc::CreatePrimary, bytes, &mut [Auth::Empty]);
        let _ = read::<TpmCreateResponse>(TpmCc::Create, bytes, &mut [Auth::Empty]);
        let _ = read::<TpmLoadResponse>(TpmCc::Load, bytes, &mut [Auth::Empty]);
        let _ = read::<TpmSignResponse>(TpmCc::Sign, bytes, &mut [Auth::Empty]);
        let _ = read::<TpmCertifyResponse>(TpmCc::Certify, bytes, &mut [Auth::Empty, Auth::Empty]);
        let _ = read::<TpmNvReadResponse>(TpmCc::NvRead, bytes, &mut [Auth::Empty]);
        let _ = read::<TpmNvReadPublicResponse>(TpmCc::NvReadPublic, bytes, &mut []);
        let _ = read::<TpmStartAuthSessionResponse>(TpmCc::StartAuthSession, bytes, &mut []);
        let _ = read::<TpmGetCapabilityResponse>(TpmCc::GetCapability, bytes, &mut []);
    }
    if let Ok(public) = object::read_public(bytes) {
        let _ = object::public_key(&public);
    }
    let _ = ssh_agent::read_identities(bytes);
    let _ = ssh_agent::read_signature(bytes);
});
