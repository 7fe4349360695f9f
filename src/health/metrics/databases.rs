//! The versions of pgvector, database by database.

use super::Reading;
use super::exposition::Series;
use super::families::measures;
use crate::database::versions::Library;

/// What one database has of pgvector.
pub struct DatabaseMeasures {
    name: String,
    extension: String,
    /// As the server words it; `None` where it does not tell.
    library: Option<String>,
    /// A library that says exactly which version it is, or that does not load, where the files say otherwise.
    has_other_library: bool,
    files: Option<String>,
}

/// Every database that has the extension; only the one that was read where the others are none of our business.
pub fn databases(reading: &Reading<'_>) -> Vec<DatabaseMeasures> {
    let Some(measures) = measures(reading) else {
        return Vec::new();
    };
    let files = measures.offered.clone();
    let is_other = |version: &String| files.as_ref() != Some(version);
    let of_server = reading.report.databases.iter().filter_map(|database| {
        let installed = database.installed()?;
        let has_other_library = match &installed.library {
            Library::Version(version) => is_other(version),
            Library::Broken(_) => true,
            Library::From080 | Library::Before080 => false,
        };
        Some(DatabaseMeasures {
            name: database.name.clone(),
            extension: installed.version.clone(),
            library: Some(installed.library.to_string()),
            has_other_library,
            files: files.clone(),
        })
    });
    let found: Vec<_> = of_server.collect();
    if !reading.report.databases.is_empty() {
        return found;
    }
    let own = measures.extension.iter().map(|extension| DatabaseMeasures {
        name: reading.settings.database.to_string(),
        extension: extension.clone(),
        library: measures.library.clone(),
        has_other_library: measures.library.as_ref().is_some_and(is_other),
        files: files.clone(),
    });
    own.collect()
}

impl DatabaseMeasures {
    fn series(&self, reading: &Reading<'_>, series: Series) -> Series {
        series
            .with("site", reading.site.unwrap_or_default())
            .with("database", &self.name)
    }

    pub fn info(&self, reading: &Reading<'_>) -> Series {
        self.series(reading, Series::of(true))
            .with("extension", &self.extension)
            .with("library", self.library.clone().unwrap_or_default())
            .with("files", self.files.clone().unwrap_or_default())
            .with("package", reading.report.package.clone().unwrap_or_default())
    }

    pub fn differ(&self, reading: &Reading<'_>) -> Series {
        let is_other_extension = self.files.as_ref() != Some(&self.extension);
        self.series(reading, Series::of(is_other_extension || self.has_other_library))
    }
}
