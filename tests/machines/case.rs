//! One row of the table: a machine, what is done to it first, the command line, and how the story goes.

use super::machine::{Image, Machine, Reply};

pub const BOOKWORM: Image = Image {
    suite: "bookworm",
    systemd: false,
};
pub const TRIXIE: Image = Image {
    suite: "trixie",
    systemd: false,
};
pub const TRIXIE_SYSTEMD: Image = Image {
    suite: "trixie",
    systemd: true,
};
pub const FORKY: Image = Image {
    suite: "forky",
    systemd: false,
};
pub const FORKY_SYSTEMD: Image = Image {
    suite: "forky",
    systemd: true,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Embedded,
    System,
}

#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub image: Image,
    /// `root`; or `user`, who may do nothing; or `admin`, who has sudo without a password.
    pub user: &'static str,
    pub target: Target,
    /// Flags of `up` besides `--yes` and `--target`.
    pub flags: &'static str,
    pub database: &'static str,
    /// The articles table, with its schema.
    pub table: &'static str,
    pub story: fn(&Machine, &Self),
}

impl Case {
    pub const fn embedded(
        name: &'static str,
        image: Image,
        user: &'static str,
        story: fn(&Machine, &Self),
    ) -> Self {
        let (database, table) = ("vectors", "vectors.articles");
        Self {
            name,
            image,
            user,
            target: Target::Embedded,
            flags: "",
            database,
            table,
            story,
        }
    }

    pub const fn system(
        name: &'static str,
        image: Image,
        user: &'static str,
        story: fn(&Machine, &Self),
    ) -> Self {
        let case = Self::embedded(name, image, user, story);
        Self {
            target: Target::System,
            ..case
        }
    }

    pub fn up_command(&self) -> String {
        format!("pgvector-setup up --yes {}", self.target_flags())
    }

    pub fn up(&self, machine: &Machine) -> Reply {
        machine.run(self.user, &self.up_command())
    }

    pub fn rollback(&self, machine: &Machine) -> Reply {
        let name = if self.target == Target::System {
            self.database
        } else {
            "default"
        };
        machine.run(
            self.user,
            &format!(
                "pgvector-setup rollback --yes --destroy-data {name} {}",
                self.target_flags()
            ),
        )
    }

    fn target_flags(&self) -> String {
        let target = if self.target == Target::System {
            "--target system "
        } else {
            ""
        };
        format!("{target}{}", self.flags)
    }
}
