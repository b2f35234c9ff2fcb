//! One call, before it is sent.

use countersign_protocol::digest::Sha256Digest;
use reqwest::Method;

/// Who has to sign a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authentication {
    Required,
    IfPossible,
    Never,
}

/// One call, before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) doing: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) authentication: Authentication,
    pub(super) limit: usize,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Call {
    pub(crate) fn get(doing: &'static str, path: impl Into<String>) -> Self {
        Self {
            doing,
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            body: Vec::new(),
            authentication: Authentication::Required,
            limit: 1024 * 1024,
            headers: Vec::new(),
        }
    }

    pub(crate) fn post(doing: &'static str, path: impl Into<String>, body: Vec<u8>) -> Self {
        let path = path.into();
        let key = Sha256Digest::of_domain("countersign/idempotency/v1", &[path.as_bytes(), &[0], &body]);
        Self {
            method: Method::POST,
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("idempotency-key", key.to_string()),
            ],
            body,
            ..Self::get(doing, path)
        }
    }

    /// A call without a body that may be repeated as it is: `PUT` or `DELETE`.
    pub(crate) fn bare(doing: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            ..Self::get(doing, path)
        }
    }

    pub(crate) fn public(mut self) -> Self {
        self.authentication = Authentication::Never;
        self
    }

    pub(crate) fn signed_if_possible(mut self) -> Self {
        self.authentication = Authentication::IfPossible;
        self
    }

    pub(crate) fn with_query(mut self, query: Vec<(String, String)>) -> Self {
        self.query = query;
        self
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn within(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}
