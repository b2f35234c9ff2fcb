//! Tokens that are known by their form: a prefix, and how many characters follow it.

/// Prefix, characters that follow it at least and at most, and what it is.
pub(super) const SHAPES: &[(&str, usize, usize, &str)] = &[
    ("AKIA", 16, 16, "an AWS access key id"),
    ("ASIA", 16, 16, "an AWS session key id"),
    ("ghp_", 36, 255, "a GitHub token"),
    ("gho_", 36, 255, "a GitHub token"),
    ("ghs_", 36, 255, "a GitHub token"),
    ("ghu_", 36, 255, "a GitHub token"),
    ("github_pat_", 50, 255, "a GitHub token"),
    ("glpat-", 20, 255, "a GitLab token"),
    ("npm_", 36, 36, "an npm token"),
    ("pypi-AgEI", 50, 500, "a PyPI token"),
    ("xoxb-", 20, 255, "a Slack token"),
    ("xoxp-", 20, 255, "a Slack token"),
    ("xoxa-", 20, 255, "a Slack token"),
    ("sk_live_", 20, 255, "a Stripe key"),
    ("rk_live_", 20, 255, "a Stripe key"),
    ("sk-ant-", 40, 255, "an Anthropic key"),
    ("AIza", 35, 35, "a Google API key"),
    ("ya29.", 20, 500, "a Google token"),
    ("SG.", 60, 80, "a SendGrid key"),
    ("dop_v1_", 64, 64, "a DigitalOcean token"),
    ("hvs.", 24, 255, "a Vault token"),
    ("AGE-SECRET-KEY-1", 58, 58, "an age key"),
    ("eyJhbGciOi", 40, 8000, "a signed web token"),
];

/// Finds tokens of known shapes that don't begin in the middle of a word: where each begins, what it is, and itself.
pub(crate) fn tokens(line: &[u8]) -> impl Iterator<Item = (usize, &'static str, &[u8])> {
    let starts = line.iter().enumerate().scan(false, |inside, (at, byte)| {
        let start = !*inside && byte.is_ascii_alphabetic();
        *inside = byte.is_ascii_alphanumeric();
        Some(start.then_some(at))
    });
    starts.flatten().filter_map(|at| {
        let rest = line.get(at..)?;
        let (name, length) = token(rest)?;
        Some((at, name, rest.get(..length)?))
    })
}

/// What token a text begins with, and how long it is.
pub(super) fn token(rest: &[u8]) -> Option<(&'static str, usize)> {
    // Most words begin as none of them: that is asked before any prefix is compared.
    let first = rest.first()?;
    let (prefix, least, most, name) = SHAPES.iter().find(|(prefix, ..)| {
        prefix.as_bytes().first() == Some(first) && rest.starts_with(prefix.as_bytes())
    })?;
    let length = rest
        .get(prefix.len()..)?
        .iter()
        .take(most + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        .count();
    (*least..=*most)
        .contains(&length)
        .then_some((*name, prefix.len() + length))
}
