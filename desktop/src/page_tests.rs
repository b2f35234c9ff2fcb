//! A page that was taken over: whatever it asks for, it gets no decision that the person did not confirm outside it,
//! about what the person was shown, after it was really on screen.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_console::config::Desktop;
use countersign_console::machine::driver::Desk;
use countersign_console::machine::state::KeySummary;
use countersign_console::machine::{
    Confirmation, Connection, News, Order, Passphrase, Progress, Reading, Row, RowContent, State, Summary,
    Trouble, Trust, Unlock,
};
use countersign_protocol::approval::Severity;
use countersign_protocol::decision::{Attention, Verdict};
use countersign_protocol::digest::{ActionDigest, ProposalDigest, RequestDigest, Sha256Digest, ViewDigest};
use countersign_protocol::identity::{KeyAssurance, RequestId};
use countersign_protocol::kind::Kind;
use countersign_protocol::mask::{MaskKey, SecretMark};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_review::secret::Masks;
use countersign_review::sheet::{LineRole, SheetLine};
use serde_json::{Value, json};
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder};
use tauri::webview::InvokeRequest;
use tauri::{DragDropEvent, Manager as _, WebviewWindowBuilder, WindowEvent};
use zeroize::Zeroizing;

use crate::command;
use crate::console::Console;
use crate::native::{Answer, Arrival, Native};
use crate::snapshot::BATCH;

const LINES: usize = 40;

fn id(number: u8) -> RequestId {
    RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number])))
}

fn view(number: u8) -> ViewDigest {
    ViewDigest::new(Sha256Digest::of(&[number, 1]))
}

fn summary(severity: Severity) -> Summary {
    Summary {
        phase: Phase::Pending,
        severity,
        kind: Kind::named("iam").unwrap(),
        target: "file://web-1/etc/role.yaml".into(),
        agent: "deployer".parse().unwrap(),
        environment: "production".parse().unwrap(),
        created_at: Timestamp::from_millis(1),
        expires_at: countersign_client::now().after(Duration::from_secs(3600)),
        needs: 1,
        hardware: 0,
        teams: 1,
        approved_by: vec![],
        personal: false,
        why_not: None,
        weak_key: false,
        decided: None,
        digest_start: [0; 4],
    }
}

fn reading(number: u8, severity: Severity) -> Reading {
    let line = |at| SheetLine {
        role: LineRole::Context,
        text: format!("line {at} of the sheet"),
    };
    Reading {
        id: id(number),
        weak_key: None,
        change: 1,
        summary: summary(severity),
        request_digest: RequestDigest::new(Sha256Digest::of(&[number, 2])),
        action_digest: ActionDigest::new(Sha256Digest::of(&[number, 3])),
        view_digest: view(number),
        check_words: vec!["abandon".to_owned()],
        sentence: String::new(),
        asked: None,
        amends: None,
        followed: None,
        sheet: (0..LINES).map(line).collect::<Arc<[_]>>(),
        changes: vec![],
        drift: None,
        masks: masks(),
        findings: vec![],
        facts: vec![],
        complete: true,
        problems: vec![],
        policies: vec![],
        eligible: vec![],
        excluded: vec![],
        decisions: vec![],
        talk: vec![],
        reveals: vec![],
        logged: Some((1, 2)),
        copy: None,
    }
}

const SECRET: &str = "newpw-1a2b3c4d5e";

fn masks() -> Arc<Masks> {
    let text = format!("ALTER ROLE app PASSWORD '{SECRET}';\n");
    let key = Some(MaskKey::from_random([3; 32]));
    Arc::new(Masks::of_documents("sql", key, &[text.as_bytes()]))
}

/// A desk with two requests; it keeps the orders to sign, and the reasons to reveal, that reach it.
#[derive(Clone)]
struct Two {
    severity: Severity,
    orders: Arc<Mutex<Vec<Order>>>,
    reveals: Arc<Mutex<Vec<String>>>,
}

impl Desk for Two {
    async fn trust(&self) -> Result<Trust, Trouble> {
        Ok(Trust {
            organisation: "Acme".into(),
            root_words: vec![],
            person: "p-alice".parse().unwrap(),
            key: Some(KeySummary {
                name: "laptop".into(),
                assurance: KeyAssurance::Software,
                unlock: Unlock::Passphrase,
                pin_remembered: false,
                unlocks_many: false,
            }),
        })
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        let row = |number| Row {
            id: id(number),
            change: 1,
            content: RowContent::Verified(Box::new(summary(self.severity))),
        };
        Ok((1..=2).map(row).collect())
    }

