//! Performs effects and sends what comes of them back as news. The one asynchronous part of the machine.
//!
//! What effects need of the rest of the console stands in [`Desk`]; the machine's tests and the demo bring
//! their own.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::identity::RequestId;
use countersign_protocol::mask::SecretMark;
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::ceremony::Progress;
use super::effect::{Effect, Order};
use super::message::{News, Page, Part, Room};
use super::reading::Reading;
use super::state::{KeyStanding, Row, Trouble, Trust};

/// How long telling that one left may take when the program ends.
const FAREWELL: Duration = Duration::from_millis(200);

/// What a console does for its machine.
pub trait Desk: Send + Sync + 'static {
    /// Reads whom and what this console trusts.
    fn trust(&self) -> impl Future<Output = Result<Trust, Trouble>> + Send;

    /// Fetches and verifies the rows of the queue, all at once.
    fn queue(&self) -> impl Future<Output = Result<Vec<Row>, Trouble>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Fetches and verifies what is not known yet of the queue, part by part; the last part says so.
    fn load(&self, tell: impl Fn(Page) + Send + Sync) -> impl Future<Output = Result<(), Trouble>> + Send {
        async move {
            let rows = self.queue().await?;
            tell(Page {
                rows,
                part: Part::First,
                more: false,
                room: Room::default(),
            });
            Ok(())
        }
    }

    /// Asks the agent of a request.
    fn ask(&self, _request: RequestId, _text: String) -> impl Future<Output = Result<(), Trouble>> + Send {
        async { Err(Trouble::new("nobody", "there is no agent to ask")) }
    }

    /// Has it recorded durably that secrets of a request are about to be shown: one of them, or all.
    fn reveal(
        &self,
        _request: RequestId,
        _secret: Option<SecretMark>,
        _reason: String,
    ) -> impl Future<Output = Result<(), Trouble>> + Send {
        async { Err(Trouble::new("nobody", "there is nothing here that records it")) }
    }

    /// Tells others that a request is on the screen, again and again until it is dropped.
    fn look(&self, _request: RequestId) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Tells others that a request is no longer on the screen.
    fn leave(&self, _request: RequestId) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Fetches and verifies one request, and computes what is read.
    fn open(&self, id: RequestId) -> impl Future<Output = Result<Reading, Trouble>> + Send;

    /// Does that in parts, where all of it takes long: `early` is given what can be read already, marked as not
    /// complete.
    fn open_in_parts(
        &self,
        id: RequestId,
        _early: impl Fn(Reading) + Send + Sync,
    ) -> impl Future<Output = Result<Reading, Trouble>> + Send {
        self.open(id)
    }

    /// Asks the key that signs how it stands; nothing where nobody can be asked.
    fn key(&self) -> impl Future<Output = Result<Option<KeyStanding>, Trouble>> + Send {
        async { Ok(None) }
    }

    /// Derives everything again, refuses when it differs from the order, signs, sends, and reports each step.
    fn decide(
        &self,
        order: Order,
        report: impl Fn(Progress) + Send + Sync,
    ) -> impl Future<Output = ()> + Send;

    /// Listens for changes, connects again when that fails, and tells of both; ends only when dropped.
    fn watch(&self, tell: impl Fn(News) + Send + Sync) -> impl Future<Output = ()> + Send;
}

/// Takes effects; dropping it ends everything under way.
#[derive(Debug)]
pub struct Driver {
    effects: mpsc::UnboundedSender<Effect>,
    task: JoinHandle<()>,
}

impl Driver {
    /// Starts a driver on the current runtime. `tell` hands news to the loop that owns the state; it must not block.
    pub fn start<D: Desk>(desk: D, tell: impl Fn(News) + Clone + Send + Sync + 'static) -> Self {
        let (effects, queue) = mpsc::unbounded_channel();
        let task = tokio::spawn(perform_all(Arc::new(desk), queue, tell));
        Self { effects, task }
    }

    /// Performs effects, each beside the others.
    pub fn perform(&self, effects: impl IntoIterator<Item = Effect>) {
        for effect in effects {
            // Nobody takes effects only once the driver was dropped.
            let _ = self.effects.send(effect);
        }
    }

