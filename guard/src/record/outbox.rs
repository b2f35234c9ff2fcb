//! The journal's outbox: statements on their way to the backend, and those that it refused.
//!
//! Nothing leaves it but what the backend accepted. Of each request only the oldest statement is sent, so that their
//! order stays. One that was refused is set aside with the reason: it holds up its own request and nothing else.

use countersign_protocol::identity::RequestId;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Journal, JournalError};

/// A statement on its way to the backend.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Its number, rising.
    pub id: i64,
    /// The request.
    pub request: RequestId,
    /// What it is.
    pub route: Route,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// What a statement to the backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// An execution receipt.
    Receipt,
    /// A verdict record with its proposal.
    Verdict,
    /// A withdrawal.
    Withdrawal,
}

/// What has not reached the backend.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unsent {
    /// How many statements wait to be sent, some of them behind a refused one of their request.
    pub waiting: usize,
    /// Those that were set aside, oldest first.
    pub refused: Vec<Refusal>,
}

/// A statement that the backend refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The request.
    pub request: RequestId,
    /// What it is.
    pub route: Route,
    /// Why it was refused.
    pub reason: String,
}

impl Journal {
    /// The oldest statement after the one with the number `after` that may be sent now.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read.
    pub fn next_outgoing(&self, after: i64) -> Result<Option<Outgoing>, JournalError> {
        let found = self.connection().query_row(
            "SELECT id, request, route, body FROM outbox AS mine WHERE id > ?1
             AND NOT EXISTS (SELECT 1 FROM refusal WHERE refusal.statement = mine.id)
             AND NOT EXISTS (SELECT 1 FROM outbox AS earlier
                             WHERE earlier.request = mine.request AND earlier.id < mine.id)
             ORDER BY id LIMIT 1",
            [after],
            |row| {
                let (request, route): (String, String) = (row.get(1)?, row.get(2)?);
                Ok((row.get(0)?, request, route, row.get(3)?))
            },
        );
        let Some((id, request, route, body)) = found.optional()? else {
            return Ok(None);
        };
        let (request, route) = about(request, &route)?;
        Ok(Some(Outgoing {
            id,
            request,
            route,
            body,
        }))
    }

    /// Puts one more statement on its way.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn send(&self, request: RequestId, route: Route, body: &[u8]) -> Result<(), JournalError> {
        self.write(|transaction| report_in(transaction, request, Some((route, body))))
    }

    /// Forgets a statement that the backend has accepted.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn sent(&self, id: i64) -> Result<(), JournalError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM outbox WHERE id = ?1", [id])?;
            Ok(())
        })
    }

    /// Sets a statement aside that the backend refused for `reason`. It stays in the journal.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn set_aside(&self, id: i64, reason: &str) -> Result<(), JournalError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO refusal (statement, reason) VALUES (?1, ?2)
                 ON CONFLICT (statement) DO UPDATE SET reason = excluded.reason",
                params![id, reason],
            )?;
            Ok(())
        })
    }

    /// Puts everything that was set aside on its way again.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn try_again(&self) -> Result<(), JournalError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM refusal", [])?;
            Ok(())
        })
    }

    /// What has not reached the backend.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read.
    pub fn unsent(&self) -> Result<Unsent, JournalError> {
        let connection = self.connection();
        let mut query = connection.prepare(
            "SELECT request, route, reason FROM outbox LEFT JOIN refusal ON statement = id ORDER BY id",
        )?;
        let mut rows = query.query([])?;
        let mut unsent = Unsent::default();
        while let Some(row) = rows.next()? {
            match row.get(2)? {
                None => unsent.waiting += 1,
                Some(reason) => {
                    let (request, route) = about(row.get(0)?, &row.get::<_, String>(1)?)?;
                    unsent.refused.push(Refusal {
                        request,
                        route,
                        reason,
                    });
                }
            }
        }
        Ok(unsent)
    }
}

impl Route {
    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Verdict => "verdict",
            Self::Withdrawal => "withdrawal",
        }
    }

    fn named(word: &str) -> Option<Self> {
        [Self::Receipt, Self::Verdict, Self::Withdrawal]
            .into_iter()
            .find(|route| route.word() == word)
    }
}

/// Puts a statement on its way together with what it reports.
pub(super) fn report_in(
    transaction: &Transaction<'_>,
    id: RequestId,
    report: Option<(Route, &[u8])>,
) -> Result<(), JournalError> {
    if let Some((route, body)) = report {
        transaction.execute(
            "INSERT INTO outbox (request, route, body) VALUES (?1, ?2, ?3)",
            params![id.to_string(), route.word(), body],
        )?;
    }
    Ok(())
}

fn about(request: String, route: &str) -> Result<(RequestId, Route), JournalError> {
    match (request.parse(), Route::named(route)) {
        (Ok(parsed), Some(route)) => Ok((parsed, route)),
        _ => Err(JournalError::Damaged(request)),
    }
}
