//! A grant is for one guard: another guard can neither fetch nor use it.

use std::sync::Arc;

use countersign_client::http::{Backend, Options};
use countersign_client::key_file;
use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;

use crate::refusal;

#[test]
fn another_guard_cannot_fetch_the_grant_or_see_the_request() {
    let mut organisation = Organisation::start();
    let client = organisation.ask_change_with("app.conf", "a\n", "b\n", &["--ticket"]);
    let ended = client.finish();
    assert_eq!(ended.code, Some(75), "{}", ended.stderr);
    let id = organisation.wait_for(Phase::Pending);
    // The first guard is away, so nobody fetches the grant.
    organisation.guard.as_mut().unwrap().kill();
    organisation.decide(id, "alex", Verdict::Approve).unwrap();

    let key = key_file::load(&organisation.path("g2/guard.key")).unwrap();
    let other = Backend::new(&organisation.url, Some(Arc::new(key)), Options::default()).unwrap();
    assert!(!refusal(organisation.runtime.block_on(other.grant(id))).is_empty());
    assert!(!refusal(organisation.runtime.block_on(other.request(id))).is_empty());
    assert_eq!(organisation.record(id).phase, Phase::Approved);

    // The first guard comes back and goes on where it was.
    organisation.start_guard();
    organisation.wait_until(id, Phase::Succeeded);
    organisation.wait_for_file("app.conf", "b\n");
}
