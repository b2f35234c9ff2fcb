//! The console behind the window: the machine's state, its driver, and who waits for changes of it.

mod aside;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use countersign_console::config::Desktop;
use countersign_console::desk::ReviewerDesk;
use countersign_console::machine::driver::{Desk, Driver};
use countersign_console::machine::queue::Lane;
use countersign_console::machine::view::QueueRow;
use countersign_console::machine::{
    self, Command, Confirmation, Effect, Message, Moment, News, Passphrase, Screen, State,
};
use countersign_console::offline::desk::FileDesk;
use countersign_protocol::digest::RootId;
use countersign_protocol::identity::RequestId;
use serde::{Serialize, Serializer};
use tokio::sync::watch;

use crate::input::{Input, Signing, Typed};
use crate::native::{Arrival, Native};
use crate::ready::{self, Opened, inbox};
use crate::snapshot::{BATCH, FileView, Lines, MAX_ROWS, Snapshot};
use crate::target::Target;

use aside::Aside;
pub use aside::{AsideView, Look, Place, Settings};
#[cfg(test)]
pub use aside::{KeysView, SettingsView};

/// How long a decision under way may take when another desk is opened.
const FAREWELL: Duration = Duration::from_secs(60);
/// The most requests that one search finds.
const MAX_FOUND: usize = 40;
/// The longest time without a word to the page, so that a lost answer is noticed.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The console.
pub struct Console {
    held: Mutex<Held>,
    revision: watch::Sender<u64>,
    driver: Mutex<Option<Driver>>,
    native: OnceLock<Box<dyn Native>>,
    began: Instant,
    config: Option<PathBuf>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Held {
    state: State,
    /// The first row of the queue that is looked at.
    first_row: usize,
    /// Why the home that is there cannot be used.
    problem: Option<String>,
    /// The text of a counter-proposal that is rewritten.
    editing: Option<String>,
    /// The question that the person is asked outside the page.
    asked: Option<u64>,
    /// How often a place of the tab was gone to.
    jumps: u64,
    /// Which desk the news come from; those of an earlier one are not heard.
    desk: u64,
    /// The organisation that is trusted here.
    root: Option<RootId>,
    /// The file that is read, where it is one.
    file: Option<FileView>,
    /// The screen beside the requests that is open.
    aside: Option<Aside>,
    /// How the window is.
    desktop: Desktop,
}

/// A fault of this program; nothing that it shows can be relied on any more.
#[derive(Debug, thiserror::Error)]
#[error("the console stopped because of a fault of its own; close it and open it again")]
pub struct Broken;

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is to be done once the state is let go.
#[derive(Debug, Default)]
struct After {
    effects: Vec<Effect>,
    confirm: Option<Box<Confirmation>>,
    copy: Option<String>,
    withdraw: bool,
    arrivals: Vec<Arrival>,
    waiting: usize,
}

impl Console {
    /// Starts a console on the home of the environment, on the current runtime.
    pub fn start(config: Option<PathBuf>) -> Arc<Self> {
        let console = Arc::new(Self::new(config));
        console.connect();
        console
    }

    /// A console that is not connected to anything yet.
    pub fn new(config: Option<PathBuf>) -> Self {
        Self {
            held: Mutex::new(Held {
                state: State::first_run(),
                first_row: 0,
                problem: None,
                editing: None,
                asked: None,
                jumps: 0,
                desk: 0,
                root: None,
                file: None,
                aside: None,
                desktop: ready::manners(config.as_ref()),
            }),
            revision: watch::Sender::new(1),
            driver: Mutex::new(None),
            native: OnceLock::new(),
            began: Instant::now(),
            config,
        }
    }

    /// Gives it the world outside the page. Without one nothing is ever confirmed.
    pub fn attach(&self, native: impl Native) {
        let _ = self.native.set(Box::new(native));
    }

