//! What was held is what runs: processes from sealed copies, whatever is swapped on disk meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken step is a failed test"
)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign_guard::config::Config;
use countersign_guard::held::Held;
use countersign_guard::observe;
use countersign_guard::run::{Live, Piece, Prepared, Ran};
use countersign_guard::socket::{Asking, ExecCall, OperandCall};
use countersign_protocol::action::Action;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
use countersign_protocol::identity::RequestId;
use countersign_protocol::receipt::Outcome;
use countersign_protocol::text::OsBytes;

struct Home {
    _folder: tempfile::TempDir,
    base: PathBuf,
    held: Held,
    config: Config,
}

fn home(more: &str) -> Home {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    let config = Config::parse(&format!(
        "guard = \"g1\"\nbackend = \"http://127.0.0.1:1\"\nroot = \"{}\"\nhome = {base:?}\nsocket = \"{}/s\"\n\
         host = \"web-1\"\n[exec]\npath = \"{}/bin:/usr/bin:/bin\"\n{more}",
        "ab".repeat(32),
        base.display(),
        base.display(),
    ))
    .unwrap();
    std::fs::create_dir(base.join("bin")).unwrap();
    Home {
        held: Held::open(&base).unwrap(),
        _folder: folder,
        base,
        config,
    }
}

impl Home {
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.base.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    fn call(&self, argv: &[&str]) -> ExecCall {
        ExecCall {
            argv: argv.iter().map(|arg| OsBytes::new(*arg)).collect(),
            cwd: OsBytes::new(self.base.to_str().unwrap()),
            env: vec![(OsBytes::new("SECRET"), OsBytes::new("of the caller"))],
            stdin: None,
            operands: vec![],
            asking: Asking::default(),
        }
    }

    fn hold(&self, call: ExecCall) -> Action {
        let observed = observe::exec(call, &self.config).unwrap();
        for bytes in observed
            .artifacts
            .values()
            .map(|artifact| &artifact.0)
            .chain(&observed.binary)
        {
            self.held.keep(bytes).unwrap();
        }
        let action = Action {
            kind: observed.kind,
            environment: "production".parse().unwrap(),
            target: observed.target,
            payload: observed.payload,
        };
        action.check().unwrap();
        action
    }

    async fn run(&self, action: &Action) -> Ran {
        self.run_live(action, Live::default()).await
    }

    async fn run_live(&self, action: &Action, live: Live) -> Ran {
        let prepared = Prepared::of(action, &self.held).unwrap();
        assert_eq!(prepared.digest(), action.digest().unwrap());
        let id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"p")));
        prepared.run(id, &self.config, live).await
    }
}

fn out(ran: &Ran) -> String {
    String::from_utf8_lossy(&ran.stdout.as_ref().unwrap().tail).into_owned()
}

#[tokio::test]
async fn a_swapped_script_or_binary_does_not_run() {
    let home = home("");
    let path = home.script("deploy", "#!/bin/sh\necho approved \"$1\"\n");
    let action = home.hold(home.call(&[path.to_str().unwrap(), "one"]));
    home.script("deploy", "#!/bin/sh\necho swapped\n");
    let ran = home.run(&action).await;
    assert_eq!(
        (ran.outcome, out(&ran).as_str()),
        (Outcome::Succeeded, "approved one\n")
    );

    let echo = home.base.join("tool");
    std::fs::copy("/bin/echo", &echo).unwrap();
    let action = home.hold(home.call(&[echo.to_str().unwrap(), "approved"]));
    std::fs::copy("/bin/false", &echo).unwrap();
    let ran = home.run(&action).await;
    assert_eq!(
        (ran.outcome, out(&ran).as_str()),
        (Outcome::Succeeded, "approved\n")
    );
}

#[tokio::test]
async fn a_swapped_path_entry_does_not_run() {
    let home = home("");
    let real = home.script("bin/deploy", "#!/bin/sh\necho approved\n");
    let action = home.hold(home.call(&["deploy"]));
    std::fs::remove_file(&real).unwrap();
    symlink(home.script("evil", "#!/bin/sh\necho evil\n"), &real).unwrap();
    assert_eq!(out(&home.run(&action).await), "approved\n");
}

#[tokio::test]
async fn operands_and_standard_input_are_the_held_ones() {
    let home = home("");
    let plan = home.base.join("plan");
    std::fs::write(&plan, "swapped").unwrap();
    let mut call = home.call(&["cat", plan.to_str().unwrap(), "-"]);
    call.operands = vec![OperandCall {
        argument: 1,
        path: OsBytes::new(plan.to_str().unwrap()),
        content: Artifact(b"the plan, ".to_vec()),
    }];
    call.stdin = Some(Artifact(b"the input".to_vec()));
    let action = home.hold(call);
    assert_eq!(out(&home.run(&action).await), "the plan, the input");
}

