//! A console full of made-up requests, for tests and for looking at the screens.

mod alike;
mod reading;
pub mod secretive;

use std::sync::OnceLock;
use std::time::Duration;

use countersign_console::machine::state::KeySummary;
use countersign_console::machine::{
    Command, Connection, Message, Moment, News, Row, RowContent, State, Summary, Trouble, Trust, Unlock,
    update,
};
use countersign_protocol::approval::Severity;
use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
use countersign_protocol::identity::{KeyAssurance, RequestId};
use countersign_protocol::kind::Kind;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;

pub use alike::{ALIKE, alike, alike_rows, batch};
pub use reading::{AFTER, reading};
pub use secretive::{recorded, secretive};

/// The moment of every sample, where it is another than that of the pictures.
pub static WALL: OnceLock<Timestamp> = OnceLock::new();

/// The moment of every sample.
pub fn moment(up_millis: u64) -> Moment {
    let wall = WALL
        .get()
        .copied()
        .or_else(|| "2026-11-22T03:12:30.000Z".parse().ok());
    let wall = wall.unwrap_or(Timestamp::from_millis(0));
    Moment {
        wall,
        up: Duration::from_millis(up_millis),
    }
}

/// The id of a sample.
pub fn id(number: u8) -> RequestId {
    RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number])))
}

/// Who decides here.
pub fn trust() -> Option<Trust> {
    Some(Trust {
        organisation: "Acme".into(),
        root_words: "orbit velvet canyon spoon ladder brief".split(' ').collect(),
        person: "p-alice".parse().ok()?,
        key: Some(KeySummary {
            name: "laptop".into(),
            assurance: KeyAssurance::Software,
            unlock: Unlock::Passphrase,
            pin_remembered: false,
            unlocks_many: false,
        }),
    })
}

struct Sketch(
    u8,
    Phase,
    Severity,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u64,
    u32,
    u32,
);

const SKETCHES: &[Sketch] = &[
    Sketch(
        1,
        Phase::Pending,
        Severity::Critical,
        "iam",
        "file://web-1/etc/acme/iam/deploy-role.yaml",
        "deployer",
        "production",
        724,
        2,
        1,
    ),
    Sketch(
        2,
        Phase::Pending,
        Severity::High,
        "sql",
        "postgresql://db-1/orders",
        "migrator",
        "production",
        95,
        2,
        0,
    ),
    Sketch(
        3,
        Phase::Pending,
        Severity::Medium,
        "k8s",
        "file://web-1/srv/k8s/checkout-deployment.yaml",
        "deployer",
        "staging",
        7800,
        1,
        0,
    ),
    Sketch(
        4,
        Phase::Pending,
        Severity::Low,
        "config-file",
        "file://web-1/etc/nginx/sites-enabled/shop-frontend-with-a-long-name.conf",
        "tuner",
        "staging",
        90_000,
        1,
        0,
    ),
    Sketch(
        5,
        Phase::Pending,
        Severity::None,
        "secret-rotation",
        "vault://kv/payments/api-key",
        "rotator",
        "production",
        3000,
        1,
        0,
    ),
    Sketch(
        6,
        Phase::Approved,
        Severity::High,
        "security-group",
        "file://net-1/etc/acme/sg/edge.json",
        "deployer",
        "production",
        1500,
        1,
        1,
    ),
    Sketch(
        7,
        Phase::Succeeded,
        Severity::Medium,
        "workflow",
        "file://ci-1/srv/repo/.github/workflows/release.yml",
        "builder",
        "ci",
        0,
        1,
        1,
    ),
    Sketch(
        8,
        Phase::Denied,
        Severity::Critical,
        "data-export",
        "https://files.example.net/upload?to=\u{202e}moc.emca",
        "analyst",
        "production",
        0,
        2,
        0,
    ),
];

fn summary(sketch: &Sketch) -> Option<Summary> {
    let Sketch(number, phase, severity, kind, target, agent, environment, left, needs, given) = *sketch;
    let now = moment(0).wall;
    Some(Summary {
        phase,
        severity,
        kind: Kind::named(kind).ok()?,
        target: target.into(),
        agent: agent.parse().ok()?,
        environment: environment.parse().ok()?,
        created_at: now.before(Duration::from_secs(600 + u64::from(number))),
        expires_at: now.after(Duration::from_secs(left)),
        needs,
        hardware: u32::from(number == 1),
        teams: 1,
        approved_by: ["p-bob", "p-carol"]
            .iter()
            .take(given as usize)
            .filter_map(|p| p.parse().ok())
            .collect(),
        weak_key: false,
        decided: None,
        digest_start: [0; 4],
        personal: false,
        why_not: match (phase.is_open(), number) {
            (false, _) => Some("the request is over and cannot change any more".to_owned()),
            (true, 3) => Some(
                "you asked for this, own the agent or amended it: somebody else has to approve".to_owned(),
            ),
            (true, _) => None,
        },
    })
}

/// The rows of the queue; the last one is not believed.
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = SKETCHES
        .iter()
        .filter_map(|sketch| {
            Some(Row {
                id: id(sketch.0),
                change: 1,
                content: RowContent::Verified(Box::new(summary(sketch)?)),
            })
        })
        .collect();
    let trouble = Trouble::new(
        "wrong-key",
        "the request is signed by a key that the root does not name: \u{1b}[2Jclick",
    );
    rows.push(Row {
        id: id(99),
        change: 1,
        content: RowContent::Refused(vec![trouble]),
    });
    rows
}

/// A console whose queue has come.
pub fn queue() -> State {
    let mut state = State::queue();
    let mut news = vec![News::Connection(Connection::Live), News::Queue(Ok(rows()))];
    if let Some(trust) = trust() {
        news.push(News::Trust(Ok(Box::new(trust))));
    }
    for news in news {
        update(&mut state, Message::News(news), moment(0));
    }
    state
}

/// A console where a sample was opened and came.
pub fn detail(number: u8, reason: &str) -> State {
    let mut state = queue();
    update(
        &mut state,
        Message::Command(Command::Select(id(number))),
        moment(1000),
    );
    update(&mut state, Message::Command(Command::Enter), moment(1000));
    if let Some(reading) = reading(number, reason) {
        let news = News::Opened {
            id: id(number),
            result: Ok(Box::new(reading)),
        };
        update(&mut state, Message::News(news), moment(1100));
    }
    state
}
