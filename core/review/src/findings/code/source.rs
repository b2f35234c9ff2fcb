//! Source code: checks that are gone, and calls that are rarely safe.
//!
//! No language is parsed. Names that are called count as checks by their words, comments are left out by the signs
//! that begin them, and a check counts as gone only where fewer of all checks are called than before: one that moves
//! or gets another name is none.

use crate::findings::name::words;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};
use std::collections::BTreeMap;

/// The rules for code.
pub(in crate::findings) struct Code;

/// Words of which one makes a called name a check.
const CHECKS: &[&str] = &[
    "verify",
    "verifies",
    "verified",
    "verifier",
    "authenticate",
    "authenticated",
    "authorize",
    "authorized",
    "authorise",
    "permission",
    "permissions",
    "csrf",
    "sanitize",
    "sanitise",
    "escape",
    "validate",
    "validated",
    "digest",
    "timingsafeequal",
    "signature",
    "ratelimit",
    "throttle",
    "forbid",
    "guard",
    "allowed",
    "authguard",
    "privilege",
    "entitled",
    "nonce",
    "hashpw",
    "argon2",
    "scrypt",
    "pbkdf2",
    "bcrypt",
];

/// Two words that together make a called name a check.
const PAIRS: &[(&str, &str)] = &[
    ("require", "login"),
    ("login", "required"),
    ("require", "auth"),
    ("requires", "auth"),
    ("require", "role"),
    ("require", "admin"),
    ("permission", "required"),
    ("compare", "digest"),
    ("rate", "limit"),
    ("is", "admin"),
    ("has", "role"),
    ("has", "scope"),
    ("check", "password"),
    ("check", "access"),
    ("check", "token"),
    ("timing", "safe"),
    ("constant", "time"),
];

/// What code writes that is rarely safe, with blanks taken out, and what it means.
const DANGERS: &[(&str, &str)] = &[
    ("verify=False", "certificates are not checked"),
    ("InsecureSkipVerify:true", "certificates are not checked"),
    ("rejectUnauthorized:false", "certificates are not checked"),
    (
        "danger_accept_invalid_certs(true)",
        "certificates are not checked",
    ),
    ("CURLOPT_SSL_VERIFYPEER,false", "certificates are not checked"),
    ("CURLOPT_SSL_VERIFYPEER,0", "certificates are not checked"),
    ("ssl._create_unverified_context", "certificates are not checked"),
    ("VERIFY_NONE", "certificates are not checked"),
    ("verify_signature\":False", "signatures are not checked"),
    ("algorithms=[\"none\"]", "signatures are not checked"),
    ("shell=True", "text becomes a command of a shell"),
    ("os.system(", "text becomes a command of a shell"),
    ("child_process.exec(", "text becomes a command of a shell"),
    ("pickle.loads(", "reading data runs code"),
    ("marshal.loads(", "reading data runs code"),
    ("yaml.unsafe_load(", "reading data runs code"),
    ("ObjectInputStream(", "reading data runs code"),
    ("eval(atob(", "hidden text becomes code"),
    ("exec(base64", "hidden text becomes code"),
    ("dangerouslySetInnerHTML", "text of others becomes part of a page"),
    ("@csrf_exempt", "a guard against forged requests is off"),
    ("csrf().disable()", "a guard against forged requests is off"),
    ("permitAll()", "nobody has to log in"),
    ("@PermitAll", "nobody has to log in"),
    ("allow_origins=[\"*\"]", "pages of every origin may call"),
];

impl Detector for Code {
    /// Knowing some names is not understanding code.
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let keeps_secrets = lines(input).any(|(_, line)| line.to_ascii_lowercase().contains("passw"));
        for (number, line) in lines(input) {
            if let Some(what) = judge(line, keeps_secrets) {
                let what = format!("{what}: {}", quote(line.trim()));
                seen.push(Observation::new(&rule::CODE_DANGER, line.trim(), what).line(number));
            }
            let dense: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            if let Some((text, what)) = DANGERS.iter().find(|(text, _)| dense.contains(text)) {
                let what = format!("{what}: {}", quote(line.trim()));
                let key = format!("{text} {dense}");
                seen.push(Observation::new(&rule::CODE_DANGER, key, what).line(number));
            }
        }
        Outcome::NotMine
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let (old, new) = (checks(before), checks(after));
        let count =
            |checks: &BTreeMap<String, (usize, u32)>| checks.values().map(|(count, _)| count).sum::<usize>();
        if after.bytes.is_empty() || count(&new) >= count(&old) {
            return Vec::new();
        }
        let gone = old.into_iter().filter_map(|(name, (count, line))| {
            let left = new.get(&name).map_or(0, |(count, _)| *count);
            (left < count).then(|| {
                let what = format!(
                    "{} is called {left} times where it was called {count} times",
                    quote(&name)
                );
                let seen = Observation::new(&rule::CODE_CHECK_GONE, "", what)
                    .severity(Severity::Medium)
                    .line(line);
                (seen, Delta::Widened, Side::Before)
            })
        });
        gone.collect()
    }
}

