//! A change while it is being made: the database, and what to say of the change once it is durable.

use std::cell::RefCell;
use std::ops::Deref;

use rusqlite::Connection;

/// What is done once a change is durable.
type Afterwards = Box<dyn FnOnce() + Send>;

/// A change that is not durable yet, over the connection that makes it.
pub struct Pending<'a> {
    conn: &'a Connection,
    afterwards: RefCell<Vec<Afterwards>>,
}

impl std::fmt::Debug for Pending<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl<'a> Pending<'a> {
    /// A change over `conn`, in a transaction of the caller's.
    #[must_use]
    pub const fn over(conn: &'a Connection) -> Self {
        Self {
            conn,
            afterwards: RefCell::new(Vec::new()),
        }
    }

    /// Does something once the change is durable, and never when it is undone: what is logged has then happened.
    pub fn once_durable(&self, afterwards: impl FnOnce() + Send + 'static) {
        self.afterwards.borrow_mut().push(Box::new(afterwards));
    }

    /// What is to be done after the commit, in order.
    pub fn afterwards(self) -> impl FnOnce() + Send + 'static {
        let all = self.afterwards.into_inner();
        move || all.into_iter().for_each(|one| one())
    }
}

impl Deref for Pending<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn
    }
}
