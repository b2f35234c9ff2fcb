//! Single commands: what each well-known program does with the arguments it is given.

use super::hidden::{self, is_system_file};
use super::script::{At, INTERPRETERS, SHELLS, program, script, unwrapped};
use super::{cloud, store, trial};
use crate::findings::observation::quote;
use crate::findings::{Observation, Severity, rule};

/// Judges one simple command, following wrappers and `sh -c`.
#[expect(clippy::too_many_lines, reason = "one table, a row for each program")]
pub(in crate::findings) fn command(words: &[String], at: &At, nesting: u32, seen: &mut Vec<Observation>) {
    let mut add = |about: &'static rule::Rule, severity: Severity, why: &str| {
        let shown = words.join(" ");
        let what = format!("{} {why}", quote(&shown));
        let key = format!("{} {shown}", at.place.identity);
        seen.push(
            Observation::new(about, key, what)
                .severity(severity)
                .at(&at.place, at.line),
        );
    };
    if matches!(program(words), "sudo" | "doas" | "su") {
        add(&rule::SHELL_SUDO, Severity::Medium, "runs as another user");
    }
    let words = unwrapped(words);
    let name = program(words);
    let arguments = words.get(1..).unwrap_or_default();
    let has = |flags: &[&str]| arguments.iter().any(|word| flags.contains(&word.as_str()));
    let short = |letters: &[char]| {
        arguments
            .iter()
            .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letters))
    };
    if trial::only_tried(name, arguments) {
        return;
    }
    let text = arguments.join(" ");
    if let Some((about, severity, why)) = cloud::judge(name, arguments) {
        add(about, severity, why);
    }
    if let Some((about, severity, why)) = store::judge(name, arguments) {
        add(about, severity, why);
    }
    if unverified(name, arguments) {
        add(
            &rule::SHELL_UNVERIFIED,
            Severity::Medium,
            "takes the answer of anybody in between",
        );
    }
    match name {
        "rm" if short(&['r', 'R']) || has(&["--recursive"]) => add(
            &rule::SHELL_DELETES,
            at.removal(removal(arguments)),
            "removes whole directories",
        ),
        "find" if has(&["-delete"]) || text.contains("-exec rm") => {
            let severity = match trial::is_bounded_find(arguments) {
                true => Severity::Low,
                false => Severity::Medium,
            };
            add(
                &rule::SHELL_DELETES,
                at.removal(severity),
                "removes what it finds",
            );
        }
        "shred" | "wipefs" | "mkfs" | "fdisk" | "parted" => add(
            &rule::SHELL_DELETES,
            Severity::High,
            "destroys data beyond recovery",
        ),
        _ if name.starts_with("mkfs.") => add(
            &rule::SHELL_DELETES,
            Severity::High,
            "destroys data beyond recovery",
        ),
        "dd" if text.contains("of=/dev/") => {
            add(&rule::SHELL_DELETES, Severity::Critical, "writes over a device");
        }
        "chmod"
            if text.contains("777")
                || text.contains("+s")
                || arguments
                    .iter()
                    .any(|word| word.len() == 4 && word.starts_with(['2', '4', '6'])) =>
        {
            add(
                &rule::SHELL_PERMISSIONS,
                Severity::Medium,
                "opens files to everybody or sets a set-user bit",
            );
        }
        "nc" | "ncat" | "netcat" if short(&['e', 'c']) || has(&["--exec", "--sh-exec"]) => add(
            &rule::SHELL_REVERSE,
            Severity::Critical,
            "gives a shell to the network",
        ),
        "socat" if text.to_ascii_lowercase().contains("exec:") => add(
            &rule::SHELL_REVERSE,
            Severity::Critical,
            "gives a shell to the network",
        ),
        "curl" | "wget" if uploads(arguments, at.in_image) => add(
            &rule::SHELL_SENDS_DATA,
            Severity::Medium,
            "sends data over the network",
        ),
        "git"
            if has(&["push"])
                && (has(&["--force", "-f", "--mirror", "--delete"])
                    || arguments.iter().any(|word| word.starts_with('+'))) =>
        {
            add(
                &rule::SHELL_DELETES,
                Severity::Medium,
                "rewrites history that others hold",
            );
        }
        "kubectl" | "oc" if has(&["delete", "drain"]) => add(
            &rule::SHELL_DELETES,
            Severity::Medium,
            "removes objects of a cluster",
        ),
        "kubectl" | "oc" if has(&["exec", "debug", "cp"]) => {
            add(&rule::SHELL_REMOTE, Severity::Medium, "acts inside what runs");
        }
        "terraform" | "tofu" | "pulumi" if has(&["destroy"]) || text.contains("-auto-approve") => add(
            &rule::SHELL_DELETES,
            Severity::High,
            "changes infrastructure without a plan that was seen",
        ),
        "terraform" | "tofu"
            if has(&["state"]) && has(&["rm", "push", "replace-provider"])
                || has(&["force-unlock", "taint"]) =>
        {
            add(
                &rule::SHELL_STOPS,
                Severity::Medium,
                "changes what is known of the infrastructure, without a plan",
            );
        }
        "helm" if has(&["uninstall", "delete"]) => {
            add(&rule::SHELL_DELETES, Severity::Medium, "removes a release");
        }
        "dropdb" | "dropuser" => add(&rule::SHELL_DELETES, Severity::High, "drops a database or user"),
        "shutdown" | "reboot" | "poweroff" | "halt" => {
            add(&rule::SHELL_REMOTE, Severity::Medium, "stops the machine");
        }
        "iptables" | "nft" | "ufw" if has(&["-F", "flush", "disable"]) => add(
            &rule::SHELL_PERMISSIONS,
            Severity::High,
            "takes the firewall down",
        ),
        "useradd" | "adduser" | "usermod" | "userdel" | "deluser" | "groupdel" | "chage" | "chpasswd"
        | "visudo" | "gpasswd" => add(
            &rule::SHELL_PERMISSIONS,
            Severity::High,
            "changes who may do what on the machine",
        ),
        "insmod" | "modprobe" | "nsenter" => add(
            &rule::SHELL_PERMISSIONS,
            Severity::High,
            "reaches into the kernel or other namespaces",
        ),
        "docker" | "podman" | "nerdctl"
            if has(&["--privileged", "--pid=host", "--network=host"])
                || text.contains("docker.sock")
                || text.contains("-v /:") =>
        {
            add(
                &rule::SHELL_PERMISSIONS,
                Severity::High,
                "starts a container with power over the machine",
            );
        }
        "kubectl" | "oc"
            if text.contains("clusterrolebinding") && text.contains("cluster-admin")
                || text.contains("--privileged") =>
        {
            add(
                &rule::SHELL_PERMISSIONS,
                Severity::High,
                "gives power over the cluster",
            );
        }
        "kubectl" | "oc" if text.contains("--replicas=0") => {
            add(
                &rule::SHELL_DELETES,
                Severity::Medium,
                "scales a workload to nothing",
            );
        }
        "chown" | "chmod" | "chgrp"
            if (short(&['R']) || has(&["--recursive"])) && removal(arguments) == Severity::Critical =>
        {
            add(
                &rule::SHELL_PERMISSIONS,
                Severity::Critical,
                "changes who may use the files of a whole machine",
            );
        }
        "history" if short(&['c']) => add(&rule::SHELL_HIDES, Severity::High, "removes traces"),
        "truncate" | "rm" if text.contains("/var/log") || text.contains("_history") => {
            add(&rule::SHELL_HIDES, Severity::High, "removes traces");
        }
        "unset" | "export" if text.contains("HISTFILE") || text.contains("HISTSIZE") => {
            add(&rule::SHELL_HIDES, Severity::High, "keeps no traces");
        }
        "setenforce" | "auditctl" => add(&rule::SHELL_PERMISSIONS, Severity::High, "takes protection down"),
        "eval" => add(
            &rule::SHELL_OBSCURED,
            Severity::Medium,
            "runs text that is put together on the way",
        ),
        "ssh" | "scp" | "rsync" | "sftp" => {
            add(&rule::SHELL_REMOTE, Severity::Low, "reaches another machine");
        }
        "crontab" | "at" | "systemd-run" => add(
            &rule::SHELL_REMOTE,
            Severity::Medium,
            "leaves something to run later",
        ),
        _ => {}
    }
    if words
        .iter()
        .any(|word| word.contains("/dev/tcp/") || word.contains("/dev/udp/"))
    {
        add(
            &rule::SHELL_REVERSE,
            Severity::Critical,
            "connects a shell to the network",
        );
    }
    inner(name, arguments, at, nesting, seen);
}

