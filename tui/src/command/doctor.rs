//! `countersign doctor`: what is wrong here, and how to mend it.

use std::path::Path;

use countersign_client::http::Options;
use countersign_client::{ClientError, durable, key_file, now};
use countersign_console::config::Config;
use countersign_console::home::Home;
use countersign_console::inbox::Inbox;
use countersign_console::outbox::{Outbox, Standing};
use countersign_console::{keyring, keys};
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::Role;
use countersign_protocol::signed::Signer as _;

use super::failure::{Code, Failure};
use super::output;

/// About as long as a decision.
const TRIAL_BYTES: usize = 8192;

/// Findings of an examination.
#[derive(Default)]
struct Chart {
    bad: u32,
}

impl Chart {
    fn good(&mut self, what: &str) -> Result<(), Failure> {
        output::say(&format!("ok       {what}"))
    }

    fn bad(&mut self, what: &str) -> Result<(), Failure> {
        self.bad += 1;
        output::say(&format!("PROBLEM  {}", output::shown(what)))
    }

    fn note(&mut self, what: &Result<String, String>) -> Result<(), Failure> {
        match what {
            Ok(good) => self.good(good),
            Err(bad) => self.bad(bad),
        }
    }
}

pub async fn run(config: Option<&Path>) -> Result<(), Failure> {
    let mut chart = Chart::default();
    let home = Home::from_environment()?;
    let file = config.map_or_else(|| home.config_file(), Path::to_owned);
    let found = match Config::load(&file) {
        Ok(found) => found,
        Err(error) => {
            chart.bad(&format!("{error}; mend it in that file, then ask again"))?;
            return end(&chart);
        }
    };
    let there = if file.exists() {
        "configuration"
    } else {
        "no configuration yet:"
    };
    chart.good(&format!("{there} {}", file.display()))?;
    let probed = tokio::task::spawn_blocking(keyring::probe).await;
    chart.note(&match probed {
        Ok(Ok(())) => Ok("the keyring answers".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    })?;
    for (name, key) in found.keys.clone() {
        let opened =
            tokio::task::spawn_blocking(move || keys::open(&key).map(|key| key.public_key().id())).await;
        chart.note(&match opened {
            Ok(Ok(id)) => Ok(format!("key `{name}` {id} is there")),
            Ok(Err(error)) => Err(format!("key `{name}`: {error}")),
            Err(error) => Err(format!("key `{name}`: {error}")),
        })?;
    }
    if found.backend.is_none() && found.root.is_none() {
        chart.bad("no organisation is configured; run `countersign login`, or see `countersign demo`")?;
        return end(&chart);
    }
    let options = Options {
        ca_file: found.ca_file.clone(),
        ..Options::default()
    };
    chart.note(&decisions_can_be_kept(&home))?;
    match Inbox::open_with(&home, found, options) {
        Ok(inbox) => with_inbox(&mut chart, &inbox, &home).await?,
        Err(error) => chart.bad(&error.to_string())?,
    }
    end(&chart)
}

async fn with_inbox(chart: &mut Chart, inbox: &Inbox, home: &Home) -> Result<(), Failure> {
    chart.good(&format!(
        "root words: {}",
        inbox.store().root_id().words().join(" ")
    ))?;
    let trusted = match inbox.refresh_trust().await {
        Ok(trusted) => trusted,
        Err(error) => return chart.bad(&error.to_string()),
    };
    chart.good(&format!(
        "directory version {} until {}, policy version {} until {}",
        trusted.directory.version,
        trusted.directory.expires_at,
        trusted.policy.version,
        trusted.policy.expires_at
    ))?;
    let person = inbox.person();
    let mut wanted = Vec::new();
    if let Ok(login) = key_file::load(&home.login_key()) {
        wanted.push(("login key".to_owned(), login.public_key().id(), Role::Login));
    }
    for (name, key) in inbox
        .config()
        .keys
        .iter()
        .filter(|(_, key)| key.role == Role::Reviewer)
    {
        wanted.push((format!("key `{name}`"), key.id, Role::Reviewer));
    }
    for (name, id, role) in wanted {
        let counts = match trusted.directory.key_at(&id, role, now()) {
            Ok(entry) if entry.holder == KeyHolder::Person(person.clone()) => {
                Ok(format!("{name} is in the directory as yours"))
            }
            Ok(_) => Err(format!("{name} is in the directory as somebody else's")),
            Err(problem) => Err(format!(
                "{name}: {problem}; an owner adds it with `countersign directory propose --enrol`"
            )),
        };
        chart.note(&counts)?;
    }
    chart.note(&match inbox.rows(None, 1).await {
        Ok(_) => Ok("the backend knows your login key".to_owned()),
        Err(error) => Err(hinted(&error.to_string(), &error)),
    })?;
    chart.note(&match inbox.refresh_checkpoint().await {
        Ok(checkpoint) => Ok(format!(
            "the log has {} entries and continues what was seen here",
            checkpoint.size
        )),
        Err(error) => Err(error.to_string()),
    })?;
    for followed in inbox.follow_outbox().await? {
        let request = followed.item.request;
        chart.note(&match followed.standing {
            Ok(Standing::Logged { .. }) => Ok(format!("your decision on {request} is proven to be logged")),
            Ok(Standing::Stored | Standing::Unknown) => Ok(format!("your decision on {request} waits for the log")),
            Ok(Standing::Suppressed) => Err(format!(
                "ALARM: the backend acknowledged your decision on {request}, but does not show it; tell the owners"
            )),
            Err(error) => Err(format!("your decision on {request} is kept here: {error}")),
        })?;
    }
    Ok(())
}

/// Whether a decision could be written before it is sent: a full disk is better found out before it is signed.
fn decisions_can_be_kept(home: &Home) -> Result<String, String> {
    let folder = home.outbox_folder();
    let trial = folder.join("trial");
    Outbox::open(folder.clone()).map_err(|error| error.to_string())?;
    let written = durable::replace(&trial, &[b'x'; TRIAL_BYTES]).and_then(|()| std::fs::remove_file(&trial));
    match written {
        Ok(()) => Ok(format!("decisions can be kept in {}", folder.display())),
        Err(error) => Err(format!(
            "decisions cannot be kept in {}, so nothing can be decided: {error}; make room, or make it writable",
            folder.display()
        )),
    }
}

fn hinted(text: &str, error: &countersign_console::inbox::InboxError) -> String {
    match error {
        countersign_console::inbox::InboxError::Client(error) => {
            format!("{text}; {}", ClientError::hint(error))
        }
        _ => text.to_owned(),
    }
}

fn end(chart: &Chart) -> Result<(), Failure> {
    if chart.bad == 0 {
        output::say("everything is as it should be")
    } else {
        Err(Failure::new(
            Code::No,
            match chart.bad {
                1 => "1 problem; its line above says what to do".to_owned(),
                several => format!("{several} problems; their lines above say what to do"),
            },
            "",
        ))
    }
}
