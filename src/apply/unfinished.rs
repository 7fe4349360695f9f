//! What a run that was cut off still owes, and no catalog shows.

use super::{Outcome, Record};
use crate::plan::Step;
use crate::plan::site::SiteStep;
use crate::settings::Identifier;

/// Read from the receipt; nothing is owed where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Unfinished {
    /// We made the database, and did not yet take away what every role may do in it.
    pub restriction: bool,
    /// We made the database, and did not yet prepare the schema in it.
    pub schema: bool,
    /// We began to let the role in, and did not yet see the server read it.
    pub login: bool,
    /// The last change of the database was not followed by a proof that passed.
    pub proof: bool,
}

impl Unfinished {
    /// What is owed in one database.
    pub fn of(records: &[Record], database: &Identifier) -> Self {
        let mut owed = Self::default();
        for (position, record) in records.iter().enumerate() {
            let Record::Begun { sequence, step } = record else {
                continue;
            };
            let later = &records[position..];
            if later.contains(&Record::Undone { sequence: *sequence }) {
                continue;
            }
            let outcome = later.iter().find_map(|record| match record {
                Record::Ended {
                    sequence: of,
                    outcome,
                } if of == sequence => Some(outcome),
                _ => None,
            });
            if database_of(step) == Some(database) {
                owed.follow(step, outcome);
            }
        }
        owed
    }

    fn follow(&mut self, step: &Step, outcome: Option<&Outcome>) {
        let is_found = matches!(outcome, Some(Outcome::AlreadyThere | Outcome::Skipped { .. }));
        match step {
            Step::Verify { .. } | Step::Site(SiteStep::Prove { .. }) => self.proof &= !is_found,
            Step::Site(SiteStep::DropDatabase { .. }) => *self = Self::default(),
            Step::Site(_) if !is_found => self.proof = true,
            Step::RestrictDatabase { .. } => {
                self.restriction &= !matches!(outcome, Some(Outcome::Changed { .. }));
                self.proof = true;
            }
            Step::CreateDatabase { .. } if !is_found => {
                *self = Self {
                    restriction: true,
                    schema: true,
                    login: false,
                    proof: true,
                }
            }
            Step::CreateSchema { .. } if !is_found => {
                self.schema &= !matches!(outcome, Some(Outcome::Changed { .. }));
                self.proof = true;
            }
            Step::AllowLogin { .. } => {
                self.login = !matches!(outcome, Some(Outcome::Changed { .. } | Outcome::AlreadyThere));
                self.proof = true;
            }
            Step::Migrate { .. } if !is_found => self.proof = true,
            _ => {}
        }
    }
}

fn database_of(step: &Step) -> Option<&Identifier> {
    match step {
        Step::CreateDatabase { database, .. }
        | Step::RestrictDatabase { database, .. }
        | Step::AllowLogin { database, .. }
        | Step::CreateSchema { database, .. }
        | Step::Migrate { database, .. }
        | Step::Verify { database, .. } => Some(database),
        Step::Site(step) => step.database(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Dimensions;

    fn name(text: &str) -> Identifier {
        Identifier::new(text).unwrap()
    }

    fn steps() -> [Step; 3] {
        let database = name("vectors");
        [
            Step::CreateDatabase {
                database: database.clone(),
                sql: String::new(),
            },
            Step::RestrictDatabase {
                database: database.clone(),
                role: None,
                sql: Vec::new(),
            },
            Step::Verify {
                database,
                dimensions: Dimensions::new(3).unwrap().count(),
                rows: 1,
            },
        ]
    }

    /// The records of the first `begun` steps, of which the last has ended if `is_ended`.
    fn records(begun: usize, is_ended: bool) -> Vec<Record> {
        let mut records = Vec::new();
        for (number, step) in steps().into_iter().take(begun).enumerate() {
            let sequence = number as u32 + 1;
            let is_proof = matches!(step, Step::Verify { .. });
            records.push(Record::Begun { sequence, step });
            if number + 1 < begun || is_ended {
                let why = String::new();
                let outcome = if is_proof {
                    Outcome::Skipped { why }
                } else {
                    Outcome::Changed { object: None }
                };
                records.push(Record::Ended { sequence, outcome });
            }
        }
        records
    }

    #[test]
    fn what_was_begun_is_owed_until_it_ended() {
        let table = [
            ((0, false), (false, false)),
            ((1, false), (true, true)),
            ((1, true), (true, true)),
            ((2, false), (true, true)),
            ((2, true), (false, true)),
            ((3, false), (false, true)),
            ((3, true), (false, false)),
        ];
        for ((begun, is_ended), (restriction, proof)) in table {
            let owed = Unfinished::of(&records(begun, is_ended), &name("vectors"));
            let schema = begun > 0;
            let expected = Unfinished {
                restriction,
                schema,
                login: false,
                proof,
            };
            assert_eq!(owed, expected, "{begun} begun, the last ended: {is_ended}");
        }
    }

    #[test]
    fn what_was_undone_is_not_owed() {
        let mut records = records(1, true);
        records.push(Record::Undone { sequence: 1 });
        assert_eq!(Unfinished::of(&records, &name("vectors")), Unfinished::default());
    }

    #[test]
    fn what_is_owed_in_one_database_is_not_owed_in_another() {
        assert_eq!(
            Unfinished::of(&records(1, true), &name("other")),
            Unfinished::default()
        );
    }
}
