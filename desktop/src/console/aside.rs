//! Screens beside the requests: history, keys, settings. Nothing is decided on them, and no request is read under them.

use std::sync::Arc;

use countersign_console::config::{Config, Density, Desktop, QuietHours, WindowTheme, Zoom};
use countersign_console::keys::listing::KeyListing;
use countersign_console::machine::past::{Ending, Sought};
use countersign_console::machine::view::{self, HistoryView, KeyView};
use countersign_console::machine::{Command, Message, Moment, Screen, State};
use serde::{Deserialize, Serialize};

use super::{Broken, Console, Held};
use crate::input::{Input, Typed};
use crate::ready;
use crate::snapshot::MAX_ROWS;

/// How deep screens lie over the queue at most.
const DEEPEST: usize = 4;

/// A screen beside the requests, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The requests.
    Requests,
    /// What is over.
    History,
    /// The keys of this machine.
    Keys,
    /// How the window is.
    Settings,
}

/// What can be set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The colours.
    pub theme: WindowTheme,
    /// How close together things stand.
    pub density: Density,
    /// Whether the desktop tells of new requests.
    pub notify: bool,
    /// When it tells of none; empty for never.
    #[cfg_attr(test, ts(type = "string"))]
    pub quiet_hours: Typed,
    /// Whether there is an icon in the tray.
    pub tray: bool,
}

/// A screen beside the requests.
#[derive(Debug)]
pub(super) enum Aside {
    History { sought: Sought, first: usize },
    Keys(Option<Result<Vec<KeyListing>, String>>),
    Settings { trouble: Option<String>, kept: bool },
}

/// A screen beside the requests, as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum AsideView {
    /// What is over.
    History(HistoryView),
    /// The keys of this machine.
    Keys(KeysView),
    /// How the window is.
    Settings(SettingsView),
}

impl AsideView {
    /// The name of its screen.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::History(_) => "history",
            Self::Keys(_) => "keys",
            Self::Settings(_) => "settings",
        }
    }
}

/// The keys of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeysView {
    /// The keys.
    pub keys: Vec<KeyView>,
    /// Whether devices, agents and the keyring are still asked.
    pub asking: bool,
    /// Why they cannot be listed.
    pub trouble: Option<String>,
}

/// How the window is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SettingsView {
    /// Whether the desktop tells of new requests.
    pub notify: bool,
    /// When it tells of none; empty for never.
    pub quiet_hours: String,
    /// Whether there is an icon in the tray.
    pub tray: bool,
    /// Why what was set last was not kept.
    pub trouble: Option<String>,
    /// Whether what was set last is kept.
    pub kept: bool,
}

/// How everything looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Look {
    /// The colours.
    pub theme: WindowTheme,
    /// How close together things stand.
    pub density: Density,
    /// How large everything is, in hundredths; drawn so by the engine.
    pub zoom: u16,
}

impl From<&Desktop> for Look {
    fn from(desktop: &Desktop) -> Self {
        Self {
            theme: desktop.theme,
            density: desktop.density,
            zoom: desktop.zoom.hundredths(),
        }
    }
}

impl Aside {
    pub(super) fn view(&self, state: &State, desktop: &Desktop, now: Moment) -> AsideView {
        match self {
            Self::History { sought, first } => {
                AsideView::History(view::history(state, sought, now, *first, MAX_ROWS))
            }
            Self::Keys(listed) => AsideView::Keys(KeysView {
                keys: match listed {
                    Some(Ok(all)) => view::keys(all, now),
                    Some(Err(_)) | None => Vec::new(),
                },
                asking: listed.is_none(),
                trouble: match listed {
                    Some(Err(trouble)) => Some(trouble.clone()),
                    Some(Ok(_)) | None => None,
                },
            }),
            Self::Settings { trouble, kept } => AsideView::Settings(SettingsView {
                notify: desktop.notify,
                quiet_hours: desktop.quiet_hours.map(String::from).unwrap_or_default(),
                tray: desktop.tray,
                trouble: trouble.clone(),
                kept: *kept,
            }),
        }
    }
}

impl Held {
    /// Leaves the screen for a request; a history is come back to.
    pub(super) fn leave_aside(&mut self) {
        if let Some(aside) = self.aside.take() {
            self.left = Some(aside).filter(|aside| matches!(aside, Aside::History { .. }));
        }
    }

    /// Once nothing is read any more: back to the history that it was opened from, for who `goes_back` from it.
    pub(super) fn come_back(&mut self, goes_back: bool) {
        if self.state.screen == Screen::Queue && self.aside.is_none() {
            self.aside = self.left.take().filter(|_| goes_back);
        }
    }
}

