//! The loop: kill, look, run again, compare; and how many points were tried.

use std::ffi::OsString;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::afterwards;
use super::census;
use super::fault::{Fault, evenly};
use super::ground::Ground;
use super::hook;
use super::instance::{Instance, Reply, User};
use super::strace;

pub static TRIED: AtomicU32 = AtomicU32::new(0);
/// Counts what has not ended well, so a case that panics stays in it.
static FAILED: AtomicU32 = AtomicU32::new(0);
/// Runs as root make and remove one system user, so they take turns.
static ROOT: Mutex<()> = Mutex::new(());

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// `up` as a plain user, the bundle unpacked already; then `up` again.
    Up,
    /// The same, then `rollback` at once.
    UpThenRollback,
    /// `up` in an empty directory: the bundle is unpacked too.
    BareUp,
    /// `up` in an empty directory, then `rollback` at once.
    BareUpThenRollback,
    /// `rollback` of a finished `up`; then `rollback` again.
    Rollback,
    /// `up` as root, whose server runs as a system user.
    RootUp,
}

impl Scene {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Up, "up"),
        (Self::UpThenRollback, "up-then-rollback"),
        (Self::BareUp, "bare-up"),
        (Self::BareUpThenRollback, "bare-up-then-rollback"),
        (Self::Rollback, "rollback"),
        (Self::RootUp, "root-up"),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(scene, _)| *scene == self)
            .map_or("", |(_, name)| name)
    }

    fn user(self) -> User {
        if self == Self::RootUp {
            User::Root
        } else {
            User::Plain
        }
    }

    fn instance<'g>(self, ground: &'g Ground, name: &str) -> Instance<'g> {
        match self {
            Self::BareUp | Self::BareUpThenRollback => ground.bare_instance(name, self.user()),
            _ => ground.instance(name, self.user()),
        }
    }

    /// How many points of one call, of boundaries and of moments are tried: (sampled, all).
    fn limits(self) -> (usize, usize) {
        match self {
            Self::Up => (8, usize::MAX),
            // One call for each of 1,500 files of the bundle: they are all alike.
            Self::BareUp => (3, 40),
            Self::UpThenRollback | Self::BareUpThenRollback => (2, 20),
            Self::Rollback => (4, 100),
            Self::RootUp => (2, usize::MAX),
        }
    }
}

/// One place in one scene.
#[derive(Debug, Clone)]
pub struct Point {
    scene: Scene,
    fault: Fault,
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.scene.name(), self.fault)
    }
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    All,
    Sample,
    /// Of the sample.
    Half,
}

impl Share {
    /// Of these numbers of (sampled, all) points of one kind.
    pub fn of(self, (sampled, all): (usize, usize)) -> usize {
        match self {
            Self::All => all,
            Self::Sample => sampled,
            Self::Half => sampled.div_ceil(2),
        }
    }
}

/// Every point of every scene, or an even sample of each kind.
pub fn points(ground: &Ground, share: Share) -> Vec<Point> {
    let scenes = Scene::ALL.iter().map(|(scene, _)| *scene);
    let scenes = scenes.filter(|scene| *scene != Scene::RootUp || User::is_root());
    scenes.flat_map(|scene| points_of(ground, scene, share)).collect()
}

fn points_of(ground: &Ground, scene: Scene, share: Share) -> Vec<Point> {
    let instance = scene.instance(ground, &format!("census-{}", scene.name()));
    if scene == Scene::Rollback {
        instance.up().succeeds();
    }
    let boundaries = hook::boundaries(&instance, scene == Scene::Rollback);
    let (census, reply) = census::take(&instance, &words(scene, &instance));
    let took = reply.succeeds().took;
    if scene != Scene::Rollback {
        instance.rollback().succeeds();
    }
    let limit = share.of(scene.limits());
    let mut faults = Vec::new();
    for (name, numbers) in census {
        let chosen = evenly(&numbers, limit);
        faults.extend(chosen.into_iter().map(|number| Fault::Call {
            name: name.clone(),
            number,
        }));
    }
    let boundaries: Vec<u32> = (1..=boundaries).collect();
    faults.extend(
        evenly(&boundaries, limit.saturating_mul(4))
            .into_iter()
            .map(Fault::Boundary),
    );
    let moments: Vec<u32> = (1..100)
        .map(|percent| u32::try_from(took.as_millis()).unwrap_or(u32::MAX) / 100 * percent)
        .collect();
    faults.extend(
        evenly(&moments, limit)
            .into_iter()
            .map(|milliseconds| Fault::Moment { milliseconds }),
    );
    faults.into_iter().map(|fault| Point { scene, fault }).collect()
}

fn words<'a>(scene: Scene, instance: &'a Instance<'_>) -> Vec<&'a str> {
    if scene == Scene::Rollback {
        vec!["rollback", "--yes", "--destroy-data", &instance.name]
    } else {
        vec!["up", "--yes"]
    }
}

pub fn try_point(ground: &Ground, point: &Point) {
    let _turn = (point.scene == Scene::RootUp)
        .then(|| ROOT.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    FAILED.fetch_add(1, Ordering::Relaxed);
    let instance = point.scene.instance(ground, &ground.new_name());
    let before = afterwards::listing(&instance);
    if point.scene == Scene::Rollback {
        instance.up().succeeds();
    }
    let reply = cut(&instance, &words(point.scene, &instance), &point.fault);
    assert!(
        reply.was_killed() || reply.exit == Some(0),
        "it was to be killed, or to end well\n{reply}"
    );
    if reply.was_killed() {
        TRIED.fetch_add(1, Ordering::Relaxed);
    }
    match point.scene {
        Scene::Up | Scene::BareUp | Scene::RootUp => {
            instance.up().succeeds();
            afterwards::is_settled(&instance);
        }
        Scene::Rollback | Scene::UpThenRollback | Scene::BareUpThenRollback => {}
    }
    instance.rollback().succeeds();
    afterwards::is_gone(&instance, &before);
    FAILED.fetch_sub(1, Ordering::Relaxed);
}

/// Runs the command and cuts it there.
fn cut(instance: &Instance<'_>, words: &[&str], fault: &Fault) -> Reply {
    let program = &instance.ground.program;
    match fault {
        Fault::Boundary(number) => hook::run_to(instance, words, *number),
        Fault::Call { name, number } => instance.run_under(
            &strace::injecting(name, *number, "signal=KILL", None),
            program,
            words,
        ),
        Fault::Moment { milliseconds } => {
            let seconds = f64::from(*milliseconds) / 1000.0;
            let wrapper =
                ["timeout", "--foreground", "--signal=KILL", &seconds.to_string()].map(OsString::from);
            instance.run_under(&wrapper, program, words)
        }
    }
}

/// What is printed when all is done.
pub fn summary() -> String {
    let (tried, failed) = (TRIED.load(Ordering::Relaxed), FAILED.load(Ordering::Relaxed));
    format!("kill points tried: {tried}, failures: {failed}")
}
