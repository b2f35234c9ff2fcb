//! Findings: what a change brings that a reviewer must know.
