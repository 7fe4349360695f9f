//! `cargo bench`: what README claims about speed, measured in one run on this machine.
//!
//! `up` is measured against the same work done by hand: initdb, pg_ctl start, and the same SQL by psql. The two alternate,
//! so that whatever else the machine does hits both. As root everything runs as the user `nobody`, as PostgreSQL demands.

#![allow(clippy::print_stdout, reason = "the figures are the output")]
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark does by hand what the product does through its host"
)]

mod by_hand;
mod containers;
mod measure;
mod package_manager;
mod sites;

use std::path::{Path, PathBuf};

use measure::{Sample, User, median, minimum};

const BINARY: &str = env!("CARGO_BIN_EXE_pgvector-setup");
const PAIRS: usize = 7;
const SHORT_RUNS: usize = 21;

fn main() {
    let user = User::unprivileged();
    let directory = PathBuf::from(format!("/tmp/pgvector-setup-benchmark-{}", std::process::id()));
    user.make_directory(&directory);
    let cleanup = Cleanup {
        directory: directory.clone(),
        user,
    };
    let warm = warm_bundle(&directory, user);

    let (mut product, mut hand) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        hand.push(by_hand::run(&warm, &directory.join(format!("hand-{pair}")), user));
        product.push(up(&directory, user));
        if pair + 1 < PAIRS {
            destroy(&directory, user);
        }
    }
    let run = |arguments: &[&str]| -> Vec<Sample> {
        (0..SHORT_RUNS)
            .map(|_| user.run(command(&directory, arguments), 0))
            .collect()
    };
    let nothing = run(&["up", "--yes"]);
    let doctor = run(&["doctor"]);
    let help = run(&["--help"]);
    let render = run(&["render", "compose", "-"]);
    let sites = sites::Sites::measure(&directory, user, |words| command(&directory, words));
    let containers = containers::Containers::measure(&warm);
    drop(cleanup);

    println!("what                            minimum      median       limit");
    row("by hand", &hand, "");
    row("up --yes, warm bundle", &product, "");
    println!(
        "{:<30} {:>9.2} x  {:>9.2} x     1.3 x",
        "up / by hand",
        minimum(&product) / minimum(&hand),
        median(&product) / median(&hand)
    );
    row("up --yes, nothing to do", &nothing, "60 ms");
    row("doctor", &doctor, "100 ms");
    row("--help", &help, "5 ms");
    row("render compose", &render, "20 ms");
    sites.print_rows(row);
    match containers {
        Some(containers) => containers.print_rows(),
        None => println!("up --target docker: SKIPPED: no Docker engine, or no image of a server"),
    }
    package_manager::print_row();
    let peak = product
        .iter()
        .chain(&nothing)
        .chain(&doctor)
        .map(|sample| sample.peak_kilobytes)
        .max()
        .unwrap_or_default();
    println!(
        "{:<30} {:>9.1} MB                   40 MB",
        "peak memory",
        peak as f64 / 1024.0
    );
    let size = std::fs::metadata(BINARY).map_or(0, |metadata| metadata.len());
    println!(
        "{:<30} {:>9.1} MB                   15 MB",
        "binary",
        size as f64 / 1_048_576.0
    );
}

fn row(name: &str, samples: &[Sample], limit: &str) {
    println!(
        "{name:<30} {:>9.1} ms {:>9.1} ms {limit:>10}",
        minimum(samples) * 1e3,
        median(samples) * 1e3
    );
}

fn command(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let directory = directory.display().to_string();
    let mut argv: Vec<String> = vec![BINARY.into()];
    argv.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    argv.extend([
        "--directory".into(),
        directory,
        "--instance".into(),
        "benchmark".into(),
    ]);
    argv
}

fn up(directory: &Path, user: User) -> Sample {
    user.run(command(directory, &["up", "--yes"]), 0)
}

fn destroy(directory: &Path, user: User) {
    user.run(command(directory, &["destroy", "--destroy-data", "benchmark"]), 0);
}

/// Lets the product fetch and unpack its bundle in another instance, which then stays; returns the folder of its programs.
fn warm_bundle(directory: &Path, user: User) -> PathBuf {
    let mut first = command(directory, &["up", "--yes", "--index", "none"]);
    first.extend(["--instance".into(), "warm".into()]);
    first.retain(|word| word != "benchmark");
    first.dedup();
    user.run(first, 0);
    directory.join(measure::PROGRAMS)
}

struct Cleanup {
    directory: PathBuf,
    user: User,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        for instance in ["benchmark", "warm"] {
            let directory = self.directory.display().to_string();
            let argv = [
                BINARY,
                "destroy",
                "--directory",
                &directory,
                "--instance",
                instance,
                "--destroy-data",
                instance,
            ];
            self.user.run_anyhow(argv.map(String::from).to_vec());
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
