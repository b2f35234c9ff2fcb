//! SQL: what statements destroy, grant, rewrite or lock.
//!
//! - `statement`: the detector; one statement after another
//! - `script`: statements, read out of a script in whatever dialect
//! - `alteration`: changes of tables
//! - `block`: code that runs at once (`DO`)
//! - `condition`: conditions that let every row pass, or mean something else than they seem to
//! - `inner`: statements inside statements, and what the script as a whole tells

mod alteration;
mod block;
mod condition;
mod inner;
mod script;
mod statement;

pub(super) use statement::Statements;
