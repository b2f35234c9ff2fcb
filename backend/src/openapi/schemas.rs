//! The schemas of the bodies in the OpenAPI document.

use countersign_protocol::reveal::RevealReason;
use countersign_protocol::talk::{AnswerText, QuestionText};
use serde_json::{Map, Value, json};

use super::reference;

/// An object whose every field is there, but for those that end in `?`.
fn object(description: &str, fields: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = fields
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !name.ends_with('?'))
        .collect();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, schema)| (name.trim_end_matches('?').to_owned(), schema.clone()))
        .collect();
    json!({
        "type": "object", "description": description, "required": required, "properties": properties,
        "additionalProperties": false
    })
}

fn word(word: &str) -> Value {
    json!({ "type": "string", "enum": [word] })
}

fn bounded(bytes: usize) -> Value {
    json!({ "type": "string", "maxLength": bytes, "description": format!("at most {bytes} bytes") })
}

fn list(schema: &str) -> Value {
    json!({ "type": "array", "items": reference(schema) })
}

#[allow(clippy::too_many_lines, reason = "a table of routes")]
pub(super) fn schemas() -> Value {
    let phases: Vec<&str> = countersign_protocol::request::Phase::ALL
        .into_iter()
        .map(countersign_protocol::request::Phase::word)
        .collect();
    let base64 = json!({ "type": "string", "contentEncoding": "base64" });
    let text = json!({ "type": "string" });
    let mut all = json!({
        "Count": { "type": "integer", "minimum": 0 },
        "Digest": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
        "RequestId": { "type": "string", "pattern": "^r-[a-z2-7]{26}$" },
        "Phase": { "type": "string", "enum": phases },
        "Artifact": base64,
        "Envelope": object("A DSSE envelope around an in-toto statement", &[
            ("payloadType", text.clone()),
            ("payload", base64.clone()),
            ("signatures", json!({ "type": "array", "items": object("One signature", &[
                ("keyid", reference("Digest")), ("sig", base64.clone())]) })),
        ]),
        "EnvelopeBody": object("One envelope", &[("envelope", reference("Envelope"))]),
        "AmendBody": object("A signed amendment with the artifacts that only the amended action names", &[
            ("amendment", reference("Envelope")), ("artifacts", list("Artifact"))]),
        "ProposeBody": object("A proposal with its artifacts", &[
            ("proposal", reference("Envelope")), ("artifacts", list("Artifact"))]),
        "VerdictBatch": object("Verdicts that needed no human", &[("records", json!({ "type": "array", "items":
            object("One verdict", &[("proposal", reference("Envelope")), ("record", reference("Envelope"))]) }))]),
        "StartBody": object("The guard says that it starts", &[("grant", reference("Digest"))]),
        "TrustDocument": object("What a new member fetches", &[
            ("roots", list("Envelope")), ("directory", reference("Envelope")), ("policy", reference("Envelope")),
            ("log_origin", text.clone())]),
        "Logged": object("An envelope with what opens its commitment in the log", &[
            ("envelope", reference("Envelope")), ("salt", reference("Digest")), ("index?", reference("Count"))]),
        "LogSegment": object("Leaves of the log under one signed checkpoint", &[
            ("checkpoint", text.clone()),
            ("leaves", json!({ "type": "array", "items": object("A leaf with its inclusion proof", &[
                ("index", reference("Count")), ("leaf", text.clone()), ("proof", list("Digest"))]) }))]),
        "SeenCheckpoint": object("Size and root hash of a log", &[
            ("size", reference("Count")), ("root_hash", reference("Digest"))]),
        "ConsistencyProof": object("A proof that a checkpoint is a prefix of the segment's", &[
            ("from", reference("SeenCheckpoint")), ("proof", list("Digest"))]),
        "Evidence": object("The whole chain of one request; it vouches for nothing by itself", &[
            ("schema", text.clone()), ("roots", list("Envelope")), ("directories", list("Logged")),
            ("policies", list("Logged")), ("proposal", reference("Envelope")), ("request", reference("Logged")),
            ("amended?", json!({ "type": "array", "items": object("A request that was amended", &[
                ("proposal", reference("Envelope")), ("request", reference("Envelope")),
                ("amendment", reference("Logged"))]) })),
            ("decisions", list("Logged")), ("amendment?", reference("Logged")), ("withdrawal?", reference("Logged")), ("grant?", reference("Logged")),
            ("receipt?", reference("Logged")),
            ("artifacts", json!({ "type": "object", "additionalProperties": reference("Artifact") })),
            ("log?", reference("LogSegment")), ("consistency?", list("ConsistencyProof"))]),
        "RequestRecord": object("A request with its evidence", &[
            ("phase", reference("Phase")), ("change", reference("Count")), ("evidence", reference("Evidence")),
            ("talk?", list("Remark")), ("followed?", reference("RequestId")), ("reveals?", list("Reveal"))]),
        "PublicKey": object("A public key", &[
            ("algorithm", text.clone()), ("spki", base64.clone()), ("format?", text.clone())]),
        "InviteBody": object("An owner opens an enrolment", &[
            ("code", reference("PublicKey")), ("person", text.clone()), ("expires_at", text.clone())]),
        "ActivationBody": object("What a TPM gave for a credential", &[("secret", base64.clone())]),
        "EnrolmentRecord": object("An enrolment; it vouches for nothing by itself", &[
            ("code", reference("PublicKey")), ("person", text.clone()), ("invited_by", text.clone()),
            ("expires_at", text.clone()), ("claim?", reference("Envelope")), ("credential?", reference("Envelope")),
            ("activation?", reference("ActivationBody"))]),
        "EnrolmentList": object("Every open enrolment", &[("enrolments", list("EnrolmentRecord"))]),
        "RequestPage": object("A page of the queue", &[
            ("requests", json!({ "type": "array", "items": object("One row", &[
                ("id", reference("RequestId")), ("phase", reference("Phase")), ("change", reference("Count")),
                ("request", reference("Envelope")),
                ("approved_by", json!({ "type": "array", "items": { "type": "string" } })),
                ("looking?", json!({ "type": "array", "items": { "type": "string" } })),
                ("decided?", object("Who decided, and when the last of them did", &[("at", text.clone()),
                    ("by", json!({ "type": "array", "items": { "type": "string" } }))]))]) })),
            ("next?", text.clone()), ("change", reference("Count"))]),
        "ConsistencyAnswer": object("A consistency proof (RFC 6962)", &[("proof", list("Digest"))]),
        "Problem": json!({
            "type": "object", "description": "A problem document (RFC 9457)", "required": ["type", "title", "status"],
            "properties": { "type": text, "title": text, "status": { "type": "integer" }, "detail": text }
        }),
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, beside_the_evidence()) {
        all.extend(more);
    }
    all
}

/// What nobody signs: talk, and who had secrets revealed.
fn beside_the_evidence() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "Remark": json!({ "oneOf": [
            object("A person asks", &[("type", word("question")), ("number", reference("Count")),
                ("person", text.clone()), ("text", bounded(QuestionText::MAX)), ("at", text.clone())]),
            object("The agent claims", &[("type", word("answer")), ("to", reference("Count")),
                ("text", bounded(AnswerText::MAX)), ("at", text.clone())]),
        ] }),
        "Talk": object("Everything that was said, oldest first; nobody signed it", &[("remarks", list("Remark"))]),
        "Reveal": object("A person had one secret of the request revealed, or all", &[
            ("person", text.clone()), ("at", text.clone()), ("reason", bounded(RevealReason::MAX)),
            ("secret?", text.clone())]),
        "Reveals": object("Who had the secrets revealed, oldest first; nobody signed it", &[("reveals", list("Reveal"))]),
        "RevealBody": object("One time, told from others by its nonce", &[
            ("nonce", reference("Digest")), ("reason", bounded(RevealReason::MAX)), ("secret?", text.clone())]),
        "AskBody": object("A question", &[("text", bounded(QuestionText::MAX))]),
        "AnswerBody": object("An answer", &[("text", bounded(AnswerText::MAX))]),
    })
}