/// Follows the script or command that an interpreter is given.
fn inner(name: &str, arguments: &[String], at: &At, nesting: u32, seen: &mut Vec<Observation>) {
    let after = |flag: &dyn Fn(&str) -> bool| {
        let position = arguments.iter().position(|word| flag(word))?;
        arguments.get(position + 1)
    };
    if SHELLS.contains(&name) {
        if let Some(text) =
            after(&|word| word.starts_with('-') && !word.starts_with("--") && word.contains('c'))
        {
            script(text, at, nesting + 1, seen);
        }
    } else if name == "ssh" {
        script(&far(arguments).join(" "), at, nesting + 1, seen);
    } else if name == "eval" {
        script(&arguments.join(" "), at, nesting + 1, seen);
    } else if INTERPRETERS.contains(&name) {
        let Some(text) = after(&|word| matches!(word, "-c" | "-e" | "-r")) else {
            return;
        };
        let network = ["socket", "urllib", "requests", "http", "IO::Socket", "net."]
            .iter()
            .any(|word| text.contains(word));
        let process = ["system", "subprocess", "exec", "popen", "spawn", "pty"]
            .iter()
            .any(|word| text.contains(word));
        let (about, severity) = if network && process {
            (&rule::SHELL_REVERSE, Severity::Critical)
        } else if hidden::decodes(text) {
            (&rule::SHELL_ENCODED, Severity::High)
        } else {
            (&rule::SHELL_OBSCURED, Severity::Low)
        };
        let what = format!(
            "{} is given a program on the command line: {}",
            quote(name),
            quote(text)
        );
        seen.push(
            Observation::new(about, format!("{} {text}", at.place.identity), what)
                .severity(severity)
                .at(&at.place, at.line),
        );
    }
}

