//! What the page may ask for. Each command is one line over the [`Console`]; none of them decides anything.

#![expect(
    clippy::unreachable,
    reason = "Tauri's macro writes it into what it makes of a command"
)]

use std::sync::Arc;

use countersign_console::machine::view::QueueRow;
use tauri::State;

use crate::console::{Broken, Console};
use crate::input::{Input, Signing, Typed};
use crate::snapshot::{Lines, Snapshot};

/// Waits until something differs from what was drawn last, and says how all looks then.
#[tauri::command]
pub async fn snapshot(
    console: State<'_, Arc<Console>>,
    after: u64,
    drawn: Option<String>,
) -> Result<Snapshot, Broken> {
    console.inner().snapshot(after, drawn.as_deref()).await
}

/// Lets the person do something.
#[tauri::command]
pub async fn dispatch(console: State<'_, Arc<Console>>, message: Input) -> Result<(), Broken> {
    console.inner().take(message)
}

/// Lines of the tab that is read.
#[tauri::command]
pub async fn lines(console: State<'_, Arc<Console>>, first: usize, count: usize) -> Result<Lines, Broken> {
    console.inner().lines(first, count)
}

/// Requests that answer a text, of the whole queue.
#[tauri::command]
pub async fn find(console: State<'_, Arc<Console>>, text: Typed) -> Result<Vec<QueueRow>, Broken> {
    console.inner().find(&text)
}

/// Asks the person, outside the page, whether what was shown and typed is to be signed.
#[tauri::command]
pub async fn sign(console: State<'_, Arc<Console>>, signing: Signing) -> Result<(), Broken> {
    console.inner().sign(signing)
}
