//! Tile paths of C2SP tlog-tiles: `<L>/<N>[.p/<W>]` and `entries/<N>[.p/<W>]`.
//!
//! `N` is written in groups of three digits, all but the last marked `x`: 1234067 is `x001/x234/067`.

/// Levels of the tree in one tile.
pub const TILE_HEIGHT: u32 = 8;
/// Entries of a full tile.
pub const TILE_WIDTH: u64 = 256;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileKind {
    /// Hashes of a tile level.
    Hashes(u8),
    /// Leaves, each after its length in two bytes.
    Entries,
}

/// One tile, full or partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// What it holds.
    pub kind: TileKind,
    /// Its number from the left.
    pub number: u64,
    /// How many hashes or leaves: [`TILE_WIDTH`], or fewer for a partial one.
    pub width: u64,
}

impl Tile {
    /// Reads the path after `/log/tile/`. There is one path for each tile.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(
                decimal(level)
                    .and_then(|level| u8::try_from(level).ok())
                    .filter(|l| *l < 64)?,
            ),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, decimal(width).filter(|w| (1..TILE_WIDTH).contains(w))?),
            None => (rest, TILE_WIDTH),
        };
        let tile = Self {
            kind,
            number: parse_number(number)?,
            width,
        };
        (tile.path() == path).then_some(tile)
    }

    /// The path after `/log/tile/`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut groups = vec![format!("{:03}", self.number % 1000)];
        let mut rest = self.number / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        let kind = match self.kind {
            TileKind::Hashes(level) => level.to_string(),
            TileKind::Entries => "entries".to_owned(),
        };
        let partial = if self.width < TILE_WIDTH {
            format!(".p/{}", self.width)
        } else {
            String::new()
        };
        format!("{kind}/{}{partial}", groups.join("/"))
    }
}

fn parse_number(text: &str) -> Option<u64> {
    let mut number: u64 = 0;
    for group in text.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        number = number.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(number)
}

fn decimal(text: &str) -> Option<u64> {
    text.bytes()
        .all(|digit| digit.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_path() {
        for (path, kind, number, width) in [
            ("0/000", TileKind::Hashes(0), 0, 256),
            ("1/x001/x234/067", TileKind::Hashes(1), 1_234_067, 256),
            ("entries/000.p/7", TileKind::Entries, 0, 7),
            ("0/x001/000.p/255", TileKind::Hashes(0), 1000, 255),
        ] {
            let tile = Tile::parse(path).unwrap();
            assert_eq!(tile, Tile { kind, number, width });
            assert_eq!(tile.path(), path);
        }
        for bad in [
            "0/0",
            "0/x000/001",
            "0/000.p/256",
            "0/000.p/0",
            "0/000.p/01",
            "64/000",
            "-1/000",
            "0/001x",
            "data/000",
            "0/000/000",
            "entries/",
            "0/x18446744073709551/616",
            "00/000",
            "0/000.p/",
            "0/x001",
            "0/+01",
        ] {
            assert_eq!(Tile::parse(bad), None, "{bad}");
        }
    }
}
