//! The prompt in GTK, the toolkit of the window: a dialog of this process, drawn by no page.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use countersign_console::machine::{Confirmation, Passphrase, Unlock};
use gtk::prelude::*;
use tauri::{AppHandle, Manager as _};
use zeroize::Zeroizing;

use super::Answer;

/// The longest passphrase that is typed, in characters.
const MAX_PASSPHRASE: i32 = 256;
/// How long a prompt that asks for nothing typed can't be confirmed after it has opened.
const TIME_TO_LOOK: Duration = Duration::from_millis(500);
/// What is compared sign by sign, and so stands in signs of one width.
const COMPARED: [&str; 3] = ["target", "request", "check words"];
/// The width of a value, in characters, before it wraps.
const VALUE_WIDTH: i32 = 64;

thread_local! {
    /// The prompt that is open; only the thread that draws ever has one.
    static OPEN: RefCell<Option<gtk::Dialog>> = const { RefCell::new(None) };
}

/// Takes back the prompt that is open, on the thread that draws.
pub fn withdraw() {
    let open = OPEN.with(|open| open.borrow_mut().take());
    if let Some(dialog) = open {
        dialog.response(gtk::ResponseType::Cancel);
    }
}

/// Asks, above the window of the application, on the thread that draws.
pub fn ask(app: &AppHandle, confirmation: &Confirmation, answer: Answer) {
    let window = app
        .get_webview_window(crate::window::LABEL)
        .and_then(|window| window.gtk_window().ok());
    let dialog = gtk::Dialog::with_buttons(
        Some("Confirm: Countersign"),
        window.as_ref(),
        gtk::DialogFlags::MODAL | gtk::DialogFlags::DESTROY_WITH_PARENT,
        &[
            ("Cancel", gtk::ResponseType::Cancel),
            (confirmation.verb, gtk::ResponseType::Accept),
        ],
    );
    dialog.set_resizable(false);
    let body = dialog.content_area();
    body.set_spacing(14);
    body.set_border_width(18);
    body.add(&title(&confirmation.title));
    body.add(&facts(&confirmation.facts));
    let secret = secret(confirmation);
    if let Some((row, _)) = &secret {
        body.add(row);
    }
    let understood = confirmation.grave.then(|| {
        let check = gtk::CheckButton::with_label("I have compared the target and the check words");
        body.add(&check);
        check
    });
    gate(
        &dialog,
        understood.as_ref(),
        secret.as_ref().map(|(_, entry)| entry),
    );
    let asked = OPEN.with(|open| open.borrow_mut().replace(dialog.clone()));
    if let Some(older) = asked {
        older.response(gtk::ResponseType::Cancel);
    }
    respond(&dialog, secret.map(|(_, entry)| entry), answer);
    dialog.show_all();
    dialog.present();
}

/// Lets the answer be known once, and closes.
fn respond(dialog: &gtk::Dialog, entry: Option<gtk::Entry>, answer: Answer) {
    let answer = Rc::new(RefCell::new(Some(answer)));
    dialog.connect_response(move |dialog, response| {
        let Some(answer) = answer.borrow_mut().take() else {
            return;
        };
        OPEN.with(|open| {
            if let Ok(mut open) = open.try_borrow_mut()
                && open.as_ref() == Some(dialog)
            {
                open.take();
            }
        });
        let confirmed = response == gtk::ResponseType::Accept;
        let typed = entry
            .as_ref()
            .map(|entry| Zeroizing::new(entry.text().to_string()));
        if let Some(entry) = &entry {
            entry.set_text("");
        }
        let unlocked = typed.as_ref().map_or_else(Passphrase::default, Passphrase::typed);
        answer(confirmed.then_some(unlocked));
        dialog.close();
    });
}

fn title(text: &str) -> gtk::Label {
    let label = gtk::Label::new(None);
    label.set_markup(&format!(
        "<big><b>{}</b></big>",
        gtk::glib::markup_escape_text(text)
    ));
    label.set_xalign(0.0);
    label.set_line_wrap(true);
    label.set_max_width_chars(VALUE_WIDTH);
    label
}

fn facts(facts: &[(&'static str, String)]) -> gtk::Grid {
    let grid = gtk::Grid::new();
    grid.set_column_spacing(18);
    grid.set_row_spacing(6);
    for (row, (name, value)) in (0..).zip(facts) {
        let label = gtk::Label::new(Some(name));
        label.set_xalign(0.0);
        label.set_yalign(0.0);
        label.style_context().add_class("dim-label");
        let shown = gtk::Label::new(Some(value));
        if COMPARED.contains(name) {
            let fixed = gtk::pango::AttrList::new();
            fixed.insert(gtk::pango::AttrString::new_family("monospace"));
            shown.set_attributes(Some(&fixed));
        }
        shown.set_xalign(0.0);
        shown.set_line_wrap(true);
        shown.set_line_wrap_mode(gtk::pango::WrapMode::WordChar);
        shown.set_max_width_chars(VALUE_WIDTH);
        shown.set_selectable(true);
        shown.set_can_focus(false);
        grid.attach(&label, 0, row, 1, 1);
        grid.attach(&shown, 1, row, 1, 1);
    }
    grid
}

/// Where the key asks for something: the row of it, and its entry.
fn secret(confirmation: &Confirmation) -> Option<(gtk::Box, gtk::Entry)> {
    let what = match confirmation.unlock? {
        Unlock::Touch | Unlock::Remembered => return None,
        Unlock::Passphrase => "Passphrase of your key",
        Unlock::Pin => "PIN of your key",
    };
    let row = gtk::Box::new(gtk::Orientation::Vertical, 6);
    let label = gtk::Label::with_mnemonic(&match &confirmation.warning {
        Some(warning) => format!("{what} ({})", warning.replace('_', "__")),
        None => what.to_owned(),
    });
    label.set_xalign(0.0);
    let entry = gtk::Entry::new();
    entry.set_visibility(false);
    entry.set_input_purpose(gtk::InputPurpose::Password);
    entry.set_max_length(MAX_PASSPHRASE);
    entry.set_activates_default(true);
    label.set_mnemonic_widget(Some(&entry));
    row.add(&label);
    row.add(&entry);
    Some((row, entry))
}

/// The button that confirms works once everything is given. Where nothing is typed, it works once there was time to look:
/// a click that was meant for the page below must not hit it. The choice that comes first is to cancel.
fn gate(dialog: &gtk::Dialog, understood: Option<&gtk::CheckButton>, entry: Option<&gtk::Entry>) {
    let dialog_of = dialog.clone();
    let (check, secret) = (understood.cloned(), entry.cloned());
    let looked = Rc::new(Cell::new(entry.is_some()));
    let had_time = Rc::clone(&looked);
    let update = Rc::new(move || {
        let compared = check.as_ref().is_none_or(ToggleButtonExt::is_active);
        let given = secret.as_ref().is_none_or(|entry| entry.text_length() > 0);
        let ready = compared && given && had_time.get();
        dialog_of.set_response_sensitive(gtk::ResponseType::Accept, ready);
    });
    update();
    let later = Rc::clone(&update);
    gtk::glib::timeout_add_local_once(TIME_TO_LOOK, move || {
        looked.set(true);
        later();
    });
    if let Some(check) = understood {
        let update = Rc::clone(&update);
        check.connect_toggled(move |_| update());
    }
    match entry {
        Some(entry) => {
            entry.connect_changed(move |_| update());
            dialog.set_default_response(gtk::ResponseType::Accept);
            entry.grab_focus();
        }
        None => dialog.set_default_response(gtk::ResponseType::Cancel),
    }
}