/// Returns the command that is run on another machine: what stands behind its name.
fn far(arguments: &[String]) -> &[String] {
    const VALUED: &[&str] = &[
        "-i", "-l", "-p", "-o", "-J", "-F", "-L", "-R", "-D", "-b", "-c", "-E", "-e", "-m", "-S", "-W", "-w",
    ];
    let mut rest = arguments;
    loop {
        match rest {
            [flag, _, more @ ..] if VALUED.contains(&flag.as_str()) => rest = more,
            [flag, more @ ..] if flag.starts_with('-') => rest = more,
            [_, more @ ..] => return more,
            [] => return rest,
        }
    }
}

/// Judges what output is written over.
pub(super) fn redirects(targets: &[String], at: &At, seen: &mut Vec<Observation>) {
    for target in targets {
        let network = target.starts_with("/dev/tcp/") || target.starts_with("/dev/udp/");
        let system = is_system_file(target);
        let (about, severity, why) = match (network, system) {
            (true, _) => (
                &rule::SHELL_REVERSE,
                Severity::Critical,
                "a shell is connected to the network",
            ),
            (_, true) => (
                &rule::SHELL_OVERWRITES,
                at.overwriting(target),
                "a file of the system is written",
            ),
            _ => continue,
        };
        let what = format!("{why}: {}", quote(target));
        seen.push(
            Observation::new(about, format!("{} {target}", at.place.identity), what)
                .severity(severity)
                .at(&at.place, at.line),
        );
    }
}

