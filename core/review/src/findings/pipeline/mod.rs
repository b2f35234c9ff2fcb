//! Pipelines that build, test and deploy.
//!
//! - `judge`: the detector for all systems but GitHub's
//! - `gitlab`, `azure`, `circle`, `jenkins`: the file of each system, read into the form of `job`
//! - `workflow`: the detector for GitHub's workflows; `workflow_loss` tells what one lost, `workflow_trust` what it
//!   believes of strangers
//! - `step`, `softened`: single commands of any system, and what became of them
//!
//! What a command does is judged by [`super::shell`].

mod azure;
mod circle;
mod gitlab;
mod jenkins;
mod job;
mod judge;
mod softened;
mod step;
mod workflow;
mod workflow_loss;
mod workflow_trust;

pub(super) use jenkins::is_pipeline;
pub(super) use judge::Pipelines;
pub(super) use workflow::Workflows;
