//! The loop: kill, run again, and when an import is done, compare.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::chroma::rows::Numbers;
use crate::outcome::{Outcome, left_over};
use crate::source;
use crate::support::server;
use crate::victim::{End, Phase, Victim};

/// Of one import: one that begins anew is more to be killed in.
const MOST_KILLS: usize = 5;
/// Longer than any run takes.
const FOR_EVER: Duration = Duration::from_secs(600);

pub fn tell(kills: u32, seed: u64) {
    println!("{kills} kills, PGVECTOR_SETUP_SEED={seed}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sources, written) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (directory, rejects) = (
        sources.path().join("chroma"),
        written.path().join("rejects.jsonl"),
    );
    source::write(&directory);
    // Brings the server up, before anything is measured.
    drop(server::product_on_server());

    let mut processes = Vec::new();
    let mut run = |table: &str, moment| {
        let victim = Victim::start(&directory, table, &rejects);
        processes.push(victim.process());
        victim.killed_after(moment)
    };
    let outcome = |table: &str| {
        runtime.block_on(async {
            let mut connection = server::administrator("vectors").await;
            Outcome::of(&mut connection, table, &rejects).await
        })
    };
    let begun = Instant::now();
    expect_done(run("undisturbed", FOR_EVER), "undisturbed");
    let took = begun.elapsed();
    let undisturbed = outcome("undisturbed");
    assert_eq!(
        undisturbed.count.cast_unsigned(),
        source::RECORDS - source::skipped()
    );
    println!("undisturbed: {took:.1?}, {}", undisturbed.progress);

    let mut numbers = Numbers(seed);
    let mut fell: BTreeMap<Phase, u32> = BTreeMap::new();
    let mut imports = 0;
    while fell.values().sum::<u32>() < kills {
        imports += 1;
        let table = format!("killed_{imports}");
        let mut killed = Vec::new();
        loop {
            let is_killed = killed.len() < MOST_KILLS && fell.values().sum::<u32>() < kills;
            let moment = if is_killed {
                took.mul_f32((numbers.next() + 1.0) / 2.0)
            } else {
                FOR_EVER
            };
            match run(&table, moment) {
                End::Killed { at } => {
                    *fell.entry(at).or_default() += 1;
                    killed.push((at, moment));
                }
                exited @ End::Exited { .. } => {
                    expect_done(exited, &format!("{table}, killed at {killed:?}"));
                    break;
                }
            }
        }
        println!("{table}: killed at {killed:.1?}");
        assert_eq!(outcome(&table), undisturbed, "{table}, killed at {killed:?}");
    }
    println!("{imports} imports; the kills fell: {fell:?}");
    assert_eq!(left_over(&processes, written.path()), [""; 0]);
}

fn expect_done(end: End, what: &str) {
    match end {
        End::Exited { code: Some(0), .. } => {}
        End::Exited { code, said } => panic!("{what}: exit {code:?}\n{said}"),
        End::Killed { at } => panic!("{what}: killed at {at:?}"),
    }
}
