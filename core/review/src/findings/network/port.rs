//! Ports: which a rule speaks of, and behind which administration or data lies.

use crate::document::Value;

/// Keys of the first port of a rule.
const FROM: &[&str] = &["FromPort", "from_port", "fromPort"];
/// Keys of its last port.
const TO: &[&str] = &["ToPort", "to_port", "toPort"];
/// Keys of all its ports, where they are texts.
const DESTINATION: &[&str] = &[
    "destination_port_range",
    "destination_port_ranges",
    "destinationPortRange",
    "destinationPortRanges",
];
/// Keys of its protocol.
const PROTOCOL: &[&str] = &["IpProtocol", "protocol", "ip_protocol", "ipProtocol"];

/// Ports behind which administration or data lies.
pub(super) const SENSITIVE: &[(i64, &str)] = &[
    (21, "FTP"),
    (22, "SSH"),
    (23, "Telnet"),
    (111, "RPC"),
    (135, "RPC"),
    (139, "SMB"),
    (389, "LDAP"),
    (445, "SMB"),
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (2049, "NFS"),
    (2181, "ZooKeeper"),
    (2375, "Docker"),
    (2376, "Docker"),
    (2379, "etcd"),
    (3306, "MySQL"),
    (3389, "RDP"),
    (5432, "PostgreSQL"),
    (5439, "Redshift"),
    (5601, "Kibana"),
    (5900, "VNC"),
    (5984, "CouchDB"),
    (5985, "WinRM"),
    (5986, "WinRM"),
    (6379, "Redis"),
    (6443, "Kubernetes API"),
    (8020, "HDFS"),
    (8500, "Consul"),
    (9000, "ClickHouse"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (9200, "Elasticsearch"),
    (10250, "kubelet"),
    (11211, "Memcached"),
    (27017, "MongoDB"),
    (50070, "HDFS"),
];

/// The ports of a rule.
pub(super) struct Ports {
    pub(super) from: i64,
    pub(super) to: i64,
    /// All of them, of every protocol.
    pub(super) every: bool,
}

const EVERY: Ports = Ports {
    from: 0,
    to: 65535,
    every: true,
};

/// Returns the ports that a rule speaks of.
pub(super) fn ports(rule: &Value) -> Ports {
    if let Some(ports) = allowed_ports(rule).or_else(|| destination_ports(rule)) {
        return ports;
    }
    let number = |keys: &[&str]| keys.iter().find_map(|key| rule.at(key)).and_then(Value::integer);
    let (from, to) = (number(FROM), number(TO));
    let every =
        matches!(protocol(rule), "-1" | "all" | "*") || from.is_none() && to.is_none() || from == Some(-1);
    let (from, to) = match every {
        true => (0, 65535),
        false => (from.or(to).unwrap_or(0), to.or(from).unwrap_or(65535)),
    };
    Ports { from, to, every }
}

/// Returns the ports that a rule of Google Cloud allows, which stand below it: the widest of them.
fn allowed_ports(rule: &Value) -> Option<Ports> {
    let allowed = rule.at("allow").or_else(|| rule.at("allowed"))?.one_or_more();
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    let mut every = false;
    for one in allowed {
        let protocol = one
            .text_at("protocol")
            .or_else(|| one.text_at("IPProtocol"))
            .unwrap_or("all");
        let ports = one.at("ports").map(Value::one_or_more).unwrap_or_default();
        every |= ports.is_empty() && !matches!(protocol, "icmp" | "ipv6-icmp" | "esp" | "ah");
        ranges.extend(ports.iter().filter_map(Value::text).filter_map(range));
    }
    if every { Some(EVERY) } else { worst(ranges) }
}

/// Returns the ports of a rule of Azure: the worst of them.
fn destination_ports(rule: &Value) -> Option<Ports> {
    let stated = DESTINATION.iter().filter_map(|key| rule.at(key));
    let texts: Vec<&str> = stated
        .flat_map(Value::one_or_more)
        .filter_map(Value::text)
        .filter(|text| !text.is_empty())
        .collect();
    // What is no number, such as a variable, may be every port.
    let ranges: Option<Vec<_>> = texts.iter().map(|text| range(text)).collect();
    match ranges {
        Some(ranges) => worst(ranges),
        None => Some(EVERY),
    }
}

fn range(text: &str) -> Option<(i64, i64)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
}

/// Returns the range behind which administration or data lies, or else the widest.
fn worst(ranges: Vec<(i64, i64)>) -> Option<Ports> {
    let (from, to) = ranges
        .into_iter()
        .max_by_key(|(from, to)| (is_sensitive(*from, *to), to - from))?;
    let every = false;
    Some(Ports { from, to, every })
}

/// Returns the protocol of a rule; one that states none is for all.
pub(super) fn protocol(rule: &Value) -> &str {
    let stated = PROTOCOL.iter().find_map(|key| rule.at(key));
    stated.and_then(Value::text).unwrap_or("-1")
}

/// Says whether administration or data lies behind one of so many ports.
pub(super) fn is_sensitive(from: i64, to: i64) -> bool {
    SENSITIVE.iter().any(|(port, _)| (from..=to).contains(port))
}
