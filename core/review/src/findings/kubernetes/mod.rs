//! Kubernetes: objects of a cluster and rights in it.
//!
//! - `manifest`: objects, read out of any document, and the detector for all but rights
//! - `pod`: what pods may do on their nodes
//! - `change`: what a change takes from objects; `growth`, `storage` and `network` know some kinds of them better
//! - `reach`: services that no longer select their pods
//! - `rbac`: the detector for roles and bindings; `grant` knows rights that no binding gives

mod change;
mod grant;
mod growth;
mod manifest;
mod network;
mod pod;
mod rbac;
mod reach;
mod storage;

pub(super) use manifest::Manifests;
pub(super) use rbac::Roles;