impl Console {
    /// Does what is about the screens beside the requests; says whether it was about them.
    pub(super) fn take_aside(self: &Arc<Self>, input: &Input) -> Result<bool, Broken> {
        let open = self.held()?.aside.is_some();
        match input {
            Input::Go { to } => self.go(*to)?,
            Input::Seek { text, ending, first } => self.seek(&text.0, *ending, *first)?,
            Input::Keep { settings } => self.keep(settings)?,
            Input::Zoom { by } => self.zoom(*by)?,
            Input::Open { .. } => {
                self.held()?.leave_aside();
                return Ok(false);
            }
            Input::Help | Input::Rows { .. } => return Ok(false),
            Input::Back if open && !self.held()?.state.help => self.held()?.aside = None,
            Input::Back => return Ok(false),
            Input::Refresh if open => return self.refresh_aside(),
            _ => return Ok(open),
        }
        self.changed();
        Ok(true)
    }

    /// Leaves what is read, so that nothing lies under the screen that opens.
    fn go(self: &Arc<Self>, to: Place) -> Result<(), Broken> {
        let (busy, first_run) = {
            let held = self.held()?;
            let state = &held.state;
            (state.is_covered(), matches!(state.screen, Screen::FirstRun(_)))
        };
        if busy || first_run {
            return Ok(());
        }
        // What was answered on the screen before would be read as said of this one.
        self.held()?.state.notices.retain(|notice| !notice.answers);
        if to == Place::Requests {
            self.held()?.aside = None;
            return Ok(());
        }
        for _ in 0..DEEPEST {
            if self.held()?.state.screen == Screen::Queue {
                break;
            }
            self.happen(Message::Command(Command::Back))?;
        }
        let mut held = self.held()?;
        if held.state.screen != Screen::Queue {
            return Ok(());
        }
        held.aside = Some(match to {
            Place::History => Aside::History {
                sought: Sought::default(),
                first: 0,
            },
            Place::Keys => Aside::Keys(None),
            Place::Settings | Place::Requests => Aside::Settings {
                trouble: None,
                kept: false,
            },
        });
        drop(held);
        if to == Place::Keys {
            self.list_keys();
        }
        Ok(())
    }

    fn refresh_aside(self: &Arc<Self>) -> Result<bool, Broken> {
        if matches!(self.held()?.aside, Some(Aside::Keys(_))) {
            self.held()?.aside = Some(Aside::Keys(None));
            self.list_keys();
            self.changed();
            return Ok(true);
        }
        Ok(false)
    }

    fn seek(&self, text: &str, ending: usize, first: usize) -> Result<(), Broken> {
        let ending = Ending::ALL.get(ending).copied().unwrap_or_default();
        let mut held = self.held()?;
        if let Some(Aside::History { sought, first: top }) = &mut held.aside {
            (*sought, *top) = (Sought::new(text, ending), first);
        }
        Ok(())
    }

    fn list_keys(self: &Arc<Self>) {
        let (console, config) = (Arc::clone(self), self.config.clone());
        tauri::async_runtime::spawn_blocking(move || {
            let listed = ready::keys(config.as_ref()).map_err(|error| {
                error
                    .problem()
                    .unwrap_or_else(|| "nothing is configured".to_owned())
            });
            if let Ok(mut held) = console.held()
                && let Some(Aside::Keys(keys)) = &mut held.aside
            {
                *keys = Some(listed);
            }
            console.changed();
        });
    }

    /// Makes everything larger, smaller, or as usual, on whatever screen. Where that can't be kept, it is so all the same.
    fn zoom(&self, by: i8) -> Result<(), Broken> {
        let mut held = self.held()?;
        let zoom = &mut held.desktop.zoom;
        *zoom = match by {
            0 => Zoom::default(),
            1.. => zoom.larger(),
            _ => zoom.smaller(),
        };
        let desktop = held.desktop;
        drop(held);
        if let Ok(file) = ready::config_file(self.config.as_ref())
            && file.exists()
        {
            let _ = Config::keep_desktop(&file, &desktop);
        }
        if let Some(native) = self.native.get() {
            native.heed(desktop);
        }
        Ok(())
    }

    fn keep(&self, settings: &Settings) -> Result<(), Broken> {
        let zoom = self.held()?.desktop.zoom;
        let kept = self.write(settings, zoom);
        let mut held = self.held()?;
        if let Ok(desktop) = &kept {
            held.desktop = *desktop;
        }
        if let Some(Aside::Settings { trouble, kept: done }) = &mut held.aside {
            *done = kept.is_ok();
            *trouble = kept.err();
        }
        let desktop = held.desktop;
        drop(held);
        if let Some(native) = self.native.get() {
            native.heed(desktop);
        }
        Ok(())
    }

    fn write(&self, settings: &Settings, zoom: Zoom) -> Result<Desktop, String> {
        let hours = settings.quiet_hours.0.trim();
        let desktop = Desktop {
            notify: settings.notify,
            quiet_hours: match hours {
                "" => None,
                hours => Some(QuietHours::try_from(hours.to_owned()).map_err(printable)?),
            },
            tray: settings.tray,
            theme: settings.theme,
            density: settings.density,
            zoom,
        };
        let file = ready::config_file(self.config.as_ref()).map_err(|error| printable(error.to_string()))?;
        Config::keep_desktop(&file, &desktop).map_err(|error| printable(error.to_string()))?;
        Ok(desktop)
    }
}

fn printable(text: impl Into<String>) -> String {
    view::escaped(&text.into().as_str().into())
}
