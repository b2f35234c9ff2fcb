//! A small organisation with fixed keys and a log in memory: evidence whose every byte is known.
//!
//! Signing is deterministic (RFC 6979, Ed25519), so the same story gives the same bytes each time.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use countersign_policy::{PolicySet, Verdict};
use countersign_protocol::action::{Action, ArtifactRef, FileChange, Payload};
use countersign_protocol::approval::{ApprovalRequest, LastApproved};
use countersign_protocol::bundle::{Artifact, Evidence, Logged, SCHEMA};
use countersign_protocol::decision::{Attention, Decision, SeenCheckpoint, Surface, Verdict as Answer};
use countersign_protocol::digest::{ArtifactDigest, Sha256Digest};
use countersign_protocol::directory::{
    Agent, Directory, DirectoryKey, Environment, Guard, KeyHolder, Person, Revocation, Team, TrustedDirectory,
};
use countersign_protocol::grant::{Grant, One};
use countersign_protocol::identity::{Algorithm, KeyAssurance, Presence, PublicKey, Role};
use countersign_protocol::kind::Kind;
use countersign_protocol::log::{ConsistencyProof, EntryType, Leaf, LogSegment, LoggedLeaf, Salt, origin};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::{Limits, PolicyBundle, PolicyFile, SCHEMA_VERSION, TrustedBundle};
use countersign_protocol::proposal::{Claims, Isolation, Nonce, Proposal};
use countersign_protocol::receipt::{ExecutionReceipt, Outcome};
use countersign_protocol::root::{Root, RootKey, Thresholds, TrustedRoot};
use countersign_protocol::signed::{Envelope, Predicate, SignError, Signed, Signer};
use countersign_protocol::text::{Bounded, Line, OsBytes, Prose};
use countersign_review::findings::RULESET;
use countersign_review::sheet::finding::record;
use countersign_review::sheet::{SHEET_VERSION, Sheet};
use countersign_verify::judge::judge;
use tlog_tiles::{Checkpoint, Hash, HashReader, prove_record, prove_tree, stored_hashes, tree_hash};

pub const POLICY: &str = r#"
@id("agents-may-ask")
permit (principal, action == Action::"propose", resource);
@id("people-review")
permit (principal, action == Action::"approve", resource) when { !context.scripted };
@id("one-reviewer")
permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

pub const BEFORE: &[u8] = b"worker_processes 4;\nkeepalive_timeout 65;\n";
pub const AFTER: &[u8] = b"worker_processes 4;\nkeepalive_timeout 5;\n";

pub struct Key {
    secret: p256::ecdsa::SigningKey,
    pub public: PublicKey,
}

pub fn key(name: &str) -> Key {
    use p256::pkcs8::EncodePublicKey as _;
    let secret = p256::ecdsa::SigningKey::from_slice(Sha256Digest::of(name.as_bytes()).as_bytes()).unwrap();
    let spki = secret.verifying_key().to_public_key_der().unwrap();
    let public = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).unwrap();
    Key { secret, public }
}

impl Signer for Key {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        use p256::ecdsa::signature::Signer as _;
        let signature: p256::ecdsa::Signature = self.secret.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// Seconds after the story's beginning.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + seconds * 1000)
}

pub fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

pub fn seal<T: Predicate>(predicate: &T, by: &str) -> Envelope {
    Signed::seal(predicate, &[&key(by)]).unwrap().into_envelope()
}

/// A log in memory.
pub struct Log {
    pub origin: String,
    leaves: Vec<Leaf>,
    hashes: Vec<Hash>,
    secret: ed25519_dalek::SigningKey,
}

struct Stored<'a>(&'a [Hash]);

impl HashReader for Stored<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes
            .iter()
            .map(|index| self.0[usize::try_from(*index).unwrap()])
            .collect())
    }
}

pub fn log_secret() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(Sha256Digest::of(b"log").as_bytes())
}

impl Log {
    pub fn append(
        &mut self,
        entry: EntryType,
        own: Option<&ApprovalRequest>,
        envelope: &Envelope,
        at: Timestamp,
    ) -> Logged {
        let index = self.leaves.len() as u64;
        let salt = Salt::from_random(*Sha256Digest::of(&index.to_be_bytes()).as_bytes());
        let leaf = Leaf::new(entry, own.map(|request| request.id), envelope, &salt, at).unwrap();
        let new = stored_hashes(index, &leaf.to_bytes().unwrap(), &Stored(&self.hashes)).unwrap();
        self.hashes.extend(new);
        self.leaves.push(leaf);
        Logged {
            envelope: envelope.clone(),
            salt,
            index: Some(index),
        }
    }

    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    pub fn seen_at(&self, size: u64) -> SeenCheckpoint {
        let root = tree_hash(size, &Stored(&self.hashes)).unwrap();
        SeenCheckpoint {
            size,
            root_hash: Sha256Digest::from_bytes(root.0),
        }
    }

