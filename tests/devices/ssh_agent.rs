//! Keys in OpenSSH's agent: taken into use, signing in OpenSSH's own form, judged by `ssh-keygen`.

use std::process::Stdio;

use countersign_tests::Home;
use countersign_tests::device::{SshAgent, tool};

const CREATE: [&str; 4] = ["keys", "create", "--provider", "ssh-agent"];

fn home(agent: &SshAgent) -> Home {
    Home::new().with("SSH_AUTH_SOCK", agent.socket().display().to_string())
}

#[test]
fn signatures_satisfy_ssh_keygen_in_our_namespace_alone() {
    for kind in ["ed25519", "ecdsa"] {
        let agent = SshAgent::new();
        let _ = agent.add(kind);
        let home = home(&agent);
        home.succeeds("", &CREATE);
        let out = home.path("out");
        home.succeeds("", &["keys", "check", "-o", out.to_str().unwrap()]);
        let verify = |namespace: &str, message: Vec<u8>| {
            let mut command = tool("ssh-keygen");
            command
                .args(["-Y", "verify", "-I", "reviewer", "-n", namespace, "-f"])
                .arg(out.join("allowed_signers"))
                .arg("-s")
                .arg(out.join("signature.sshsig"))
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), &message).unwrap();
            child.wait().unwrap().success()
        };
        let message = std::fs::read(out.join("message")).unwrap();
        assert!(verify("countersign-decision@v1", message.clone()), "{kind}");
        assert!(!verify("file", message.clone()), "{kind}");
        let mut changed = message;
        changed[40] ^= 1;
        assert!(!verify("countersign-decision@v1", changed), "{kind}");
    }
}

#[test]
fn an_agent_without_the_key_or_none_at_all_says_so() {
    let mut agent = SshAgent::new();
    let home = home(&agent);
    home.refuses("", &CREATE, "holds no such key");
    let _ = agent.add("ed25519");
    home.succeeds("", &CREATE);
    home.succeeds("", &["keys", "check"]);
    agent.forget();
    home.refuses("", &["keys", "check"], "does not hold the key");
    agent.stop();
    home.refuses("", &["keys", "check"], "no SSH agent can be reached");
    let no_agent = Home::new().with("SSH_AUTH_SOCK", "");
    no_agent.refuses("", &CREATE, "SSH_AUTH_SOCK is not set");
}

#[test]
fn several_keys_have_to_be_told_apart() {
    let agent = SshAgent::new();
    let _ = (agent.add("ed25519"), agent.add("ecdsa"));
    let home = home(&agent);
    let unclear = home.countersign("", &CREATE);
    assert_eq!(unclear.code, Some(2));
    assert!(unclear.stderr.contains("ecdsa@countersign"), "{}", unclear.stderr);
    home.succeeds("", &[&CREATE[..], &["--select", "ecdsa@countersign"]].concat());
    home.succeeds("", &["keys", "check"]);
}
