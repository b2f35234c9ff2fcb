//! Links to a request: `countersign://request/ID?org=ROOT`. A link opens; it never decides.

use std::fmt;
use std::str::FromStr;

use countersign_protocol::digest::RootId;
use countersign_protocol::identity::RequestId;

/// How every link begins.
const SCHEME: &str = "countersign://";
/// The longest link, in bytes.
const MAX_LINK: usize = 300;

/// A link to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The request.
    pub request: RequestId,
    /// The root of the organisation that it is a request of, where the link names one.
    pub organisation: Option<RootId>,
}

/// A text is no link to a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no link to a request; a link is `countersign://request/ID?org=ROOT`")]
pub struct NoLink;

impl Link {
    /// Whether a text means to be a link.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.get(..SCHEME.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(SCHEME))
    }
}

impl FromStr for Link {
    type Err = NoLink;

    fn from_str(text: &str) -> Result<Self, NoLink> {
        let rest = (text.len() <= MAX_LINK)
            .then(|| text.strip_prefix(SCHEME))
            .flatten()
            .ok_or(NoLink)?;
        let rest = rest.strip_prefix("request/").ok_or(NoLink)?;
        let (id, query) = match rest.split_once('?') {
            Some((id, query)) => (id, Some(query)),
            None => (rest, None),
        };
        let organisation = match query {
            Some(query) => {
                let root = query.strip_prefix("org=").ok_or(NoLink)?;
                Some(root.parse().map_err(|_| NoLink)?)
            }
            None => None,
        };
        Ok(Self {
            // Desktops write a slash behind what they take for a host.
            request: id.trim_end_matches('/').parse().map_err(|_| NoLink)?,
            organisation,
        })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}request/{}", self.request)?;
        match &self.organisation {
            Some(root) => write!(f, "?org={root}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};

    use super::*;

    #[test]
    fn a_link_is_read_as_it_is_written() {
        let request = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"one")));
        let root = RootId::new(Sha256Digest::of(b"root"));
        for organisation in [None, Some(root)] {
            let link = Link {
                request,
                organisation,
            };
            assert_eq!(link.to_string().parse(), Ok(link));
        }
        assert!(
            format!("countersign://request/{request}/")
                .parse::<Link>()
                .is_ok()
        );
        assert!(Link::is_meant("Countersign://x") && !Link::is_meant("https://x"));
    }

    #[test]
    fn what_is_anything_else_is_refused() {
        let request = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"one")));
        for text in [
            String::new(),
            "countersign://".to_owned(),
            "countersign://request/".to_owned(),
            "countersign://request/r-1".to_owned(),
            format!("countersign://approve/{request}"),
            format!("countersign://request/{request}?org="),
            format!("countersign://request/{request}?org=00"),
            format!("countersign://request/{request}?approve=1"),
            format!(
                "countersign://request/{request}?org={}&then=approve",
                RootId::new(Sha256Digest::of(b"root"))
            ),
            format!("countersign://request/{request}#x"),
            format!("countersign://request/{request}{}", "/".repeat(400)),
            format!("https://request/{request}"),
        ] {
            assert_eq!(text.parse::<Link>(), Err(NoLink), "{text}");
        }
    }
}