    pub fn seen(&self) -> SeenCheckpoint {
        self.seen_at(self.size())
    }

    pub fn signed_checkpoint(&self) -> String {
        let seen = self.seen();
        let checkpoint =
            Checkpoint::new(&self.origin, seen.size, Hash(*seen.root_hash.as_bytes()), "").unwrap();
        let mut note = signed_note::Note::new(&checkpoint.to_bytes(), &[]).unwrap();
        let public = [&[1][..], self.secret.verifying_key().as_bytes()].concat();
        let skey = {
            use base64::Engine as _;
            let secret = [&[1][..], self.secret.as_bytes()].concat();
            let id = signed_note::key_id(&self.origin, &public);
            format!(
                "PRIVATE+KEY+{}+{id:08x}+{}",
                self.origin,
                base64::engine::general_purpose::STANDARD.encode(secret)
            )
        };
        note.add_sigs(&[&signed_note::StandardSigner::new(&skey).unwrap()])
            .unwrap();
        String::from_utf8(note.to_bytes()).unwrap()
    }

    pub fn segment(&self) -> LogSegment {
        let size = self.size();
        let leaves = (0..size)
            .map(|index| LoggedLeaf {
                index,
                leaf: String::from_utf8(self.leaves[usize::try_from(index).unwrap()].to_bytes().unwrap())
                    .unwrap(),
                proof: digests(&prove_record(size, index, &Stored(&self.hashes)).unwrap()),
            })
            .collect();
        LogSegment {
            checkpoint: self.signed_checkpoint(),
            leaves,
        }
    }

    pub fn consistency(&self) -> Vec<ConsistencyProof> {
        (1..self.size())
            .map(|older| ConsistencyProof {
                from: self.seen_at(older),
                proof: digests(&prove_tree(self.size(), older, &Stored(&self.hashes)).unwrap()),
            })
            .collect()
    }
}

fn digests(hashes: &[Hash]) -> Vec<Sha256Digest> {
    hashes
        .iter()
        .map(|hash| Sha256Digest::from_bytes(hash.0))
        .collect()
}

/// An organisation: alice owns the agent, bob and carol review.
pub struct World {
    pub roots: Vec<Envelope>,
    pub root: TrustedRoot,
    pub directory: Directory,
    pub bundle: PolicyBundle,
    pub log: Log,
    pub evidence: Option<Evidence>,
    pub request: Option<ApprovalRequest>,
    /// The version of the finding rules that requests name.
    pub ruleset: &'static str,
    /// What was approved last, and the document where there is one; requests of older rules do not say.
    pub approved: Option<LastApproved>,
    pub baseline: &'static [u8],
}

pub fn world() -> World {
    world_of("Example")
}

pub fn world_of(organisation: &str) -> World {
    let mut keys: Vec<RootKey> = [
        ("root", Role::Root),
        ("directory", Role::DirectoryOwner),
        ("policy", Role::PolicyOwner),
    ]
    .map(|(name, role)| RootKey {
        key: key(name).public,
        role,
        holder: Some("owner".parse().unwrap()),
    })
    .to_vec();
    keys.push(RootKey {
        key: key("backend").public,
        role: Role::Backend,
        holder: None,
    });
    let log_key = PublicKey::ed25519(log_secret().verifying_key().as_bytes());
    keys.push(RootKey {
        key: log_key,
        role: Role::Log,
        holder: None,
    });
    let root = Root {
        organisation: line(organisation),
        version: 1,
        issued_at: at(0),
        expires_at: at(1_000_000),
        previous: None,
        keys,
        thresholds: Thresholds {
            root: 1,
            directory: 1,
            policy: 1,
        },
    };
    let roots = vec![seal(&root, "root")];
    let root = TrustedRoot::follow(&TrustedRoot::id_of(&roots[0]), &roots).unwrap();
    let log = Log {
        origin: origin(root.id()),
        leaves: vec![],
        hashes: vec![],
        secret: log_secret(),
    };
    World {
        directory: directory(&root),
        bundle: bundle(&root),
        roots,
        root,
        log,
        evidence: None,
        request: None,
        ruleset: RULESET,
        approved: Some(LastApproved::Never {}),
        baseline: b"",
    }
}

