//! `countersign evidence`: the whole chain of a request in one file.

use std::path::Path;

use countersign_protocol::identity::RequestId;

use super::failure::Failure;
use super::{file, output, session};

pub async fn run(config: Option<&Path>, id: RequestId, path: &Path) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let opened = inbox.fetch(id).await?;
    file::write_json(path, &opened.record.evidence)?;
    if !opened.report.is_valid() {
        output::problem("countersign: the evidence was written, but it does not hold:");
        for problem in &opened.report.problems {
            output::problem(&format!("  {}: {}", problem.code, problem.message));
        }
        return Err(Failure::no(""));
    }
    output::say(&format!(
        "wrote {}; verify it anywhere with `countersign verify`",
        path.display()
    ))
}
