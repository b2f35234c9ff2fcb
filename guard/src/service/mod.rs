//! The guard service: holds what agents ask, has it decided, runs it once, and reports.
//!
//! It runs as an operating system user of its own and listens on a Unix socket. `listen` takes calls in, `ask`
//! turns them into proposals and asks policy, `attend` stands by their clients, `drive` waits for the decision and runs,
//! `counter` has to do with counter-proposals, `finish` writes down how it ended, `doctor` looks for what is wrong. What is decided is decided in [`crate::enforce`], `countersign-verify` and `countersign-policy`.

mod ask;
mod attend;
mod counter;
mod doctor;
mod drive;
mod finish;
mod listen;
mod talk;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_client::key_file::{self, FileSigner, KeyFileError};
use countersign_client::trust::{TrustError, TrustStore};
use countersign_client::{Backend, ClientError, Options, now};
use countersign_policy::{LoadError, PolicySet};
use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::digest::{DirectoryDigest, KeyId, PolicyDigest};
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::TrustedBundle;
use countersign_protocol::signed::{SignError, Signer as _};
use countersign_protocol::talk::Remark;
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::config::Config;
use crate::held::{Held, HeldError};
use crate::record::{Journal, JournalError};
use crate::report::Reporter;
use crate::run::{Live, Piece};

/// The name of the key file in the home.
pub const KEY_FILE: &str = "guard.key";
/// How often trust is fetched without being needed.
const TRUST_PAUSE: Duration = Duration::from_secs(300);
/// How long running actions get to write down how they ended when the service stops.
const STOP_TIME: Duration = Duration::from_secs(15);
/// How many large messages are taken in at a time.
const LARGE_AT_ONCE: usize = 4;
/// How many connections are open at a time.
const CONNECTIONS: usize = 256;

