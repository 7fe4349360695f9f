//! Everything after "a server answers": connecting, the database steps, migrations, the index.

mod connect;
pub mod credentials;
mod error;
pub mod facts;
pub mod index;
pub mod login;
pub mod migrate;
pub mod scram;
pub mod sql;
pub mod versions;

pub use connect::{Endpoint, Login, connect};
pub use error::{DatabaseError, sqlstate};
