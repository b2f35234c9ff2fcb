//! The world outside the page on Linux: prompts in GTK, notifications and a tray icon over the session bus.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use countersign_console::config::Desktop;
use countersign_console::machine::Confirmation;
use gtk::glib;
use notify_rust::Notification;
use tauri::AppHandle;

use super::tray::Icon;
use super::{Answer, Arrival, Native, prompt};
use crate::console::Console;
use crate::target::Target;
use crate::window;

/// The most notifications that wait for a click at one time; a click on more is not heard.
const MAX_HEARD: usize = 8;

/// The world outside the page.
#[derive(Debug)]
pub struct Linux {
    app: AppHandle,
    console: Weak<Console>,
    manners: Mutex<Desktop>,
    icon: Option<Icon>,
    heard: Arc<AtomicUsize>,
}

impl Linux {
    /// That of an application and its console.
    pub fn of(app: &AppHandle, console: &Arc<Console>, manners: Desktop) -> Self {
        Self {
            app: app.clone(),
            console: Arc::downgrade(console),
            manners: Mutex::new(manners),
            icon: manners.tray.then(|| Icon::show(app)),
            heard: Arc::default(),
        }
    }

    /// Whether nothing is to be told at all, or at this time of day.
    fn is_quiet(&self) -> bool {
        let manners = self
            .manners
            .lock()
            .map_or_else(|broken| *broken.into_inner(), |manners| *manners);
        let minute = glib::DateTime::now_local()
            .ok()
            .and_then(|now| u16::try_from(now.hour() * 60 + now.minute()).ok());
        let hours = manners.quiet_hours;
        !manners.notify || minute.is_some_and(|minute| hours.is_some_and(|hours| hours.contains(minute)))
    }
}

impl Native for Linux {
    fn confirm(&self, confirmation: Confirmation, answer: Answer) {
        let app = self.app.clone();
        // Where no thread draws any more, nobody confirms: the answer is dropped and nothing is signed.
        let _ = self
            .app
            .run_on_main_thread(move || prompt::ask(&app, &confirmation, answer));
    }

    fn copy(&self, text: String) {
        let _ = self.app.run_on_main_thread(move || {
            gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD).set_text(&text);
        });
    }

    fn tell(&self, arrival: Arrival) {
        if self.is_quiet() || window::is_looked_at(&self.app) {
            return;
        }
        let (app, console, heard) = (
            self.app.clone(),
            Weak::clone(&self.console),
            Arc::clone(&self.heard),
        );
        // It lives as long as the notification does: the desktop says then whether it was clicked.
        std::thread::spawn(move || {
            let clicked = shown(&arrival, &heard);
            if clicked && let Some(console) = console.upgrade() {
                tauri::async_runtime::spawn(async move {
                    window::present(&app);
                    if let Some(id) = arrival.request {
                        let _ = console.open(Target::Request(id)).await;
                    }
                });
            }
        });
    }

    fn count(&self, waiting: usize) {
        if let Some(icon) = &self.icon {
            icon.count(waiting);
        }
    }

    fn heed(&self, manners: Desktop) {
        if let Ok(mut held) = self.manners.lock() {
            *held = manners;
        }
        window::zoom(&self.app, manners.zoom);
    }

    fn withdraw(&self) {
        let _ = self.app.run_on_main_thread(prompt::withdraw);
    }
}

/// Shows a notification; whether it was clicked. It never has a button that decides.
fn shown(arrival: &Arrival, heard: &AtomicUsize) -> bool {
    let mut notification = Notification::new();
    notification
        .appname("Countersign")
        .icon("countersign-desktop")
        .summary(&arrival.title)
        // Desktops read markup in a body.
        .body(&glib::markup_escape_text(&arrival.body));
    if heard.fetch_add(1, Ordering::SeqCst) >= MAX_HEARD {
        heard.fetch_sub(1, Ordering::SeqCst);
        // Without a desktop that tells, there is nothing to do.
        drop(notification.show());
        return false;
    }
    let mut clicked = false;
    if let Ok(handle) = notification.action("default", "Open").show() {
        handle.wait_for_action(|action| clicked = action == "default");
    }
    heard.fetch_sub(1, Ordering::SeqCst);
    clicked
}
