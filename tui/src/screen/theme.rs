//! How tones look: the sixteen colours of the terminal's own palette, others, those that a person chose, or none.
//! Meaning never rests on colour.

use std::collections::BTreeMap;

use countersign_console::config::{ThemeName, nearest};
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
    /// Colours that a person chose, with those of a theme for the rest.
    Own(Palette),
}

/// A colour for each of [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette([Option<Color>; NAMES.len()]);

/// The names by which colours can be chosen.
const NAMES: [(&str, Tone); 20] = [
    ("plain", Tone::Plain),
    ("strong", Tone::Strong),
    ("faint", Tone::Faint),
    ("heading", Tone::Heading),
    ("claim", Tone::Claim),
    ("escape", Tone::Escape),
    ("added", Tone::Added),
    ("added-mark", Tone::AddedMark),
    ("removed", Tone::Removed),
    ("removed-mark", Tone::RemovedMark),
    ("hunk", Tone::Hunk),
    ("match", Tone::Match),
    ("good", Tone::Good),
    ("warn", Tone::Warn),
    ("bad", Tone::Bad),
    ("risk-none", Tone::Risk(Severity::None)),
    ("risk-low", Tone::Risk(Severity::Low)),
    ("risk-medium", Tone::Risk(Severity::Medium)),
    ("risk-high", Tone::Risk(Severity::High)),
    ("risk-critical", Tone::Risk(Severity::Critical)),
];

/// Why chosen colours cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// Nothing is called so.
    #[error("configuration: unknown key `terminal.colours.{name}`{}", nearest.map(|near| format!("; did you mean `terminal.colours.{near}`?")).unwrap_or_default())]
    UnknownName {
        /// The name.
        name: String,
        /// The known name that is most like it.
        nearest: Option<&'static str>,
    },
    /// A colour cannot be read.
    #[error(
        "configuration: `terminal.colours.{name}`: `{colour}` is no colour; write `green`, `lightgreen`, a number of the table of 256, or `#5fd787`"
    )]
    UnknownColour {
        /// The name.
        name: String,
        /// What was written.
        colour: String,
    },
}

impl Theme {
    /// The configured colours; `NO_COLOR` (<https://no-color.org>) and `CLICOLOR` win over them. The terminal is
    /// never asked: it might not answer.
    ///
    /// # Errors
    /// [`ThemeError`] says which colour cannot be used, whether or not it is.
    pub fn choose(configured: ThemeName, colours: &BTreeMap<String, String>) -> Result<Self, ThemeError> {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let off = std::env::var_os("CLICOLOR").is_some_and(|value| value == "0");
        let theme = match configured {
            ThemeName::Plain => Self::Plain,
            ThemeName::Auto | ThemeName::Sixteen => Self::Colour,
            ThemeName::Dark => Self::Dark,
            ThemeName::Light => Self::Light,
        };
        let chosen = theme.with(colours)?;
        Ok(if set("NO_COLOR") || off {
            Self::Plain
        } else {
            chosen
        })
    }

    /// The theme with other colours for some of its names.
    fn with(self, colours: &BTreeMap<String, String>) -> Result<Self, ThemeError> {
        if colours.is_empty() {
            return Ok(self);
        }
        let mut palette = NAMES.map(|(_, tone)| self.style(tone).fg);
        for (name, colour) in colours {
            let slot = NAMES
                .iter()
                .zip(&mut palette)
                .find(|((known, _), _)| known == name)
                .map(|(_, slot)| slot)
                .ok_or_else(|| ThemeError::UnknownName {
                    name: name.clone(),
                    nearest: nearest(name, &NAMES.map(|(known, _)| known)),
                })?;
            let read = colour.parse().map_err(|_| ThemeError::UnknownColour {
                name: name.clone(),
                colour: colour.clone(),
            })?;
            *slot = Some(read);
        }
        Ok(Self::Own(Palette(palette)))
    }

    /// How a tone looks.
    pub fn style(self, tone: Tone) -> Style {
        let style = Style::new().add_modifier(modifier(tone));
        let colour = match self {
            Self::Plain => None,
            Self::Colour => colour(tone),
            Self::Dark => indexed(tone, 0),
            Self::Light => indexed(tone, 1),
            Self::Own(Palette(colours)) => NAMES
                .iter()
                .zip(colours)
                .find(|((_, named), _)| *named == tone)
                .and_then(|(_, colour)| colour),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, colour: &str) -> Result<Theme, ThemeError> {
        Theme::Light.with(&[(name.to_owned(), colour.to_owned())].into())
    }

    #[test]
    fn a_chosen_colour_takes_the_place_of_one_and_the_rest_stays() {
        for (written, read) in [
            ("lightgreen", Color::LightGreen),
            ("114", Color::Indexed(114)),
            ("#5fd787", Color::Rgb(0x5f, 0xd7, 0x87)),
        ] {
            let theme = with("added", written).unwrap();
            for (name, tone) in NAMES {
                let light = Theme::Light.style(tone);
                let expected = if name == "added" { light.fg(read) } else { light };
                assert_eq!(theme.style(tone), expected, "{name}");
            }
        }
    }

    #[test]
    fn a_wrong_colour_says_what_to_write() {
        let told = |name: &str, colour: &str| with(name, colour).unwrap_err().to_string();
        assert!(told("aded", "red").contains("did you mean `terminal.colours.added`?"));
        assert!(told("added", "#5fd7").contains("`#5fd7` is no colour; write"));
    }
}
