//! Moving another store's records into a table here, exactly.
//!
//! A [`Source`] gives an [`Inventory`] and the [`Record`]s of one collection in an order that does not change. The rest does not
//! know where they are from.

mod buffer;
mod choice;
pub mod chroma;
pub mod chroma_server;
mod copying;
mod differences;
mod digest;
mod error;
mod importer;
mod inventory;
mod job;
mod json_text;
mod judgement;
mod load;
mod mapping;
mod open;
mod policy;
mod progress;
mod proof;
mod reading;
mod record;
mod rejects;
mod room;
mod run;
mod source;
mod staged;
mod target;
mod tuple;

pub use choice::choose;
pub use differences::Difference;
pub use error::ImportError;
pub use importer::Importer;
pub use inventory::{Collection, CollectionName, Inventory, Space};
pub use job::{Imported, Job, Listener, Quiet, Standing};
pub use judgement::Parts;
pub use load::Loaded;
pub use mapping::{PassedOver, Wish, map};
pub use open::{is_address, open};
pub use policy::{Action, Choice, Kind, Policies};
pub use proof::Proof;
pub use reading::SharedSource;
pub use record::{Metadata, Record, Value};
pub use rejects::{Counts, NAME as REJECTS};
pub use room::{least_bytes, shown};
pub use source::{Records, Source};
