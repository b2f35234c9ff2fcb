//! What a process would run and nobody has read: programs and scripts whose bytes do not travel with the action.
//!
//! What travels is shown, sealed, and run as it was shown. The rest is named here as not analyzed. Which files a program
//! opens by itself is not known and not looked for.

use countersign_protocol::action::Exec;
use countersign_protocol::text::OsBytes;
use countersign_review::findings::{Delta, Finding, RuleId, Severity, Side};
use countersign_review::text::Untrusted;

/// Where the system and its administrator keep programs.
const SYSTEM_FOLDERS: [&str; 8] = [
    "/bin/",
    "/lib/",
    "/lib64/",
    "/nix/store/",
    "/opt/",
    "/sbin/",
    "/snap/",
    "/usr/",
];
/// Programs that run the file which their first plain argument names, without the numbers of their versions.
const INTERPRETERS: [&str; 16] = [
    "sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "python", "pypy", "perl", "ruby", "node", "nodejs",
    "php", "lua", "deno",
];
/// Programs that run the command in their arguments.
const WRAPPERS: [&str; 20] = [
    "env", "nohup", "time", "timeout", "nice", "ionice", "chrt", "taskset", "xargs", "setsid", "stdbuf",
    "watch", "sudo", "doas", "su", "runuser", "chroot", "unshare", "busybox", "toybox",
];

/// One finding for each program or script of a process that nobody has read.
pub(crate) fn unread(exec: &Exec) -> Vec<Finding> {
    let program = exec.binary.as_bytes();
    let is_the_systems = SYSTEM_FOLDERS
        .iter()
        .any(|folder| program.starts_with(folder.as_bytes()));
    let own = (!is_the_systems).then(|| {
        format!(
            "what the program {} holds is not shown, and it is none of the system's own; a script that is given to its \
             interpreter is shown",
            Untrusted::from(program).escaped()
        )
    });
    let script = script(exec).map(|script| {
        format!(
            "what the script {} holds is not shown, and it is read as it is by then; handed over as a file, as \
             `countersign-guard exec` does by itself, it is",
            Untrusted::from(script).escaped()
        )
    });
    own.into_iter()
        .chain(script)
        .filter_map(|what| not_analyzed(&what))
        .collect()
}

/// The last part of a path.
pub(crate) fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

fn not_analyzed(what: &str) -> Option<Finding> {
    Some(Finding {
        rule: RuleId::known("not-analyzed")?,
        severity: Severity::Medium,
        title: "The change was not analyzed".to_owned(),
        explanation: format!("not analyzed: {what}"),
        side: Side::After,
        path: Untrusted::from(""),
        line: None,
        column: None,
        reference: None,
        peers: Vec::new(),
        delta: Delta::Unknown,
    })
}

/// The file that an interpreter would run, unless its bytes came along.
fn script(exec: &Exec) -> Option<&[u8]> {
    let words: Vec<&[u8]> = exec.argv.iter().map(OsBytes::as_bytes).collect();
    let called = [exec.binary.as_bytes(), words.first().copied().unwrap_or_default()];
    let is_one_of = |names: &[&str], word: &[u8]| names.iter().any(|name| name.as_bytes() == stem(word));
    let interpreter = if called.iter().any(|name| is_one_of(&INTERPRETERS, name)) {
        0
    } else if called.iter().any(|name| is_one_of(&WRAPPERS, name)) {
        words.iter().position(|word| is_one_of(&INTERPRETERS, word))?
    } else {
        return None;
    };
    let name = words.get(interpreter).map(|word| stem(word))?;
    for (index, word) in words.iter().enumerate().skip(interpreter + 1) {
        if *word == b"-" || (word.starts_with(b"-") && gives_text(name, word)) {
            return None;
        }
        if !word.starts_with(b"-") {
            let came_along =
                |argument: u32| usize::try_from(argument).is_ok_and(|argument| argument == index);
            let shown = exec.operands.iter().any(|operand| came_along(operand.argument));
            return (!shown).then_some(*word);
        }
    }
    None
}

/// Whether an option is followed by the program's own text, which stands among the arguments and is judged there.
fn gives_text(interpreter: &[u8], option: &[u8]) -> bool {
    if option.starts_with(b"--") {
        return option == b"--eval" || option == b"--print";
    }
    let letter = match interpreter {
        b"perl" | b"ruby" | b"node" | b"nodejs" | b"lua" => b'e',
        b"php" => b'r',
        _ => b'c',
    };
    option.contains(&letter)
}

/// The name of a program without folders and without the number of its version.
fn stem(path: &[u8]) -> &[u8] {
    let name = base_name(path);
    let end = name
        .iter()
        .rposition(|byte| !byte.is_ascii_digit() && *byte != b'.');
    end.and_then(|end| name.get(..=end)).unwrap_or_default()
}
