//! The console behind the window: the machine's state, its driver, and who waits for changes of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use countersign_client::http::Options;
use countersign_console::config::{Config, ConfigError};
use countersign_console::desk::ReviewerDesk;
use countersign_console::home::{Home, NoHome};
use countersign_console::inbox::{Inbox, InboxError};
use countersign_console::machine::driver::{Desk, Driver};
use countersign_console::machine::message::Step;
use countersign_console::machine::{self, Command, Lane, Message, Moment, Screen, State};
use countersign_protocol::identity::RequestId;
use serde::{Serialize, Serializer};
use tokio::sync::watch;

use crate::command::Input;
use crate::snapshot::{Lines, Snapshot};

/// The longest time without a word to the page, so that a lost answer is noticed.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The console.
#[derive(Debug)]
pub struct Console {
    held: Mutex<Held>,
    revision: watch::Sender<u64>,
    driver: OnceLock<Driver>,
    began: Instant,
    config: Option<PathBuf>,
}

#[derive(Debug)]
struct Held {
    state: State,
    /// The first row of the queue that is looked at.
    first_row: usize,
    /// Why the home that is there cannot be used.
    problem: Option<String>,
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
    /// Starts a console on the home of the environment, on the current runtime, and opens a request where one is named.
    pub fn start(config: Option<PathBuf>, open: Option<RequestId>) -> Arc<Self> {
        let console = Arc::new(Self::new(config));
        console.connect();
        if let Some(id) = open {
            let console = Arc::clone(&console);
            tokio::spawn(async move { console.open_when_loaded(id).await });
        }
        console
    }

    fn new(config: Option<PathBuf>) -> Self {
        Self {
            held: Mutex::new(Held {
                state: State::first_run(),
                first_row: 0,
                problem: None,
            }),
            revision: watch::Sender::new(1),
            driver: OnceLock::new(),
            began: Instant::now(),
            config,
        }
    }

