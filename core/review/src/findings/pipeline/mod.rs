//! Pipelines that build, test and deploy.
//!
//! - `judge`: the detector for all systems but GitHub's; `family` and `jenkins` read their files into its jobs
//! - `workflow`: the detector for GitHub's workflows; `workflow_loss` tells what one lost, `workflow_trust` what it
//!   believes of strangers
//! - `step`, `softened`: single commands of any system, and what became of them
//!
//! What a command does is judged by [`super::shell`].

mod family;
mod jenkins;
mod judge;
mod softened;
mod step;
mod workflow;
mod workflow_loss;
mod workflow_trust;

pub(super) use jenkins::is_pipeline;
pub(super) use judge::Pipelines;
pub(super) use workflow::Workflows;
