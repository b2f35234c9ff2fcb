//! Questions, answers and who looks, over HTTP on the real binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::time::Duration;

use common::{Answer, GUARD_KEY, OTHER_GUARD_KEY, Organisation, PEOPLE, id_of, json};
use countersign_protocol::api::{RequestPage, RequestRecord};
use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_protocol::talk::{AnswerBody, AnswerText, AskBody, QuestionText, Remark, Talk};
use countersign_verify::Purpose;

const BOB: u8 = 31;
const CAROL: u8 = 32;

async fn ask(organisation: &Organisation, key: u8, id: &RequestId, text: &str) -> Answer {
    let text = QuestionText::new(text).unwrap();
    let path = format!("/v1/requests/{id}/questions");
    organisation
        .send(key, "POST", &path, json(&AskBody { text }))
        .await
}

async fn answer(organisation: &Organisation, key: u8, id: &RequestId, number: u32, text: &str) -> Answer {
    let text = AnswerText::new(text).unwrap();
    let path = format!("/v1/requests/{id}/questions/{number}/answer");
    organisation
        .send(key, "POST", &path, json(&AnswerBody { text }))
        .await
}

#[tokio::test]
async fn a_question_and_its_answer_stand_beside_the_evidence_and_change_nothing_of_it() {
    let mut organisation = Organisation::start();
    assert_eq!(PEOPLE[1].2, BOB);
    let held = organisation.held("etc/app.ini").await;
    let id = id_of(&held);
    let before = organisation.judge(&held, Purpose::Review);

    for _ in 0..2 {
        let asked = ask(&organisation, BOB, &id, "why now?").await;
        assert_eq!(asked.json::<Talk>().remarks.len(), 1, "the same question is one");
    }
    for _ in 0..2 {
        let answered = answer(&organisation, GUARD_KEY, &id, 1, "a spike\u{202e}").await;
        assert_eq!(answered.json::<Talk>().remarks.len(), 2, "the same answer is one");
    }
    answer(&organisation, GUARD_KEY, &id, 1, "something else")
        .await
        .is(409, "answered");
    answer(&organisation, GUARD_KEY, &id, 2, "unasked")
        .await
        .is(404, "not-found");

    organisation.kill();
    organisation.serve();
    let record = organisation.show(&id).await;
    assert!(record.change > held.change, "those who watch look again");
    let [
        Remark::Question {
            person, number: 1, ..
        },
        Remark::Answer { to: 1, text, .. },
    ] = &*record.talk
    else {
        panic!("{:?}", record.talk)
    };
    assert_eq!((person.as_str(), text.raw()), ("bob", "a spike\u{202e}"));
    let after = organisation.judge(&record, Purpose::Review);
    assert_eq!(before.sheet.view_digest(), after.sheet.view_digest());
    assert_eq!(before.request.request_digest(), after.request.request_digest());
    assert_eq!(
        before.request.expires_at, after.request.expires_at,
        "asking prolongs nothing"
    );
    let decided = organisation.decide(&record, "bob", Verdict::Approve).await;
    assert_eq!(decided.status, 200, "{decided:?}");
}

#[tokio::test]
async fn only_people_ask_and_only_the_guard_that_proposed_answers() {
    let organisation = Organisation::start();
    let id = id_of(&organisation.held("etc/app.ini").await);
    ask(&organisation, GUARD_KEY, &id, "may I?")
        .await
        .is(403, "not-allowed");
    assert_eq!(ask(&organisation, BOB, &id, "why now?").await.status, 200);
    answer(&organisation, OTHER_GUARD_KEY, &id, 1, "mine")
        .await
        .is(404, "not-found");
    answer(&organisation, BOB, &id, 1, "mine")
        .await
        .is(403, "not-allowed");
    let path = format!("/v1/requests/{id}/talk");
    let foreign = organisation.send(OTHER_GUARD_KEY, "GET", &path, vec![]).await;
    foreign.is(404, "not-found");
    let own: Talk = organisation.send(GUARD_KEY, "GET", &path, vec![]).await.json();
    assert_eq!(own.remarks.len(), 1);
    ask(&organisation, BOB, &id, " \n").await.is(400, "malformed");
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(1025)).into_bytes();
    let path = format!("/v1/requests/{id}/questions");
    organisation
        .send(BOB, "POST", &path, long)
        .await
        .is(400, "malformed");
}

