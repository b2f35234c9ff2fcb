//! The desk of a reviewer without a network: the machine of both consoles over an exported file.

use std::sync::Arc;

use countersign_protocol::identity::RequestId;
use countersign_protocol::mask::SecretMark;

use super::review::{FileReview, FileRow, ReviewError};
use crate::desk;
use crate::machine::driver::Desk;
use crate::machine::reading::Copy;
use crate::machine::{Connection, News, Order, Progress, Reading, Row, RowContent, Summary, Trouble, Trust};

/// A desk over an exported file.
#[derive(Debug, Clone)]
pub struct FileDesk {
    review: Arc<FileReview>,
    surface: &'static str,
}

impl FileDesk {
    /// A desk for a surface: `tui` or `desktop`.
    #[must_use]
    pub fn new(review: FileReview, surface: &'static str) -> Self {
        Self {
            review: Arc::new(review),
            surface,
        }
    }

    fn row(&self, row: FileRow) -> Row {
        let content = match row.request {
            Ok(request) => {
                let approved = if row.decided {
                    vec![self.review.person().clone()]
                } else {
                    Vec::new()
                };
                RowContent::Verified(Box::new(Summary::of(
                    &request,
                    countersign_protocol::request::Phase::Pending,
                    approved,
                    self.review.person(),
                )))
            }
            Err(problem) => RowContent::Refused(vec![Trouble::new("not-as-exported", problem.as_str())]),
        };
        Row {
            id: row.id,
            change: 0,
            content,
        }
    }
}

impl Desk for FileDesk {
    async fn trust(&self) -> Result<Trust, Trouble> {
        let trusted = self
            .review
            .trusted()
            .map_err(|error| desk::trouble_of_trust(&error))?;
        Ok(desk::trust_of(
            &trusted,
            self.review.config(),
            self.review.person(),
        ))
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        let review = Arc::clone(&self.review);
        let rows = blocking(move || review.rows()).await?;
        Ok(rows.into_iter().map(|row| self.row(row)).collect())
    }

    async fn open(&self, id: RequestId) -> Result<Reading, Trouble> {
        let review = Arc::clone(&self.review);
        blocking(move || {
            let opened = review.fetch(id)?;
            Ok(
                desk::reading(&opened, review.config(), review.person()).map(|mut reading| {
                    reading.copy = Some(Copy {
                        as_of: opened.as_of,
                        troubles: review.troubles().collect(),
                    });
                    // A file brings decisions back, and no other artifacts.
                    reading.asked = None;
                    reading
                }),
            )
        })
        .await?
    }

    async fn reveal(
        &self,
        request: RequestId,
        secret: Option<SecretMark>,
        reason: String,
    ) -> Result<(), Trouble> {
        let review = Arc::clone(&self.review);
        blocking(move || review.reveal(request, secret, &reason)).await
    }

    async fn decide(&self, mut order: Order, report: impl Fn(Progress) + Send + Sync) {
        if order.instead.is_some() {
            report(Progress::Failed(
                "a counter-proposal cannot be carried in a file; deny it, or propose with a connection"
                    .into(),
            ));
            return;
        }
        report(Progress::Signing);
        let secret = order.take_secret();
        let intent = desk::intent(&order, self.surface);
        let review = Arc::clone(&self.review);
        let signed = blocking(move || review.decide(&intent, &secret, || ())).await;
        report(match signed {
            Ok(_) => Progress::Carried(self.review.into_file().display().to_string().as_str().into()),
            Err(trouble) => Progress::Failed(trouble.message),
        });
    }

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tell(News::Connection(Connection::Offline));
        for trouble in self.review.troubles() {
            tell(News::Trust(Err(Trouble::new("file", trouble))));
        }
        std::future::pending::<()>().await;
    }
}

/// Large files take time to read and judge; the loop that draws must not wait for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReviewError> + Send + 'static,
) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Trouble::new("internal", "reading the file ended early"))?
        .map_err(|error| Trouble::new("file", error.to_string().as_str()))
}
