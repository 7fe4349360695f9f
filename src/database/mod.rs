//! Everything after "a server answers": connecting, the database steps, migrations, the index.

mod connect;
mod error;
pub mod index;
pub mod migrate;
pub mod sql;

pub use connect::{Endpoint, Login, connect};
pub use error::{DatabaseError, sqlstate};
