//! The OpenAPI 3.1 document of the API.
//!
//! The bodies are those of `countersign_protocol::api`; statements inside envelopes are opaque here, since their
//! meaning is what was signed and not what HTTP carries.

mod schemas;

use countersign_protocol::api::MAX_PAGE;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use schemas::schemas;

/// One operation: method, path, id, what it does, who may, body, answer.
type Operation = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Who,
    Option<&'static str>,
    Answer,
);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Anyone,
    Person,
    Guard,
    Member,
    Candidate,
}

#[derive(Clone, Copy)]
enum Answer {
    Json(&'static str, &'static str),
    Nothing,
    Other(&'static str),
}

const OPERATIONS: &[Operation] = &[
    (
        "get",
        "/livez",
        "live",
        "Whether the process lives",
        Who::Anyone,
        None,
        Answer::Other("text/plain"),
    ),
    (
        "get",
        "/readyz",
        "ready",
        "Whether store, log, clock and trust hold",
        Who::Anyone,
        None,
        Answer::Other("text/plain"),
    ),
    (
        "get",
        "/v1/trust",
        "showTrust",
        "Roots, newest directory and newest policy",
        Who::Anyone,
        None,
        Answer::Json("200", "TrustDocument"),
    ),
    (
        "post",
        "/v1/trust/root",
        "renewRoot",
        "Take in a new root that the owners signed",
        Who::Anyone,
        Some("EnvelopeBody"),
        Answer::Nothing,
    ),
    (
        "post",
        "/v1/trust/directory",
        "renewDirectory",
        "Take in a new directory that its owners signed",
        Who::Anyone,
        Some("EnvelopeBody"),
        Answer::Nothing,
    ),
    (
        "post",
        "/v1/trust/policy",
        "renewPolicy",
        "Take in a new policy that its owners signed",
        Who::Anyone,
        Some("EnvelopeBody"),
        Answer::Nothing,
    ),
    (
        "get",
        "/v1/enrolments",
        "listEnrolments",
        "Enrolments that are open, for owners",
        Who::Person,
        None,
        Answer::Json("200", "EnrolmentList"),
    ),
    (
        "post",
        "/v1/enrolments",
        "invite",
        "Open an enrolment for a person, as an owner",
        Who::Person,
        Some("InviteBody"),
        Answer::Json("201", "EnrolmentRecord"),
    ),
    (
        "delete",
        "/v1/enrolments/{code}",
        "closeEnrolment",
        "Forget an enrolment, as an owner",
        Who::Person,
        None,
        Answer::Nothing,
    ),
    (
        "post",
        "/v1/enrolments/{code}/credential",
        "challengeEnrolment",
        "Hand on an owner's credential for the candidate's TPM",
        Who::Person,
        Some("EnvelopeBody"),
        Answer::Nothing,
    ),
    (
        "get",
        "/v1/enrolment",
        "showEnrolment",
        "The enrolment of the code whose key signed the call",
        Who::Candidate,
        None,
        Answer::Json("200", "EnrolmentRecord"),
    ),
    (
        "post",
        "/v1/enrolment/claim",
        "claimEnrolment",
        "Hand on the candidate's signed claim; set once",
        Who::Candidate,
        Some("EnvelopeBody"),
        Answer::Nothing,
    ),
    (
        "post",
        "/v1/enrolment/activation",
        "activateEnrolment",
        "Hand on what the candidate's TPM gave for the credential; set once",
        Who::Candidate,
        Some("ActivationBody"),
        Answer::Nothing,
    ),
    (
        "post",
        "/v1/proposals",
        "propose",
        "Propose an action",
        Who::Guard,
        Some("ProposeBody"),
        Answer::Json("201", "RequestRecord"),
    ),
    (
        "post",
        "/v1/verdicts",
        "recordVerdicts",
        "Report verdicts that needed no human",
        Who::Guard,
        Some("VerdictBatch"),
        Answer::Nothing,
    ),
    (
        "get",
        "/v1/requests",
        "listRequests",
        "The queue, newest first",
        Who::Member,
        None,
        Answer::Json("200", "RequestPage"),
    ),
    (
        "get",
        "/v1/requests/{id}",
        "showRequest",
        "A request with its evidence",
        Who::Member,
        None,
        Answer::Json("200", "RequestRecord"),
    ),
    (
        "post",
        "/v1/requests/{id}/decisions",
        "decide",
        "Send a signed decision",
        Who::Person,
        Some("EnvelopeBody"),
        Answer::Json("200", "RequestRecord"),
    ),
    (
        "post",
        "/v1/requests/{id}/amendment",
        "amend",
        "Deny with a signed counter-proposal",
        Who::Person,
        Some("AmendBody"),
        Answer::Json("200", "RequestRecord"),
    ),
    (
        "post",
        "/v1/requests/{id}/withdrawal",
        "withdraw",
        "Take a request back",
        Who::Guard,
        Some("EnvelopeBody"),
        Answer::Json("200", "RequestRecord"),
    ),
    (
        "post",
        "/v1/requests/{id}/grant",
        "grant",
        "Fetch the one grant; asking again finds the same",
        Who::Guard,
        None,
        Answer::Json("200", "RequestRecord"),
    ),
    (
        "post",
        "/v1/requests/{id}/start",
        "start",
        "Say that the execution starts",
        Who::Guard,
        Some("StartBody"),
        Answer::Nothing,
    ),
    (
        "post",
        "/v1/requests/{id}/receipt",
        "account",
        "Send the signed execution receipt",
        Who::Guard,
        Some("EnvelopeBody"),
        Answer::Json("200", "RequestRecord"),
    ),
    (
        "get",
        "/v1/requests/{id}/talk",
        "showTalk",
        "What people asked and the agent answered; nobody signed it",
        Who::Member,
        None,
        Answer::Json("200", "Talk"),
    ),
    (
        "post",
        "/v1/requests/{id}/questions",
        "ask",
        "Ask the agent of an open request",
        Who::Person,
        Some("AskBody"),
        Answer::Json("200", "Talk"),
    ),
    (
        "post",
        "/v1/requests/{id}/questions/{number}/answer",
        "answer",
        "Pass the agent's answer on, once for each question",
        Who::Guard,
        Some("AnswerBody"),
        Answer::Json("200", "Talk"),
    ),
    (
        "post",
        "/v1/requests/{id}/reveals",
        "reveal",
        "Record that the caller has the masked secrets shown; before anything is shown",
        Who::Person,
        Some("RevealBody"),
        Answer::Json("200", "Reveals"),
    ),
    (
        "put",
        "/v1/requests/{id}/looking",
        "look",
        "Say that the request is on the screen; believed for 30 seconds",
        Who::Person,
        None,
        Answer::Nothing,
    ),
    (
        "delete",
        "/v1/requests/{id}/looking",
        "leave",
        "Say that it no longer is",
        Who::Person,
        None,
        Answer::Nothing,
    ),
    (
        "get",
        "/v1/watch",
        "watch",
        "Changes as server-sent events, resumed by `Last-Event-ID`",
        Who::Member,
        None,
        Answer::Other("text/event-stream"),
    ),
    (
        "get",
        "/v1/log/consistency",
        "proveConsistency",
        "A consistency proof between two sizes of the log",
        Who::Anyone,
        None,
        Answer::Json("200", "ConsistencyAnswer"),
    ),
    (
        "get",
        "/log/checkpoint",
        "checkpoint",
        "The newest signed checkpoint (C2SP tlog-tiles)",
        Who::Anyone,
        None,
        Answer::Other("text/plain"),
    ),
    (
        "get",
        "/log/tile/{path}",
        "tile",
        "A tile or entry bundle (C2SP tlog-tiles); the path holds slashes",
        Who::Anyone,
        None,
        Answer::Other("application/octet-stream"),
    ),
];

/// The document as JSON.
///
/// # Errors
/// When it is not in the form of OpenAPI 3.1.
pub fn document() -> anyhow::Result<String> {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.1).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.0.to_owned(), describe(operation));
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign approval backend",
            "version": "1",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Requests are signed as RFC 9421 says, over method, authority, path, query and body digest. \
                Problems are RFC 9457 documents."
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "signature": {
                "type": "apiKey", "in": "header", "name": "Signature",
                "description": "HTTP Message Signature (RFC 9421) by a login or guard key of the directory, with \
                    `Signature-Input` and `Content-Digest`."
            } }
        }
    });
    let document: OpenApi = serde_json::from_value(document)?;
    Ok(document.to_pretty_json()?)
}