/// Why the service does not start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The held bytes.
    #[error(transparent)]
    Held(#[from] HeldError),
    /// The backend.
    #[error(transparent)]
    Backend(#[from] ClientError),
    /// What the backend shows is refused.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The signed policy cannot be used.
    #[error("policy bundle is refused: {0}")]
    Policy(#[from] LoadError),
    /// A statement cannot be signed.
    #[error("statement cannot be signed: {0}")]
    Unsigned(#[from] SignError),
    /// The socket.
    #[error("socket `{path}`: {source}")]
    Socket {
        /// Its path.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The newest trust, verified from the pinned root.
#[derive(Debug)]
struct Trust {
    directory: TrustedDirectory,
    bundle: TrustedBundle,
    policy: Arc<PolicySet>,
}

/// A request that is not over.
#[derive(Debug)]
struct Job {
    /// True once it is over.
    over: watch::Sender<bool>,
    /// The client that reads the output as it comes.
    live: Mutex<Option<mpsc::Sender<Piece>>>,
    /// Somebody changed the journal: look again.
    look: Notify,
    /// What reviewers asked and the agent answered, as the backend told it last.
    talk: watch::Sender<Vec<Remark>>,
}

/// A guard service.
#[derive(Debug)]
pub struct Service {
    config: Config,
    signer: Arc<FileSigner>,
    key: KeyId,
    backend: Backend,
    store: Mutex<TrustStore>,
    policy: Mutex<Option<(PolicyDigest, DirectoryDigest, Arc<Trust>)>>,
    journal: Journal,
    held: Held,
    /// Taken while bytes are held for a request that the journal is about to name, and while bytes are let go: what
    /// one request lets go of may be what another has just held.
    holding: Mutex<()>,
    jobs: Mutex<BTreeMap<RequestId, Arc<Job>>>,
    outbox: Notify,
    large: Semaphore,
    connections: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    own_user: u32,
}

impl Service {
    /// Opens the home of a guard. Nothing is fetched and nothing runs yet.
    ///
    /// # Errors
    /// [`ServiceError`] says what is wrong with the home.
    pub fn open(config: Config) -> Result<Arc<Self>, ServiceError> {
        let journal = Journal::open(&config.home)?;
        let signer = Arc::new(key_file::load(&config.home.join(KEY_FILE))?);
        let store = TrustStore::pin(&config.home.join("trust"), config.root)?;
        let backend = Backend::new(&config.backend, Some(signer.clone()), Options::default())?;
        Ok(Arc::new(Self {
            key: signer.public_key().id(),
            signer,
            backend,
            store: Mutex::new(store),
            policy: Mutex::new(None),
            journal,
            held: Held::open(&config.home)?,
            holding: Mutex::new(()),
            jobs: Mutex::new(BTreeMap::new()),
            outbox: Notify::new(),
            large: Semaphore::new(LARGE_AT_ONCE),
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
            stop: watch::Sender::new(false),
            own_user: rustix::process::geteuid().as_raw(),
            config,
        }))
    }

    /// Serves until `stopped` ends. Requests that a crash left in their middle are given an end first.
    ///
    /// # Errors
    /// [`ServiceError`] when the socket or the journal cannot be used.
    pub async fn serve(self: &Arc<Self>, stopped: impl Future<Output = ()>) -> Result<(), ServiceError> {
        self.recover()?;
        if let Err(error) = self.trust().await {
            tracing::warn!(%error, "trust could not be fetched; nothing runs until it can");
        }
        let reporter = tokio::spawn({
            let service = self.clone();
            async move { service.reporter().run(&service.outbox).await }
        });
        let refresher = tokio::spawn({
            let service = self.clone();
            async move { service.keep_trust().await }
        });
        let served = tokio::select! {
            served = self.listen() => served,
            () = stopped => Ok(()),
        };
        self.stop.send_replace(true);
        self.settle().await;
        reporter.abort();
        refresher.abort();
        served
    }

    /// The newest trust: fetched now, verified from the pinned root, not older than any seen, not expired.
    async fn trust(&self) -> Result<Arc<Trust>, ServiceError> {
        let document = self.backend.trust().await?;
        let now = now();
        let trusted = {
            let mut store = locked(&self.store);
            store.refresh(&document, now)?;
            store.trusted()?
        };
        trusted.check_fresh(now)?;
        let (policy, directory) = (trusted.policy.digest(), trusted.directory.digest());
        let mut kept = locked(&self.policy);
        if let Some((kept_policy, kept_directory, trust)) = &*kept
            && (*kept_policy, *kept_directory) == (policy, directory)
        {
            return Ok(trust.clone());
        }
        let trust = Arc::new(Trust {
            policy: PolicySet::load(&trusted.policy)?,
            directory: trusted.directory,
            bundle: trusted.policy,
        });
        *kept = Some((policy, directory, trust.clone()));
        Ok(trust)
    }

    /// The log as it is now, proven to continue what was seen of it.
    async fn newest_checkpoint(&self) -> Result<SeenCheckpoint, ServiceError> {
        let seen = locked(&self.store).checkpoint();
        let note = self.backend.checkpoint().await?;
        let next = locked(&self.store).open_checkpoint(&note)?;
        let proof = match seen {
            Some(seen) if seen.size > 0 && seen.size < next.size => {
                self.backend.consistency(seen.size, next.size).await?.proof
            }
            Some(_) | None => Vec::new(),
        };
        let mut store = locked(&self.store);
        // Another request may have moved on meanwhile; what it has seen is as good.
        match store.checkpoint() {
            Some(moved) if Some(moved) != seen => Ok(moved),
            Some(_) | None => Ok(store.advance(&note, &proof)?),
        }
    }

    async fn keep_trust(&self) {
        loop {
            tokio::time::sleep(TRUST_PAUSE).await;
            match self.trust().await {
                Ok(_) => {}
                Err(ServiceError::Trust(error)) if error.is_alarm() => {
                    tracing::error!(%error, "ALARM: the backend contradicts what was seen before");
                }
                Err(error) => tracing::warn!(%error, "trust could not be refreshed"),
            }
        }
    }

    /// Waits for what runs to write down how it ended.
    async fn settle(&self) {
        let running: Vec<Arc<Job>> = locked(&self.jobs).values().cloned().collect();
        let all = async {
            for job in running {
                raised(&mut job.over.subscribe()).await;
            }
        };
        if tokio::time::timeout(STOP_TIME, all).await.is_err() {
            tracing::warn!(
                "something still ran when the service stopped; it is recorded as unknown at the next start"
            );
        }
    }

    fn reporter(&self) -> Reporter<'_> {
        Reporter {
            journal: &self.journal,
            backend: &self.backend,
            store: &self.store,
            signer: &self.signer,
            guard: &self.config.guard,
        }
    }

    fn job(&self, id: RequestId) -> Option<Arc<Job>> {
        locked(&self.jobs).get(&id).cloned()
    }

    fn now(&self) -> Result<(Timestamp, Timestamp), JournalError> {
        let now = now();
        Ok((now, self.journal.latest_clock(now)?))
    }
}

impl Job {
    fn new(live: Option<mpsc::Sender<Piece>>) -> Arc<Self> {
        Arc::new(Self {
            over: watch::Sender::new(false),
            live: Mutex::new(live),
            look: Notify::new(),
            talk: watch::Sender::default(),
        })
    }

    fn live(&self) -> Live {
        locked(&self.live).clone().map_or_else(Live::default, Live::to)
    }
}

/// Returns once the flag is up; at once when nobody can raise it any more.
async fn raised(flag: &mut watch::Receiver<bool>) {
    // An error means that its sender is gone, and so is what it stood for.
    let _ = flag.wait_for(|up| *up).await;
}

/// A thread that panicked left a value that is whole: each is replaced at once.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the key of a guard in `home`; gives its public half.
///
/// # Errors
/// [`ServiceError`] when it is there already or cannot be written.
pub fn keygen(home: &Path) -> Result<countersign_protocol::identity::PublicKey, ServiceError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(home);
    made.map_err(|source| {
        ServiceError::Journal(JournalError::Home {
            path: home.to_owned(),
            source,
        })
    })?;
    Ok(key_file::create(&home.join(KEY_FILE))?.public_key().clone())
}
