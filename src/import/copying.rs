//! Sending rows to a COPY, and reading rows back from one.

use futures_util::StreamExt as _;
use sqlx::PgConnection;

use super::ImportError;
use crate::apply::interrupt;
use crate::database::DatabaseError;
use crate::database::binary_copy::{HEADER, TRAILER, Tuple, TupleReader};

/// What is handed to the socket at once: the driver keeps a buffer of that size.
const PIECE_BYTES: usize = 128 * 1024;

/// Runs `COPY … FROM STDIN (FORMAT binary)` with these rows.
pub async fn copy_in(
    connection: &mut PgConnection,
    statement: &str,
    tuples: &[u8],
) -> Result<u64, sqlx::Error> {
    let mut copy = connection.copy_in_raw(statement).await?;
    copy.send(HEADER).await?;
    for piece in tuples.chunks(PIECE_BYTES) {
        copy.send(piece).await?;
    }
    copy.send(&TRAILER[..]).await?;
    copy.finish().await
}

/// Runs `COPY … TO STDOUT (FORMAT binary)` and hands over each row.
///
/// # Errors
/// [`DatabaseError::Statement`], [`ImportError::Stream`]; [`ImportError::Interrupted`] when a stop is asked for. The connection is
/// in the middle of it then.
pub async fn copy_out(
    connection: &mut PgConnection,
    statement: &str,
    purpose: &'static str,
    mut take: impl FnMut(Tuple<'_>),
) -> Result<(), ImportError> {
    let mut pieces = connection
        .copy_out_raw(statement)
        .await
        .map_err(DatabaseError::statement(purpose))?;
    let mut reader = TupleReader::default();
    while let Some(piece) = pieces.next().await {
        if let Some(exit) = interrupt::requested() {
            return Err(ImportError::Interrupted { exit });
        }
        let piece = piece.map_err(DatabaseError::statement(purpose))?;
        reader.feed(&piece, &mut take).map_err(|_| ImportError::Stream)?;
    }
    if reader.is_ended() {
        Ok(())
    } else {
        Err(ImportError::Stream)
    }
}