    /// Waits until every decision under way is answered; nothing else is waited for.
    pub async fn finish(self) {
        let Self { effects, task } = self;
        drop(effects);
        let _ = task.await;
    }
}

async fn perform_all<D: Desk>(
    desk: Arc<D>,
    mut effects: mpsc::UnboundedReceiver<Effect>,
    tell: impl Fn(News) + Clone + Send + Sync + 'static,
) {
    let mut reads = JoinSet::new();
    let mut decisions = JoinSet::new();
    // Opening a request again replaces the opening that is under way.
    let mut openings: BTreeMap<RequestId, tokio::task::AbortHandle> = BTreeMap::new();
    let mut looking: Option<(RequestId, tokio::task::AbortHandle)> = None;
    while let Some(effect) = effects.recv().await {
        while reads.try_join_next().is_some() {}
        while decisions.try_join_next().is_some() {}
        let (desk, tell) = (Arc::clone(&desk), tell.clone());
        match effect {
            effect @ (Effect::LoadTrust | Effect::AskKey(_) | Effect::Ask { .. } | Effect::Reveal { .. }) => {
                reads.spawn(async move {
                    if let Some(news) = answered(&*desk, effect).await {
                        tell(news);
                    }
                });
            }
            Effect::LoadQueue => {
                reads.spawn(async move {
                    let told = whole(desk.load(|page| tell(News::Page(page)))).await;
                    if let Err(trouble) = told {
                        tell(News::Queue(Err(trouble)));
                    }
                });
            }
            Effect::Watch => {
                reads.spawn(async move { desk.watch(tell).await });
            }
            Effect::Open(id) => {
                let opening = reads.spawn(async move {
                    let opened = |reading: Result<Reading, Trouble>| {
                        let result = reading.map(Box::new);
                        tell(News::Opened { id, result });
                    };
                    opened(whole(desk.open_in_parts(id, |early| opened(Ok(early)))).await);
                });
                if let Some(older) = openings.insert(id, opening) {
                    older.abort();
                }
            }
            Effect::Look(request) => {
                if let Some((left, look)) = looking.take() {
                    look.abort();
                    let desk = Arc::clone(&desk);
                    reads.spawn(async move { desk.leave(left).await });
                }
                looking = request.map(|id| (id, reads.spawn(async move { desk.look(id).await })));
            }
            Effect::Decide(order) => {
                let request = order.request;
                decisions.spawn(async move {
                    let report = |progress| tell(News::Decision { request, progress });
                    let decided = async {
                        desk.decide(*order, report).await;
                        Ok(())
                    };
                    let done = whole(decided).await;
                    if let Err(trouble) = done {
                        report(Progress::Failed(trouble.message));
                    }
                });
            }
        }
    }
    reads.shutdown().await;
    if let Some((left, _)) = looking {
        // Others forget by themselves who does not say so.
        let _ = tokio::time::timeout(FAREWELL, desk.leave(left)).await;
    }
    while decisions.join_next().await.is_some() {}
}

/// What comes of an effect that has exactly one answer.
async fn answered<D: Desk>(desk: &D, effect: Effect) -> Option<News> {
    Some(match effect {
        Effect::LoadTrust => News::Trust(whole(desk.trust()).await.map(Box::new)),
        Effect::AskKey(request) => News::Key {
            request,
            result: whole(desk.key()).await,
        },
        Effect::Ask { request, text } => News::Asked {
            request,
            result: whole(desk.ask(request, text)).await,
        },
        Effect::Reveal {
            request,
            secret,
            reason,
        } => News::Revealed {
            request,
            secret,
            result: whole(desk.reveal(request, secret, reason)).await,
        },
        _ => return None,
    })
}

/// Turns a panic into a trouble that is told: what a hostile input breaks must not be silence.
async fn whole<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let broken = |_| {
        Trouble::new(
            "internal",
            "this console failed at it; `countersign list` shows what the backend has",
        )
    };
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(broken(panic)))
}
