//! Policy: three questions to Cedar, and the approval rule that follows from them.
//!
//! `propose` (may this be asked at all), `approve` (may this person decide this, now, with this key) and
//! `execute` (may it run with these approvals) are put to the Cedar policies of the signed bundle, against the
//! published schema. Everything a policy sees has one named origin; no annotation carries meaning; any
//! evaluation error denies. Signatures, expiry of requests and single use are `countersign-protocol`'s business;
//! which facts are true is `countersign-verify`'s. Reaches no I/O, no clock and no randomness.
//!
//! Follows Cedar 4 (policy language and schema), strict validation.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

mod operation;
mod schema;

mod load;
mod source;

mod question;
mod recall;
mod sight;
mod tally;
mod world;

mod verdict;

mod explain;
mod lint;
mod scenario;

pub use explain::{Explanation, PersonExplanation, needs};
pub use load::{LoadError, PolicySet, Title};
pub use operation::{Approval, Credential, Operation, OperationError};
pub use question::{Answer, Inquiry};
pub use scenario::{Outcome, Report, ScenarioError};
pub use schema::SCHEMA;
pub use source::Problem;
pub use verdict::Verdict;
