//! What the keys are called that sentences name. Enter and Esc mean the same everywhere; others a person may have chosen.

/// The names of keys, as a person reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNames {
    /// Shows the next lane.
    pub next_lane: String,
    /// Marks a request.
    pub mark: String,
    /// Reads the marked together.
    pub read_marked: String,
    /// Goes to what was not on screen yet.
    pub unseen: String,
    /// Takes what moved.
    pub look_again: String,
    /// Fetches again.
    pub refresh: String,
    /// Begins to approve.
    pub approve: String,
    /// Begins to deny.
    pub deny: String,
    /// Rewrites a text.
    pub edit: String,
}

impl Default for KeyNames {
    fn default() -> Self {
        Self {
            next_lane: "Tab".to_owned(),
            mark: "x".to_owned(),
            read_marked: "B".to_owned(),
            unseen: "u".to_owned(),
            look_again: "r".to_owned(),
            refresh: "R".to_owned(),
            approve: "A".to_owned(),
            deny: "D".to_owned(),
            edit: "Ctrl-E".to_owned(),
        }
    }
}
