//! Who had secrets revealed, over HTTP on the real binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Answer, GUARD_KEY, Organisation, id_of, json};
use countersign_protocol::identity::RequestId;
use countersign_protocol::proposal::Nonce;
use countersign_protocol::reveal::{MAX_REVEALS, RevealBody, RevealReason, Reveals};
use countersign_verify::Purpose;

const BOB: u8 = 31;
const CAROL: u8 = 32;

async fn reveal(organisation: &Organisation, key: u8, id: &RequestId, number: u8) -> Answer {
    reveal_because(organisation, key, id, number, "is it the old one?").await
}

async fn reveal_because(
    organisation: &Organisation,
    key: u8,
    id: &RequestId,
    number: u8,
    reason: &str,
) -> Answer {
    let body = RevealBody {
        nonce: Nonce::from_random([number; 32]),
        reason: RevealReason::new(reason).unwrap(),
        secret: (number == 2).then(|| "9f3a1c20d4e5b6a7".parse().unwrap()),
    };
    let path = format!("/v1/requests/{id}/reveals");
    organisation.send(key, "POST", &path, json(&body)).await
}

#[tokio::test]
async fn a_revealing_is_recorded_once_durably_and_beside_the_evidence() {
    let mut organisation = Organisation::start();
    let held = organisation.held("etc/app.ini").await;
    let id = id_of(&held);
    let before = organisation.judge(&held, Purpose::Review);
    for _ in 0..2 {
        let recorded: Reveals = reveal(&organisation, BOB, &id, 1).await.json();
        assert_eq!(recorded.reveals.len(), 1, "the same one again is one");
    }
    assert_eq!(reveal(&organisation, CAROL, &id, 2).await.status, 200);
    organisation.kill();
    organisation.serve();
    let record = organisation.show(&id).await;
    assert!(record.change > held.change, "those who watch look again");
    let people: Vec<&str> = record
        .reveals
        .iter()
        .map(|reveal| reveal.person.as_str())
        .collect();
    assert_eq!(people, ["bob", "carol"]);
    assert_eq!(record.reveals[0].reason.raw(), "is it the old one?");
    assert!(record.reveals[0].secret.is_none() && record.reveals[1].secret.is_some());
    let after = organisation.judge(&record, Purpose::Review);
    assert_eq!(before.sheet.view_digest(), after.sheet.view_digest());
    assert_eq!(before.request.request_digest(), after.request.request_digest());
}

#[tokio::test]
async fn only_people_reveal_what_is_there_and_not_without_end() {
    let organisation = Organisation::start();
    let id = id_of(&organisation.held("etc/app.ini").await);
    reveal(&organisation, GUARD_KEY, &id, 1)
        .await
        .is(403, "not-allowed");
    let silent = reveal_because(&organisation, BOB, &id, 1, " \n").await;
    silent.is(400, "malformed");
    assert!(organisation.show(&id).await.reveals.is_empty());
    let missing: RequestId = format!("r-{}", "a".repeat(26)).parse().unwrap();
    reveal(&organisation, BOB, &missing, 1).await.is(404, "not-found");
    for number in 0..MAX_REVEALS {
        let number = u8::try_from(number).unwrap();
        assert_eq!(reveal(&organisation, BOB, &id, number).await.status, 200);
    }
    reveal(&organisation, BOB, &id, 200)
        .await
        .is(409, "too-many-reveals");
    let again = reveal(&organisation, BOB, &id, 0).await;
    assert_eq!(again.status, 200, "one that is recorded stays recorded");
    assert_eq!(again.json::<Reveals>().reveals.len(), MAX_REVEALS);
    assert_eq!(
        reveal(&organisation, CAROL, &id, 1).await.status,
        200,
        "another person may"
    );
}
