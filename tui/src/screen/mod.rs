//! The full-screen console: keys in, messages to the machine, frames out.
//!
//! Drawing functions take the state and touch nothing. Everything that comes in goes over one channel; what is
//! waiting there is taken at once and drawn once. With nothing under way the program sleeps.

mod binding;
mod canvas;
mod detail;
mod dialog;
mod first_run;
mod frame;
mod help;
mod input;
mod keymap;
mod pager;
mod pane;
mod queue;
mod terminal;
mod theme;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use countersign_console::config::{Terminal, ThemeName};
use countersign_console::machine::driver::{Desk, Driver};
use countersign_console::machine::view::{self, PaneView};
use countersign_console::machine::{
    self, Command, End, FirstRunChoice, Lane, Message, Moment, News, Order, Pane, Position, Progress,
    Reading, Row, State, Trouble, Trust, message::Step,
};
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::ViewDigest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use tokio::sync::mpsc;

use binding::Intent;
pub use frame::draw as paint;
use input::{Event, Input};
pub use keymap::{Keymap, KeymapError};
use terminal::Screen;
pub use theme::Theme;

/// How long a decision under way is waited for at the end; after that it waits in the outbox.
const FAREWELL: Duration = Duration::from_secs(5);

/// How the console looks and is driven.
#[derive(Debug)]
pub struct Look {
    /// The colours.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// Whether the terminal is asked to tell of new requests.
    pub notify: bool,
}

