//! Review without a network: requests go out in one file, decisions come back in it.
//!
//! The file is [JSON Lines](https://jsonlines.org): a header with root, directory and policy; a line for each
//! request with its whole evidence; the seal, signed by the person who exported; then, appended by reviewers, a
//! line for each decision. Every line stands by itself, so a file that was cut or damaged loses only the lines
//! that were hit, and a large one is never held in memory whole. Nothing in it is believed: requests are judged
//! by `countersign-verify` against the root that is pinned on this machine, decisions by their signatures.

pub mod desk;
pub mod evidence;
pub mod export;
pub mod file;
pub mod import;
pub mod record;
pub mod review;
