//! The desk behind the machine: that of the backend, or that of a file; and what is opened on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_console::desk::ReviewerDesk;
use countersign_console::machine::driver::{Desk, Driver};
use countersign_console::machine::{self, Command, Message, News, State};
use countersign_console::offline::desk::FileDesk;
use countersign_protocol::identity::RequestId;

use super::{Broken, Console, Held};
use crate::input::Input;
use crate::ready::{self, Opened, inbox};
use crate::snapshot::FileView;
use crate::target::Target;

/// How long a decision under way may take when another desk is opened.
const FAREWELL: Duration = Duration::from_secs(60);

impl Console {
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
        self.held()?.leave_aside();
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

    pub(super) fn leave_file(self: &Arc<Self>) -> Result<(), Broken> {
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

    pub(super) fn is_connected(&self) -> Result<bool, Broken> {
        Ok(self.driver.lock().map_err(|_| Broken)?.is_some())
    }

    /// Tells why something that was asked for could not be done.
    pub fn fail(self: &Arc<Self>, why: &str) -> Result<(), Broken> {
        self.happen(Message::Command(Command::Failed(why.to_owned())))
    }

    /// Connects where that is configured; else says what is missing.
    pub(super) fn connect(self: &Arc<Self>) {
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
        (held.aside, held.left) = (None, None);
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
}

impl Held {
    const fn is_loaded(&self) -> bool {
        self.state.queue.loaded_at.is_some() || self.state.queue.trouble.is_some()
    }
}
