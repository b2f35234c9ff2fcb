//! Strict reading and canonical writing of JSON.
//!
//! Reading refuses what two parsers could understand differently: duplicate keys, trailing bytes, fractions,
//! integers of 2^53 and above, deep nesting, oversize, unknown fields. Every refusal names the place as a JSON
//! pointer (RFC 6901). Writing follows RFC 8785 (JCS), so that two parties build the same bytes from the same
//! value. Signed bytes are never written again: they are kept as they came.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The largest JSON document that is read when the caller names no other limit, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 32;
/// The first integer that JSON readers may round (2^53).
pub const INTEGER_LIMIT: u64 = 1 << 53;
/// Objects of as many keys are searched one by one.
const FEW_KEYS: usize = 24;

/// Why a document was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The document is larger than the limit.
    #[error("document of {length} bytes is over the limit of {limit}; send a smaller one")]
    TooLarge {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes break a rule of strict JSON or do not fit the expected type.
    #[error("{}{problem}", within(place))]
    Refused {
        /// JSON pointer to the offending value.
        place: String,
        /// What is wrong there.
        problem: String,
    },
}

/// Where in a document; nothing of the document itself.
fn within(place: &str) -> String {
    if place.is_empty() {
        String::new()
    } else {
        format!("at `{place}`: ")
    }
}

/// A value that cannot be written as canonical JSON.
#[derive(Debug, thiserror::Error)]
#[error("value cannot be written as canonical JSON: {0}")]
pub struct EncodeError(String);

/// Reads one strict JSON document of at most [`MAX_BYTES`].
///
/// # Errors
/// [`ParseError`] names the place of the first thing that is refused.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ParseError> {
    parse_within(bytes, MAX_BYTES)
}

/// Reads one strict JSON document of at most `limit` bytes.
///
/// # Errors
/// [`ParseError`] names the place of the first thing that is refused.
pub fn parse_within<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, ParseError> {
    Checked::of(bytes, limit)?.read()
}

/// Bytes that are one strict JSON document, to be read as more than one type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked<'a>(&'a str);

impl<'a> Checked<'a> {
    pub(crate) fn of(bytes: &'a [u8], limit: usize) -> Result<Self, ParseError> {
        check(bytes, limit).map(Self)
    }

    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, ParseError> {
        // Where it is refused is asked only once it is known to be.
        if let Ok(read) = serde_json::from_str(self.0) {
            return Ok(read);
        }
        let mut json = serde_json::Deserializer::from_str(self.0);
        serde_path_to_error::deserialize(&mut json).map_err(|error| ParseError::Refused {
            place: pointer_of(error.path()),
            problem: without_position(&error.inner().to_string()),
        })
    }
}

/// Writes `value` as RFC 8785 canonical JSON.
///
/// # Errors
/// [`EncodeError`] when the value has a map with keys that are no strings, or a number out of range.
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    serde_json_canonicalizer::to_vec(value).map_err(|error| EncodeError(error.to_string()))
}

/// The same for a type whose fields are declared in the order of their names, all of them texts and lists: several times
/// as fast, since nothing has to be sorted. Whoever uses it tests that both give the same bytes.
///
/// # Errors
/// [`EncodeError`] as for [`to_bytes`].
pub(crate) fn ordered_to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    serde_json::to_vec(value).map_err(|error| EncodeError(error.to_string()))
}

fn check(bytes: &[u8], limit: usize) -> Result<&str, ParseError> {
    if bytes.len() > limit {
        return Err(ParseError::TooLarge {
            length: bytes.len(),
            limit,
        });
    }
    // Once for the whole document, instead of once for each text in it.
    let text = std::str::from_utf8(bytes).map_err(|error| ParseError::Refused {
        place: String::new(),
        problem: format!("the document is not UTF-8 from byte {} on", error.valid_up_to()),
    })?;
    let mut place = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    let seen = Strict {
        depth: 0,
        place: &mut place,
    }
    .deserialize(&mut json)
    .and_then(|()| json.end());
    seen.map(|()| text).map_err(|error| {
        place.reverse();
        ParseError::Refused {
            place: pointer(&place),
            problem: if error.is_eof() {
                "the document ends too early".to_owned()
            } else {
                without_position(&error.to_string())
            },
        }
    })
}

fn pointer(place: &[String]) -> String {
    place
        .iter()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect()
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let steps: Vec<String> = path
        .iter()
        .map(|segment| match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.clone(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => "?".to_owned(),
        })
        .collect();
    pointer(&steps)
}

/// Cuts serde_json's ` at line 1 column 5`: the pointer says where.
fn without_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// Walks a document without building it. At the first refusal, the steps to it are written to `place`, the last first.
struct Strict<'a> {
    depth: usize,
    place: &'a mut Vec<String>,
}

