//! The OpenAPI document, as it is printed.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{countersignd, succeed};

#[test]
fn the_openapi_document_is_as_before() {
    let document: serde_json::Value = serde_json::from_str(&succeed(countersignd().arg("openapi"))).unwrap();
    assert_eq!(
        document["openapi"]
            .as_str()
            .unwrap()
            .split('.')
            .take(2)
            .collect::<Vec<_>>(),
        ["3", "1"]
    );
    insta::assert_json_snapshot!(document);
}