    async fn open(&self, wanted: RequestId) -> Result<Reading, Trouble> {
        let number = if wanted == id(1) { 1 } else { 2 };
        Ok(reading(number, self.severity))
    }

    async fn decide(&self, order: Order, report: impl Fn(Progress) + Send + Sync) {
        self.orders.lock().unwrap().push(order);
        report(Progress::Logged { index: 7, size: 8 });
    }

    async fn reveal(&self, _: RequestId, _: Option<SecretMark>, reason: String) -> Result<(), Trouble> {
        self.reveals.lock().unwrap().push(reason);
        Ok(())
    }

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tell(News::Connection(Connection::Live));
        pending::<()>().await;
    }
}

/// The world outside the page: questions wait here until a test answers them.
#[derive(Clone, Default)]
struct Outside(Arc<Mutex<Vec<(Confirmation, Answer)>>>);

impl Native for Outside {
    fn confirm(&self, confirmation: Confirmation, answer: Answer) {
        self.0.lock().unwrap().push((confirmation, answer));
    }

    fn copy(&self, _: String) {}

    fn tell(&self, _: Arrival) {}

    fn count(&self, _: usize) {}

    fn heed(&self, _: Desktop) {}

    fn withdraw(&self) {
        let open = self.0.lock().unwrap().pop();
        if let Some((_, answer)) = open {
            answer(None);
        }
    }
}

impl Outside {
    fn asked(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn answer(&self, passphrase: Option<&str>) -> Confirmation {
        let (confirmation, answer) = self.0.lock().unwrap().pop().unwrap();
        answer(passphrase.map(|text| Passphrase::typed(&Zeroizing::new(text.to_owned()))));
        confirmation
    }
}

/// A page over a console: it speaks JSON, as the real one does.
struct Page {
    console: Arc<Console>,
    desk: Two,
    outside: Outside,
}

impl Page {
    async fn open(severity: Severity) -> Self {
        let desk = Two {
            severity,
            orders: Arc::default(),
            reveals: Arc::default(),
        };
        let (console, outside) = (Arc::new(Console::new(None)), Outside::default());
        console.attach(outside.clone());
        console.drive(desk.clone(), State::queue(), None);
        let page = Self {
            console,
            desk,
            outside,
        };
        page.until(|now| now["queue"]["total"] == 2 && now["header"]["who"].as_array().unwrap().len() > 1)
            .await;
        page.says(json!({ "do": "open", "id": id(1) }));
        page.until(|now| now["detail"]["readable"] == true).await;
        page
    }

    fn says(&self, message: Value) {
        self.console
            .take(serde_json::from_value(message).unwrap())
            .unwrap();
    }

    fn signs(&self, request: u8, view_digest: ViewDigest, typed: &Value) {
        let signing = json!({ "request": id(request), "view_digest": view_digest, "typed": typed });
        self.console
            .sign(serde_json::from_value(signing).unwrap())
            .unwrap();
    }

    async fn now(&self) -> Value {
        serde_json::to_value(self.console.snapshot(0, None).await.unwrap()).unwrap()
    }

    /// Waits as the page does: for the next revision, again and again.
    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut revision = 0;
        for _ in 0..200 {
            let next = self.console.snapshot(revision, None);
            let Ok(next) = tokio::time::timeout(Duration::from_secs(5), next).await else {
                break;
            };
            let next = next.unwrap();
            revision = next.revision;
            let now = serde_json::to_value(next).unwrap();
            if wanted(&now) {
                return now;
            }
        }
        panic!("it never came: {}", self.now().await);
    }

    /// Lets time go by, and the machine know.
    async fn waits(&self) {
        tokio::time::sleep(Duration::from_millis(320)).await;
        self.says(json!({ "do": "put", "field": "reason", "text": "" }));
    }

    fn shows(&self, from: usize, to: usize) {
        self.says(json!({ "do": "showing", "view": view(1), "from": [from, 0], "to": [to, 0] }));
    }

    async fn seen(&self) -> Value {
        self.now().await["detail"]["seen"][0].clone()
    }

    /// Reads the whole sheet, honestly.
    async fn reads(&self) {
        self.console.lines(0, LINES).unwrap();
        self.shows(0, LINES);
        self.until(|now| now["detail"]["seen"][0] == LINES).await;
    }

