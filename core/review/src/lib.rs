//! What a reviewer sees: safe text, exact differences, findings and the words that compare two screens.
//!
//! Everything here is a pure function from bytes to something that can be shown: no I/O, no clock, no
//! randomness, no locale. Guard, backend, console and verifier run it on the same bytes and must get the same
//! answer. It does not decide who may approve (`countersign-policy`), holds no state of a request
//! (`countersign-protocol`) and draws nothing.
//!
//! Every input is taken to be hostile. Bytes from outside reach a screen only through [`text`], and what
//! could not be understood becomes a finding rather than silence.
//!
//! Modules stand in the order in which a change travels to the reviewer's eyes.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

pub mod text;

pub mod diff;
pub mod document;
pub mod drift;
pub mod findings;
pub mod secret;

pub mod likeness;
pub mod sheet;

pub mod beside;
pub mod checkcode;
