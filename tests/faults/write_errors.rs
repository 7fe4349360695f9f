//! A full disk, a broken disk: each operation on files fails once, is told as one error, and a further run gets through.

use std::fmt;
use std::path::PathBuf;

use super::afterwards;
use super::census;
use super::fault::evenly;
use super::ground::Ground;
use super::instance::{Instance, User};
use super::kill::Share;
use super::strace;

/// What each of these calls ends in when the disk is full or broken.
const FAILURES: [(&str, &str); 8] = [
    ("openat", "ENOSPC"),
    ("write", "ENOSPC"),
    ("mkdirat", "ENOSPC"),
    ("renameat", "EIO"),
    ("fchmod", "EIO"),
    ("ftruncate", "EIO"),
    ("fsync", "EIO"),
    ("fdatasync", "EIO"),
];

/// Refused, failed and undone, or failed with a re-run that continues.
const HONEST: [Option<i32>; 3] = [Some(3), Some(4), Some(5)];

#[derive(Debug, Clone)]
pub struct Failure {
    call: &'static str,
    error: &'static str,
    number: u32,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error:{}:{}:{}", self.call, self.error, self.number)
    }
}

pub fn failures(ground: &Ground, share: Share) -> Vec<Failure> {
    let instance = ground.instance("census-errors", User::Plain);
    let (mut census, reply) = census::take(&instance, &["up", "--yes"]);
    reply.succeeds();
    // Writes are counted in the receipt alone: one a line. Those that wake threads come in any number.
    let receipt = std::fs::read_to_string(receipt(&instance)).expect("a receipt");
    let lines = u32::try_from(receipt.lines().count()).expect("a small count");
    census.insert("write".to_owned(), (1..=lines).collect());
    instance.rollback().succeeds();
    let limit = share.of((4, usize::MAX));
    let of_call = |(call, error): &(&'static str, &'static str)| {
        let (call, error) = (*call, *error);
        let numbers = census
            .get(call)
            .map(|numbers| evenly(numbers, limit))
            .unwrap_or_default();
        numbers
            .into_iter()
            .map(move |number| Failure { call, error, number })
    };
    FAILURES.iter().flat_map(of_call).collect()
}

pub fn try_failure(ground: &Ground, failure: &Failure) {
    let instance = ground.instance(&ground.new_name(), User::Plain);
    let before = afterwards::listing(&instance);
    let effect = format!("error={}", failure.error);
    let only = (failure.call == "write").then(|| receipt(&instance));
    let wrapper = strace::injecting(failure.call, failure.number, &effect, only.as_deref());
    let reply = instance.run_under(&wrapper, &ground.program, &["up", "--yes"]);
    if reply.exit != Some(0) {
        assert!(HONEST.contains(&reply.exit), "not an honest exit code\n{reply}");
        assert_eq!(
            reply.stderr.matches("error[").count(),
            1,
            "not one error\n{reply}"
        );
    }
    let listing = afterwards::listing(&instance);
    let partial = listing.iter().find(|line| line.contains("partial"));
    assert_eq!(partial, None, "something partial stays\n{reply}");
    instance.up().succeeds();
    afterwards::is_settled(&instance);
    instance.rollback().succeeds();
    afterwards::is_gone(&instance, &before);
}

fn receipt(instance: &Instance<'_>) -> PathBuf {
    instance.directory().join("receipt.jsonl")
}