    async fn begins(&self, verdict: &str) {
        self.waits().await;
        self.says(json!({ "do": "begin", "verdict": verdict }));
        // What comes before the dialog has settled is not heard.
        self.waits().await;
    }

    async fn notice(&self) -> String {
        let now = self.now().await;
        let text = |value: &Value| {
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|piece| piece["text"].as_str().unwrap().to_owned())
                .collect()
        };
        match &now["ceremony"]["notice"] {
            Value::Null => String::new(),
            notice => text(notice),
        }
    }

    fn orders(&self) -> usize {
        self.desk.orders.lock().unwrap().len()
    }

    async fn has_order(&self) -> Order {
        for _ in 0..200 {
            if let Some(order) = self.desk.orders.lock().unwrap().pop() {
                return order;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing was ordered; {}", self.notice().await);
    }
}

fn typed() -> Value {
    json!([["reason", "looked at it"], ["name", "role.yaml"]])
}

#[tokio::test]
async fn what_was_read_typed_and_confirmed_is_signed() {
    let page = Page::open(Severity::High).await;
    page.reads().await;
    page.begins("approve").await;
    let name = page.now().await["ceremony"]["fields"][1]["label"]
        .as_str()
        .unwrap()
        .to_owned();
    let name = name.strip_prefix("type ").unwrap().to_owned();
    page.signs(1, view(1), &json!([["reason", "looked at it"], ["name", name]]));
    assert_eq!(page.notice().await, "");
    // Nothing is signed before the answer.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!((page.outside.asked(), page.orders()), (1, 0));
    let asked = page.outside.answer(Some("secret"));
    assert!(
        asked.grave && asked.facts.iter().any(|(_, value)| value == "looked at it"),
        "{asked:?}"
    );
    let order = page.has_order().await;
    assert_eq!(
        (order.request, order.view_digest, order.verdict),
        (id(1), view(1), Verdict::Approve)
    );
    assert_eq!(
        (order.reason.as_str(), order.passphrase.expose()),
        ("looked at it", "secret")
    );
    assert!(matches!(
        order.attention,
        Attention::Shown {
            lines: 40,
            of_lines: 40,
            ..
        }
    ));
    // It is made when the log has it, and not before.
    page.until(|now| now["ceremony"]["over"] == true).await;
}

#[tokio::test]
async fn nothing_is_signed_where_the_person_does_not_confirm() {
    let page = Page::open(Severity::Low).await;
    page.begins("deny").await;
    page.signs(1, view(1), &typed());
    // Asked again while the prompt is open, it opens no other and changes nothing of what is asked.
    page.signs(1, view(1), &json!([["reason", "something else"]]));
    page.says(json!({ "do": "put", "field": "reason", "text": "something else" }));
    assert_eq!(page.outside.asked(), 1);
    page.outside.answer(None);
    assert!(page.notice().await.contains("you did not confirm"));
    page.waits().await;
    page.signs(1, view(1), &typed());
    page.outside.answer(Some(""));
    assert!(page.notice().await.contains("no passphrase"));
    assert_eq!(page.orders(), 0);
}

#[tokio::test]
async fn a_swapped_digest_or_another_request_is_refused() {
    let page = Page::open(Severity::Low).await;
    page.reads().await;
    page.begins("approve").await;
    for (request, sheet) in [(1, view(2)), (2, view(2)), (2, view(1))] {
        page.signs(request, sheet, &typed());
        assert!(
            page.notice().await.contains("not what would be signed"),
            "{request}"
        );
    }
    assert_eq!((page.outside.asked(), page.orders()), (0, 0));
}

#[tokio::test]
async fn without_a_ceremony_there_is_nothing_to_sign() {
    let page = Page::open(Severity::Low).await;
    page.signs(1, view(1), &typed());
    page.says(json!({ "do": "enter" }));
    assert_eq!((page.outside.asked(), page.orders()), (0, 0));
    // Nor is anything when the ceremony was left while the person was asked: the question is taken back.
    page.begins("deny").await;
    page.signs(1, view(1), &typed());
    let (confirmation, late) = page.outside.0.lock().unwrap().pop().unwrap();
    page.says(json!({ "do": "back" }));
    page.begins("approve").await;
    late(Some(Passphrase::typed(&Zeroizing::new("secret".to_owned()))));
    assert_eq!((confirmation.number, page.orders()), (1, 0));
}

#[tokio::test]
async fn a_tab_that_is_new_to_the_page_comes_with_the_lines_to_begin_with() {
    let page = Page::open(Severity::High).await;
    let snapshot = page.console.snapshot(0, Some("another")).await.unwrap();
    let (tab, lines) = (snapshot.tab.unwrap(), snapshot.lines.unwrap());
    assert_eq!((lines.key.as_str(), lines.first), (tab.key.as_str(), 0));
    assert_eq!(
        lines,
        page.console.lines(0, BATCH).unwrap(),
        "as if they had been asked for"
    );
    let again = page.console.snapshot(0, Some(&tab.key)).await.unwrap();
    assert_eq!(again.lines, None);
}

#[tokio::test]
async fn lines_that_came_with_a_tab_were_given() {
    let page = Page::open(Severity::High).await;
    // Who draws nothing is given nothing.
    assert_eq!(page.console.snapshot(0, None).await.unwrap().lines, None);
    page.shows(0, 1);
    page.waits().await;
    assert_eq!(page.seen().await, 0);
    let given = page.console.snapshot(0, Some("")).await.unwrap().lines.unwrap();
    page.shows(0, given.lines.len());
    page.until(|now| now["detail"]["seen"][0] == given.lines.len())
        .await;
}

#[tokio::test]
async fn forged_attention_does_not_count() {
    let page = Page::open(Severity::High).await;
    // Lines that the page was never given.
    page.shows(0, LINES);
    page.waits().await;
    assert_eq!(page.seen().await, 0);
    // Given, but of no time at all; and one too many.
    page.console.lines(0, 10).unwrap();
    page.shows(0, 10);
    page.shows(0, 0);
    page.shows(0, 11);
    page.waits().await;
    assert_eq!(page.seen().await, 0);
    // Of another sheet.
    page.says(json!({ "do": "showing", "view": view(2), "from": [0, 0], "to": [10, 0] }));
    page.waits().await;
    assert_eq!(page.seen().await, 0);
    // Covered by a dialog before the time was over.
    page.shows(0, 10);
    page.says(json!({ "do": "help" }));
    page.waits().await;
    page.says(json!({ "do": "help" }));
    assert_eq!(page.seen().await, 0);
    page.says(
        json!({ "do": "showing", "view": view(1), "from": [usize::MAX, 0], "to": [usize::MAX, usize::MAX] }),
    );
    page.begins("approve").await;
    assert_eq!(page.now().await["ceremony"], Value::Null);
    assert_eq!((page.outside.asked(), page.orders()), (0, 0));
    // And what really was there counts.
    page.shows(0, 10);
    page.until(|now| now["detail"]["seen"][0] == 10).await;
}

#[tokio::test]
async fn a_secret_reaches_the_page_only_once_the_person_confirmed_and_it_was_recorded() {
    let page = Page::open(Severity::Low).await;
    let recorded = || page.desk.reveals.lock().unwrap().clone();
    let wants = json!({ "do": "reveal-this", "choice": 0, "reason": "is it the old one?" });
    page.says(wants.clone());
    page.waits().await;
    page.says(json!({ "do": "reveal" }));
    page.waits().await;
    for word in [
        json!({ "do": "enter" }),
        json!({ "do": "reveal-this", "choice": 0, "reason": "" }),
        json!({ "do": "reveal" }),
    ] {
        page.says(word);
    }
    assert_eq!((page.outside.asked(), recorded().len()), (0, 0));
    page.says(wants.clone());
    page.says(json!({ "do": "reveal-this", "choice": 0, "reason": "something else" }));
    assert_eq!(page.outside.asked(), 1);
    page.outside.answer(None);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(recorded().len(), 0);
    page.waits().await;
    page.says(wants.clone());
    // Leaving takes the question back, whatever was answered to it.
    page.says(json!({ "do": "back" }));
    assert_eq!((page.outside.asked(), recorded().len()), (0, 0));
    page.waits().await;
    page.says(json!({ "do": "reveal" }));
    page.waits().await;
    assert!(!page.now().await.to_string().contains(SECRET));
    page.says(wants);
    let asked = page.outside.answer(Some(""));
    assert!(asked.unlock.is_none() && asked.facts.iter().any(|(_, value)| value == "is it the old one?"));
    let now = page.until(|now| !now["reveal"]["seconds"].is_null()).await;
    assert!(now.to_string().contains(SECRET));
    assert_eq!(recorded(), ["is it the old one?"]);
    // What lies under it stays masked, and none of it is left when it is closed.
    assert!(
        !serde_json::to_string(&page.console.lines(0, LINES).unwrap())
            .unwrap()
            .contains(SECRET)
    );
    page.says(json!({ "do": "back" }));
    assert!(!page.now().await.to_string().contains(SECRET));
}

fn window(label: &str) -> tauri::WebviewWindow<MockRuntime> {
    let nowhere = std::env::temp_dir().join("countersign-desktop-test-has-no-such-file.toml");
    let console = tauri::async_runtime::block_on(async { Console::start(Some(nowhere)) });
    let app = mock_builder()
        .manage(console)
        .invoke_handler(tauri::generate_handler![
            command::snapshot,
            command::dispatch,
            command::lines,
            command::find,
            command::sign
        ])
        .build(tauri::generate_context!())
        .unwrap();
    WebviewWindowBuilder::new(&app, label, tauri::WebviewUrl::default())
        .build()
        .unwrap()
}

fn call(
    window: &tauri::WebviewWindow<MockRuntime>,
    from: &str,
    command: &str,
    body: Value,
) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: command.into(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: from.parse().unwrap(),
        body: InvokeBody::Json(body),
        headers: tauri::http::HeaderMap::default(),
        invoke_key: INVOKE_KEY.to_owned(),
    };
    get_ipc_response(window, request).map(|body| body.deserialize().unwrap())
}