    /// Waits until something differs from what was drawn last, or time changes what is drawn.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub async fn snapshot(&self, after: u64) -> Result<Snapshot, Broken> {
        let mut revision = self.revision.subscribe();
        let wake = self.held()?.state.next_wake(self.now());
        let wait = wake.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        if tokio::time::timeout(wait, revision.wait_for(|now| *now != after))
            .await
            .is_err()
        {
            self.happen(Message::Tick)?;
        }
        let held = self.held()?;
        let (state, problem) = (&held.state, held.problem.as_deref());
        Ok(Snapshot::of(
            state,
            self.now(),
            *self.revision.borrow(),
            held.first_row,
            problem,
        ))
    }

    /// Lines of the tab that is read.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub fn lines(&self, first: usize, count: usize) -> Result<Lines, Broken> {
        Ok(Lines::of(&self.held()?.state, first, count))
    }

    /// Lets the person do something.
    ///
    /// # Errors
    /// [`Broken`] after a fault of this program.
    pub async fn take(self: &Arc<Self>, input: Input) -> Result<(), Broken> {
        let command = match input {
            Input::Move { by } => Command::Move(by),
            Input::First => Command::First,
            Input::Last => Command::Last,
            Input::Enter => Command::Enter,
            Input::Back => Command::Back,
            Input::Help => Command::Help,
            Input::LookAgain => Command::LookAgain,
            Input::NextTab => Command::StepPane(Step::Next),
            Input::PreviousTab => Command::StepPane(Step::Previous),
            Input::NextLane => Command::StepLane(Step::Next),
            Input::PreviousLane => Command::StepLane(Step::Previous),
            Input::Reorder => Command::Reorder,
            Input::Beside => Command::ToggleBeside,
            Input::Fold => Command::ToggleFold,
            Input::NextFinding => Command::StepFinding(Step::Next),
            Input::PreviousFinding => Command::StepFinding(Step::Previous),
            Input::Lane { lane } => match Lane::ALL.get(lane) {
                Some(lane) => Command::Show(*lane),
                None => return Ok(()),
            },
            Input::Read { tab } => {
                let held = self.held()?;
                let panes = held.state.detail.as_ref().map(|detail| detail.panes());
                match panes.and_then(|panes| panes.get(tab).copied()) {
                    Some(pane) => Command::Read(pane),
                    None => return Ok(()),
                }
            }
            Input::Refresh if self.driver.get().is_none() => {
                self.connect();
                return Ok(());
            }
            Input::Refresh => Command::Refresh,
            Input::Rows { first } => return self.look_at(first),
            Input::Filter { text } => return self.filter(text),
            Input::Open { id } => return self.open(id).await,
        };
        // Nothing on the first screen can be chosen here: it says in words what to do.
        if matches!(self.held()?.state.screen, Screen::FirstRun(_)) && command != Command::Help {
            return Ok(());
        }
        self.happen(Message::Command(command))
    }

    /// Connects where that is configured; else says what is missing.
    fn connect(self: &Arc<Self>) {
        match inbox(self.config.as_ref()) {
            Ok(inbox) => self.drive(ReviewerDesk::new(inbox, "desktop")),
            Err(error) => {
                if let Ok(mut held) = self.held() {
                    held.problem = error.problem();
                }
                self.changed();
            }
        }
    }

    fn drive<D: Desk>(self: &Arc<Self>, desk: D) {
        let console = Arc::clone(self);
        let driver = Driver::start(desk, move |news| {
            // After a fault of this program there is nobody left to tell; the page says so.
            let _ = console.happen(Message::News(news));
        });
        if self.driver.set(driver).is_ok()
            && let Ok(mut held) = self.held()
        {
            held.state = State::queue();
            held.problem = None;
            let effects = machine::start(&mut held.state);
            drop(held);
            self.perform(effects);
            self.changed();
        }
    }

    fn look_at(&self, first: usize) -> Result<(), Broken> {
        self.held()?.first_row = first;
        self.changed();
        Ok(())
    }

    fn filter(&self, text: String) -> Result<(), Broken> {
        if matches!(self.held()?.state.screen, Screen::Detail) {
            self.happen(Message::Command(Command::Back))?;
        }
        for command in [
            Command::Filter,
            Command::EraseAll,
            Command::Paste(text),
            Command::Enter,
        ] {
            self.happen(Message::Command(command))?;
        }
        Ok(())
    }

    /// Opens a request that was clicked: exactly this one, even when rows move meanwhile.
    async fn open(&self, id: RequestId) -> Result<(), Broken> {
        let reads = |state: &State| state.detail.as_ref().is_some_and(|detail| detail.id == id);
        if reads(&self.held()?.state) {
            return Ok(());
        }
        if matches!(self.held()?.state.screen, Screen::Detail) {
            self.happen(Message::Command(Command::Back))?;
        }
        self.happen(Message::Command(Command::Select(id)))?;
        // What opens is not heard while the screen settles; a click means its row, so it waits.
        let pause = self.held()?.state.quiet_until.saturating_sub(self.now().up);
        tokio::time::sleep(pause).await;
        self.happen(Message::Command(Command::Select(id)))?;
        if self
            .held()?
            .state
            .queue
            .selected()
            .is_some_and(|row| row.id == id)
        {
            self.happen(Message::Command(Command::Enter))?;
        }
        Ok(())
    }

    async fn open_when_loaded(&self, id: RequestId) {
        let mut revision = self.revision.subscribe();
        loop {
            match self.held() {
                Ok(held) if held.state.queue.loaded_at.is_some() => break,
                Ok(_) => {}
                Err(Broken) => return,
            }
            if revision.changed().await.is_err() {
                return;
            }
        }
        let _ = self.open(id).await;
    }

    fn happen(&self, message: Message) -> Result<(), Broken> {
        let now = self.now();
        let effects = machine::update(&mut self.held()?.state, message, now);
        self.perform(effects);
        self.changed();
        Ok(())
    }

    fn perform(&self, effects: Vec<machine::Effect>) {
        if let Some(driver) = self.driver.get() {
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

/// Why there is no inbox.
#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error("nothing is configured")]
    Nothing,
    #[error(transparent)]
    Home(#[from] NoHome),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Inbox(#[from] InboxError),
}

impl Unready {
    /// What is wrong; nothing when merely nothing is configured.
    fn problem(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            other => Some(machine::view::escaped(&other.to_string().as_str().into())),
        }
    }
}

fn inbox(config: Option<&PathBuf>) -> Result<Inbox, Unready> {
    let home = Home::from_environment()?;
    let config = match config {
        Some(file) => Config::load(file)?,
        None => Config::load(&home.config_file())?,
    };
    if config.root.is_none() && config.person.is_none() {
        return Err(Unready::Nothing);
    }
    let options = Options {
        ca_file: config.ca_file.clone(),
        ..Options::default()
    };
    Ok(Inbox::open_with(&home, config, options)?)
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
        console.drive(Three);
        let mut snapshot = console.snapshot(0).await.unwrap();
        while snapshot.queue.total < 3 {
            snapshot = console.snapshot(snapshot.revision).await.unwrap();
        }
        console
    }

    async fn read(console: &Arc<Console>) -> Option<String> {
        let detail = console.snapshot(0).await.unwrap().detail;
        detail.map(|detail| detail.id)
    }

    #[tokio::test]
    async fn a_click_opens_the_request_that_was_clicked() {
        let console = loaded().await;
        for number in [3, 1, 2] {
            console.take(Input::Open { id: id(number) }).await.unwrap();
            assert_eq!(read(&console).await, Some(id(number).to_string()));
        }
        console.take(Input::Back).await.unwrap();
        console.take(Input::Open { id: id(9) }).await.unwrap();
        assert_eq!(read(&console).await, None);
    }

    #[tokio::test]
    async fn the_page_is_told_when_something_happens_and_only_then() {
        let console = loaded().await;
        let now = console.snapshot(0).await.unwrap().revision;
        let waiting = tokio::spawn({
            let console = Arc::clone(&console);
            async move { console.snapshot(now).await.unwrap().revision }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!waiting.is_finished());
        console.take(Input::Last).await.unwrap();
        assert!(waiting.await.unwrap() > now);
    }

    #[tokio::test]
    async fn foreign_text_is_escaped_before_the_page_gets_it() {
        let console = loaded().await;
        let text = serde_json::to_string(&console.snapshot(0).await.unwrap()).unwrap();
        assert!(text.contains("202E") && !text.contains('\u{202e}'), "{text}");
    }

    #[tokio::test]
    async fn a_window_far_below_the_end_shows_the_end() {
        let console = loaded().await;
        console.take(Input::Rows { first: usize::MAX }).await.unwrap();
        let snapshot = console.snapshot(0).await.unwrap();
        assert_eq!((snapshot.first_row, snapshot.queue.rows.len()), (2, 1));
        assert!(console.lines(usize::MAX, usize::MAX).unwrap().lines.is_empty());
    }

    #[test]
    fn a_configuration_that_is_wrong_is_told_and_a_missing_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |text: &str| {
            let file = folder.path().join("config.toml");
            std::fs::write(&file, text).unwrap();
            inbox(Some(&file)).unwrap_err().problem()
        };
        assert_eq!(problem(""), None);
        assert!(
            problem("persn = 'alex'")
                .unwrap()
                .contains("did you mean `person`?")
        );
        assert!(problem("person = 'alex'").unwrap().contains("countersign login"));
    }
}