    /// Waits until something differs from what was drawn last, or time changes what is drawn. Where the tab that is read is
    /// another one than was `drawn`, the lines to begin with come with it.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub async fn snapshot(self: &Arc<Self>, after: u64, drawn: Option<&str>) -> Result<Snapshot, Broken> {
        let mut revision = self.revision.subscribe();
        let wake = {
            let held = self.held()?;
            let shown = held.first_row..held.first_row.saturating_add(MAX_ROWS);
            held.state.next_wake(self.now(), shown)
        };
        let wait = wake.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        if tokio::time::timeout(wait, revision.wait_for(|now| *now != after))
            .await
            .is_err()
        {
            self.happen(Message::Tick)?;
        }
        let mut held = self.held()?;
        let shown = Snapshot::of(
            &held.state,
            self.now(),
            *self.revision.borrow(),
            held.first_row,
            held.problem.as_deref(),
            held.jumps,
        );
        // The page is given all that a counter-proposal changes; only of what it was given can anything be on screen.
        if let Some(action) = held.state.drafted() {
            let effects = machine::update(&mut held.state, Message::GaveDraft(action), self.now());
            debug_assert!(effects.is_empty());
        }
        let other = shown.tab.as_ref().zip(drawn);
        let other = other.filter(|(tab, drawn)| tab.key != *drawn);
        let lines = other.map(|(tab, _)| self.give(&mut held, tab.top - tab.top % BATCH, BATCH));
        let aside = held.aside.as_ref();
        let aside = aside.map(|aside| aside.view(&held.state, &held.desktop, self.now()));
        Ok(Snapshot {
            lines,
            editing: held.editing.clone(),
            file: held.file.clone(),
            screen: aside.as_ref().map_or(shown.screen, AsideView::name),
            aside,
            look: Look {
                theme: held.desktop.theme,
                density: held.desktop.density,
            },
            ..shown
        })
    }