impl Look {
    /// The look that is configured.
    ///
    /// # Errors
    /// [`KeymapError`] when a chosen key cannot be used.
    pub fn of(terminal: &Terminal) -> Result<Self, KeymapError> {
        Ok(Self {
            theme: Theme::choose(terminal.theme),
            keymap: Keymap::with(&terminal.keys)?,
            notify: terminal.notify,
        })
    }
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
        theme: Theme::choose(ThemeName::Auto),
        keymap: Keymap::default(),
        notify: false,
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

impl Console {
    async fn run(
        &mut self,
        events: &mut mpsc::UnboundedReceiver<Event>,
        driver: &Driver,
    ) -> anyhow::Result<Outcome> {
        loop {
            self.draw()?;
            let next = match self.state.next_wake(self.now()) {
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
                }
            }
            None => {
                if let Some(c) = written(key) {
                    self.tell(Message::Command(Command::Write(c)), driver);
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, message: Message, driver: &Driver) {
        let now = self.now();
        driver.perform(machine::update(&mut self.state, message, now));
        if let Some(text) = self.state.clipboard.take() {
            // A terminal that takes no copies ignores it; the notice names what was copied.
            let _ = self.screen.copy(&text);
        }
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
        self.first = queue::first(&self.state.queue, frame::body(area), self.first);
        if self.state.queue.arrived > self.told {
            let new = self.state.queue.arrived - self.told;
            self.told = self.state.queue.arrived;
            if self.look.notify {
                self.screen.notify(new)?;
            }
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

/// What of the sheet is wholly on screen and covered by nothing.
fn seen(state: &State, now: Moment, area: Rect) -> Option<(ViewDigest, Position, Position)> {
    let open = state.detail.as_deref().filter(|open| open.pane == Pane::Sheet)?;
    let covered = state.help || state.ceremony.is_some() || state.screen != machine::Screen::Detail;
    if covered || !frame::fits(area) {
        return None;
    }
    let (from, to) = detail::on_screen(state, now, frame::body(area))?;
    Some((open.reading()?.view_digest, from, to))
}

/// What an intent asks of the machine, given what is on screen.
fn command(state: &State, intent: Intent, now: Moment, area: Rect) -> Option<Command> {
    let page = i64::from(frame::body(area).height).max(2);
    Some(match intent {
        Intent::Down => return moved(state, 1, now, area),
        Intent::Up => return moved(state, -1, now, area),
        Intent::HalfDown => return moved(state, page / 2, now, area),
        Intent::HalfUp => return moved(state, -page / 2, now, area),
        Intent::PageDown => return moved(state, i64::MAX, now, area),
        Intent::PageUp => return moved(state, i64::MIN, now, area),
        Intent::Top => return ends(state, Command::First, now, area),
        Intent::Bottom => return ends(state, Command::Last, now, area),
        Intent::NextMark => return landmark(state, Step::Next, now, area),
        Intent::PreviousMark => return landmark(state, Step::Previous, now, area),
        Intent::Unseen => {
            let open = state.detail.as_deref()?;
            let line = open.attention.first_unseen()?;
            if open.pane != Pane::Sheet {
                return Some(Command::Read(Pane::Sheet));
            }
            let (pane, rect, _) = open_pane(state, now, area)?;
            Command::Scroll(
                Pane::Sheet,
                Position { line, character: 0 }.min(pane::end(&pane, rect)),
            )
        }
        Intent::Enter => Command::Enter,
        Intent::Back => Command::Back,
        Intent::NextPane => Command::StepPane(Step::Next),
        Intent::PreviousPane => Command::StepPane(Step::Previous),
        Intent::Pane(number) => Command::Read(state.detail.as_deref()?.panes().get(number).copied()?),
        Intent::NextLane => Command::StepLane(Step::Next),
        Intent::PreviousLane => Command::StepLane(Step::Previous),
        Intent::Lane(number) => Command::Show(Lane::ALL.get(number).copied()?),
        Intent::Reorder => Command::Reorder,
        Intent::Beside => Command::ToggleBeside,
        Intent::Fold => Command::ToggleFold,
        Intent::Copy => Command::Copy,
        Intent::Preset => Command::Preset,
        Intent::Filter => Command::Filter,
        Intent::Help => Command::Help,
        Intent::Refresh => Command::Refresh,
        Intent::LookAgain => Command::LookAgain,
        Intent::Approve => Command::Begin(Verdict::Approve),
        Intent::Deny => Command::Begin(Verdict::Deny),
        Intent::Sign => Command::Sign,
        Intent::NextField => Command::StepField(Step::Next),
        Intent::PreviousField => Command::StepField(Step::Previous),
        Intent::Erase => Command::Erase,
        Intent::EraseAll => Command::EraseAll,
        Intent::Quit => Command::Quit,
        Intent::Suspend | Intent::Redraw | Intent::Pager => return None,
    })
}

/// Moves by rows; `i64::MAX` and `i64::MIN` stand for a page.
fn moved(state: &State, by: i64, now: Moment, area: Rect) -> Option<Command> {
    if state.screen != machine::Screen::Detail {
        let page = i64::try_from(queue::rows_in(frame::body(area)))
            .unwrap_or(1)
            .max(1);
        return Some(Command::Move(by.clamp(-page, page)));
    }
    let (pane, rect, top) = open_pane(state, now, area)?;
    // A page keeps one row of the page before.
    let page = i64::from(rect.height).saturating_sub(1).max(1);
    let top = pane::scrolled(&pane, top, rect, by.clamp(-page, page));
    Some(Command::Scroll(state.detail.as_deref()?.pane, top))
}

fn ends(state: &State, command: Command, now: Moment, area: Rect) -> Option<Command> {
    if state.screen != machine::Screen::Detail {
        return Some(command);
    }
    let (pane, rect, _) = open_pane(state, now, area)?;
    let top = if command == Command::First {
        Position::default()
    } else {
        pane::end(&pane, rect)
    };
    Some(Command::Scroll(state.detail.as_deref()?.pane, top))
}

/// Goes to the next match of what is searched for, or else the next change or finding; in panes without any, a
/// page on.
fn landmark(state: &State, step: Step, now: Moment, area: Rect) -> Option<Command> {
    let open = state.detail.as_deref()?;
    if open.pane == Pane::Findings && open.search.is_empty() {
        return Some(Command::StepFinding(step));
    }
    let (pane, rect, top) = open_pane(state, now, area)?;
    let marks = || {
        open.reading()
            .map(|reading| reading.landmarks(open.pane, open.shape))
            .unwrap_or_default()
    };
    if !open.search.is_empty() {
        // On top, even where less than a screenful follows: so the next one is found after it.
        let line = pane.find(&open.search, Some(top.line), step)?;
        return Some(Command::Scroll(open.pane, Position { line, character: 0 }));
    }
    let line = match step {
        Step::Next => marks().into_iter().find(|line| *line > top.line),
        Step::Previous => marks().into_iter().rev().find(|line| *line < top.line),
    };
    let Some(line) = line else {
        return moved(
            state,
            if step == Step::Next { i64::MAX } else { i64::MIN },
            now,
            area,
        );
    };
    Some(Command::Scroll(
        open.pane,
        Position { line, character: 0 }.min(pane::end(&pane, rect)),
    ))
}

fn open_pane(state: &State, now: Moment, area: Rect) -> Option<(PaneView<'_>, Rect, Position)> {
    let open = state.detail.as_deref()?;
    let layout = detail::layout(&view::detail(state, now)?, frame::body(area));
    Some((PaneView::of_detail(open)?, layout.pane, open.top()))
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
