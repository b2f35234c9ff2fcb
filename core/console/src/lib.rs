//! Placeholder.
pub mod machine;