    /// Lines of the tab that is read. Only lines of a sheet that were given here can ever count as seen.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub fn lines(&self, first: usize, count: usize) -> Result<Lines, Broken> {
        let mut held = self.held()?;
        Ok(self.give(&mut held, first, count))
    }

    fn give(&self, held: &mut Held, first: usize, count: usize) -> Lines {
        let (lines, sheet) = Lines::of(&held.state, first, count);
        if let Some(view) = sheet {
            let given = first..first.saturating_add(lines.lines.len());
            let effects = machine::update(&mut held.state, Message::Gave(view, given), self.now());
            debug_assert!(effects.is_empty());
        }
        lines
    }

    /// The requests of the whole queue that answer a text, the best first.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub fn find(&self, text: &Typed) -> Result<Vec<QueueRow>, Broken> {
        let held = self.held()?;
        Ok(machine::view::find(&held.state, self.now(), &text.0, MAX_FOUND))
    }

    /// Lets the person do something.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub fn take(self: &Arc<Self>, input: Input) -> Result<(), Broken> {
        if self.take_aside(&input)? {
            return Ok(());
        }
        match &input {
            Input::Rows { first } => return self.look_at(*first),
            Input::Refresh if !self.is_connected()? => {
                self.connect();
                return Ok(());
            }
            Input::LeaveFile => return self.leave_file(),
            Input::Edited { .. } | Input::LeaveEditor => self.held()?.editing = None,
            _ if input.goes_somewhere() => self.held()?.jumps += 1,
            _ => {}
        }
        let commands = {
            let held = self.held()?;
            // Nothing on the first screen can be chosen here: it says in words what to do.
            match held.state.screen {
                Screen::FirstRun(_) if input != Input::Help => Vec::new(),
                _ => input.commands(&held.state),
            }
        };
        for command in commands {
            self.happen(Message::Command(command))?;
        }
        self.changed();
        Ok(())
    }

    /// Has the person asked, outside the page, whether what was shown and typed is to be signed.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub fn sign(self: &Arc<Self>, signing: Signing) -> Result<(), Broken> {
        self.happen(Message::Command(signing.commit()))
    }

    /// Opens what a person, a link or another process wants opened. Decides nothing.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub async fn open(self: &Arc<Self>, target: Target) -> Result<(), Broken> {
        match target {
            Target::File(path) => self.open_file(path).await,
            Target::Request(id) => self.open_request(id).await,
            Target::Link(link) => {
                let root = self.held()?.root;
                if link.organisation.is_some_and(|named| Some(named) != root) {
                    return self
                        .fail("this link is to a request of another organisation; nothing was opened");
                }
                self.open_request(link.request).await
            }
        }
    }

    async fn open_request(self: &Arc<Self>, id: RequestId) -> Result<(), Broken> {
        self.held()?.aside = None;
        if self.held()?.file.is_some() {
            self.leave_file()?;
        }
        self.loaded().await?;
        self.take(Input::Open { id })
    }

    async fn open_file(self: &Arc<Self>, path: PathBuf) -> Result<(), Broken> {
        if self.is_busy()? {
            return self.fail("the file was not opened: finish or leave the decision first");
        }
        let config = self.config.clone();
        let read = path.clone();
        let opened = tokio::task::spawn_blocking(move || ready::file(config.as_ref(), &read));
        match opened.await {
            Ok(Ok(Opened::Exported(review))) => {
                let file = FileView::of(&path, "exported file");
                self.drive(FileDesk::new(*review, "desktop"), State::queue(), Some(file));
            }
            Ok(Ok(Opened::Evidence(evidence))) => {
                let file = FileView::of(&path, "evidence");
                let state = evidence.state();
                self.drive(*evidence, state, Some(file));
            }
            Ok(Err(error)) => return self.fail(&format!("{}: {error}", path.display())),
            Err(_) => return self.fail("reading the file ended early"),
        }
        Ok(())
    }

    fn leave_file(self: &Arc<Self>) -> Result<(), Broken> {
        if self.is_busy()? {
            return self.fail("finish or leave the decision first");
        }
        if self.held()?.file.is_some() {
            self.connect();
        }
        Ok(())
    }

    fn is_busy(&self) -> Result<bool, Broken> {
        let held = self.held()?;
        Ok(held.state.is_covered() && !held.state.help)
    }

    fn is_connected(&self) -> Result<bool, Broken> {
        Ok(self.driver.lock().map_err(|_| Broken)?.is_some())
    }

    /// Tells why something that was asked for could not be done.
    fn fail(self: &Arc<Self>, why: &str) -> Result<(), Broken> {
        self.happen(Message::Command(Command::Failed(why.to_owned())))
    }

    /// Connects where that is configured; else says what is missing.
    fn connect(self: &Arc<Self>) {
        match inbox(self.config.as_ref()) {
            Ok(inbox) => {
                if let Ok(mut held) = self.held() {
                    held.root = inbox.config().root;
                }
                self.drive(ReviewerDesk::new(inbox, "desktop"), State::queue(), None);
            }
            Err(error) => {
                if let Ok(mut held) = self.held() {
                    held.problem = error.problem();
                    if held.file.take().is_some() {
                        held.state = State::first_run();
                    }
                }
                self.changed();
            }
        }
    }

    /// Lets a desk do what the machine wants done, from `state` on: that of the backend, or that of a file.
    pub fn drive<D: Desk>(self: &Arc<Self>, desk: D, state: State, file: Option<FileView>) {
        let (Ok(mut held), Ok(mut driver)) = (self.held(), self.driver.lock()) else {
            return;
        };
        held.desk += 1;
        let (console, number) = (Arc::clone(self), held.desk);
        let before = driver.replace(Driver::start(desk, move |news| {
            // After a fault of this program there is nobody left to tell; the page says so.
            let _ = console.hear(number, news);
        }));
        if let Some(before) = before {
            // A decision that is under way is still sent.
            tokio::spawn(async move { tokio::time::timeout(FAREWELL, before.finish()).await });
        }
        held.state = state;
        // The page is not trusted: keys are unlocked and decisions confirmed outside it.
        held.state.outside = true;
        // Tab is the desktop's own.
        held.state.keys.next_lane = "]".to_owned();
        held.problem = None;
        held.file = file;
        held.aside = None;
        let effects = machine::start(&mut held.state);
        drop((held, driver));
        self.perform(effects);
        self.changed();
    }

    fn hear(self: &Arc<Self>, desk: u64, news: News) -> Result<(), Broken> {
        if self.held()?.desk == desk {
            self.happen(Message::News(news))?;
        }
        Ok(())
    }

    fn look_at(&self, first: usize) -> Result<(), Broken> {
        self.held()?.first_row = first;
        self.changed();
        Ok(())
    }

    /// Waits until the queue is there.
    async fn loaded(&self) -> Result<(), Broken> {
        let mut revision = self.revision.subscribe();
        loop {
            if self.held()?.is_loaded() {
                return Ok(());
            }
            revision.changed().await.map_err(|_| Broken)?;
        }
    }

    fn answer(self: &Arc<Self>, number: u64, unlocked: Option<Passphrase>) {
        if let Ok(mut held) = self.held() {
            held.asked = held.asked.take_if(|asked| *asked != number);
        }
        // After a fault of this program nothing is signed.
        let _ = self.happen(Message::Answered(number, unlocked));
    }

    fn happen(self: &Arc<Self>, message: Message) -> Result<(), Broken> {
        let now = self.now();
        let mut held = self.held()?;
        let seeks = |state: &State| state.detail.as_ref().is_some_and(|detail| detail.seek.is_some());
        let sought = seeks(&held.state);
        let effects = machine::update(&mut held.state, message, now);
        // What a search in turns found is gone to as soon as it has ended.
        if sought && !seeks(&held.state) {
            held.jumps += 1;
        }
        let after = held.after(effects, now);
        drop(held);
        self.perform(after.effects);
        if let Some(native) = self.native.get() {
            if after.withdraw {
                native.withdraw();
            }
            if let Some(text) = after.copy {
                native.copy(text);
            }
            after
                .arrivals
                .into_iter()
                .for_each(|arrival| native.tell(arrival));
            native.count(after.waiting);
        }
        if let Some(confirmation) = after.confirm {
            self.ask(*confirmation);
        }
        self.changed();
        Ok(())
    }

    fn ask(self: &Arc<Self>, confirmation: Confirmation) {
        let (console, number) = (Arc::clone(self), confirmation.number);
        match self.native.get() {
            Some(native) => native.confirm(
                confirmation,
                Box::new(move |unlocked| console.answer(number, unlocked)),
            ),
            None => console.answer(number, None),
        }
    }

    fn perform(&self, effects: Vec<Effect>) {
        if let Ok(driver) = self.driver.lock()
            && let Some(driver) = driver.as_ref()
        {
            driver.perform(effects);
        }
    }

    fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    fn now(&self) -> Moment {
        Moment {
            wall: countersign_client::now(),
            up: self.began.elapsed(),
        }
    }

    fn held(&self) -> Result<MutexGuard<'_, Held>, Broken> {
        self.held.lock().map_err(|_| Broken)
    }
}

