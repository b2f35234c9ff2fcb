//! The full-screen console: keys in, messages to the machine, frames out.
//!
//! Drawing functions take the state and touch nothing. Everything that comes in goes over one channel; what is
//! waiting there is taken at once and drawn once. With nothing under way the program sleeps.

mod batch;
mod binding;
mod canvas;
mod detail;
mod dialog;
mod editor;
mod first_run;
mod frame;
mod help;
mod input;
mod intent;
mod keymap;
mod pager;
mod pane;
mod question;
mod queue;
mod reveal;
mod terminal;
mod theme;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use countersign_console::config::{Notify, Terminal, ThemeName};
use countersign_console::machine::driver::{Desk, Driver};
use countersign_console::machine::{
    self, Command, End, FirstRunChoice, Message, Moment, News, Order, Position, Progress, Reading, Row,
    State, Trouble, Trust,
};
use countersign_protocol::digest::ViewDigest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use tokio::sync::mpsc;

use binding::Intent;
pub use frame::draw as paint;
use input::{Event, Input};
use intent::{command, seen, seen_of_draft};
pub use keymap::{Keymap, KeymapError};
use terminal::Screen;
pub use theme::{Theme, ThemeError};

/// How long a decision under way is waited for at the end; after that it waits in the outbox.
const FAREWELL: Duration = Duration::from_secs(5);

/// How the console looks and is driven.
#[derive(Debug)]
pub struct Look {
    /// The colours.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// Whether and how the terminal is asked to tell of new requests.
    pub notify: Notify,
}

impl Look {
    /// The look that is configured.
    ///
    /// # Errors
    /// [`LookError`] when a chosen key or colour cannot be used.
    pub fn of(terminal: &Terminal) -> Result<Self, LookError> {
        Ok(Self {
            theme: Theme::choose(terminal.theme, &terminal.colours)?,
            keymap: Keymap::with(&terminal.keys)?,
            notify: terminal.notify,
        })
    }
}

/// Why the console cannot look and be driven as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// By its keys.
    #[error(transparent)]
    Keymap(#[from] KeymapError),
    /// By its colours.
    #[error(transparent)]
    Theme(#[from] ThemeError),
}

/// How the console was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The person left.
    Left,
    /// The person chose on the first-run screen.
    Chose(FirstRunChoice),
    /// A signal ended it.
    Ended(i32),
}

/// Runs the console until it is left; the terminal is as it was afterwards.
///
/// # Errors
/// When the terminal refuses, or goes away.
pub async fn run<D: Desk>(desk: D, state: State, look: Look) -> anyhow::Result<Outcome> {
    terminal::check().map_err(anyhow::Error::msg)?;
    let (sender, mut events) = mpsc::unbounded_channel();
    let news = sender.clone();
    let driver = Driver::start(desk, move |message| {
        // Nobody listens only once the console was left.
        let _ = news.send(Event::News(message));
    });
    let state = State {
        keys: look.keymap.names(),
        ..state
    };
    let mut console = Console {
        state,
        look,
        told: 0,
        began: Instant::now(),
        first: 0,
        saw: None,
        input: None,
        sender: sender.clone(),
        screen: Screen::take().context("the terminal does not give a full screen")?,
    };
    console.input = Some(Input::start(&sender).context("keys cannot be read")?);
    driver.perform(machine::start(&mut console.state));
    let outcome = console.run(&mut events, &driver).await;
    // First the keyboard, then the screen; a decision that is under way is still sent.
    drop(console.input.take());
    drop(console);
    let _ = tokio::time::timeout(FAREWELL, driver.finish()).await;
    outcome
}

/// Shows what a new user can do, and returns what was chosen.
///
/// # Errors
/// When the terminal refuses, or goes away.
pub async fn first_run() -> anyhow::Result<Outcome> {
    let look = Look {
        theme: Theme::choose(ThemeName::Auto, &BTreeMap::new())?,
        keymap: Keymap::default(),
        notify: Notify::Off,
    };
    run(Nothing, State::first_run(), look).await
}

/// The desk of a console where nothing is configured.
struct Nothing;

impl Nothing {
    fn trouble<T>() -> Result<T, Trouble> {
        Err(Trouble::new("not-configured", "nothing is configured here"))
    }
}

impl Desk for Nothing {
    async fn trust(&self) -> Result<Trust, Trouble> {
        Self::trouble()
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        Self::trouble()
    }

