//! The window, and what its page may not do: leave, open others, download, be inspected or operated by programs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_console::config::Zoom;
use serde::{Deserialize, Serialize};
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, DragDropEvent, Manager, Runtime, Url, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tokio::sync::oneshot;

use crate::console::Console;
use crate::target::Target;

/// The window's name; the capability file names it too.
pub const LABEL: &str = "main";

/// The least width and height.
const LEAST: (f64, f64) = (720.0, 480.0);
/// The most of either that is believed.
const MOST: f64 = 20_000.0;
/// How long a window has to stand until it counts as shown.
const STANDS: Duration = Duration::from_millis(250);
/// Variables by which another program would operate or inspect the page.
const AUTOMATION: [&str; 3] = [
    "TAURI_WEBVIEW_AUTOMATION",
    "WEBKIT_INSPECTOR_SERVER",
    "WEBKIT_INSPECTOR_HTTP_SERVER",
];

/// Another program would operate the page.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is set: it lets other programs operate the window. Unset it, or use a build made for tests")]
pub struct Automated(&'static str);

/// Refuses an environment in which another program would operate the page.
///
/// # Errors
/// [`Automated`] names the variable.
pub fn refuse_automation(variable: impl Fn(&str) -> Option<OsString>) -> Result<(), Automated> {
    match AUTOMATION.into_iter().find(|name| variable(name).is_some()) {
        Some(name) => Err(Automated(name)),
        None => Ok(()),
    }
}

/// How the window lies on the screen, and what is to be known when it closes.
#[derive(Debug, Default)]
pub struct Place {
    /// The file that keeps it from one start to the next.
    file: Option<PathBuf>,
    /// Whether the program goes on without a window, because it can be called back from the tray.
    stays: AtomicBool,
    /// Whether the window is being closed, and the program with it unless that stays.
    closes: AtomicBool,
}

impl Place {
    /// The place that a file keeps.
    pub const fn kept_in(file: Option<PathBuf>) -> Self {
        Self {
            file,
            stays: AtomicBool::new(false),
            closes: AtomicBool::new(false),
        }
    }

    /// Whether the program goes on without a window.
    pub fn stays(&self) -> bool {
        self.stays.load(Ordering::SeqCst)
    }

    /// From now on nothing is opened any more: the window is being closed, or the program ends.
    pub fn closes(&self) {
        self.closes.store(true, Ordering::SeqCst);
    }
}

/// The size of a window, in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    width: f64,
    height: f64,
    maximized: bool,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            width: 1240.0,
            height: 820.0,
            maximized: false,
        }
    }
}

impl Size {
    /// The size in a file that this program wrote; the usual one where it says anything odd.
    fn read(file: Option<&PathBuf>) -> Self {
        let text = file.and_then(|file| std::fs::read_to_string(file).ok());
        let read: Option<Self> = text.and_then(|text| serde_json::from_str(&text).ok());
        let possible =
            |size: &Self| (LEAST.0..=MOST).contains(&size.width) && (LEAST.1..=MOST).contains(&size.height);
        read.filter(possible).unwrap_or_default()
    }
}

/// Opens the window.
///
/// # Errors
/// What the platform says.
pub fn open<R: Runtime, M: Manager<R>>(app: &M) -> tauri::Result<()> {
    let size = Size::read(app.state::<Place>().file.as_ref());
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Countersign")
        .inner_size(size.width, size.height)
        .maximized(size.maximized)
        .min_inner_size(LEAST.0, LEAST.1)
        .devtools(false)
        // Nothing of what is read stays on disk. The engine lets no program operate such a page at all.
        .incognito(!cfg!(feature = "webdriver"))
        .general_autofill_enabled(false)
        .on_navigation(is_own)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()?;
    let app = app.app_handle().clone();
    if let Ok(desktop) = app.state::<Arc<Console>>().manners() {
        zoom(&app, desktop.zoom);
    }
    window.on_window_event(move |event| happened(&app, event));
    Ok(())
}

/// Draws everything in the window as large as is wanted. The page can't: what does it by itself is not granted to it.
pub fn zoom<R: Runtime>(app: &AppHandle<R>, zoom: Zoom) {
    if let Some(window) = app.get_webview_window(LABEL) {
        let _ = window.set_zoom(f64::from(zoom.hundredths()) / 100.0);
    }
}

/// What to do about what happened to the window.
pub fn happened<R: Runtime>(app: &AppHandle<R>, event: &WindowEvent) {
    match event {
        WindowEvent::CloseRequested { .. } => {
            app.state::<Place>().closes();
            keep(app);
        }
        WindowEvent::Destroyed => {
            let place = app.state::<Place>();
            place.closes.store(!place.stays(), Ordering::SeqCst);
        }
        // What is dropped on the window never reaches the page.
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => {
            if let Some(path) = paths.first().cloned() {
                let console = Arc::clone(&app.state::<Arc<Console>>());
                tauri::async_runtime::spawn(async move { console.open(Target::File(path)).await });
            }
        }
        _ => {}
    }
}