fn describe(operation: &Operation) -> Value {
    let (method, path, id, summary, who, body, answer) = *operation;
    let mut responses = Map::new();
    match answer {
        Answer::Json(status, schema) => {
            responses.insert(
                status.to_owned(),
                content(summary, "application/json", &reference(schema)),
            );
        }
        Answer::Nothing => {
            responses.insert(
                "204".to_owned(),
                json!({ "description": "Done, or done already" }),
            );
        }
        Answer::Other(media) => {
            responses.insert(
                "200".to_owned(),
                content(summary, media, &json!({ "type": "string" })),
            );
        }
    }
    responses.insert(
        "default".to_owned(),
        content("A problem", "application/problem+json", &reference("Problem")),
    );
    let mut described = json!({
        "operationId": id,
        "summary": summary,
        "tags": [tag(path)],
        "parameters": parameters(method, path, who),
        "responses": responses,
    });
    if let Some(body) = body {
        described["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": reference(body) } } });
    }
    if who != Who::Anyone {
        described["security"] = json!([{ "signature": [] }]);
        described["description"] = json!(match who {
            Who::Person => "By a person's login key.",
            Who::Guard => "By a guard's key, for its own requests.",
            Who::Candidate => "By the key that an enrolment code stands for, for that enrolment.",
            Who::Member | Who::Anyone => "By a person's login key, or by a guard's key for its own requests.",
        });
    }
    described
}

