//! What the page may ask for. Each command is one line over the [`Console`]; none of them decides anything.

use std::sync::Arc;

use countersign_protocol::identity::RequestId;
use serde::Deserialize;
use tauri::State;

use crate::console::{Broken, Console};
use crate::snapshot::{Lines, Snapshot};

/// What a person can do in the window. There is no word here for a decision: it is made in the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Input {
    /// Moves the cursor of the queue by rows.
    Move {
        /// How many, downwards.
        by: i64,
    },
    /// Moves the cursor to the top.
    First,
    /// Moves the cursor to the end.
    Last,
    /// Opens the request under the cursor.
    Enter,
    /// Opens a request.
    Open {
        /// Which.
        id: RequestId,
    },
    /// Goes back, closes what is on top.
    Back,
    /// Reads a tab.
    Read {
        /// Its place among the tabs.
        tab: usize,
    },
    /// Reads the next tab.
    NextTab,
    /// Reads the tab before.
    PreviousTab,
    /// Searches the queue.
    Filter {
        /// For what.
        text: String,
    },
    /// Looks at other rows of the queue.
    Rows {
        /// The first of them.
        first: usize,
    },
    /// Shows or hides the list of keys.
    Help,
    /// Fetches everything again; where nothing is configured, looks whether that changed.
    Refresh,
    /// Takes what moved, and starts to read anew.
    LookAgain,
}

/// Waits until something differs from what was drawn last, and says how all looks then.
#[tauri::command]
pub async fn snapshot(console: State<'_, Arc<Console>>, after: u64) -> Result<Snapshot, Broken> {
    console.snapshot(after).await
}

/// Lets the person do something.
#[tauri::command]
pub async fn dispatch(console: State<'_, Arc<Console>>, message: Input) -> Result<(), Broken> {
    console.inner().take(message).await
}

/// Lines of the tab that is read.
#[tauri::command]
pub async fn lines(console: State<'_, Arc<Console>>, first: usize, count: usize) -> Result<Lines, Broken> {
    console.lines(first, count)
}
