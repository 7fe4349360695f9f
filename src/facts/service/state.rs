//! The state of a service, and what it means for who waits for it. Pure.

use std::fmt;

use super::show::Shown;

/// A service that ended so often since it was started does not come up. Once may be a port that the one before had not let go yet.
const ENDED_TOO_OFTEN: u32 = 3;

/// What systemd says of a unit at one moment (systemd.service(5), org.freedesktop.systemd1(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct State {
    /// `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`, or what later versions add.
    pub active: String,
    pub sub: String,
    /// Why it ended; `success` while nothing went wrong.
    pub result: String,
    /// `Type=`.
    pub kind: String,
    /// 0 where none runs.
    pub main_pid: u32,
    /// How often systemd itself started it again since somebody asked for a start.
    pub restarts: u32,
    /// It is to be active without a process.
    pub remains: bool,
    /// A start or stop is queued or at work.
    pub has_job: bool,
    /// Somebody has asked for a start since systemd has the unit in memory.
    pub was_tried: bool,
    /// Nothing in `Condition…=` kept the last start from happening.
    pub conditions_met: bool,
    /// All of its processes are in there, as a path below the hierarchy's root; empty while none runs.
    #[serde(skip)]
    pub control_group: String,
}

/// What a state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It is active. As long as this is the same, it has not ended.
    Active { main_pid: u32, restarts: u32 },
    /// It was to do something once, and has.
    Accomplished,
    /// It is on its way, up or down.
    Changing,
    /// It does not run, and nothing will start it.
    Down,
}

impl State {
    pub(super) fn of(shown: &Shown) -> Self {
        let text = |name: &str| shown.text(name).to_owned();
        Self {
            active: text("ActiveState"),
            sub: text("SubState"),
            result: text("Result"),
            kind: text("Type"),
            main_pid: shown.number("MainPID"),
            restarts: shown.number("NRestarts"),
            remains: shown.yes("RemainAfterExit"),
            has_job: !["", "0"].contains(&shown.text("Job")),
            was_tried: !["", "0"].contains(&shown.text("ConditionTimestampMonotonic")),
            conditions_met: shown.yes("ConditionResult"),
            control_group: text("ControlGroup"),
        }
    }

    /// Whether it runs, or is what it shall be without running. Right after its start that says little.
    pub fn is_well(&self) -> bool {
        matches!(
            self.condition(),
            Condition::Active { .. } | Condition::Accomplished
        )
    }

    /// Of a unit that it has forgotten meanwhile, and of one that was never started, systemd knows nothing of conditions.
    fn is_skipped(&self) -> bool {
        self.was_tried && !self.conditions_met
    }

    pub fn condition(&self) -> Condition {
        if self.active != "failed" && self.restarts >= ENDED_TOO_OFTEN && self.active != "active" {
            return Condition::Down;
        }
        let is_success = self.result == "success";
        match self.active.as_str() {
            "active" | "reloading" | "refreshing" if self.kind == "oneshot" && is_success => {
                Condition::Accomplished
            }
            "active" | "reloading" | "refreshing" => Condition::Active {
                main_pid: self.main_pid,
                restarts: self.restarts,
            },
            "failed" => Condition::Down,
            "inactive" if self.has_job => Condition::Changing,
            "inactive" if self.kind == "oneshot" && is_success && !self.is_skipped() => {
                Condition::Accomplished
            }
            "inactive" => Condition::Down,
            _ => Condition::Changing,
        }
    }
}

impl fmt::Display for State {
    /// As a part of a sentence: `failed (exit-code), started again 2 times`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.active)?;
        match self.result.as_str() {
            "" | "success" if self.sub.is_empty() || self.sub == self.active => {}
            "" | "success" => write!(formatter, " ({})", self.sub)?,
            result if self.sub == self.active => write!(formatter, " ({result})")?,
            result => write!(formatter, " ({}, {result})", self.sub)?,
        }
        match self.restarts {
            0 => {}
            1 => write!(formatter, ", started again once")?,
            often => write!(formatter, ", started again {often} times")?,
        }
        if self.is_skipped() && self.active == "inactive" {
            write!(formatter, ", a condition of its unit is not met")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Type ActiveState SubState Result`, and how often it was started again.
    fn state(text: &str, restarts: u32) -> State {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let [kind, active, sub, result] = <[String; 4]>::try_from(words).unwrap();
        State {
            active,
            sub,
            result,
            kind,
            main_pid: 7,
            restarts,
            was_tried: true,
            conditions_met: true,
            ..State::default()
        }
    }

    #[test]
    fn a_state_says_whether_it_is_worth_waiting() {
        let active = Condition::Active {
            main_pid: 7,
            restarts: 0,
        };
        let table = [
            ("simple active running success", active),
            ("notify reloading reload success", active),
            ("notify activating start success", Condition::Changing),
            ("simple activating auto-restart exit-code", Condition::Changing),
            ("simple deactivating stop-sigterm success", Condition::Changing),
            ("simple failed failed exit-code", Condition::Down),
            ("simple inactive dead success", Condition::Down),
            ("oneshot inactive dead success", Condition::Accomplished),
            ("oneshot active exited success", Condition::Accomplished),
            ("oneshot activating start success", Condition::Changing),
            ("oneshot failed failed exit-code", Condition::Down),
        ];
        for (text, expected) in table {
            assert_eq!(state(text, 0).condition(), expected, "{text}");
        }
    }

    #[test]
    fn a_service_that_ends_again_and_again_is_down_and_one_that_ended_once_is_not() {
        let ended = |restarts| state("simple activating auto-restart exit-code", restarts).condition();
        assert_eq!((ended(2), ended(3)), (Condition::Changing, Condition::Down));
    }

    #[test]
    fn between_two_starts_a_service_is_inactive_with_a_job() {
        let mut between = state("simple inactive dead success", 1);
        between.has_job = true;
        assert_eq!(between.condition(), Condition::Changing);
    }

    #[test]
    fn what_a_condition_kept_from_running_has_accomplished_nothing() {
        let mut skipped = state("oneshot inactive dead success", 0);
        skipped.conditions_met = false;
        assert_eq!(skipped.condition(), Condition::Down);
        assert_eq!(
            skipped.to_string(),
            "inactive (dead), a condition of its unit is not met"
        );
        skipped.was_tried = false;
        assert_eq!(skipped.condition(), Condition::Accomplished);
        assert_eq!(skipped.to_string(), "inactive (dead)");
    }

    #[test]
    fn a_state_reads_as_part_of_a_sentence() {
        assert_eq!(
            state("simple active running success", 0).to_string(),
            "active (running)"
        );
        assert_eq!(
            state("simple failed failed exit-code", 5).to_string(),
            "failed (exit-code), started again 5 times"
        );
        assert_eq!(
            state("simple activating auto-restart exit-code", 1).to_string(),
            "activating (auto-restart, exit-code), started again once"
        );
    }
}
