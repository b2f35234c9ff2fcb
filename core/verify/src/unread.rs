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
const INTERPRETERS: [&str; 22] = [
    "sh", "bash", "rbash", "zsh", "dash", "ksh", "mksh", "ash", "csh", "tcsh", "fish", "tclsh", "Rscript",
    "python", "pypy", "perl", "ruby", "node", "nodejs", "php", "lua", "deno",
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

/// The file that an interpreter would run, unless its bytes came along. A program is taken for what it is and for what it is
/// called, where both are interpreters: each reads its options in its own way.
fn script(exec: &Exec) -> Option<&[u8]> {
    let words: Vec<&[u8]> = exec.argv.iter().map(OsBytes::as_bytes).collect();
    let called = [exec.binary.as_bytes(), words.first().copied().unwrap_or_default()].map(stem);
    let is_one_of = |names: &[&str], name: &[u8]| names.iter().any(|one| one.as_bytes() == name);
    let mut interpreters = called
        .iter()
        .filter(|name| is_one_of(&INTERPRETERS, name))
        .peekable();
    if interpreters.peek().is_some() {
        return interpreters.find_map(|name| unread_behind(name, &words, 0, exec));
    }
    if !called.iter().any(|name| is_one_of(&WRAPPERS, name)) {
        return None;
    }
    let at = words
        .iter()
        .position(|word| is_one_of(&INTERPRETERS, stem(word)))?;
    unread_behind(stem(words.get(at)?), &words, at, exec)
}

/// The file that the interpreter at a place among the words would run, unless its bytes came along.
fn unread_behind<'a>(interpreter: &[u8], words: &[&'a [u8]], at: usize, exec: &Exec) -> Option<&'a [u8]> {
    let mut behind = words.iter().enumerate().skip(at + 1);
    while let Some((index, word)) = behind.next() {
        match Word::of(interpreter, word) {
            Word::Text => return None,
            Word::Option => {}
            Word::OptionBefore => {
                behind.next();
            }
            Word::File => {
                let is_this =
                    |argument: u32| usize::try_from(argument).is_ok_and(|argument| argument == index);
                let came_along = exec.operands.iter().any(|operand| is_this(operand.argument));
                return (!came_along).then_some(*word);
            }
        }
    }
    None
}

/// What a word behind an interpreter's name is to it.
enum Word {
    /// The program's own text begins here or behind it; it stands among the arguments and is judged there.
    Text,
    Option,
    /// An option whose value is the next word.
    OptionBefore,
    File,
}

impl Word {
    /// What the letters of an option mean is known of those that go together with a text; a letter that may have a value
    /// ends them, so that no value passes for the option that brings a text.
    fn of(interpreter: &[u8], word: &[u8]) -> Self {
        let Some(letters) = word.strip_prefix(b"-") else {
            return Self::File;
        };
        if letters.is_empty() || word == b"--eval" || word == b"--print" {
            return Self::Text;
        }
        let (text, alone, before): (&[u8], &[u8], &[u8]) = match interpreter {
            b"perl" => (b"eE", b"acdlnpstuwTUWX0123456789", b""),
            b"ruby" => (b"e", b"acdlnpsSvwy0123456789", b"I"),
            b"node" | b"nodejs" => (b"ep", b"ci", b"C"),
            b"php" => (b"r", b"aehilmnqsvw", b"dcz"),
            b"lua" => (b"e", b"iEvW", b""),
            b"python" | b"pypy" => (b"c", b"bBdEiIOPqRsSuvx", b"WX"),
            _ => (b"c", b"abefhiklmnprstuvxBCDEHPT", b"oO"),
        };
        for (at, letter) in letters.iter().enumerate() {
            if text.contains(letter) {
                return Self::Text;
            }
            if before.contains(letter) && at + 1 == letters.len() {
                return Self::OptionBefore;
            }
            if !alone.contains(letter) {
                break;
            }
        }
        Self::Option
    }
}

/// The name of a program without folders and without the number of its version.
fn stem(path: &[u8]) -> &[u8] {
    let name = base_name(path);
    let end = name
        .iter()
        .rposition(|byte| !byte.is_ascii_digit() && *byte != b'.');
    end.and_then(|end| name.get(..=end)).unwrap_or_default()
}
