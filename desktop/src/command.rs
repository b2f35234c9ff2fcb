//! What the page may ask for. Each command is one line over the [`Console`]; none of them decides anything.

#![expect(
    clippy::unreachable,
    reason = "Tauri's macro writes it into what it makes of a command"
)]

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
    /// Opens the request under the cursor; among findings, goes to the line that one is about.
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
    /// Shows a lane of the queue.
    Lane {
        /// Its place among the lanes.
        lane: usize,
    },
    /// Shows the next lane.
    NextLane,
    /// Shows the lane before.
    PreviousLane,
    /// Orders the queue by the next of its orders.
    Reorder,
    /// Shows both sides of a change beside each other, or one under the other.
    Beside,
    /// Folds unchanged parts away, or shows them.
    Fold,
    /// Goes to the next finding.
    NextFinding,
    /// Goes to the finding before.
    PreviousFinding,
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tauri::WebviewWindowBuilder;
    use tauri::ipc::{CallbackFn, InvokeBody};
    use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder};
    use tauri::webview::InvokeRequest;

    use super::*;

    fn window(label: &str) -> tauri::WebviewWindow<MockRuntime> {
        let nowhere = std::env::temp_dir().join("countersign-desktop-test-has-no-such-file.toml");
        let console = tauri::async_runtime::block_on(async { Console::start(Some(nowhere), None) });
        let app = mock_builder()
            .manage(console)
            .invoke_handler(tauri::generate_handler![snapshot, dispatch, lines])
            .build(tauri::generate_context!())
            .unwrap();
        WebviewWindowBuilder::new(&app, label, tauri::WebviewUrl::default())
            .build()
            .unwrap()
    }

    fn call(
        window: &tauri::WebviewWindow<MockRuntime>,
        from: &str,
        command: &str,
        body: Value,
    ) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.into(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: from.parse().unwrap(),
            body: InvokeBody::Json(body),
            headers: tauri::http::HeaderMap::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        get_ipc_response(window, request).map(|body| body.deserialize().unwrap())
    }

    const OWN: &str = if cfg!(windows) {
        "http://tauri.localhost"
    } else {
        "tauri://localhost"
    };

    #[test]
    fn the_page_gets_a_snapshot_and_nothing_of_the_platform() {
        let window = window(crate::window::LABEL);
        let snapshot = call(&window, OWN, "snapshot", json!({ "after": 0 })).unwrap();
        assert_eq!(snapshot["screen"], "first-run");
        assert_eq!(snapshot["setup"]["choices"].as_array().unwrap().len(), 3);
        assert!(call(&window, OWN, "dispatch", json!({ "message": { "do": "help" } })).is_ok());
        for other in [
            "plugin:event|listen",
            "plugin:window|close",
            "plugin:webview|internal_toggle_devtools",
            "sign",
        ] {
            assert!(call(&window, OWN, other, json!({})).is_err(), "{other}");
        }
    }

    #[test]
    fn other_pages_and_other_windows_get_nothing() {
        let body = || json!({ "after": 0 });
        assert!(
            call(
                &window(crate::window::LABEL),
                "https://example.com",
                "snapshot",
                body()
            )
            .is_err()
        );
        assert!(call(&window("other"), OWN, "snapshot", body()).is_err());
    }

    #[test]
    fn no_word_of_the_page_decides() {
        for word in [
            "sign", "begin", "approve", "deny", "write", "paste", "saw", "focus", "quit", "Sign",
        ] {
            let message: Result<Input, _> = serde_json::from_value(json!({ "do": word }));
            assert!(message.is_err(), "{word}");
        }
        assert_eq!(
            serde_json::from_value::<Input>(json!({ "do": "enter" })).unwrap(),
            Input::Enter
        );
        assert!(serde_json::from_value::<Input>(json!({ "do": "move", "by": 1, "sign": true })).is_err());
    }
}
