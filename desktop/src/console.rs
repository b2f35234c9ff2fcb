//! The console behind the window: the machine's state, its driver, and who waits for changes of it. What it is connected to
//! is in `desk`, what is done outside the page in `outside`, the screens beside the requests in `aside`.

mod aside;
mod desk;
mod outside;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use countersign_console::config::Desktop;
use countersign_console::machine::driver::Driver;
use countersign_console::machine::view::QueueRow;
use countersign_console::machine::{self, Effect, Message, Moment, Screen, State};
use countersign_protocol::digest::RootId;
use serde::{Serialize, Serializer};
use tokio::sync::watch;

use crate::input::{Input, Signing, Typed};
use crate::native::Native;
use crate::ready;
use crate::snapshot::{BATCH, FileView, Lines, MAX_ROWS, Snapshot};

use aside::Aside;
pub use aside::{AsideView, Look, Place, Settings};
#[cfg(test)]
pub use aside::{KeysView, SettingsView};

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
    /// The history that the request which is read was opened from.
    left: Option<Aside>,
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
                left: None,
                desktop: ready::manners(config.as_ref()),
            }),
            revision: watch::Sender::new(1),
            driver: Mutex::new(None),
            native: OnceLock::new(),
            began: Instant::now(),
            config,
        }
    }

    /// How the window is.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub fn manners(&self) -> Result<Desktop, Broken> {
        Ok(self.held()?.desktop)
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
            look: Look::from(&held.desktop),
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
        let goes_back = input == Input::Back;
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
        self.held()?.come_back(goes_back);
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

    fn look_at(&self, first: usize) -> Result<(), Broken> {
        self.held()?.first_row = first;
        self.changed();
        Ok(())
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
        let mut after = held.after(effects, now);
        drop(held);
        self.perform(std::mem::take(&mut after.effects));
        self.run_errands(after);
        self.changed();
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;

    use countersign_console::machine::driver::Desk;
    use countersign_console::machine::{
        Confirmation, Connection, Lane, News, Order, Progress, Reading, Row, RowContent, Trouble, Trust,
    };
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
    use countersign_protocol::identity::RequestId;

    use super::*;
    use crate::native::{Answer, Arrival};

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

    /// A desktop that keeps the numbers that it is told.
    struct Counted(mpsc::Sender<usize>);

    impl Native for Counted {
        fn confirm(&self, _: Confirmation, _: Answer) {}
        fn copy(&self, _: String) {}
        fn tell(&self, _: Arrival) {}
        fn count(&self, waiting: usize) {
            let _ = self.0.send(waiting);
        }
        fn heed(&self, _: Desktop) {}
        fn withdraw(&self) {}
    }

    #[tokio::test]
    async fn a_desktop_that_comes_after_the_queue_is_told_the_number_at_once() {
        let console = loaded().await;
        let (sender, told) = mpsc::channel();
        console.attach(Counted(sender));
        let number = told.try_recv().expect("a number before anything else happens");
        assert_eq!(number, console.held().unwrap().state.queue.count(Lane::Mine));
    }

    #[tokio::test]
    async fn the_request_beside_is_opened_wherever_the_list_is_looked_at() {
        let console = loaded().await;
        let first = console.snapshot(0, None).await.unwrap().queue.rows[0].id.clone();
        let id = first.parse().unwrap();
        console.take(Input::Open { id }).unwrap();
        console.take(Input::Rows { first: 2 }).unwrap();
        let mut all = vec![read(&console).await.unwrap()];
        for by in [1, 1, 1, -1] {
            console.take(Input::Other { by }).unwrap();
            all.push(read(&console).await.unwrap());
        }
        let apart: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(apart.len(), 3);
        // Beyond the last there is none, and the one before it is the second again.
        assert_eq!((&all[2], &all[1]), (&all[3], &all[4]));
    }

    #[tokio::test]
    async fn what_was_answered_on_one_screen_does_not_stand_on_another() {
        let console = loaded().await;
        let says = |snapshot: Snapshot| format!("{:?}", snapshot.notices).contains("copied");
        console.take(Input::Copy).unwrap();
        assert!(says(console.snapshot(0, None).await.unwrap()));
        console.take(Input::Go { to: Place::Keys }).unwrap();
        assert!(!says(console.snapshot(0, None).await.unwrap()));
    }

    #[tokio::test]
    async fn who_goes_back_from_a_request_of_the_history_finds_the_history_as_it_was() {
        let console = loaded().await;
        let text = |snapshot: Snapshot| match snapshot.aside {
            Some(AsideView::History(history)) => Some(history.text),
            _ => None,
        };
        let seek: Input =
            serde_json::from_str(r#"{"do":"seek","text":"denied alex","ending":0,"first":0}"#).unwrap();
        console.take(Input::Go { to: Place::History }).unwrap();
        console.take(seek).unwrap();
        console.take(Input::Open { id: id(1) }).unwrap();
        assert_eq!(text(console.snapshot(0, None).await.unwrap()), None);
        assert_eq!(read(&console).await, Some(id(1).to_string()));
        console.take(Input::Back).unwrap();
        assert_eq!(
            text(console.snapshot(0, None).await.unwrap()).as_deref(),
            Some("denied alex")
        );
        // And nowhere else.
        console.take(Input::Back).unwrap();
        console.take(Input::Open { id: id(2) }).unwrap();
        console.take(Input::Back).unwrap();
        assert_eq!(text(console.snapshot(0, None).await.unwrap()), None);
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
