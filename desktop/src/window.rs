//! The window, and what its page may not do: leave, open others, download, be inspected or operated by programs.

use std::ffi::OsString;

use tauri::webview::NewWindowResponse;
use tauri::{App, Runtime, Url, WebviewUrl, WebviewWindowBuilder};

/// The window's name; the capability file names it too.
pub const LABEL: &str = "main";

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

/// Opens the window.
///
/// # Errors
/// What the platform says.
pub fn open<R: Runtime>(app: &App<R>) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Countersign")
        .inner_size(1240.0, 820.0)
        .min_inner_size(720.0, 480.0)
        .zoom_hotkeys_enabled(true)
        .devtools(false)
        // Nothing of what is read stays on disk. The engine lets no program operate such a page at all.
        .incognito(!cfg!(feature = "webdriver"))
        .general_autofill_enabled(false)
        .on_navigation(is_own)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()
        .map(drop)
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
}
