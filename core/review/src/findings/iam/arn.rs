//! Names of resources (ARNs): whose one is, and how much one with `*` reaches.

/// Returns the account of an ARN, or the text itself where it is an account.
pub(super) fn account(name: &str) -> Option<String> {
    let is_account = |text: &&str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    Some(name)
        .filter(is_account)
        .or_else(|| name.split(':').nth(4).filter(is_account))
        .map(str::to_owned)
}

/// Says whether a resource pattern reaches beyond named resources.
pub(super) fn broad(resource: &str) -> bool {
    let name = resource.splitn(6, ':').nth(5);
    match name {
        None => resource.starts_with('*') || !resource.contains(':') && resource.contains('*'),
        // `bucket/*` is one bucket; `role/*` is every role.
        Some(name) if resource.split(':').nth(2) == Some("s3") => name.starts_with('*'),
        Some(name) => {
            name.starts_with('*') || name.split_once(['/', ':']).is_some_and(|(_, rest)| rest == "*")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breadth_of_resources_is_read_from_their_names() {
        for wide in ["*", "arn:aws:iam::*:role/*", "arn:aws:s3:::*"] {
            assert!(broad(wide), "{wide}");
        }
        for narrow in ["arn:aws:s3:::bucket/*", "arn:aws:iam::1:role/app-*"] {
            assert!(!broad(narrow), "{narrow}");
        }
    }
}
