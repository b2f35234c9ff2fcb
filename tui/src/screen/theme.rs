//! How tones look: the sixteen colours of the terminal's own palette, or none. Meaning never rests on colour.

use countersign_console::machine::view::Tone;
use countersign_protocol::approval::Severity;
use ratatui::style::{Color, Modifier, Style};

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// The sixteen colours.
    Colour,
    /// Bold, dim, underlined and reversed only.
    Plain,
}

impl Theme {
    /// Reads `NO_COLOR` (<https://no-color.org>) and `CLICOLOR`.
    pub fn from_environment() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let off = std::env::var_os("CLICOLOR").is_some_and(|value| value == "0");
        if set("NO_COLOR") || off {
            Self::Plain
        } else {
            Self::Colour
        }
    }

    /// How a tone looks.
    pub fn style(self, tone: Tone) -> Style {
        let style = Style::new().add_modifier(modifier(tone));
        match (self, colour(tone)) {
            (Self::Colour, Some(colour)) => style.fg(colour),
            (Self::Plain, _) | (Self::Colour, None) => style,
        }
    }
}

/// How the row under the cursor looks.
pub const SELECTED: Modifier = Modifier::REVERSED;

fn colour(tone: Tone) -> Option<Color> {
    match tone {
        Tone::Plain | Tone::Strong | Tone::Faint | Tone::Risk(Severity::None) => None,
        Tone::Heading | Tone::Hunk | Tone::Risk(Severity::Low) => Some(Color::Cyan),
        Tone::Claim | Tone::Warn | Tone::Risk(Severity::Medium) => Some(Color::Yellow),
        Tone::Escape => Some(Color::Magenta),
        Tone::Match => Some(Color::Yellow),
        Tone::Added | Tone::AddedMark | Tone::Good => Some(Color::Green),
        Tone::Removed | Tone::RemovedMark | Tone::Bad | Tone::Risk(Severity::High | Severity::Critical) => {
            Some(Color::Red)
        }
    }
}

fn modifier(tone: Tone) -> Modifier {
    match tone {
        Tone::Strong | Tone::Heading | Tone::Bad | Tone::Risk(Severity::High | Severity::Critical) => {
            Modifier::BOLD
        }
        Tone::Faint | Tone::Risk(Severity::None) => Modifier::DIM,
        Tone::Claim => Modifier::ITALIC,
        Tone::AddedMark | Tone::RemovedMark | Tone::Escape | Tone::Match => Modifier::REVERSED,
        Tone::Plain
        | Tone::Added
        | Tone::Removed
        | Tone::Hunk
        | Tone::Good
        | Tone::Warn
        | Tone::Risk(Severity::Low | Severity::Medium) => Modifier::empty(),
    }
}
