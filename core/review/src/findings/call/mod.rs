//! Calls that a program makes for an agent: tools (MCP) and requests (HTTP).
//!
//! - `target`: the detector; what the name of a tool, the method and the target of a request tell
//! - `argument`: what arguments and the body tell: guards switched off, files and people that are named
//!
//! What documents and commands inside the arguments do is judged by the families that know them.

mod argument;
mod target;

pub(super) use target::Calls;