#[tokio::test]
async fn what_is_over_is_not_talked_about() {
    let organisation = Organisation::start();
    let record = organisation.held("etc/app.ini").await;
    let id = id_of(&record);
    assert_eq!(ask(&organisation, BOB, &id, "why now?").await.status, 200);
    let denied: RequestRecord = organisation.decide(&record, "carol", Verdict::Deny).await.json();
    assert_eq!(denied.phase, Phase::Denied);
    ask(&organisation, BOB, &id, "and now?").await.is(409, "over");
    answer(&organisation, GUARD_KEY, &id, 1, "late")
        .await
        .is(409, "over");
}

#[tokio::test]
async fn questions_are_bounded() {
    let organisation = Organisation::start();
    let id = id_of(&organisation.held("etc/app.ini").await);
    for number in 1..=3 {
        assert_eq!(
            ask(&organisation, BOB, &id, &format!("{number}?")).await.status,
            200
        );
    }
    ask(&organisation, BOB, &id, "4?")
        .await
        .is(409, "too-many-questions");
    assert_eq!(
        ask(&organisation, CAROL, &id, "4?").await.status,
        200,
        "another person may"
    );
    for number in 1..=3 {
        assert_eq!(
            answer(&organisation, GUARD_KEY, &id, number, "so").await.status,
            200
        );
    }
    for number in 5..=7 {
        assert_eq!(
            ask(&organisation, BOB, &id, &format!("{number}?")).await.status,
            200
        );
    }
    let other = id_of(&organisation.held("etc/other.ini").await);
    let tired = ask(&organisation, BOB, &other, "8?").await;
    tired.is(429, "too-many-questions");
    assert!(tired.retry_after.is_some());
}

#[tokio::test]
async fn who_looks_is_told_to_people_and_forgotten_when_they_leave() {
    let organisation = Organisation::start();
    let id = id_of(&organisation.held("etc/app.ini").await);
    let path = format!("/v1/requests/{id}/looking");
    organisation
        .send(GUARD_KEY, "PUT", &path, vec![])
        .await
        .is(403, "not-allowed");
    let missing = format!("/v1/requests/r-{}/looking", "a".repeat(26));
    organisation
        .send(BOB, "PUT", &missing, vec![])
        .await
        .is(404, "not-found");
    assert_eq!(organisation.send(BOB, "PUT", &path, vec![]).await.status, 204);
    let looking = async |key| {
        let page = organisation.send(key, "GET", "/v1/requests", vec![]).await;
        let page: RequestPage = page.json();
        page.requests[0]
            .looking
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let mut seen = vec![];
    for _ in 0..50 {
        seen = looking(CAROL).await;
        if !seen.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(seen, ["bob"]);
    assert!(looking(GUARD_KEY).await.is_empty(), "guards are not told");
    assert_eq!(organisation.send(BOB, "DELETE", &path, vec![]).await.status, 204);
    for _ in 0..50 {
        seen = looking(CAROL).await;
        if seen.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{seen:?} still look");
}

#[tokio::test]
async fn pages_since_a_change_hold_what_changed_after_it() {
    let organisation = Organisation::start();
    let first = organisation.held("etc/a.ini").await;
    organisation.held("etc/b.ini").await;
    let page = async |query: &str| -> RequestPage {
        let path = format!("/v1/requests?{query}");
        organisation.send(BOB, "GET", &path, vec![]).await.json()
    };
    let whole = page("limit=1").await;
    assert!(whole.next.is_some());
    let since = whole.change;
    assert!(page(&format!("since={since}")).await.requests.is_empty());
    let third = organisation.held("etc/c.ini").await;
    assert_eq!(ask(&organisation, BOB, &id_of(&first), "why?").await.status, 200);
    let news = page(&format!("since={since}&limit=1")).await;
    assert_eq!(news.requests[0].id, id_of(&third), "the oldest change first");
    let rest = page(&format!("since={}", news.next.unwrap())).await;
    assert_eq!(rest.requests[0].id, id_of(&first));
    assert!(rest.next.is_none());
    assert_eq!(page("state=pending&limit=2").await.requests.len(), 2);
}