const OWN: &str = if cfg!(windows) {
    "http://tauri.localhost"
} else {
    "tauri://localhost"
};

#[test]
fn the_page_gets_a_snapshot_and_nothing_of_the_platform() {
    let window = window(crate::window::LABEL);
    let snapshot = call(&window, OWN, "snapshot", json!({ "after": 0 })).unwrap();
    assert_eq!(snapshot["screen"], "first-run");
    assert_eq!(snapshot["setup"]["choices"].as_array().unwrap().len(), 3);
    assert!(call(&window, OWN, "dispatch", json!({ "message": { "do": "help" } })).is_ok());
    assert_eq!(
        call(&window, OWN, "find", json!({ "text": "web" })),
        Ok(json!([]))
    );
    assert!(call(&window, OWN, "find", json!({ "text": "x".repeat(1 << 20) })).is_err());
    let signing = json!({ "request": id(1), "view_digest": view(1), "typed": [] });
    assert!(call(&window, OWN, "sign", json!({ "signing": signing })).is_ok());
    for other in [
        "plugin:event|listen",
        "plugin:window|close",
        "plugin:webview|internal_toggle_devtools",
        "decide",
        "confirm",
        "answer",
    ] {
        assert!(call(&window, OWN, other, json!({})).is_err(), "{other}");
    }
    for wrong in [
        json!({}),
        json!({ "request": id(1), "view_digest": "00", "typed": [] }),
        json!({ "request": id(1), "view_digest": view(1), "typed": [], "passphrase": "x" }),
        json!({ "request": id(1), "view_digest": view(1), "typed": [["reason", "x".repeat(1 << 20)]] }),
    ] {
        assert!(call(&window, OWN, "sign", json!({ "signing": wrong })).is_err());
    }
}

#[test]
fn a_file_that_is_dropped_is_opened_and_never_reaches_the_page() {
    let window = window(crate::window::LABEL);
    let dropped = |paths: Vec<std::path::PathBuf>| {
        let event = DragDropEvent::Drop {
            paths,
            position: tauri::PhysicalPosition::default(),
        };
        crate::window::happened(window.app_handle(), &WindowEvent::DragDrop(event));
    };
    dropped(Vec::new());
    dropped(vec!["/nowhere/week.countersign".into(), "/nowhere/other".into()]);
    for _ in 0..200 {
        let now = call(&window, OWN, "snapshot", json!({ "after": 0 })).unwrap();
        let told = now["notices"].to_string();
        if told.contains("week.countersign") {
            assert!(
                told.contains("nothing is configured") && !told.contains("other"),
                "{told}"
            );
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing was opened");
}

#[test]
fn other_pages_and_other_windows_get_nothing() {
    let body = || json!({ "after": 0 });
    let own = window(crate::window::LABEL);
    assert!(call(&own, "https://example.com", "snapshot", body()).is_err());
    assert!(call(&window("other"), OWN, "snapshot", body()).is_err());
}