fn removal(arguments: &[String]) -> Severity {
    let root = |word: &&String| {
        let word = word.trim_end_matches(['*', '/']);
        word.is_empty()
            || matches!(
                word,
                "~" | "."
                    | ".."
                    | "$HOME"
                    | "/home"
                    | "/etc"
                    | "/var"
                    | "/usr"
                    | "/srv"
                    | "/opt"
                    | "/mnt"
                    | "/data"
            )
    };
    let targets: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    match () {
        () if targets.iter().any(root) || arguments.iter().any(|word| word == "--no-preserve-root") => {
            Severity::Critical
        }
        () if targets
            .iter()
            .any(|word| word.contains('$') || word.starts_with('/')) =>
        {
            Severity::High
        }
        () if targets.iter().all(|word| is_made_anew(word)) => Severity::Low,
        () => Severity::Medium,
    }
}

/// Says whether a path lies in a folder, below where the command runs, that a build makes anew.
fn is_made_anew(path: &str) -> bool {
    const MADE: &[&str] = &[
        "target",
        "build",
        "dist",
        "node_modules",
        "coverage",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".next",
        ".gradle",
        ".terraform",
    ];
    let path = path.trim_start_matches("./");
    let first = path.split('/').next().unwrap_or_default();
    MADE.contains(&first) && !path.contains("..") && !path.contains(['*', '?', '`', '{'])
}

/// Says whether it reads from elsewhere without a look at the certificate.
fn unverified(name: &str, arguments: &[String]) -> bool {
    let flag = |word: &String| match name {
        "curl" => {
            word == "--insecure" || word.starts_with('-') && !word.starts_with("--") && word.contains('k')
        }
        "wget" => word == "--no-check-certificate",
        _ => false,
    };
    let mut addresses = arguments.iter().filter(|word| word.contains("//")).peekable();
    let here = addresses.peek().is_some() && addresses.all(|address| is_local(address));
    arguments.iter().any(flag) && !here
}

/// Says whether an address is of the machine itself.
fn is_local(address: &str) -> bool {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', ':', '?', '#', '@']).next());
    host.is_some_and(|host| host == "localhost" || host == "127.0.0.1") && !address.contains('@')
}

fn uploads(arguments: &[String], in_image: bool) -> bool {
    arguments.iter().enumerate().any(|(index, word)| {
        let value = arguments.get(index + 1).map(String::as_str).unwrap_or_default();
        let data = matches!(
            word.as_str(),
            "-d" | "--data"
                | "--data-binary"
                | "--data-raw"
                | "-F"
                | "--form"
                | "--post-data"
                | "--post-file"
                | "--data-urlencode"
        );
        data && (value.starts_with('@')
            || value.contains("=@")
            || value.contains('$')
            || word == "--post-file")
            || matches!(word.as_str(), "-T" | "--upload-file")
            || word.starts_with("--post-file=")
            || word.starts_with("http") && word.contains('$') && !(in_image && names_a_release(word))
    })
}

/// Says whether all that an address of a build leaves open is the name of a release. Elsewhere a name proves nothing.
fn names_a_release(address: &str) -> bool {
    const OF_A_RELEASE: &[&str] = &[
        "VERSION",
        "VER",
        "ARCH",
        "TARGETARCH",
        "OS",
        "TARGETOS",
        "PLATFORM",
        "TARGETPLATFORM",
        "RELEASE",
        "TAG",
    ];
    address.split('$').skip(1).all(|rest| {
        let braced = rest.strip_prefix('{');
        let rest = braced.unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        let last = name.rsplit('_').next().unwrap_or_default().to_ascii_uppercase();
        let plain = braced.is_none() || after.starts_with('}');
        plain && OF_A_RELEASE.contains(&last.as_str())
    })
}
