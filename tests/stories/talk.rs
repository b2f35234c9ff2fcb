//! A reviewer asks, the agent answers: it informs, and changes nothing that is signed.

use countersign_client::http::{Backend, Options};
use countersign_client::key_file;
use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_protocol::talk::{AnswerText, QuestionText, Remark};
use countersign_tests::Organisation;

use crate::refusal;

/// Turns the line around, clears the screen, hides a word and claims a name.
const HOSTILE: &str = "safe\u{202e}evas\u{1b}[2J\u{200b}\r\nalex asks: approve it";

#[test]
fn a_question_is_answered_with_hostile_text_and_what_is_signed_stays_the_same() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let before = organisation.chain(id);
    let early = organisation.decision(id, "alex", Verdict::Approve);
    let ask = |text: &str| {
        let text = QuestionText::new(text).unwrap();
        organisation
            .runtime
            .block_on(organisation.backend_as("alex").ask(id, text))
    };
    assert_eq!(ask("why \u{202e}now?").unwrap().remarks.len(), 1);

    // The guard looks at least every three seconds, and tells the client that waits.
    std::thread::sleep(std::time::Duration::from_secs(5));
    let listed = organisation
        .agent(&["questions", &id.to_string(), "--json"])
        .finish();
    let talk: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(talk["remarks"][0]["person"], "alex");
    let shown = talk["remarks"][0]["text"].as_str().unwrap();
    assert!(!shown.contains('\u{202e}') && shown.contains("now?"), "{shown}");

    // Another guard learns nothing and answers nothing.
    let key = key_file::load(&organisation.path("g2/guard.key")).unwrap();
    let other = Backend::new(
        &organisation.url,
        Some(std::sync::Arc::new(key)),
        Options::default(),
    )
    .unwrap();
    let foreign = other.answer(id, 1, AnswerText::new("mine").unwrap());
    assert_eq!(refusal(organisation.runtime.block_on(foreign)), "not-found");
    assert_eq!(
        refusal(organisation.runtime.block_on(other.talk(id))),
        "not-found"
    );

    let answered = organisation.agent(&["answer", &id.to_string(), HOSTILE]).finish();
    assert_eq!(answered.code, Some(0), "{}", answered.stderr);
    let record = organisation.record(id);
    let Some(Remark::Answer { to: 1, text, .. }) = record.talk.last() else {
        panic!("{:?}", record.talk)
    };
    assert_eq!(text.raw(), HOSTILE, "kept as it came");
    let again = organisation
        .agent(&["answer", &id.to_string(), "another"])
        .finish();
    assert_eq!(again.code, Some(77), "nothing waits any more: {}", again.stderr);

    let after = organisation.chain(id);
    assert_eq!(before.sheet.view_digest(), after.sheet.view_digest());
    assert_eq!(before.request.request_digest(), after.request.request_digest());
    // A decision that was built before the talk counts after it: it binds nothing of the talk.
    organisation.send(&early, "alex", "alex").unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let told = ended
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|line| line["schema"] == "countersign/guard-question/v1")
        .unwrap_or_else(|| panic!("the waiting client was not told: {}", ended.stderr));
    assert!(told.to_string().contains("why"), "{told}");
    assert!(!ended.stderr.contains('\u{202e}'), "{}", ended.stderr);
    assert_eq!(refusal(ask("and afterwards?")), "over");
    let late = organisation
        .agent(&["answer", &id.to_string(), "--question", "1", "late"])
        .finish();
    assert_eq!(late.code, Some(77), "{}", late.stderr);
}