/// The first part of the path that tells what it is about.
fn tag(path: &str) -> &str {
    match path {
        "/livez" | "/readyz" => "health",
        _ => path
            .split('/')
            .find(|part| !part.is_empty() && *part != "v1")
            .unwrap_or(path),
    }
}

fn parameters(method: &str, path: &str, who: Who) -> Value {
    let text = |name: &str, place: &str, required: bool, schema: Value| json!({ "name": name, "in": place, "required": required, "schema": schema });
    let mut all = Vec::new();
    if path.contains("{code}") {
        all.push(text("code", "path", true, reference("Digest")));
    }
    if path.contains("{id}") {
        all.push(text("id", "path", true, reference("RequestId")));
    }
    if path.contains("{number}") {
        all.push(text("number", "path", true, reference("Count")));
    }
    match path {
        "/log/tile/{path}" => all.push(text("path", "path", true, json!({ "type": "string" }))),
        "/v1/log/consistency" => {
            all.extend(["from", "to"].map(|name| text(name, "query", true, reference("Count"))));
        }
        "/v1/requests" => {
            all.push(text("state", "query", false, reference("Phase")));
            all.push(text("agent", "query", false, json!({ "type": "string" })));
            all.push(text(
                "after",
                "query",
                false,
                json!({ "type": "string", "description": "`next` of the page before" }),
            ));
            all.push(text(
                "since",
                "query",
                false,
                json!({ "type": "integer", "minimum": 0, "description": "only what changed after this change, in that \
                    order" }),
            ));
            all.push(text(
                "limit",
                "query",
                false,
                json!({ "type": "integer", "minimum": 1, "maximum": MAX_PAGE }),
            ));
        }
        "/v1/watch" => all.push(text("Last-Event-ID", "header", false, reference("Count"))),
        _ => {}
    }
    if method == "post" && who != Who::Anyone {
        all.push(text(
            "Idempotency-Key",
            "header",
            false,
            json!({ "type": "string", "maxLength": 255 }),
        ));
    }
    Value::Array(all)
}

fn content(description: &str, media: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { media: { "schema": schema } } })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}
