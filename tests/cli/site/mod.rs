//! `site` and `apply` on a server of our own: databases of sites, each with its logins and the file that its service reads.

mod apply;
mod crowd;
mod deploy;
mod refusals;
mod remove;
mod rights;
mod stopped;

use std::path::PathBuf;
use std::sync::LazyLock;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

use crate::place::Place;

/// One server for all tests that look at sites of their own alone.
static SITES: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::for_sites();
    place.deploy("first.example.com");
    place
});

impl Place {
    /// With the bundle unpacked, and a settings file for sites on a server of our own.
    pub fn for_sites() -> Self {
        let place = Self::with_bundle();
        place.declare("");
        place
    }

    /// Writes the settings file: sites on a server of our own, and what is given besides.
    fn declare(&self, besides: &str) {
        let directory = self.site_directory();
        let text = format!(
            "target = \"embedded\"\nsite-directory = \"{}\"\n{besides}",
            directory.display()
        );
        std::fs::write(self.work().join("pgvector-setup.toml"), text).unwrap();
    }

    fn site_directory(&self) -> PathBuf {
        self.root().join("sites")
    }

    /// The file that the site's service would read.
    fn environment_file(&self, domain: &str) -> PathBuf {
        self.site_directory().join(format!("{domain}.env"))
    }

    #[track_caller]
    fn deploy(&self, domain: &str) {
        let words = [
            "site",
            "deploy",
            "--domain",
            domain,
            "--email",
            "admin@example.com",
        ];
        self.succeeds(&[&words[..], &["--yes", "--quiet"]].concat());
    }

    /// The URL in that file, read by another program's rules than ours.
    fn url(&self, domain: &str) -> PgConnectOptions {
        let text = std::fs::read_to_string(self.environment_file(domain)).unwrap();
        let url = text.lines().find_map(|line| line.strip_prefix("DATABASE_URL="));
        url.unwrap().parse().unwrap()
    }
}

/// Whether a login gets in; the error's code where it does not.
async fn connect(url: &PgConnectOptions) -> Result<PgConnection, String> {
    url.connect().await.map_err(|error| code(&error))
}

/// The SQLSTATE of what the server said.
fn code(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    code.unwrap_or_else(|| panic!("{error}")).into_owned()
}
