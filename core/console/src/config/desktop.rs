//! The table `[desktop]`: how the window looks, and when it tells of requests.

use serde::{Deserialize, Serialize};

/// What may stand in it.
pub(super) const DESKTOP_KEYS: &[&str] = &["notify", "quiet_hours", "tray", "theme", "density", "zoom"];

/// How the desktop console tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desktop {
    /// Whether the desktop tells of new requests.
    pub notify: bool,
    /// When it tells of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Whether there is an icon in the tray.
    pub tray: bool,
    /// Its colours.
    pub theme: WindowTheme,
    /// How close together things stand.
    pub density: Density,
    /// How large everything is.
    pub zoom: Zoom,
}

/// The colours of the desktop console.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum WindowTheme {
    /// As the desktop has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// As far apart as colours can be, light or dark as the desktop has it.
    Contrast,
}

/// How close together things stand in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Density {
    /// With room between them.
    #[default]
    Comfortable,
    /// So that more of them are on the screen.
    Compact,
}

/// How large everything in a window is, in hundredths of the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Zoom(u16);

impl Zoom {
    const LEAST: u16 = 50;
    const MOST: u16 = 300;
    /// The sizes that are stepped through.
    const STEPS: [u16; 9] = [50, 75, 90, 100, 125, 150, 175, 200, 300];

    /// In hundredths of the usual.
    #[must_use]
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// The next larger one, as far as there is one.
    #[must_use]
    pub fn larger(self) -> Self {
        let next = Self::STEPS.into_iter().find(|step| *step > self.0);
        Self(next.unwrap_or(Self::MOST))
    }

    /// The next smaller one, as far as there is one.
    #[must_use]
    pub fn smaller(self) -> Self {
        let next = Self::STEPS.into_iter().rev().find(|step| *step < self.0);
        Self(next.unwrap_or(Self::LEAST))
    }
}

impl Default for Zoom {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u16> for Zoom {
    type Error = String;

    fn try_from(hundredths: u16) -> Result<Self, String> {
        if (Self::LEAST..=Self::MOST).contains(&hundredths) {
            Ok(Self(hundredths))
        } else {
            Err(format!(
                "{hundredths} is no size; write {} to {}, in hundredths",
                Self::LEAST,
                Self::MOST
            ))
        }
    }
}

impl From<Zoom> for u16 {
    fn from(zoom: Zoom) -> Self {
        zoom.0
    }
}

impl Default for Desktop {
    fn default() -> Self {
        Self {
            notify: true,
            quiet_hours: None,
            tray: true,
            theme: WindowTheme::default(),
            density: Density::default(),
            zoom: Zoom::default(),
        }
    }
}

impl Desktop {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of each day, from one minute up to another; it may go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours {
    from: u16,
    to: u16,
}

impl QuietHours {
    /// Whether a minute of the day, counted from midnight, is in it.
    #[must_use]
    pub const fn contains(self, minute: u16) -> bool {
        if self.from <= self.to {
            self.from <= minute && minute < self.to
        } else {
            self.from <= minute || minute < self.to
        }
    }
}

impl TryFrom<String> for QuietHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minute = |time: &str| {
            let (hour, minute) = time.split_once(':')?;
            let number = |digits: &str, below: u16| {
                let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
                two.then(|| digits.parse::<u16>().ok())
                    .flatten()
                    .filter(|number| *number < below)
            };
            Some(number(hour, 24)? * 60 + number(minute, 60)?)
        };
        let hours = text
            .split_once('-')
            .and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        let (from, to) = hours.ok_or_else(|| format!("`{text}` are no hours; write `22:00-07:00`"))?;
        Ok(Self { from, to })
    }
}

impl From<QuietHours> for String {
    fn from(hours: QuietHours) -> Self {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{}-{}", time(hours.from), time(hours.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_stepped_through_up_to_both_ends() {
        let mut all = vec![Zoom::default()];
        while let Some(next) = all.last().map(|zoom| zoom.larger())
            && all.last() != Some(&next)
        {
            all.push(next);
        }
        assert_eq!(all.last().copied().map(u16::from), Some(300));
        assert_eq!(
            all.last().map(|zoom| zoom.smaller()),
            all.iter().rev().nth(1).copied()
        );
        assert_eq!(u16::from(Zoom(60).smaller().smaller()), 50);
        assert_eq!(u16::from(Zoom(110).larger()), 125);
        for odd in [0, 49, 301, u16::MAX] {
            assert!(Zoom::try_from(odd).is_err(), "{odd}");
        }
    }
}