fn directory(root: &TrustedRoot) -> Directory {
    let person = |id: &str, team: &str| Person {
        id: id.parse().unwrap(),
        display: line(id),
        teams: BTreeSet::from([team.parse().unwrap()]),
        on_call: true,
        accounts: BTreeSet::new(),
    };
    let reviewer = |name: &str, person: &str| DirectoryKey {
        key: key(name).public,
        role: Role::Reviewer,
        holder: KeyHolder::Person(person.parse().unwrap()),
        assurance: KeyAssurance::Software,
        presence: Presence::Pin,
        not_before: at(0),
        not_after: at(1_000_000),
        revoked: None,
    };
    let guard = |name: &str| DirectoryKey {
        role: Role::Guard,
        holder: KeyHolder::Guard(name.parse().unwrap()),
        ..reviewer(name, "alice")
    };
    Directory {
        root: *root.id(),
        version: 1,
        issued_at: at(0),
        expires_at: at(600_000),
        people: vec![
            person("alice", "sre"),
            person("bob", "sre"),
            person("carol", "security"),
        ],
        teams: ["sre", "security"]
            .map(|id| Team {
                id: id.parse().unwrap(),
                display: line(id),
            })
            .to_vec(),
        agents: vec![Agent {
            id: "deployer".parse().unwrap(),
            display: line("Deployer"),
            owners: BTreeSet::from(["alice".parse().unwrap()]),
            team: "sre".parse().unwrap(),
            guards: ["g1", "g2"].map(|id| id.parse().unwrap()).into(),
        }],
        guards: ["g1", "g2"]
            .map(|id| Guard {
                id: id.parse().unwrap(),
                display: line(id),
            })
            .to_vec(),
        environments: vec![Environment {
            id: "production".parse().unwrap(),
            display: line("Production"),
            strictness: 9,
            personal: false,
            allow_same_user: false,
        }],
        attestations: Default::default(),
        environment_rules: vec![],
        keys: vec![
            reviewer("alice", "alice"),
            reviewer("bob", "bob"),
            reviewer("bob-second", "bob"),
            reviewer("carol", "carol"),
            guard("g1"),
            guard("g2"),
        ],
    }
}

fn bundle(root: &TrustedRoot) -> PolicyBundle {
    PolicyBundle {
        root: *root.id(),
        version: 1,
        issued_at: at(0),
        expires_at: at(600_000),
        schema: line(SCHEMA_VERSION),
        policies: vec![PolicyFile {
            name: line("main.cedar"),
            text: Bounded::new(POLICY).unwrap(),
        }],
        freezes: vec![],
        limits: Limits::default(),
    }
}

pub fn proposal(world: &World) -> Proposal {
    let action = Action {
        kind: Kind::named("config-file").unwrap(),
        environment: "production".parse().unwrap(),
        target: line("file://web-1/etc/nginx/nginx.conf"),
        payload: Payload::FileChange(FileChange {
            path: OsBytes::new("/etc/nginx/nginx.conf"),
            before: Some(ArtifactRef::of(BEFORE)),
            after: Some(ArtifactRef::of(AFTER)),
            mode: None,
        }),
    };
    let directory = seal(&world.directory, "directory");
    let bundle = seal(&world.bundle, "policy");
    Proposal {
        root: *world.root.id(),
        guard: "g1".parse().unwrap(),
        agent: "deployer".parse().unwrap(),
        isolation: Isolation::SeparateUser,
        nonce: Nonce::from_random([7; 32]),
        claims: Claims {
            reason: Prose::new("fewer idle connections").unwrap(),
            ..Claims::default()
        },
        observed: vec![],
        action_digest: action.digest().unwrap(),
        action,
        directory: TrustedDirectory::accept(&world.root, &directory, 0)
            .unwrap()
            .digest(),
        policy: TrustedBundle::accept(&world.root, &bundle, 0).unwrap().digest(),
        amends: None,
        checkpoint: None,
        created_at: at(10),
        expires_at: at(10_000),
    }
}

