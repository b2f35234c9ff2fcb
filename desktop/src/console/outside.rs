//! What is done outside the page: the person is asked, told, and counted for.

use std::sync::Arc;

use countersign_console::machine::queue::Lane;
use countersign_console::machine::{self, Command, Confirmation, Effect, Message, Moment, Passphrase};

use super::{Console, Held};
use crate::native::{Arrival, Native};

/// What is to be done once the state is let go.
#[derive(Debug, Default)]
pub(super) struct After {
    pub(super) effects: Vec<Effect>,
    confirm: Option<Box<Confirmation>>,
    copy: Option<String>,
    withdraw: bool,
    arrivals: Vec<Arrival>,
}

impl Console {
    /// Gives it the world outside the page, which hears at once how many requests need the person: the queue may be there
    /// already. Without such a world nothing is ever confirmed.
    pub fn attach(&self, native: impl Native) {
        let _ = self.native.set(Box::new(native));
        self.count();
    }

    /// Does outside the page what a change of the state asks for.
    pub(super) fn run_errands(self: &Arc<Self>, after: After) {
        if let Some(native) = self.native.get() {
            if after.withdraw {
                native.withdraw();
            }
            if let Some(text) = after.copy {
                native.copy(text);
            }
            for arrival in after.arrivals {
                native.tell(arrival);
            }
            self.count();
        }
        if let Some(confirmation) = after.confirm {
            self.ask(*confirmation);
        }
    }

    /// Tells how many requests need the person. Nothing happens to the state meanwhile, so the last that is told is the newest.
    fn count(&self) {
        if let Some(native) = self.native.get()
            && let Ok(held) = self.held()
        {
            native.count(held.state.queue.count(Lane::Mine));
        }
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

    fn answer(self: &Arc<Self>, number: u64, unlocked: Option<Passphrase>) {
        if let Ok(mut held) = self.held() {
            held.asked = held.asked.take_if(|asked| *asked != number);
        }
        // After a fault of this program nothing is signed.
        let _ = self.happen(Message::Answered(number, unlocked));
    }
}

impl Held {
    /// Takes out of the state what a front end has to do.
    pub(super) fn after(&mut self, effects: Vec<Effect>, now: Moment) -> After {
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
        }
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
