//! How tones look: the sixteen colours of the terminal's own palette, or none. Meaning never rests on colour.

use countersign_console::config::ThemeName;
use countersign_console::machine::view::Tone;
use countersign_protocol::approval::Severity;
use ratatui::style::{Color, Modifier, Style};

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// The sixteen colours.
    Colour,
    /// Colours for a dark background.
    Dark,
    /// Colours for a light background.
    Light,
    /// Bold, dim, underlined and reversed only.
    Plain,
}

impl Theme {
    /// The configured colours; `NO_COLOR` (<https://no-color.org>) and `CLICOLOR` win over them. The terminal is
    /// never asked: it might not answer.
    pub fn choose(configured: ThemeName) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let off = std::env::var_os("CLICOLOR").is_some_and(|value| value == "0");
        match configured {
            _ if set("NO_COLOR") || off => Self::Plain,
            ThemeName::Plain => Self::Plain,
            ThemeName::Auto | ThemeName::Sixteen => Self::Colour,
            ThemeName::Dark => Self::Dark,
            ThemeName::Light => Self::Light,
        }
    }

    /// How a tone looks.
    pub fn style(self, tone: Tone) -> Style {
        let style = Style::new().add_modifier(modifier(tone));
        let colour = match self {
            Self::Plain => None,
            Self::Colour => colour(tone),
            Self::Dark => indexed(tone, 0),
            Self::Light => indexed(tone, 1),
        };
        match colour {
            Some(colour) => style.fg(colour),
            None => style,
        }
    }
}

/// How the row under the cursor looks.
pub const SELECTED: Modifier = Modifier::REVERSED;

/// Colours of the table of 256, for a dark and a light background; each readable on it.
fn indexed(tone: Tone, background: usize) -> Option<Color> {
    let pair: [u8; 2] = match tone {
        Tone::Plain | Tone::Strong | Tone::Faint | Tone::Risk(Severity::None) => return None,
        Tone::Heading | Tone::Hunk | Tone::Risk(Severity::Low) => [117, 25],
        Tone::Claim | Tone::Warn | Tone::Match | Tone::Risk(Severity::Medium) => [222, 94],
        Tone::Escape => [213, 127],
        Tone::Added | Tone::AddedMark | Tone::Good => [114, 22],
        Tone::Removed | Tone::RemovedMark | Tone::Bad | Tone::Risk(Severity::High | Severity::Critical) => {
            [210, 124]
        }
    };
    pair.get(background).copied().map(Color::Indexed)
}

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