impl Held {
    /// Takes out of the state what a front end has to do.
    fn after(&mut self, effects: Vec<Effect>, now: Moment) -> After {
        let withdraw = self.asked.is_some() && self.asked != self.state.awaited();
        if withdraw {
            self.asked = None;
        }
        let confirm = self.state.confirming.take();
        if let Some(confirmation) = &confirm {
            self.asked = Some(confirmation.number);
        }
        if let Some(text) = self.state.editing.take() {
            self.edit(text, now);
        }
        if self.state.ceremony.is_none() {
            self.editing = None;
        }
        After {
            effects,
            confirm,
            copy: self.state.clipboard.take(),
            withdraw,
            arrivals: self.arrivals(),
            waiting: self.state.queue.count(Lane::Mine),
        }
    }

    const fn is_loaded(&self) -> bool {
        self.state.queue.loaded_at.is_some() || self.state.queue.trouble.is_some()
    }

    /// What is new, to be told: one by its name, more by their number.
    fn arrivals(&mut self) -> Vec<Arrival> {
        let new = std::mem::take(&mut self.state.queue.arrivals);
        match new.as_slice() {
            [] => Vec::new(),
            [id] => {
                let row = self.state.queue.rows.iter().find(|row| row.id == *id);
                let arrival = row.and_then(|row| Some(Arrival::of(row.id, row.summary()?)));
                arrival.into_iter().collect()
            }
            many => vec![Arrival::many(many.len())],
        }
    }

