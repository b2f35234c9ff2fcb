//! Records as documents of all providers write them: Terraform, CloudFormation, the documents of APIs.
//!
//! What a record says is read by those who ask for it; here is only how records are found and what all of them have.

use crate::document::{Place, Value};
use crate::findings::Input;
use std::collections::BTreeMap;

/// A record and what it says.
pub(super) struct Record<T> {
    pub(super) name: String,
    pub(super) says: T,
    pub(super) place: Place,
    pub(super) line: u32,
}

/// Returns the records of a side by their holder.
///
/// `read` is given the type of each, where one stands there, its place and its settings, and says what it makes of it;
/// nothing for what is no record of its kind.
pub(super) fn records<T>(
    input: &Input<'_>,
    read: impl Fn(Option<&str>, &Place, &Value) -> Option<T>,
) -> BTreeMap<String, Record<T>> {
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        let kind = value.text_at("type").or_else(|| value.text_at("Type"));
        let Some(says) = read(kind, place, value) else {
            return;
        };
        let name = value.text_at("name").or_else(|| value.text_at("Name"));
        let record = Record {
            name: name.unwrap_or(&place.identity).to_owned(),
            says,
            place: place.clone(),
            line: value.line,
        };
        found.insert(place.identity.clone(), record);
    });
    found
}
