//! AWS policies: the rights that a change really gives, to whom, under which conditions.
//!
//! - `policy`: the detector; conditions and denials that are gone, policies of AWS that are attached
//! - `statement`: statements, read out of any document; `arn`: the names of resources in them
//! - `right`: what one statement lets its holder do
//! - `gain`: rights that no statement gave before; `denial` and `condition` say what an earlier one held back
//! - `trust`: whom a policy lets in from outside, and whom it shuts out
//! - `action`, `escalation`, `table`: what actions there are, which give power, and which do so together
//!
//! Roles that other clouds hand out by name are in [`super::cloud`], those of a cluster in [`super::kubernetes`].

mod action;
mod arn;
mod condition;
mod denial;
mod escalation;
mod gain;
mod policy;
mod right;
mod statement;
mod table;
mod trust;

pub(super) use policy::Policies;
