//! What is worth saying about a value that changed: its type, and how differently its readers may take it.

use super::Format;

/// Returns sentences about a pair of lexemes, either of which may be missing.
pub(super) fn notes(format: Format, before: Option<&str>, after: Option<&str>) -> Vec<String> {
    let mut notes = Vec::new();
    if let (Some(before), Some(after)) = (before, after) {
        let (old, new) = (kind(format, before), kind(format, after));
        if old != new {
            notes.push(format!("the type changes from {old} to {new}"));
        } else if old == "number" && same_number(before, after) {
            notes.push(if rounds(before) || rounds(after) {
                "readers that keep numbers as floating point take both for the same number".to_owned()
            } else {
                "the same number, written differently".to_owned()
            });
        } else if old == "text" && says(before) == says(after) {
            notes.push("the same text, written differently".to_owned());
        }
    }
    for (side, lexeme) in [("before", before), ("after", after)] {
        let Some(lexeme) = lexeme else { continue };
        if rounds(lexeme) {
            notes.push(format!("{side}: 2^53 or more, which some readers round"));
        }
        if format == Format::Yaml
            && let Some(odd) = odd(lexeme)
        {
            notes.push(format!("{side}: {odd}"));
        }
        if format == Format::Yaml && lexeme.starts_with('*') {
            notes.push(format!(
                "{side}: an alias, which stands for the value of its anchor"
            ));
        }
    }
    notes
}

fn kind(format: Format, lexeme: &str) -> &'static str {
    let first = lexeme.bytes().next();
    match (format, lexeme) {
        (Format::Sql, _) => "statement",
        (Format::Env, _) => "text",
        _ if matches!(first, Some(b'"' | b'\'')) => "text",
        (_, "true" | "false") => "truth value",
        (_, "null") => "null",
        (Format::Yaml, "" | "~" | "Null" | "NULL") => "null",
        (Format::Yaml, "True" | "TRUE" | "False" | "FALSE") => "truth value",
        (Format::Yaml, _) if matches!(first, Some(b'*')) => "alias",
        _ if is_number(lexeme) => "number",
        (Format::Hcl, _) if lexeme.starts_with("<<") => "text",
        (Format::Hcl, _) => "expression",
        (Format::Toml, _) => "date, time or number",
        _ => "text",
    }
}

/// Says what readers disagree about in a plain YAML scalar.
fn odd(lexeme: &str) -> Option<&'static str> {
    let digits = lexeme.strip_prefix(['-', '+']).unwrap_or(lexeme);
    match lexeme.to_ascii_lowercase().as_str() {
        "yes" | "no" | "on" | "off" | "y" | "n" => {
            return Some("a truth value to readers of YAML 1.1, text to those of 1.2");
        }
        _ => {}
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let all = |allowed: &str| digits.chars().all(|c| c.is_ascii_digit() || allowed.contains(c));
    if digits.starts_with("0o") {
        return Some("an octal number to readers of YAML 1.2, text to those of 1.1");
    }
    if digits.len() > 1 && digits.starts_with('0') && all("_") {
        return Some("an octal number to readers of YAML 1.1, a decimal one or text to others");
    }
    if digits.contains('_') && all("_.") {
        return Some("a number to readers of YAML 1.1, text to those of 1.2");
    }
    if digits.contains(':') && all(":.") {
        return Some("a number in base 60 to readers of YAML 1.1, text to those of 1.2");
    }
    if digits.contains(['e', 'E']) && !digits.contains('.') && digits.parse::<f64>().is_ok() {
        return Some("a number to readers of YAML 1.2, text to many of 1.1");
    }
    None
}

fn is_number(lexeme: &str) -> bool {
    let digits = lexeme.strip_prefix(['-', '+']).unwrap_or(lexeme);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok()
}

fn same_number(before: &str, after: &str) -> bool {
    matches!((before.parse::<f64>(), after.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
}

/// Says whether it is a whole number of 2^53 or more.
fn rounds(lexeme: &str) -> bool {
    let digits = lexeme.strip_prefix(['-', '+']).unwrap_or(lexeme);
    let digits = digits.trim_start_matches('0');
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() > 16 || digits.len() == 16 && digits >= "9007199254740992")
}

/// Returns what a quoted or plain text says, as far as that is sure.
fn says(lexeme: &str) -> String {
    if let Ok(text) = serde_json::from_str::<String>(lexeme) {
        return text;
    }
    let single = lexeme.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    single.map_or_else(|| lexeme.to_owned(), |text| text.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_scalars_are_told() {
        for lexeme in ["NO", "on", "0o17", "017", "1e3", "1_000", "12:30:45"] {
            assert!(odd(lexeme).is_some(), "{lexeme}");
        }
        for lexeme in ["no-one", "0", "10", "1.5e3", "false", "10.0.0.1", "\"NO\""] {
            assert!(odd(lexeme).is_none(), "{lexeme}");
        }
    }

    #[test]
    fn rounding_is_told_from_two_to_the_53rd_on() {
        assert!(!rounds("9007199254740991"));
        assert!(rounds("9007199254740992") && rounds("-9007199254740993"));
        let told = notes(Format::Json, Some("9007199254740992"), Some("9007199254740993"));
        assert!(told.iter().any(|note| note.contains("same number")), "{told:?}");
        assert_eq!(
            notes(Format::Json, Some("1"), Some("1.0")),
            ["the same number, written differently"]
        );
        assert_eq!(
            notes(Format::Json, Some("\"a\""), Some("\"\\u0061\"")),
            ["the same text, written differently"]
        );
        assert_eq!(
            notes(Format::Json, Some("1"), Some("\"1\"")),
            ["the type changes from number to text"]
        );
    }
}
