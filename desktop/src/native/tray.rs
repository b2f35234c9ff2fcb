//! The icon in the tray, with the number of requests that need the person drawn into it.
//!
//! It speaks the StatusNotifierItem protocol over the session bus. Where no desktop listens, there is no icon, and the
//! program ends with its window.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use ksni::blocking::{Handle, TrayMethods as _};
use ksni::menu::StandardItem;
use ksni::{Icon as Pixmap, MenuItem, Tray};
use tauri::AppHandle;
use tauri::image::Image;

use crate::window;

/// The icon, its sides in pixels.
const SIDE: usize = 32;
/// Digits of 3 by 5 dots, a row in each three bits.
const DIGITS: [[u8; 5]; 10] = [
    [0b111, 0b101, 0b101, 0b101, 0b111],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b010, 0b010, 0b010],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
];
/// A plus sign in the same dots.
const PLUS: [u8; 5] = [0b000, 0b010, 0b111, 0b010, 0b000];
const RED: [u8; 4] = [255, 0xb3, 0x26, 0x1e];
const WHITE: [u8; 4] = [255; 4];

/// How many requests need the person, for desktops that may keep one waiting: whoever gets through tells the newest number.
#[derive(Debug, Clone, Default)]
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// The number now.
    fn newest(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Changes it. Where it differs, what a desktop is told once it listens.
    fn change(&self, to: usize) -> Option<impl FnOnce() -> usize + Send + use<>> {
        let (differs, number) = (self.0.swap(to, Ordering::SeqCst) != to, self.clone());
        differs.then_some(move || number.newest())
    }
}

/// The icon.
pub struct Icon {
    handle: Arc<OnceLock<Handle<Item>>>,
    waiting: Waiting,
}

impl std::fmt::Debug for Icon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Icon")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl Icon {
    /// Shows it, as soon as a desktop takes it.
    pub fn show(app: &AppHandle) -> Self {
        let icon = Self {
            handle: Arc::default(),
            waiting: Waiting::default(),
        };
        let (handle, waiting, app) = (Arc::clone(&icon.handle), icon.waiting.clone(), app.clone());
        // The session bus may keep one waiting.
        std::thread::spawn(move || {
            let item = Item {
                app: app.clone(),
                waiting: waiting.newest(),
            };
            if let Ok(shown) = item.spawn() {
                let shown = handle.get_or_init(|| shown);
                window::keep_running(&app);
                // What was counted before others could tell it of it.
                shown.update(|item| item.waiting = waiting.newest());
            }
        });
        icon
    }

    /// Draws how many requests need the person.
    pub fn count(&self, waiting: usize) {
        if let Some(told) = self.waiting.change(waiting)
            && let Some(handle) = self.handle.get().cloned()
        {
            // The desktop may keep one waiting, and the console must not.
            std::thread::spawn(move || handle.update(|item| item.waiting = told()));
        }
    }
}

#[derive(Debug)]
struct Item {
    app: AppHandle,
    waiting: usize,
}

impl Tray for Item {
    fn id(&self) -> String {
        "countersign-desktop".to_owned()
    }

    fn title(&self) -> String {
        "Countersign".to_owned()
    }

    fn icon_pixmap(&self) -> Vec<Pixmap> {
        let side = i32::try_from(SIDE).unwrap_or_default();
        vec![Pixmap {
            width: side,
            height: side,
            data: drawn(self.waiting),
        }]
    }

    fn tool_tip(&self) -> ksni::ToolTip {
        ksni::ToolTip {
            title: "Countersign".to_owned(),
            description: told(self.waiting),
            ..ksni::ToolTip::default()
        }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        window::present(&self.app);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let item = |label: String, act: fn(&AppHandle)| {
            StandardItem {
                label,
                activate: Box::new(move |item: &mut Self| act(&item.app)),
                ..StandardItem::default()
            }
            .into()
        };
        vec![
            item(told(self.waiting), window::present),
            MenuItem::Separator,
            item("Quit".to_owned(), |app| app.exit(0)),
        ]
    }
}

fn told(waiting: usize) -> String {
    match waiting {
        0 => "Nothing needs you".to_owned(),
        1 => "1 request needs you".to_owned(),
        many => format!("{many} requests need you"),
    }
}

/// The icon in the order of bytes that the protocol wants: alpha, red, green, blue.
fn drawn(waiting: usize) -> Vec<u8> {
    let mark: Image<'_> = tauri::include_image!("../assets/icons/32x32.png");
    let mut pixels: Vec<[u8; 4]> = mark
        .rgba()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|[red, green, blue, alpha]| [*alpha, *red, *green, *blue])
        .collect();
    pixels.resize(SIDE * SIDE, [0; 4]);
    let signs: Vec<[u8; 5]> = match waiting {
        0 => Vec::new(),
        1..=9 => DIGITS.get(waiting).copied().into_iter().collect(),
        10..=99 => [waiting / 10, waiting % 10]
            .iter()
            .filter_map(|digit| DIGITS.get(*digit).copied())
            .collect(),
        _ => vec![DIGITS[9], PLUS],
    };
    badge(&mut pixels, &signs);
    pixels.into_iter().flatten().collect()
}

/// Draws signs into a red ground in the corner below on the right, each dot as two by three pixels.
fn badge(pixels: &mut [[u8; 4]], signs: &[[u8; 5]]) {
    if signs.is_empty() {
        return;
    }
    let (width, height) = (signs.len() * 8 + 2, 19);
    let (left, top) = (SIDE.saturating_sub(width), SIDE - height);
    let mut paint = |x: usize, y: usize, colour: [u8; 4]| {
        if let Some(pixel) = pixels.get_mut(y * SIDE + x).filter(|_| x < SIDE) {
            *pixel = colour;
        }
    };
    for y in top..SIDE {
        for x in left..SIDE {
            let corner = (x == left || x == SIDE - 1) && (y == top || y == SIDE - 1);
            if !corner {
                paint(x, y, RED);
            }
        }
    }
    for (place, sign) in signs.iter().enumerate() {
        for (row, dots) in sign.iter().enumerate() {
            for dot in (0..3).filter(|dot| dots & (0b100 >> dot) != 0) {
                for (x, y) in (0..6).map(|at| (at % 2, at / 2)) {
                    paint(left + 2 + place * 8 + dot * 2 + x, top + 2 + row * 3 + y, WHITE);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_of_two_changes_gets_through_last_tells_the_newest() {
        let waiting = Waiting::default();
        let (Some(earlier), Some(later)) = (waiting.change(1), waiting.change(2)) else {
            panic!("both differ from what was before");
        };
        assert!(waiting.change(2).is_none());
        assert_eq!([later(), earlier()], [2, 2]);
    }

    #[test]
    fn the_number_is_drawn_and_differs() {
        let plain = drawn(0);
        assert_eq!(plain.len(), SIDE * SIDE * 4);
        let all: std::collections::BTreeSet<Vec<u8>> = [0, 1, 2, 9, 10, 42, 99, 100].map(drawn).into();
        assert_eq!(all.len(), 8);
        assert_eq!(drawn(100), drawn(usize::MAX));
        // What is not under the number is the mark as it was.
        assert_eq!(drawn(7)[..SIDE * 4], plain[..SIDE * 4]);
        assert!(drawn(7).chunks(4).any(|pixel| pixel == RED));
    }
}
