//! `site deploy`, `site rotate-password` and `site remove`, killed at every boundary of a step; then run again to the same end.

use std::sync::atomic::Ordering;

use super::ground::Ground;
use super::instance::{Instance, Reply, User};
use super::kill::TRIED;
use super::site::{Site, lets_in};

#[derive(Debug, Clone, Copy)]
pub enum Scene {
    Deploy,
    Rotate,
    Remove,
}

impl Scene {
    pub const ALL: [Self; 3] = [Self::Deploy, Self::Rotate, Self::Remove];

    pub fn name(self) -> &'static str {
        match self {
            Self::Deploy => "site-deploy",
            Self::Rotate => "site-rotate",
            Self::Remove => "site-remove",
        }
    }
}

/// One server for all points of a scene. The last point is one that is not reached.
pub fn at_every_boundary(ground: &Ground, scene: Scene) {
    let instance = ground.instance(scene.name(), User::Plain);
    let story = Story::new(&instance, scene);
    for number in 1.. {
        println!("{}:boundary:{number}", scene.name());
        let reply = story.cut_at(number);
        assert!(reply.was_killed() || reply.exit == Some(0), "{reply}");
        if !reply.was_killed() {
            assert!(number > 5, "nothing was killed");
            break;
        }
        TRIED.fetch_add(1, Ordering::Relaxed);
    }
    instance.rollback().succeeds();
}

struct Story<'i> {
    scene: Scene,
    instance: &'i Instance<'i>,
    /// What an undisturbed site is like with its first login, and with its second.
    undisturbed: [String; 2],
    rotated: Site<'i>,
}

impl<'i> Story<'i> {
    fn new(instance: &'i Instance<'i>, scene: Scene) -> Self {
        let rotated = Site::new(instance, "rotatedsite");
        rotated.run("deploy", &[]).succeeds();
        let mut first = rotated.state();
        let mut second = String::new();
        if matches!(scene, Scene::Rotate) {
            second = turned(&rotated);
            first = turned(&rotated);
        }
        Self {
            scene,
            instance,
            undisturbed: [first, second],
            rotated,
        }
    }

    fn cut_at(&self, number: u32) -> Reply {
        let fresh = Site::new(self.instance, format!("n{number}site"));
        match self.scene {
            Scene::Deploy => {
                let reply = fresh.run_to("deploy", &[], number);
                what_the_service_reads_lets_in(&fresh, &reply);
                let again = fresh.run("deploy", &[]).succeeds();
                self.is_settled(&fresh, &reply, &again);
                reply
            }
            Scene::Rotate => {
                let site = &self.rotated;
                let before = site.url().expect("a file");
                let reply = site.run_to("rotate-password", &[], number);
                what_the_service_reads_lets_in(site, &reply);
                site.run("rotate-password", &[]).succeeds();
                let again = site.run("deploy", &[]).succeeds();
                self.is_settled(site, &reply, &again);
                assert!(
                    lets_in(&before).is_err(),
                    "the old password still lets in\n{reply}"
                );
                reply
            }
            Scene::Remove => {
                fresh.run("deploy", &[]).succeeds();
                let before = fresh.url().expect("a file");
                let destroy = ["--destroy-data", &fresh.name];
                let reply = fresh.run_to("remove", &destroy, number);
                let again = fresh.run("remove", &destroy).succeeds();
                assert_eq!(
                    fresh.state().matches("SITE").count(),
                    0,
                    "{}\n{reply}",
                    fresh.state()
                );
                assert_eq!(fresh.files(), ["lock", "receipt.jsonl"], "{reply}");
                fresh.receipt_is_whole(&again);
                assert!(lets_in(&before).is_err(), "{reply}");
                reply
            }
        }
    }

    /// All that an undisturbed run leaves, and nothing else.
    fn is_settled(&self, site: &Site<'_>, reply: &Reply, again: &Reply) {
        let url = site.url().expect("a file");
        let expected = &self.undisturbed[usize::from(url.get_username() != site.name)];
        let state = site.state();
        let without = |some: &str, others: &str| -> Vec<String> {
            some.lines()
                .filter(|line| !others.lines().any(|other| other == *line))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(
            (without(&state, expected), without(expected, &state)),
            (vec![], vec![]),
            "added and missing after\n{reply}"
        );
        let environment = format!("{}.env", site.domain());
        let mut files = vec![environment.as_str(), "lock", "receipt.jsonl", "site.json"];
        files.sort_unstable();
        assert_eq!(site.files(), files, "{reply}");
        site.receipt_is_whole(again);
        lets_in(&url).unwrap_or_else(|error| panic!("{error}\n{reply}"));
        site.run("status", &[]).succeeds();
    }
}

/// The state once it has another password, and the login of before is retired: without a service that is seen to read the file, the
/// next deploy does that.
fn turned(site: &Site<'_>) -> String {
    for command in ["rotate-password", "deploy"] {
        site.run(command, &[]).succeeds();
    }
    site.state()
}

/// At every moment: whoever starts a service now has it work.
fn what_the_service_reads_lets_in(site: &Site<'_>, reply: &Reply) {
    if let Some(url) = site.url() {
        lets_in(&url).unwrap_or_else(|error| panic!("{error}\n{reply}"));
    }
}
