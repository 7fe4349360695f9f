//! One row of the table: a machine, what is done to it first, the command line, and how the story goes.

use super::machine::{Image, Machine, Reply};

pub const BOOKWORM: Image = Image {
    suite: "bookworm",
    systemd: false,
};
pub const BOOKWORM_SYSTEMD: Image = Image {
    suite: "bookworm",
    systemd: true,
};
pub const TRIXIE: Image = Image {
    suite: "trixie",
    systemd: false,
};
pub const TRIXIE_SYSTEMD: Image = Image {
    suite: "trixie",
    systemd: true,
};
/// Debian 13 with servers to connect to (`docker/servers/build`).
pub const SERVERS: Image = Image {
    suite: Image::SERVERS,
    systemd: false,
};
/// Debian 13 with systemd, a server that runs, and what a site needs (`docker/sites/build`).
pub const SITES: Image = Image {
    suite: Image::SITES,
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

/// A machine with dnf and rpm; `docker/rpm/build` tells what is real of it.
pub const ROCKY: Image = Image {
    suite: "rocky",
    systemd: true,
};
/// As [`ROCKY`], with packages in the distribution's own layout.
pub const FEDORA: Image = Image {
    suite: "fedora",
    systemd: true,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Embedded,
    System,
    /// `system` by the stand-in for brew.
    Brew,
    /// `system` on a server that somebody started by hand.
    ByHand(ByHand),
}

/// A server that no package manager lists; its socket is in `/tmp`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ByHand {
    pub owner: &'static str,
    /// The directory of its programs.
    pub programs: &'static str,
    pub data: &'static str,
    pub port: u16,
}

#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub image: Image,
    /// `root`; or `user`, who may do nothing; or `admin`, who has sudo without a password.
    pub user: &'static str,
    pub target: Target,
    /// Flags besides `--yes` and `--target`.
    pub flags: &'static str,
    pub database: &'static str,
    /// The articles table, with its schema.
    pub table: &'static str,
    /// Paths and accounts that may differ after `rollback`, for a reason that is told where they are listed.
    pub leftovers: &'static [&'static str],
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
            leftovers: &[],
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

    /// By the stand-in for brew, as the user who owns it.
    pub const fn brew(name: &'static str, image: Image, story: fn(&Machine, &Self)) -> Self {
        let case = Self::embedded(name, image, "linuxbrew", story);
        Self {
            target: Target::Brew,
            ..case
        }
    }

    pub const fn as_user(self, user: &'static str) -> Self {
        Self { user, ..self }
    }

    pub const fn by_hand(
        name: &'static str,
        image: Image,
        user: &'static str,
        server: ByHand,
        story: fn(&Machine, &Self),
    ) -> Self {
        let case = Self::embedded(name, image, user, story);
        Self {
            target: Target::ByHand(server),
            ..case
        }
    }

    /// A server that is there already. The story makes it, and types its own command lines.
    pub const fn url(name: &'static str, story: fn(&Machine, &Self)) -> Self {
        Self::embedded(name, SERVERS, "user", story)
    }

    /// A server that is there already, and services for sites. The story types its own command lines.
    pub const fn site(name: &'static str, story: fn(&Machine, &Self)) -> Self {
        Self::embedded(name, SITES, "root", story)
    }

    pub const fn with(self, flags: &'static str) -> Self {
        Self { flags, ..self }
    }

    pub const fn leaving(self, leftovers: &'static [&'static str]) -> Self {
        Self { leftovers, ..self }
    }

    /// Where the articles are, if not where `up` puts them by itself.
    pub const fn on(self, database: &'static str, table: &'static str) -> Self {
        Self {
            database,
            table,
            ..self
        }
    }

    pub fn up_command(&self) -> String {
        format!("pgvector-setup up --yes {}", self.target_flags())
    }

    pub fn up(&self, machine: &Machine) -> Reply {
        machine.run(self.user, &self.up_command())
    }

    /// `consent` is a flag that agrees to lose data, or nothing.
    pub fn rollback(&self, machine: &Machine, consent: &str) -> Reply {
        let command = format!("pgvector-setup rollback --yes {consent} {}", self.target_flags());
        machine.run(self.user, &command)
    }

    pub fn consent(&self) -> &'static str {
        match self.target {
            Target::Embedded => "--destroy-data default",
            Target::System | Target::Brew | Target::ByHand(_) => "--destroy-data vectors",
        }
    }

    fn target_flags(&self) -> String {
        let target = match self.target {
            Target::Embedded => "",
            Target::System | Target::Brew | Target::ByHand(_) => "--target system ",
        };
        format!("{target}{}", self.flags)
    }
}