impl World {
    /// Holds a proposal as a backend would, after `change` on its request.
    #[allow(clippy::too_many_lines, reason = "one statement with all its fields")]
    pub fn hold(&mut self, proposal: &Proposal, change: impl FnOnce(&mut ApprovalRequest)) {
        let directory = seal(&self.directory, "directory");
        let bundle = seal(&self.bundle, "policy");
        let trusted = TrustedDirectory::accept(&self.root, &directory, 0).unwrap();
        let policy = TrustedBundle::accept(&self.root, &bundle, 0).unwrap();
        let set = PolicySet::load(&policy).unwrap_or_else(|error| panic!("{error}"));
        let envelope = seal(proposal, proposal.guard.as_str());
        let verified = Signed::<Proposal>::from(envelope.clone())
            .verify(&trusted)
            .unwrap();
        let artifacts: BTreeMap<ArtifactDigest, Artifact> = [BEFORE, AFTER]
            .map(|bytes| (ArtifactDigest::of(bytes), Artifact(bytes.to_vec())))
            .into();
        let mut artifacts = artifacts;
        let approved = self.approved.clone();
        if let Some(artifact) = approved.as_ref().and_then(LastApproved::artifact) {
            artifacts.insert(artifact.digest, Artifact(self.baseline.to_vec()));
        }
        let judgement = judge(&verified, approved.as_ref(), &artifacts, &trusted, &set, at(20)).unwrap();
        let findings = record(&judgement.findings).unwrap();
        artifacts.insert(ArtifactDigest::of(&findings), Artifact(findings));
        let drift = judgement.drift.map(|drift| {
            let bytes = drift.to_bytes().unwrap();
            let digest = ArtifactDigest::of(&bytes);
            artifacts.insert(digest, Artifact(bytes));
            digest
        });
        let Verdict::RequireApproval(rule) = judgement.verdict else {
            panic!("{:?}", judgement.verdict)
        };
        let mut request = ApprovalRequest {
            root: proposal.root,
            id: verified.request_id(),
            proposal: verified.proposal_digest(),
            guard: proposal.guard.clone(),
            guard_key: verified.signer().unwrap(),
            agent: proposal.agent.clone(),
            initiators: judgement.operation.initiators,
            excluded: judgement.operation.excluded,
            personal: false,
            isolation: proposal.isolation,
            kind: proposal.action.kind,
            environment: proposal.action.environment.clone(),
            target: proposal.action.target.clone(),
            action_digest: proposal.action_digest,
            baseline: proposal.action.baseline().map(|artifact| artifact.digest),
            approved,
            drift,
            directory: trusted.digest(),
            policy: policy.digest(),
            ruleset: line(self.ruleset),
            sheet: line(SHEET_VERSION),
            findings: judgement.findings_digest,
            severity: judgement.severity,
            rule,
            context: vec![],
            mask_key: None,
            created_at: at(20),
            expires_at: at(5_000),
            uses: One,
        };
        change(&mut request);
        let directories = vec![self.log.append(EntryType::Directory, None, &directory, at(1))];
        let policies = vec![self.log.append(EntryType::Policy, None, &bundle, at(2))];
        let logged = self.log.append(
            EntryType::Request,
            Some(&request),
            &seal(&request, "backend"),
            at(20),
        );
        self.evidence = Some(Evidence {
            schema: SCHEMA.to_owned(),
            roots: self.roots.clone(),
            directories,
            policies,
            proposal: envelope,
            request: logged,
            amended: vec![],
            decisions: vec![],
            amendment: None,
            withdrawal: None,
            grant: None,
            receipt: None,
            artifacts,
            log: None,
            consistency: vec![],
        });
        self.request = Some(request);
    }

    pub fn request(&self) -> &ApprovalRequest {
        self.request.as_ref().unwrap()
    }

    pub fn evidence(&mut self) -> &mut Evidence {
        self.evidence.as_mut().unwrap()
    }

    pub fn sheet(&self) -> Sheet {
        let pinned = countersign_verify::Pinned::new(*self.root.id());
        let report =
            countersign_verify::verify(&self.done(), &pinned, at(30), countersign_verify::Purpose::Audit);
        report
            .chain
            .unwrap_or_else(|| panic!("{:?}", report.problems))
            .sheet
    }

    pub fn decision(&self, person: &str) -> Decision {
        let request =
            Signed::<ApprovalRequest>::from(self.evidence.as_ref().unwrap().request.envelope.clone());
        Decision {
            request: self.request().id,
            request_digest: request.verify(&self.root).unwrap().request_digest(),
            action_digest: self.request().action_digest,
            view_digest: self.sheet().view_digest(),
            verdict: Answer::Approve,
            reason: Prose::new("read it").unwrap(),
            reviewer: person.parse().unwrap(),
            presence: Presence::Pin,
            surface: Surface {
                name: line("tui"),
                version: line("0.1.0"),
            },
            attention: Attention::Shown {
                lines: 50,
                of_lines: 50,
                seconds: 40,
            },
            offline: false,
            revealed: false,
            pin_remembered: false,
            checkpoint: self.log.seen(),
            decided_at: at(100),
            expires_at: at(1_000),
            nonce: Nonce::from_random([9; 32]),
        }
    }