#[tokio::test]
async fn changed_held_bytes_cannot_even_be_prepared() {
    let home = home("");
    let mut call = home.call(&["cat"]);
    call.stdin = Some(Artifact(b"approved".to_vec()));
    let action = home.hold(call);
    let file = home
        .base
        .join("held")
        .join(Sha256Digest::of(b"approved").to_string());
    std::fs::write(file, "APPROVED").unwrap();
    assert!(Prepared::of(&action, &home.held).is_err());
}

#[tokio::test]
async fn nothing_of_the_service_or_the_caller_is_inherited() {
    let home = home("env = [\"LANG\"]");
    let mut call = home.call(&["env"]);
    call.env.push((OsBytes::new("LANG"), OsBytes::new("C")));
    let text = out(&home.run(&home.hold(call)).await);
    assert!(text.contains("LANG=C\n") && text.contains("PATH="), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[tokio::test]
async fn a_folder_that_became_a_link_is_refused() {
    let home = home("");
    let folder = home.base.join("work");
    std::fs::create_dir(&folder).unwrap();
    let mut call = home.call(&["pwd"]);
    call.cwd = OsBytes::new(folder.to_str().unwrap());
    let action = home.hold(call);
    std::fs::remove_dir(&folder).unwrap();
    symlink("/etc", &folder).unwrap();
    assert_eq!(home.run(&action).await.outcome, Outcome::Stale);
}

/// The link is put in the folder's place after any look at it, by somebody who never stops trying.
#[tokio::test]
async fn a_folder_that_becomes_a_link_at_the_last_moment_is_not_followed() {
    let home = home("");
    let (folder, link) = (home.base.join("work"), home.base.join("link"));
    std::fs::create_dir(&folder).unwrap();
    symlink("/etc", &link).unwrap();
    let mut call = home.call(&["pwd", "-P"]);
    call.cwd = OsBytes::new(folder.to_str().unwrap());
    let action = home.hold(call);
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let (folder, link, stop) = (folder.clone(), link.clone(), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                let (here, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
                rustix::fs::renameat_with(here, &folder, here, &link, flags).unwrap();
            }
        }
    });
    for _ in 0..300 {
        let ran = home.run(&action).await;
        if ran.outcome == Outcome::Succeeded {
            // Its own folder, under whichever of its two names.
            assert_ne!(out(&ran), "/etc\n");
        }
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
}

#[tokio::test]
async fn the_process_speaks_for_itself() {
    let home = home("output_bytes = 10");
    let script = "echo problem >&2; printf '%s' 0123456789abcdef; exit 7";
    let ran = home.run(&home.hold(home.call(&["sh", "-c", script]))).await;
    assert_eq!((ran.outcome, ran.exit_code), (Outcome::Failed, Some(7)));
    let stdout = ran.stdout.unwrap();
    assert_eq!(stdout.tail, b"6789abcdef");
    assert!(stdout.all.names(b"0123456789abcdef"));
    assert!(ran.stderr.unwrap().all.names(b"problem\n"));

    let ran = home
        .run(&home.hold(home.call(&["sh", "-c", "kill -TERM $$"])))
        .await;
    assert_eq!((ran.outcome, ran.exit_code), (Outcome::Failed, Some(143)));
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_all_its_children() {
    let home = home("time_limit_seconds = 1");
    let mark = home.base.join("mark");
    let script = format!("(sleep 3; touch {}) & sleep 30", mark.display());
    let began = Instant::now();
    let ran = home.run(&home.hold(home.call(&["sh", "-c", &script]))).await;
    assert_eq!(ran.outcome, Outcome::Unknown, "{}", ran.detail);
    assert!(began.elapsed() < Duration::from_secs(8));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_grandchild_that_holds_the_output_does_not_hold_the_end() {
    let home = home("");
    let began = Instant::now();
    let ran = home
        .run(&home.hold(home.call(&["sh", "-c", "sleep 60 & echo done"])))
        .await;
    assert_eq!((ran.outcome, out(&ran).as_str()), (Outcome::Succeeded, "done\n"));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn output_reaches_a_client_while_it_runs() {
    let home = home("");
    let action = home.hold(home.call(&["sh", "-c", "echo first; sleep 1; echo second"]));
    let (sender, mut pieces) = tokio::sync::mpsc::channel(4);
    let first = async {
        let began = Instant::now();
        let Some(Piece::Stdout(bytes)) = pieces.recv().await else {
            panic!("no output")
        };
        (bytes, began.elapsed())
    };
    let (ran, (bytes, after)) = tokio::join!(home.run_live(&action, Live::to(sender)), first);
    assert_eq!(bytes, b"first\n");
    assert!(after < Duration::from_millis(900), "{after:?}");
    assert_eq!(out(&ran), "first\nsecond\n");
}

#[tokio::test]
async fn a_process_that_cannot_start_has_failed() {
    let home = home("");
    let path = home.script("broken", "#!/no/such/interpreter\n");
    let ran = home.run(&home.hold(home.call(&[path.to_str().unwrap()]))).await;
    assert_eq!(ran.outcome, Outcome::Failed, "{}", ran.detail);
    assert!(ran.stdout.is_none());
}