/// Says what a line does that is rarely safe and that no single word tells.
fn judge(line: &str, keeps_secrets: bool) -> Option<&'static str> {
    const WEAK: &[&str] = &["md5", "sha1", "md4", "rc4"];
    let bare = without_text(line);
    let lower = bare.to_ascii_lowercase();
    let weak = WEAK
        .iter()
        .any(|hash| lower.contains(&format!("{hash}(")) || lower.contains(&format!("{hash}.new")));
    if weak && keeps_secrets {
        return Some("a hash that is quickly guessed stands where passwords are kept");
    }
    if joins_statement(line) {
        return Some("text becomes part of a statement of a database");
    }
    if opens_what_is_asked(&lower) {
        return Some("a request names the file that is opened or the command that is run");
    }
    let logs = [
        "log.", "logger.", "logging.", "console.", "slog.", "ln!(", "print(", "printf(", "info!(", "debug!(",
        "warn!(",
    ];
    let written = logs
        .iter()
        .find_map(|log| bare.split_once(log))
        .map(|(_, rest)| rest)?;
    secret_name(written).then_some("a secret is written to the log")
}

/// Says whether a line puts a statement together from text: by a template, by joining or by a format.
fn joins_statement(line: &str) -> bool {
    let upper = line.to_uppercase();
    let statement = [
        ("SELECT ", " FROM "),
        ("INSERT INTO ", " VALUES"),
        ("UPDATE ", " SET "),
        ("DELETE FROM ", " WHERE "),
    ]
    .iter()
    .any(|(start, then)| {
        upper
            .split_once(start)
            .is_some_and(|(_, rest)| rest.contains(then))
    });
    let template = (line.contains("f\"") || line.contains("f'")) && line.contains('{')
        || line.contains('`') && line.contains("${")
        || line.contains("format!(") && line.contains('{');
    let joined = ["\" + ", "' + ", "\" . ", "\".format(", "\" % ", "' % ", "\" || "]
        .iter()
        .any(|sign| line.contains(sign));
    statement && (template || joined)
}

/// Says whether what a request holds names a file or a command, with nothing that cuts it down.
fn opens_what_is_asked(line: &str) -> bool {
    const OPENS: &[&str] = &[
        "path.join(",
        "sendfile(",
        "readfile(",
        "readfilesync(",
        "send_file(",
        "open(",
        "include(",
        "require(",
        "exec(",
        "execsync(",
        "spawn(",
        "system(",
        "popen(",
        "eval(",
        "redirect(",
    ];
    const ASKED: &[&str] = &[
        "req.query",
        "req.params",
        "req.body",
        "request.args",
        "request.form",
        "request.get",
        "request.params",
        "request.query",
        "params[",
        "$_get",
        "$_post",
        "$_request",
        "r.url.query",
        "r.formvalue",
    ];
    const CUT: &[&str] = &[
        "basename",
        "secure_filename",
        "sanitize",
        "escape",
        "normalize",
        "quote(",
        "allowed",
        "int(",
    ];
    let has = |list: &[&str]| list.iter().any(|part| line.contains(part));
    has(OPENS) && has(ASKED) && !has(CUT)
}

/// Takes the texts between quotes out of a line.
fn without_text(line: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(sign) if c == sign => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => out.push(c),
        }
    }
    out
}

/// Says whether a name in code speaks of a secret, and nothing makes less of it.
fn secret_name(code: &str) -> bool {
    const SECRETS: &[&str] = &[
        "token",
        "password",
        "passwd",
        "secret",
        "apikey",
        "credential",
        "credentials",
        "cookie",
        "authorization",
    ];
    const LESS: &[&str] = &[
        "masked", "redacted", "hash", "hashed", "id", "len", "length", "count", "type", "expires", "name",
        "redact", "mask", "digest",
    ];
    let has = |name: &[String], list: &[&str]| name.iter().any(|word| list.contains(&word.as_str()));
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .map(words)
        .any(|name| has(&name, SECRETS) && !has(&name, LESS))
        && !["mask", "redact"]
            .iter()
            .any(|less| code.to_ascii_lowercase().contains(less))
}

/// Returns the lines of code with their numbers, comments left out.
fn lines<'a>(input: &Input<'a>) -> impl Iterator<Item = (u32, &'a str)> {
    let text = input
        .text()
        .filter(|_| input.kind == "code-push")
        .unwrap_or_default();
    let code = |line: &str| {
        let start = line.trim_start();
        !["#", "//", "*", "/*", "--", "<!--"]
            .iter()
            .any(|sign| start.starts_with(sign))
            || start.starts_with("#[")
    };
    (1u32..).zip(text.lines()).filter(move |(_, line)| code(line))
}

