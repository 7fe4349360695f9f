//! The story most cases share: `up`, proof, `up` again without a change, `rollback`, proof that all is as it was.

use super::case::{Case, Target};
use super::machine::{Machine, Reply};
use super::proof::prove;
use super::server::Server;
use super::state::State;

pub fn lifecycle(machine: &Machine, case: &Case) {
    let before = State::of(machine);
    succeeds(&case.up(machine));
    settled_then_undone(machine, case, &before);
}

/// From the moment `up` has succeeded to the machine as it was at `before`.
pub fn settled_then_undone(machine: &Machine, case: &Case, before: &State) {
    prove(machine, case);
    up_again_changes_nothing(machine, case);
    succeeds(&case.rollback(machine, case.consent()));
    is_as_it_was(machine, case, before);
}

pub fn up_again_changes_nothing(machine: &Machine, case: &Case) {
    let evidence = evidence_of_change(machine, case);
    let again = case.up(machine);
    succeeds(&again);
    assert!(
        again.stderr.contains("nothing to do"),
        "the second up says so: {}",
        again.stderr
    );
    assert_eq!(
        evidence,
        evidence_of_change(machine, case),
        "the second up changed something"
    );
}

pub fn is_as_it_was(machine: &Machine, case: &Case, before: &State) {
    let left = before.differences(&State::of(machine), case.leftovers);
    assert!(left.is_empty(), "rollback left differences:\n{}", left.join("\n"));
}

pub fn succeeds(reply: &Reply) {
    assert_eq!(reply.exit, 0, "the command failed:\n{}", reply.stderr);
}

/// Every file of ours and of /etc with its time, and how many rows were ever written. Autovacuum's own statistics rows
/// are not counted.
fn evidence_of_change(machine: &Machine, case: &Case) -> String {
    let files = machine.root(
        "for directory in /etc /var/lib/pgvector-setup /home/*/.local/share/pgvector-setup /usr/lib/postgresql; do
           [ ! -e $directory ] || find $directory -xdev -name data -prune -o ! -name server.log -printf '%p %s %m %u %T@\\n'
         done | sort",
    );
    let written = Server::find(machine, case).value(
        "SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del) FROM pg_stat_all_tables WHERE relname <> 'pg_statistic'",
    );
    let cluster = if case.target == Target::System {
        machine.root("pg_lsclusters 2>/dev/null || rpm --query --all | sort")
    } else {
        String::new()
    };
    format!("{files}\n{cluster}\nrows written: {written}")
}