impl Strict<'_> {
    const fn within(&mut self) -> Strict<'_> {
        Strict {
            depth: self.depth + 1,
            place: self.place,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth >= MAX_DEPTH {
            return Err(serde::de::Error::custom(format!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        if number < INTEGER_LIMIT {
            Ok(())
        } else {
            Err(E::custom("integer of 2^53 or above; write it as a string"))
        }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.visit_u64(number.unsigned_abs())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        Err(E::custom(
            "number with a fraction or exponent; write it as a string",
        ))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0usize;
        loop {
            match items.next_element_seed(self.within()) {
                Ok(Some(())) => index += 1,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.place.push(index.to_string());
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = Keys::default();
        while let Some(key) = entries.next_key_seed(Key)? {
            let value = if seen.insert(key.clone()) {
                entries.next_value_seed(self.within())
            } else {
                Err(serde::de::Error::custom("key given twice"))
            };
            if let Err(error) = value {
                self.place.push(key.into_owned());
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The keys of one object. Most have few, which are found soonest by looking at each; a flood of them is sorted.
#[derive(Default)]
struct Keys<'de> {
    few: Vec<Cow<'de, str>>,
    more: BTreeSet<Cow<'de, str>>,
}

impl<'de> Keys<'de> {
    /// Whether the key is a new one.
    fn insert(&mut self, key: Cow<'de, str>) -> bool {
        if self.few.contains(&key) {
            return false;
        }
        if self.few.len() < FEW_KEYS {
            self.few.push(key);
            return true;
        }
        self.more.insert(key)
    }
}

/// Reads a key, without a copy where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        a: u64,
        b: Vec<Inner>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        c: String,
    }

    fn refusal(text: &str) -> String {
        parse::<Sample>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn names_the_place_of_every_refusal() {
        assert_eq!(
            refusal(r#"{"a":1,"b":[{"c":"x","c":"y"}]}"#),
            "at `/b/0/c`: key given twice"
        );
        assert_eq!(refusal(r#"{"a":1,"b":[{"c":"x"}]} x"#), "trailing characters");
        assert_eq!(
            refusal(r#"{"a":1.5,"b":[]}"#),
            "at `/a`: number with a fraction or exponent; write it as a string"
        );
        assert_eq!(
            refusal(r#"{"a":9007199254740992,"b":[]}"#),
            "at `/a`: integer of 2^53 or above; write it as a string"
        );
        assert!(refusal(r#"{"a":1,"b":[{"c":"x","d":1}]}"#).starts_with("at `/b/0/d`: unknown field `d`"));
        assert_eq!(
            refusal(r#"{"a":1,"b":["#),
            "at `/b/0`: the document ends too early"
        );
        assert_eq!(
            parse::<Sample>(b"{\"a\":1,\"b\":[\"\xff\"]}")
                .unwrap_err()
                .to_string(),
            "the document is not UTF-8 from byte 13 on"
        );
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        assert!(refusal(&deep).ends_with("nested deeper than 32 levels"));
        assert!(matches!(
            parse_within::<Sample>(b"{}", 1),
            Err(ParseError::TooLarge { .. })
        ));
    }

    #[test]
    fn a_key_given_twice_is_found_among_few_and_many() {
        for count in [1, FEW_KEYS - 1, FEW_KEYS, FEW_KEYS + 1, 3 * FEW_KEYS] {
            let keys: Vec<String> = (0..count).map(|number| format!("\"k{number}\":1")).collect();
            let once = format!("{{{}}}", keys.join(","));
            assert!(check(once.as_bytes(), MAX_BYTES).is_ok(), "{count}");
            for twice in [0, count / 2, count - 1] {
                // Once as it is, once with an escape: it is the same key.
                let again = format!("{{{},\"\\u006b{twice}\":2}}", keys.join(","));
                let problem = check(again.as_bytes(), MAX_BYTES).unwrap_err().to_string();
                assert_eq!(problem, format!("at `/k{twice}`: key given twice"));
            }
        }
    }

    #[test]
    fn writes_keys_in_order() {
        let value = serde_json::json!({"b": 1, "a": [true, null, "\u{20ac}\n"]});
        assert_eq!(
            to_bytes(&value).unwrap(),
            "{\"a\":[true,null,\"€\\n\"],\"b\":1}".as_bytes()
        );
    }

    proptest! {
        #[test]
        fn never_panics_on_foreign_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<Sample>(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(a in 0u64..INTEGER_LIMIT, words in proptest::collection::vec(".*", 0..4)) {
            let value = Sample { a, b: words.into_iter().map(|c| Inner { c }).collect() };
            prop_assert_eq!(parse::<Sample>(&to_bytes(&value).unwrap()).unwrap(), value);
        }
    }
}
