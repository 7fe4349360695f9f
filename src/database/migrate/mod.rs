//! Embedded migrations: refinery on a sqlx connection.

mod error;

pub use error::MigrateError;