/// Keeps the size of the window for the next start. It is a comfort: where it cannot be written, nothing is lost.
fn keep<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = app.get_webview_window(LABEL) else {
        return;
    };
    let place = app.state::<Place>();
    let (Some(file), Ok(inner), Ok(scale)) = (&place.file, window.inner_size(), window.scale_factor()) else {
        return;
    };
    let logical = inner.to_logical::<f64>(scale);
    let size = Size {
        width: logical.width,
        height: logical.height,
        maximized: window.is_maximized().unwrap_or(false),
    };
    if let Ok(text) = serde_json::to_string(&size) {
        let _ = std::fs::write(file, text);
    }
}

/// Brings the window to the front; opens it again where it was closed.
pub fn present(app: &AppHandle) {
    let again = app.clone();
    let _ = app.run_on_main_thread(move || front(&again));
}

/// The same for somebody who is told whether the window shows it. It does not while it is being closed or the program ends,
/// nor once nobody waits for the answer any more.
pub async fn present_if_open(app: &AppHandle) -> bool {
    if !while_open(app, front).await {
        return false;
    }
    // The click that closes it may have come before, and be heard after.
    tokio::time::sleep(STANDS).await;
    while_open(app, |_| ()).await
}

/// Does something in the event loop, unless the window is being closed.
async fn while_open(app: &AppHandle, act: impl FnOnce(&AppHandle) + Send + 'static) -> bool {
    let (done, is_done) = oneshot::channel();
    let again = app.clone();
    let asked = app.run_on_main_thread(move || {
        // What closes the window happens in this thread too, so not between this and the next lines.
        let closes = again.state::<Place>().closes.load(Ordering::SeqCst);
        if !closes && done.send(()).is_ok() {
            act(&again);
        }
    });
    asked.is_ok() && is_done.await.is_ok()
}

fn front(app: &AppHandle) {
    match app.get_webview_window(LABEL) {
        Some(window) => {
            let _ = window.unminimize();
            let _ = window.show();
            let _ = window.set_focus();
        }
        // Where the platform gives no window, the tray is still there to try once more.
        None => drop(open(app)),
    }
}

/// Whether somebody looks at the window now. One that was brought to the front and put away at once is told of its focus late.
pub fn is_looked_at(app: &AppHandle) -> bool {
    app.get_webview_window(LABEL).is_some_and(|window| {
        window.is_focused().unwrap_or(false)
            && window.is_visible().unwrap_or(false)
            && !window.is_minimized().unwrap_or(false)
    })
}

/// Lets the program go on when its window is closed.
pub fn keep_running(app: &AppHandle) {
    app.state::<Place>().stays.store(true, Ordering::SeqCst);
}

/// Whether an address is the embedded page, as it is named on the platform.
fn is_own(url: &Url) -> bool {
    let plain = url.port().is_none() && url.username().is_empty() && url.password().is_none();
    let place = if cfg!(windows) {
        ("http", "tauri.localhost")
    } else {
        ("tauri", "localhost")
    };
    plain && url.scheme() == place.0 && url.host_str() == Some(place.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_cannot_be_led_elsewhere() {
        let own = if cfg!(windows) {
            "http://tauri.localhost/index.html"
        } else {
            "tauri://localhost/index.html"
        };
        assert!(is_own(&own.parse().unwrap()));
        for other in [
            "https://example.com/",
            "http://localhost/",
            "tauri://example.com/",
            "tauri://localhost.example.com/",
            "tauri://user@localhost/",
            "tauri://localhost:80/",
            "data:text/html,hello",
            "about:blank",
            "file:///etc/passwd",
            "ipc://localhost/snapshot",
            "javascript:alert(1)",
        ] {
            assert!(!is_own(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn a_program_cannot_operate_the_window() {
        assert_eq!(refuse_automation(|_| None), Ok(()));
        for name in AUTOMATION {
            let set = |asked: &str| (asked == name).then(|| OsString::from("0"));
            assert_eq!(refuse_automation(set), Err(Automated(name)));
        }
    }

    #[test]
    fn a_size_that_makes_no_sense_is_the_usual_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("desktop.json");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Size::read(Some(&file))
        };
        let kept = Size {
            width: 900.0,
            height: 700.0,
            maximized: true,
        };
        assert_eq!(read(&serde_json::to_string(&kept).unwrap()), kept);
        for odd in [
            "",
            "{}",
            r#"{"width":1,"height":700,"maximized":false}"#,
            r#"{"width":1e300,"height":700,"maximized":false}"#,
            r#"{"width":900,"height":700,"maximized":false,"more":1}"#,
        ] {
            assert_eq!(read(odd), Size::default(), "{odd}");
        }
        assert_eq!(Size::read(None), Size::default());
    }
}
