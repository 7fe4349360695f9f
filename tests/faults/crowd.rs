//! Eight runs at once in one instance: one works, and nobody waits or spoils.

use std::time::Duration;

use super::afterwards;
use super::ground::Ground;
use super::instance::{Instance, Reply, User};

const BUSY: Option<i32> = Some(6);
const BUSY_WITHIN: Duration = Duration::from_secs(5);

pub fn on_nothing(ground: &Ground) {
    let instance = ground.bare_instance("crowd", User::Plain);
    let before = afterwards::listing(&instance);
    let (done, busy): (Vec<Reply>, Vec<Reply>) = eight(&instance)
        .into_iter()
        .partition(|reply| reply.exit == Some(0));
    for reply in &busy {
        assert_eq!(reply.exit, BUSY, "{reply}");
        assert!(
            reply.stderr.contains("process "),
            "the holder is not named\n{reply}"
        );
        assert!(reply.took < BUSY_WITHIN, "{reply}");
    }
    let worked = done
        .iter()
        .filter(|reply| !reply.stderr.contains("nothing to do"))
        .count();
    assert_eq!(worked, 1, "{done:#?}");
    afterwards::is_settled(&instance);
    instance.rollback().succeeds();
    afterwards::is_gone(&instance, &before);
}

pub fn when_all_is_done(ground: &Ground) {
    let instance = ground.instance(&ground.new_name(), User::Plain);
    instance.up().succeeds();
    for reply in eight(&instance) {
        assert!(reply.succeeds().stderr.contains("nothing to do"));
    }
    instance.rollback().succeeds();
}

fn eight(instance: &Instance<'_>) -> Vec<Reply> {
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8).map(|_| scope.spawn(|| instance.up())).collect();
        runs.into_iter()
            .map(|run| run.join().expect("a run ends"))
            .collect()
    })
}