    async fn open(&self, _id: RequestId) -> Result<Reading, Trouble> {
        Self::trouble()
    }

    async fn decide(&self, _order: Order, report: impl Fn(Progress) + Send + Sync) {
        report(Progress::Failed("nothing is configured here".into()));
    }

    async fn watch(&self, _tell: impl Fn(News) + Send + Sync) {}
}

struct Console {
    state: State,
    look: Look,
    /// Of how many new requests the terminal was told.
    told: u64,
    input: Option<Input>,
    sender: mpsc::UnboundedSender<Event>,
    began: Instant,
    /// The first row of the queue on screen.
    first: usize,
    /// What of the sheet was reported as seen last.
    saw: Option<(ViewDigest, Position, Position)>,
    screen: Screen,
}

/// As many rows as are on any terminal.
const MOST_ROWS: usize = 200;

impl Console {
    async fn run(
        &mut self,
        events: &mut mpsc::UnboundedReceiver<Event>,
        driver: &Driver,
    ) -> anyhow::Result<Outcome> {
        loop {
            self.draw()?;
            let shown = self.first..self.first.saturating_add(MOST_ROWS);
            let next = match self.state.next_wake(self.now(), shown) {
                Some(wait) => tokio::time::timeout(wait, events.recv()).await,
                None => Ok(events.recv().await),
            };
            let first = match next {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(Outcome::Left),
                Err(_) => {
                    self.tell(Message::Tick, driver);
                    continue;
                }
            };
            let mut batch = vec![first];
            while let Ok(event) = events.try_recv() {
                batch.push(event);
            }
            let keys = batch
                .iter()
                .filter(|event| matches!(event, Event::Terminal(TerminalEvent::Key(_))))
                .count();
            for event in batch {
                if let Some(outcome) = self.take(event, keys > 1, driver)? {
                    return Ok(outcome);
                }
            }
        }
    }

    fn take(&mut self, event: Event, many: bool, driver: &Driver) -> anyhow::Result<Option<Outcome>> {
        match event {
            Event::News(news) => self.tell(Message::News(news), driver),
            Event::Terminal(TerminalEvent::Paste(text)) => {
                self.tell(Message::Command(Command::Paste(text)), driver);
            }
            Event::Terminal(TerminalEvent::Key(key)) if key.kind != KeyEventKind::Release => {
                self.press(key, many, driver)?;
            }
            Event::Terminal(_) => {}
            Event::Resized => self.screen.forget()?,
            Event::Suspend => self.screen.suspend()?,
            Event::Ended(signal) => return Ok(Some(Outcome::Ended(signal))),
            Event::Gone => anyhow::bail!("the terminal is gone"),
        }
        Ok(self.state.end.map(|end| match end {
            End::Quit => Outcome::Left,
            End::Chose(choice) => Outcome::Chose(choice),
        }))
    }

    fn press(&mut self, key: KeyEvent, many: bool, driver: &Driver) -> anyhow::Result<()> {
        let area = area()?;
        match self.look.keymap.find(frame::place(&self.state), key) {
            Some(Intent::Redraw) => self.screen.forget()?,
            Some(Intent::Suspend) => self.screen.suspend()?,
            Some(Intent::Pager) => self.page(driver)?,
            // Keys that come all at once were not typed one by one: a paste that the terminal did not mark.
            Some(Intent::Sign) if many => self.tell(Message::Command(Command::Blurred), driver),
            Some(intent) => {
                if let Some(command) = command(&self.state, intent, self.now(), area) {
                    self.tell(Message::Command(command), driver);
                    self.edit(driver)?;
                }
            }
            None => {
                let writing = frame::place(&self.state).is_written_in();
                if let Some(c) = written(key) {
                    let command = if writing {
                        Command::Write(c)
                    } else {
                        self.unbound(c)
                    };
                    self.tell(Message::Command(command), driver);
                }
            }
        }
        Ok(())
    }

    /// What to do instead of pressing a key that does nothing here.
    fn unbound(&self, key: char) -> Command {
        let list = self.look.keymap.label(frame::place(&self.state), Intent::Help);
        let instead = match self.state.screen {
            machine::Screen::Queue => "Enter opens a request, ",
            _ => "",
        };
        Command::Hint(format!(
            "`{key}` does nothing here; {instead}{list} lists the keys"
        ))
    }