/// Counts the checks that are called or stand above a function, with the last line of each.
fn checks(input: &Input<'_>) -> BTreeMap<String, (usize, u32)> {
    let mut found: BTreeMap<String, (usize, u32)> = BTreeMap::new();
    for (number, line) in lines(input) {
        for name in called(line).filter(|name| is_check(name)) {
            let (count, last) = found.entry(name.to_owned()).or_insert((0, number));
            *count += 1;
            *last = number;
        }
    }
    found
}

/// Returns the names on a line that a bracket follows, or that a mark of a decorator stands before.
fn called(line: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let starts = line.char_indices().filter(move |(at, c)| {
        let before = line.get(..*at).and_then(|head| head.chars().next_back());
        is_name(*c) && !before.is_some_and(is_name)
    });
    starts.filter_map(move |(at, _)| {
        let rest = line.get(at..)?;
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let name = rest.get(..end)?;
        let before = line.get(..at).unwrap_or_default();
        let decorates = before.trim_start().starts_with('@') || before.ends_with("#[");
        let defines = ["def ", "fn ", "func ", "function ", "class "]
            .iter()
            .any(|word| before.ends_with(word));
        let follows = rest.get(end..).is_some_and(|rest| rest.starts_with(['(', '!']));
        ((follows || decorates) && !defines).then_some(name)
    })
}

fn is_check(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|word| CHECKS.contains(&word.as_str()))
        || words
            .windows(2)
            .any(|pair| matches!(pair, [first, second] if PAIRS.contains(&(first.as_str(), second.as_str()))))
}

#[cfg(test)]
mod tests {
    use crate::findings::analyze;

    fn told(before: &str, after: &str) -> Vec<&'static str> {
        let findings = analyze("code-push", Some(before.as_bytes()), after.as_bytes());
        let new = findings.iter().filter(|finding| finding.counts());
        new.map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn a_check_that_is_gone_is_told() {
        for (before, after) in [
            ("if not hmac.compare_digest(a, b):\n    raise E\n", "pass\n"),
            (
                "@login_required\ndef pay():\n    run()\n",
                "def pay():\n    run()\n",
            ),
            (
                "let ok = verify_signature(m);\n",
                "// verify_signature(m)\nlet ok = true;\n",
            ),
            ("app.post('/x', requireAuth(), go)\n", "app.post('/x', go)\n"),
        ] {
            assert_eq!(told(before, after), ["code-check-gone"], "{after}");
            assert_eq!(told(after, before), Vec::<&str>::new(), "{before}");
        }
        for (before, after) in [
            ("verify(a)\n", "check(); verify(a)\n"),
            ("verify_one(a)\n", "verify_two(a)\n"),
            ("render(a)\n", "pass\n"),
        ] {
            assert_eq!(told(before, after), Vec::<&str>::new(), "{after}");
        }
    }

    #[test]
    fn what_is_rarely_safe_is_told_once_it_is_new() {
        let bad = "r = requests.get(u, verify = False)\n";
        assert_eq!(told("r = requests.get(u)\n", bad), ["code-danger"]);
        assert_eq!(told(bad, &format!("x = 1\n{bad}")), Vec::<&str>::new());
        assert_eq!(told("x = 1\n", "# verify=False\n"), Vec::<&str>::new());
    }

    #[test]
    fn statements_hashes_and_logs_are_told() {
        let before = "x = 1\n";
        for line in [
            "db.execute(f\"SELECT a FROM t WHERE name = '{name}'\")\n",
            "db.query(\"SELECT a FROM t WHERE name = '\" + name + \"'\")\n",
            "store(password, hashlib.md5(password).hexdigest())\n",
            "log.info(\"session %s\", token)\n",
            "console.log(user.password)\n",
            "const file = path.join(ROOT, req.query.name);\n",
        ] {
            assert_eq!(told(before, line), ["code-danger"], "{line}");
            assert_eq!(told(line, line), Vec::<&str>::new());
        }
        for line in [
            "db.execute(\"SELECT a FROM t WHERE name = %s\", (name,))\n",
            "etag = hashlib.md5(body).hexdigest()\n",
            "log.info(\"token of %s is new\", user.name)\n",
            "log.info(\"session %s\", token_id)\n",
            "const file = path.join(ROOT, path.basename(req.query.name));\n",
            "print(f\"selected {count} from the list\")\n",
        ] {
            assert_eq!(told(before, line), Vec::<&str>::new(), "{line}");
        }
    }
}
