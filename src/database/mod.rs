//! Everything after "a server answers": connecting, the database steps, migrations, the index.

pub mod binary_copy;
mod connect;
pub mod credentials;
mod error;
pub mod facts;
pub(crate) mod greeting;
pub mod index;
pub mod login;
pub mod migrate;
pub mod remote;
pub mod scram;
pub mod sql;
pub mod turn;
pub mod versions;

pub use connect::{Endpoint, Login, RemoteEndpoint, connect, pool};
pub use error::{DatabaseError, sqlstate};
pub use greeting::{Greeting, GreetingError, greeting};
