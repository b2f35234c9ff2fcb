//! The table of lines that [`super::setting`] looks for, by their words.

use crate::findings::Severity;

/// A setting as its words in lower case, how bad it is, what it means.
pub(super) type Line = (&'static [&'static str], Severity, &'static str);

/// The settings that are known; of several that fit, the first counts.
pub(super) const LINES: &[Line] = &[
    (
        &["permitrootlogin", "yes"],
        Severity::High,
        "root may log in over SSH",
    ),
    (
        &["passwordauthentication", "yes"],
        Severity::Medium,
        "passwords are enough to log in over SSH",
    ),
    (
        &["permitemptypasswords", "yes"],
        Severity::Critical,
        "logins without a password are accepted",
    ),
    (
        &["stricthostkeychecking", "no"],
        Severity::Medium,
        "the key of a host is not checked",
    ),
    (
        &["userknownhostsfile", "/dev/null"],
        Severity::Medium,
        "the key of a host is not checked",
    ),
    (&["selinux", "disabled"], Severity::High, "SELinux is off"),
    (
        &["selinux", "permissive"],
        Severity::Medium,
        "SELinux only watches",
    ),
    (
        &["protected-mode", "no"],
        Severity::High,
        "Redis answers everybody",
    ),
    (
        &["skip-grant-tables"],
        Severity::Critical,
        "the database asks nobody who they are",
    ),
    (
        &["bind", "0.0.0.0"],
        Severity::Medium,
        "it listens on every address",
    ),
    (
        &["bind-address", "0.0.0.0"],
        Severity::Medium,
        "it listens on every address",
    ),
    (
        &["listen_addresses", "*"],
        Severity::Medium,
        "it listens on every address",
    ),
    (&["ssl", "off"], Severity::Medium, "connections are not encrypted"),
    (&["auth_basic", "off"], Severity::Medium, "no login is asked for"),
    (
        &["autoindex", "on"],
        Severity::Medium,
        "folders are listed to everybody",
    ),
    (
        &["ssl_verify_client", "off"],
        Severity::Medium,
        "certificates of clients are not checked",
    ),
    (
        &["proxy_ssl_verify", "off"],
        Severity::Medium,
        "certificates are not checked",
    ),
    (
        &["sslverify", "false"],
        Severity::Medium,
        "certificates are not checked",
    ),
    (
        &["node_tls_reject_unauthorized", "0"],
        Severity::High,
        "certificates are not checked",
    ),
    (
        &["git_ssl_no_verify", "true"],
        Severity::Medium,
        "certificates are not checked",
    ),
    (
        &["pythonhttpsverify", "0"],
        Severity::Medium,
        "certificates are not checked",
    ),
    (
        &["kernel.randomize_va_space", "0"],
        Severity::Medium,
        "a guard of the kernel is off",
    ),
    (
        &["kernel.yama.ptrace_scope", "0"],
        Severity::Low,
        "a guard of the kernel is off",
    ),
    (
        &["kernel.unprivileged_bpf_disabled", "0"],
        Severity::Medium,
        "a guard of the kernel is off",
    ),
    (
        &["permituserenvironment", "yes"],
        Severity::Medium,
        "who logs in sets the environment",
    ),
    (
        &["hostbasedauthentication", "yes"],
        Severity::High,
        "another machine's word is enough to log in",
    ),
    (
        &["gatewayports", "yes"],
        Severity::Medium,
        "tunnels are open to other machines",
    ),
    (
        &["usepam", "no"],
        Severity::Medium,
        "the rules of the machine for logins don't hold",
    ),
    (
        &["loglevel", "quiet"],
        Severity::Medium,
        "logins are not recorded",
    ),
    (
        &["require_secure_transport", "off"],
        Severity::Medium,
        "connections are not encrypted",
    ),
    (
        &["require_secure_transport", "0"],
        Severity::Medium,
        "connections are not encrypted",
    ),
    (
        &["local_infile", "1"],
        Severity::Medium,
        "the server may ask clients for their files",
    ),
    (
        &["local_infile", "on"],
        Severity::Medium,
        "the server may ask clients for their files",
    ),
    (
        &["password_encryption", "md5"],
        Severity::Medium,
        "passwords are kept in a form that is broken",
    ),
    (
        &["fsync", "off"],
        Severity::High,
        "what was committed may be lost",
    ),
    (
        &["full_page_writes", "off"],
        Severity::High,
        "what was committed may be lost",
    ),
    (
        &["synchronous_commit", "off"],
        Severity::Medium,
        "what was committed may be lost",
    ),
    (
        &["archive_mode", "off"],
        Severity::Medium,
        "the log for restoring is not kept",
    ),
    (
        &["logging_collector", "off"],
        Severity::Medium,
        "records are not kept",
    ),
    (
        &["appendonly", "no"],
        Severity::Medium,
        "what was written may be lost",
    ),
    (
        &["satisfy", "any"],
        Severity::Medium,
        "one of several guards is enough",
    ),
    (
        &["modsecurity", "off"],
        Severity::High,
        "the firewall of the application is off",
    ),
    (
        &["secruleengine", "off"],
        Severity::High,
        "the firewall of the application is off",
    ),
    (
        &["secruleengine", "detectiononly"],
        Severity::Medium,
        "the firewall of the application only watches",
    ),
    (
        &["require", "all", "granted"],
        Severity::Medium,
        "everybody is let in",
    ),
    (&["allow", "all"], Severity::Medium, "everybody is let in"),
    (
        &["sslengine", "off"],
        Severity::Medium,
        "connections are not encrypted",
    ),
    (
        &["sslverifyclient", "none"],
        Severity::Medium,
        "certificates of clients are not checked",
    ),
    (
        &["smtpd_tls_security_level", "none"],
        Severity::Medium,
        "connections are not encrypted",
    ),
    (&["guest", "ok", "yes"], Severity::Medium, "no login is asked for"),
    (
        &["smb", "encrypt", "off"],
        Severity::Medium,
        "connections are not encrypted",
    ),
    (&["access_log", "off"], Severity::Low, "requests are not recorded"),
    (
        &["server_tokens", "on"],
        Severity::Low,
        "the version is told to everybody",
    ),
    (
        &["net.ipv4.tcp_syncookies", "0"],
        Severity::Medium,
        "a guard of the kernel is off",
    ),
    (
        &["net.ipv4.conf.all.rp_filter", "0"],
        Severity::Medium,
        "a guard of the kernel is off",
    ),
    (
        &["net.ipv4.conf.all.accept_redirects", "1"],
        Severity::Medium,
        "a guard of the kernel is off",
    ),
    (
        &["net.ipv4.conf.all.accept_source_route", "1"],
        Severity::Medium,
        "a guard of the kernel is off",
    ),
    (
        &["kernel.kptr_restrict", "0"],
        Severity::Low,
        "a guard of the kernel is off",
    ),
    (
        &["fs.protected_symlinks", "0"],
        Severity::Medium,
        "a guard of the kernel is off",
    ),
    (
        &["allow.everyone.if.no.acl.found", "true"],
        Severity::High,
        "topics without a list are open to everybody",
    ),
    (
        &["unclean.leader.election.enable", "true"],
        Severity::Medium,
        "what was acknowledged may be lost",
    ),
    (
        &["security.inter.broker.protocol", "plaintext"],
        Severity::Medium,
        "connections are not encrypted",
    ),
    (
        &["ssl.client.auth", "none"],
        Severity::Medium,
        "certificates of clients are not checked",
    ),
    (
        &["tls.verify", "off"],
        Severity::Medium,
        "certificates are not checked",
    ),
    (&["tls", "off"], Severity::Medium, "connections are not encrypted"),
    (
        &["http_ssl_verify", "off"],
        Severity::Medium,
        "certificates are not checked",
    ),
    (
        &["xpack.security.enabled", "false"],
        Severity::High,
        "the search engine asks nobody who they are",
    ),
    (
        &["network.host", "0.0.0.0"],
        Severity::Medium,
        "it listens on every address",
    ),
    (
        &["auth_type", "any"],
        Severity::High,
        "nobody has to say who they are",
    ),
    (
        &["auth_type", "trust"],
        Severity::High,
        "nobody has to say who they are",
    ),
    (
        &["client_tls_sslmode", "allow"],
        Severity::Medium,
        "connections need not be encrypted",
    ),
    (
        &["client_tls_sslmode", "disable"],
        Severity::Medium,
        "connections are not encrypted",
    ),
    (
        &["client_tls_sslmode", "prefer"],
        Severity::Medium,
        "connections need not be encrypted",
    ),
    (
        &["server_tls_sslmode", "prefer"],
        Severity::Medium,
        "certificates are not checked",
    ),
    (
        &["server_tls_sslmode", "allow"],
        Severity::Medium,
        "certificates are not checked",
    ),
    (
        &["server_tls_sslmode", "disable"],
        Severity::Medium,
        "connections are not encrypted",
    ),
    (
        &["authenticationmethods", "any"],
        Severity::High,
        "one factor is enough to log in",
    ),
    (
        &["loglevel", "error"],
        Severity::Medium,
        "logins are not recorded",
    ),
    (
        &["loglevel", "fatal"],
        Severity::Medium,
        "logins are not recorded",
    ),
    (
        &["allowtcpforwarding", "yes"],
        Severity::Low,
        "tunnels are allowed",
    ),
    (&["debug", "true"], Severity::Low, "debugging is on"),
];