    /// Takes a decision in, signed by the key of that name.
    pub fn decide(&mut self, decision: &Decision, by: &str, seconds: u64) {
        let entry = if decision.verdict == Answer::Approve {
            EntryType::Approve
        } else {
            EntryType::Deny
        };
        let request = self.request.clone();
        let logged = self
            .log
            .append(entry, request.as_ref(), &seal(decision, by), at(seconds));
        self.evidence().decisions.push(logged);
    }

    pub fn grant(&self) -> Grant {
        let evidence = self.evidence.as_ref().unwrap();
        let digest = |logged: &Logged| {
            countersign_protocol::digest::DecisionDigest::new(logged.envelope.payload_digest())
        };
        let mut decisions: Vec<_> = evidence.decisions.iter().map(digest).collect();
        decisions.sort_unstable();
        Grant {
            request: self.request().id,
            request_digest: self.decision("bob").request_digest,
            action_digest: self.request().action_digest,
            guard: self.request().guard.clone(),
            guard_key: self.request().guard_key,
            decisions,
            directory: self.request().directory,
            policy: self.request().policy,
            checkpoint: self.log.seen(),
            issued_at: at(200),
            expires_at: at(500),
            uses: One,
            nonce: Nonce::from_random([11; 32]),
        }
    }

    pub fn give(&mut self, grant: &Grant, by: &str) {
        let request = self.request.clone();
        let logged = self
            .log
            .append(EntryType::Grant, request.as_ref(), &seal(grant, by), at(200));
        self.evidence().grant = Some(logged);
    }

    pub fn receipt(&self) -> ExecutionReceipt {
        let grant = self.evidence.as_ref().unwrap().grant.as_ref().unwrap();
        ExecutionReceipt {
            request: self.request().id,
            request_digest: self.decision("bob").request_digest,
            action_digest: self.request().action_digest,
            grant: countersign_protocol::digest::GrantDigest::new(grant.envelope.payload_digest()),
            guard: "g1".parse().unwrap(),
            outcome: Outcome::Succeeded,
            exit_code: None,
            stdout: None,
            stderr: None,
            after: Some(ArtifactRef::of(AFTER)),
            detail: Prose::new("wrote the file").unwrap(),
            started_at: at(210),
            ended_at: at(211),
        }
    }

    pub fn account(&mut self, receipt: &ExecutionReceipt, by: &str) {
        let request = self.request.clone();
        let logged = self
            .log
            .append(EntryType::Receipt, request.as_ref(), &seal(receipt, by), at(212));
        self.evidence().receipt = Some(logged);
    }

    /// Publishes a changed directory.
    pub fn publish(&mut self, change: impl FnOnce(&mut Directory), seconds: u64) {
        self.directory.version += 1;
        change(&mut self.directory);
        let envelope = seal(&self.directory, "directory");
        let logged = self
            .log
            .append(EntryType::Directory, None, &envelope, at(seconds));
        self.evidence().directories.push(logged);
    }

    pub fn revoke(&mut self, key_name: &str, from: u64, seconds: u64) {
        let id = key(key_name).public.id();
        self.publish(
            |directory| {
                let key = directory.keys.iter_mut().find(|key| key.key.id() == id).unwrap();
                key.revoked = Some(Revocation {
                    at: at(from),
                    compromised_since: None,
                    reason: line("lost"),
                });
            },
            seconds,
        );
    }

    /// The evidence with the log as it is now.
    pub fn done(&self) -> Evidence {
        let mut evidence = self.evidence.clone().unwrap();
        evidence.log = Some(self.log.segment());
        evidence.consistency = self.log.consistency();
        evidence
    }
}

/// The whole story up to a point: held, approved by bob, granted, run.
pub fn held() -> World {
    held_by(RULESET)
}

pub fn approved() -> World {
    approved_by(RULESET)
}

pub fn granted() -> World {
    granted_by(RULESET)
}

pub fn ran() -> World {
    ran_by(RULESET)
}

/// The same with requests that name a version of the finding rules.
pub fn held_by(ruleset: &'static str) -> World {
    let mut world = world();
    world.ruleset = ruleset;
    world.approved = world.approved.filter(|_| ruleset == RULESET);
    let proposal = proposal(&world);
    world.hold(&proposal, |_| ());
    world
}

pub fn approved_by(ruleset: &'static str) -> World {
    let mut world = held_by(ruleset);
    let decision = world.decision("bob");
    world.decide(&decision, "bob", 100);
    world
}

pub fn granted_by(ruleset: &'static str) -> World {
    let mut world = approved_by(ruleset);
    let grant = world.grant();
    world.give(&grant, "backend");
    world
}

pub fn ran_by(ruleset: &'static str) -> World {
    let mut world = granted_by(ruleset);
    let receipt = world.receipt();
    world.account(&receipt, "g1");
    world
}
