//! Rows of the queue: each believed as far as the backend's key signed its request statement. What else stands in a row
//! is the backend's word, and is shown as that.

use countersign_client::ClientError;
use countersign_client::http::RequestFilter;
use countersign_client::trust::Trusted;
use countersign_protocol::api::{Decided, RequestRow};
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::request::Phase;
use countersign_protocol::signed::{Signed, Verified};

use super::{Inbox, InboxError};
use crate::kept::Copy;

/// One row of the queue.
#[derive(Debug)]
pub struct Row {
    /// The request, as the backend names it.
    pub id: RequestId,
    /// The backend's number of its newest change.
    pub change: u64,
    /// Where it stands, as the backend says.
    pub phase: Phase,
    /// Who approved, as the backend says.
    pub approved_by: Vec<PersonId>,
    /// Who has it open on a screen, as the backend says; only people whom the directory names.
    pub looking: Vec<PersonId>,
    /// Who decided, as the backend says; only people whom the directory names.
    pub decided: Option<Decided>,
    /// The request statement, or why it is not believed.
    pub request: Result<Verified<ApprovalRequest>, String>,
}

impl Inbox {
    /// All rows that fit, newest first, at most `most`; each with its request statement verified.
    ///
    /// # Errors
    /// [`InboxError`] when there is nothing to show.
    pub async fn rows(&self, state: Option<Phase>, most: usize) -> Result<Vec<Row>, InboxError> {
        let mut rows = Vec::new();
        let mut filter = RequestFilter {
            state,
            ..RequestFilter::default()
        };
        loop {
            let page = self.backend.requests(&filter).await?;
            let empty = page.requests.is_empty();
            filter.after = page.next;
            rows.extend(self.check(page.requests).await?);
            if empty || filter.after.is_none() || rows.len() >= most {
                rows.truncate(most);
                return Ok(rows);
            }
        }
    }

    /// Believes rows as far as the backend's key signed their request statements; where blocking is fine.
    ///
    /// # Errors
    /// [`InboxError`] when there is no trust to judge by.
    pub async fn check(&self, rows: Vec<RequestRow>) -> Result<Vec<Row>, InboxError> {
        let trusted = self.trusted().await?;
        let checked = tokio::task::spawn_blocking(move || {
            rows.into_iter().map(|row| check_row(row, &trusted)).collect()
        });
        checked.await.map_err(|_| {
            InboxError::Client(ClientError::Unreadable {
                doing: "verify the queue",
                url: self.backend.url().to_owned(),
                problem: "its verification ended early".to_owned(),
            })
        })
    }

    /// Rows of the copies that are kept here, as they were.
    ///
    /// # Errors
    /// [`InboxError`] when there is no trust to judge by.
    pub async fn rows_of_copies(&self) -> Result<Vec<Row>, InboxError> {
        let copies = self.copies.clone();
        let copies = tokio::task::spawn_blocking(move || copies.all()).await;
        let row = |copy: Copy| RequestRow {
            id: copy.id,
            phase: copy.record.phase,
            change: copy.record.change,
            request: copy.record.evidence.request.envelope,
            approved_by: Vec::new(),
            looking: Vec::new(),
            decided: None,
        };
        self.check(copies.unwrap_or_default().into_iter().map(row).collect())
            .await
    }
}

/// Believes a row as far as the backend's key signed its request statement.
fn check_row(row: RequestRow, trusted: &Trusted) -> Row {
    let root = &trusted.root;
    let request = Signed::<ApprovalRequest>::from(row.request)
        .verify(root)
        .map_err(|error| error.to_string())
        .and_then(|request| {
            if request.root != *root.id() {
                Err("the request belongs to another organisation".to_owned())
            } else if request.id != row.id {
                Err(format!(
                    "the row is named `{}`, but its request is `{}`",
                    row.id, request.id
                ))
            } else {
                Ok(request)
            }
        });
    Row {
        id: row.id,
        change: row.change,
        phase: row.phase,
        approved_by: row.approved_by,
        looking: known(row.looking, trusted),
        decided: row.decided.map(|decided| Decided {
            at: decided.at,
            by: known(decided.by, trusted),
        }),
        request,
    }
}

fn known(people: Vec<PersonId>, trusted: &Trusted) -> Vec<PersonId> {
    let named = |person: &PersonId| trusted.directory.person(person).is_some();
    people.into_iter().filter(named).collect()
}
