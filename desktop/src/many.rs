//! A desk with as many made-up requests as are asked for, so that the bench can operate a window over a long queue. It is
//! in no build but those that other programs can operate.

use std::sync::Arc;
use std::time::Duration;

use countersign_console::backlog::{ON_THE_WAY, PARCEL};
use countersign_console::machine::driver::Desk;
use countersign_console::machine::{
    Connection, News, Order, Page, Part, Progress, Reading, Row, RowContent, Summary, Trouble, Trust,
};
use countersign_protocol::approval::Severity;
use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
use countersign_protocol::identity::{AgentId, EnvironmentId, PersonId, RequestId};
use countersign_protocol::kind::Kind;
use countersign_protocol::request::Phase;
use tokio::sync::Semaphore;

/// Who asks for what where.
#[derive(Debug)]
pub struct Many {
    rows: u32,
    kind: Kind,
    person: PersonId,
    agent: AgentId,
    environment: EnvironmentId,
}

impl Many {
    /// So many requests; nothing where the names it gives them are none.
    pub fn new(rows: u32) -> Option<Self> {
        Some(Self {
            rows,
            kind: Kind::named("config-file").ok()?,
            person: "p-bench".parse().ok()?,
            agent: "deployer".parse().ok()?,
            environment: "production".parse().ok()?,
        })
    }

    fn row(&self, number: u32) -> Row {
        let now = countersign_client::now();
        Row {
            id: RequestId::of(&ProposalDigest::new(Sha256Digest::of(&number.to_be_bytes()))),
            change: u64::from(number),
            content: RowContent::Verified(Box::new(Summary {
                phase: Phase::Pending,
                severity: if number.is_multiple_of(7) {
                    Severity::High
                } else {
                    Severity::Low
                },
                kind: self.kind,
                target: format!("file://web-1/etc/service-{number}.conf").as_str().into(),
                agent: self.agent.clone(),
                environment: self.environment.clone(),
                created_at: now,
                expires_at: now.after(Duration::from_secs(86_400)),
                needs: 1,
                hardware: 0,
                teams: 1,
                approved_by: vec![],
                personal: false,
                why_not: None,
                weak_key: false,
                decided: None,
                digest_start: [0; 4],
            })),
        }
    }
}

impl Desk for Many {
    async fn trust(&self) -> Result<Trust, Trouble> {
        Ok(Trust {
            organisation: "Bench".into(),
            root_words: vec![],
            person: self.person.clone(),
            key: None,
        })
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        Ok((0..self.rows).map(|number| self.row(number)).collect())
    }

    /// In parcels, as they come from a backend.
    async fn load(&self, tell: impl Fn(Page) + Send + Sync) -> Result<(), Trouble> {
        let way = Arc::new(Semaphore::new(ON_THE_WAY));
        for first in (0..self.rows).step_by(PARCEL) {
            let end = self
                .rows
                .min(first.saturating_add(u32::try_from(PARCEL).unwrap_or(u32::MAX)));
            let room = Arc::clone(&way).acquire_owned().await.ok();
            tell(Page {
                room: room.into(),
                rows: (first..end).map(|number| self.row(number)).collect(),
                part: if first == 0 { Part::First } else { Part::Backlog },
                more: end < self.rows,
            });
        }
        Ok(())
    }

    async fn open(&self, _: RequestId) -> Result<Reading, Trouble> {
        Err(Trouble::new("bench", "there is nothing to read here"))
    }

    async fn decide(&self, _: Order, _: impl Fn(Progress) + Send + Sync) {}

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tell(News::Connection(Connection::Live));
        std::future::pending::<()>().await;
    }
}