    fn tell(&mut self, message: Message, driver: &Driver) {
        let now = self.now();
        driver.perform(machine::update(&mut self.state, message, now));
        if let Some(text) = self.state.clipboard.take() {
            // A terminal that takes no copies ignores it; the notice names what was copied.
            let _ = self.screen.copy(&text);
        }
    }

    /// Has the text of a counter-proposal rewritten in the person's editor, which has keyboard and screen meanwhile.
    fn edit(&mut self, driver: &Driver) -> anyhow::Result<()> {
        let Some(text) = self.state.editing.take() else {
            return Ok(());
        };
        drop(self.input.take());
        self.screen.leave();
        let edited = editor::edit(&text);
        self.screen.enter()?;
        self.input = Some(Input::start(&self.sender).context("keys cannot be read")?);
        let command = match edited {
            Ok(text) => Command::Edited(text),
            Err(error) => Command::Failed(format!("the editor: {error}")),
        };
        self.tell(Message::Command(command), driver);
        Ok(())
    }

    /// Shows the sheet in the person's pager; the keyboard and the screen are the pager's meanwhile.
    fn page(&mut self, driver: &Driver) -> anyhow::Result<()> {
        let reading = self.state.detail.as_ref().and_then(|detail| detail.reading());
        let Some(reading) = reading.filter(|reading| !reading.sheet.is_empty()) else {
            return Ok(());
        };
        let lines = reading.sheet.iter().flat_map(|line| [line.text.as_str(), "\n"]);
        let text: String = lines.collect();
        drop(self.input.take());
        self.screen.leave();
        let shown = pager::show(&text);
        self.screen.enter()?;
        self.input = Some(Input::start(&self.sender).context("keys cannot be read")?);
        if let Err(error) = shown {
            self.tell(
                Message::Command(Command::Failed(format!("the pager: {error}"))),
                driver,
            );
        }
        Ok(())
    }

    /// Draws a frame; what of the sheet it showed is told to the machine, and the count of it drawn.
    fn draw(&mut self) -> anyhow::Result<()> {
        let area = area()?;
        let now = self.now();
        self.first = queue::first(&self.state.queue, now, frame::body(area), self.first);
        if self.state.queue.arrived > self.told {
            let new = self.state.queue.arrived - self.told;
            self.told = self.state.queue.arrived;
            self.screen.notify(self.look.notify, new)?;
        }
        let (state, look, first) = (&self.state, &self.look, self.first);
        self.screen
            .draw(|buffer| paint(buffer, look, state, now, first))?;
        let saw = seen(&self.state, now, area);
        if saw != self.saw {
            self.saw = saw;
            if let Some((view, from, to)) = saw {
                machine::update(
                    &mut self.state,
                    Message::Command(Command::Saw(view, from, to)),
                    now,
                );
                let state = &self.state;
                self.screen
                    .draw(|buffer| paint(buffer, look, state, now, first))?;
            }
        }
        self.draw_what_was_seen_of_a_draft(now, area)
    }

    /// What of a counter-proposal's difference the frame showed is told to the machine, and the count of it drawn.
    fn draw_what_was_seen_of_a_draft(&mut self, now: Moment, area: Rect) -> anyhow::Result<()> {
        let seen = |state: &State| {
            let counter = state
                .ceremony
                .as_ref()
                .and_then(|ceremony| ceremony.counter.as_ref());
            counter.map(|counter| counter.attention.lines())
        };
        let before = seen(&self.state);
        if let Some((action, from, to)) = seen_of_draft(&self.state, now, area) {
            let command = Command::SawDraft(action, from, to);
            machine::update(&mut self.state, Message::Command(command), now);
        }
        if seen(&self.state) != before {
            let (state, look, first) = (&self.state, &self.look, self.first);
            self.screen
                .draw(|buffer| paint(buffer, look, state, now, first))?;
        }
        Ok(())
    }

    fn now(&self) -> Moment {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        Moment {
            wall,
            up: self.began.elapsed(),
        }
    }
}

fn area() -> anyhow::Result<Rect> {
    let (width, height) = crossterm::terminal::size().context("the terminal does not tell its size")?;
    Ok(Rect {
        x: 0,
        y: 0,
        width,
        height,
    })
}

/// A character that was written, not a chord.
fn written(key: KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(c) if key.modifiers.difference(KeyModifiers::SHIFT).is_empty() => Some(c),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod tests;
