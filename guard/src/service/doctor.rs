//! What is wrong with this guard, and how to mend it.

use countersign_client::now;
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::Role;
use countersign_protocol::proposal::Isolation;

use super::listen::Caller;
use super::{Service, Trust, locked};
use crate::socket::{Check, Checked};

impl Service {
    pub(super) async fn doctor(&self, caller: &Caller) -> Checked {
        let mut checks = vec![self.check_key(), isolation(caller)];
        match self.trust().await {
            Ok(trust) => {
                let (policy, directory) = (trust.bundle.version, trust.directory.version);
                checks.push(good(
                    "backend",
                    format!("reached; directory version {directory} and policy version {policy} hold"),
                ));
                checks.push(self.check_enrolment(&trust));
                checks.push(self.check_agent(caller, &trust));
                checks.push(self.check_clock(&trust));
            }
            Err(error) => checks.push(bad("backend", error.to_string())),
        }
        checks.push(self.check_outbox());
        Checked { checks }
    }

    fn check_key(&self) -> Check {
        good("key", format!("{} in {}", self.key, self.config.home.display()))
    }

    fn check_enrolment(&self, trust: &Trust) -> Check {
        let guard = &self.config.guard;
        match trust.directory.key_at(&self.key, Role::Guard, now()) {
            Ok(key) if key.holder == KeyHolder::Guard(guard.clone()) => {
                good("directory", format!("names this key as guard {guard}"))
            }
            Ok(_) => bad(
                "directory",
                format!("names this key as another guard than {guard}"),
            ),
            Err(error) => bad(
                "directory",
                format!("{error}; a directory owner has to enrol this guard's key"),
            ),
        }
    }

    fn check_agent(&self, caller: &Caller, trust: &Trust) -> Check {
        let guard = &self.config.guard;
        match trust.directory.agent(&caller.agent) {
            Some(agent) if agent.guards.contains(guard) => good(
                "agent",
                format!("{} may be spoken for by guard {guard}", caller.agent),
            ),
            Some(_) => bad(
                "agent",
                format!(
                    "the directory does not let guard {guard} speak for {}",
                    caller.agent
                ),
            ),
            None => bad("agent", format!("{} is not in the directory", caller.agent)),
        }
    }

    fn check_clock(&self, trust: &Trust) -> Check {
        let skew = trust.bundle.limits.skew();
        match self.now() {
            Ok((now, latest)) if now < latest.before(skew) => bad(
                "clock",
                format!("says {now}, but {latest} has been seen already; set it right"),
            ),
            Ok((now, _)) if now < trust.directory.issued_at.before(skew) => bad(
                "clock",
                format!("says {now}, before the directory was made; set it right"),
            ),
            Ok((now, _)) => good("clock", format!("says {now}, not before anything seen")),
            Err(error) => bad("clock", error.to_string()),
        }
    }

    fn check_outbox(&self) -> Check {
        let open = locked(&self.jobs).len();
        let unsent = match self.journal.unsent() {
            Ok(unsent) => unsent,
            Err(error) => return bad("journal", error.to_string()),
        };
        match (unsent.refused.last(), unsent.waiting) {
            (None, 0) => good("journal", format!("{open} requests open, nothing to report")),
            (None, waiting) => bad(
                "journal",
                format!("{waiting} statements wait for the backend to accept them"),
            ),
            (Some(last), waiting) => bad(
                "journal",
                format!(
                    "refused by the backend: {}, last the {} of request {}: {}; waiting: {waiting}. They are kept, and \
                     sent again every hour and when the guard starts; mend the reason with the backend's operator",
                    unsent.refused.len(),
                    last.route.word(),
                    last.request,
                    last.reason
                ),
            ),
        }
    }
}

fn isolation(caller: &Caller) -> Check {
    let (agent, uid) = (&caller.agent, caller.uid);
    match caller.isolation {
        Isolation::SeparateUser => good(
            "isolation",
            format!("agent {agent} (uid {uid}) is another user than the guard"),
        ),
        Isolation::None => bad(
            "isolation",
            format!(
                "agent {agent} (uid {uid}) is the guard's own user and could go round it; recorded as `isolation: none`"
            ),
        ),
    }
}

fn good(name: &str, message: String) -> Check {
    Check {
        name: name.to_owned(),
        good: true,
        message,
    }
}

fn bad(name: &str, message: String) -> Check {
    Check {
        name: name.to_owned(),
        good: false,
        message,
    }
}