    /// Gives a text to the page to be rewritten, unless a page would change it by itself.
    fn edit(&mut self, text: Vec<u8>, now: Moment) {
        match String::from_utf8(text) {
            Ok(text) if !text.contains('\r') => self.editing = Some(text),
            _ => {
                let why =
                    "this text has bytes that a window would change; rewrite it in the terminal console";
                let failed = Message::Command(Command::Failed(why.to_owned()));
                machine::update(&mut self.state, failed, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use countersign_console::machine::driver::Desk;
    use countersign_console::machine::{
        Connection, News, Order, Progress, Reading, Row, RowContent, Trouble, Trust,
    };
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};

    use super::*;

    /// A desk with three requests that nobody believes.
    struct Three;

    fn id(number: u8) -> RequestId {
        RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number])))
    }

    impl Desk for Three {
        async fn trust(&self) -> Result<Trust, Trouble> {
            Err(Trouble::new("test", "no trust"))
        }

        async fn queue(&self) -> Result<Vec<Row>, Trouble> {
            let row = |number| Row {
                id: id(number),
                change: 1,
                content: RowContent::Refused(vec![Trouble::new("test", "not signed \u{202e}")]),
            };
            Ok((1..=3).map(row).collect())
        }

        async fn open(&self, _: RequestId) -> Result<Reading, Trouble> {
            Err(Trouble::new("test", "cannot be read"))
        }

        async fn decide(&self, _: Order, _: impl Fn(Progress) + Send + Sync) {
            panic!("the desktop decides nothing");
        }

        async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
            tell(News::Connection(Connection::Live));
            pending::<()>().await;
        }
    }

    async fn loaded() -> Arc<Console> {
        let console = Arc::new(Console::new(None));
        console.drive(Three, State::queue(), None);
        let mut snapshot = console.snapshot(0, None).await.unwrap();
        while snapshot.queue.total < 3 {
            snapshot = console.snapshot(snapshot.revision, None).await.unwrap();
        }
        console
    }

    async fn read(console: &Arc<Console>) -> Option<String> {
        let detail = console.snapshot(0, None).await.unwrap().detail;
        detail.map(|detail| detail.id)
    }

    #[tokio::test]
    async fn a_click_opens_the_request_that_was_clicked() {
        let console = loaded().await;
        for number in [3, 1, 2] {
            console.take(Input::Open { id: id(number) }).unwrap();
            assert_eq!(read(&console).await, Some(id(number).to_string()));
        }
        console.take(Input::Back).unwrap();
        assert_eq!(read(&console).await, None);
    }

    #[tokio::test]
    async fn the_page_is_told_when_something_happens_and_only_then() {
        let console = loaded().await;
        let now = console.snapshot(0, None).await.unwrap().revision;
        let waiting = tokio::spawn({
            let console = Arc::clone(&console);
            async move { console.snapshot(now, None).await.unwrap().revision }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!waiting.is_finished());
        console.take(Input::Last).unwrap();
        assert!(waiting.await.unwrap() > now);
    }

    #[tokio::test]
    async fn foreign_text_is_escaped_before_the_page_gets_it() {
        let console = loaded().await;
        let text = serde_json::to_string(&console.snapshot(0, None).await.unwrap()).unwrap();
        assert!(text.contains("202E") && !text.contains('\u{202e}'), "{text}");
    }

    #[tokio::test]
    async fn a_window_far_below_the_end_shows_the_end() {
        let console = loaded().await;
        console.take(Input::Rows { first: usize::MAX }).unwrap();
        let snapshot = console.snapshot(0, None).await.unwrap();
        assert_eq!((snapshot.first_row, snapshot.queue.rows.len()), (2, 1));
        assert!(console.lines(usize::MAX, usize::MAX).unwrap().lines.is_empty());
    }
}
