//! A statement with its parameters, and how it is sent.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Connection as _, PgConnection, Postgres};

use super::vector::VectorArgument;
use crate::database::sql::composed;

/// A value that is bound. Texts are cast to what they stand for by the statement, so that no type is looked up by name.
#[derive(Debug, Clone)]
pub enum Argument {
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<f32>),
    Vector(VectorArgument),
}

/// SQL text with its parameters in order.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    pub sql: String,
    pub arguments: Vec<Argument>,
    /// Whether the server keeps it prepared.
    is_kept: bool,
}

impl Statement {
    /// One that the server keeps prepared, where the session is ours.
    pub fn kept(sharing: Sharing) -> Self {
        Self {
            is_kept: sharing == Sharing::Session,
            ..Self::default()
        }
    }

    /// One that is planned each time, for the values that it has.
    pub fn once(sql: impl Into<String>, arguments: Vec<Argument>) -> Self {
        Self {
            sql: sql.into(),
            arguments,
            is_kept: false,
        }
    }

    /// Binds a value; gives its place: `$3`.
    pub fn bind(&mut self, argument: Argument) -> String {
        self.arguments.push(argument);
        format!("${}", self.arguments.len())
    }

    /// Binds a text; gives it as an expression of type `text`.
    pub fn text(&mut self, text: impl Into<String>) -> String {
        format!("{}::pg_catalog.text", self.bind(Argument::Text(text.into())))
    }
}

impl Statement {
    /// Binds a vector; gives it as an expression of its column's type.
    pub fn vector(&mut self, vector: &VectorArgument, vector_type: &str) -> String {
        if self.is_kept {
            return format!("{}::{vector_type}", self.bind(Argument::Vector(vector.clone())));
        }
        // A parameter of a type that sqlx does not know has it ask the server, which forgets a statement without name on that.
        let numbers = self.bind(Argument::Numbers(vector.components.clone()));
        format!("{numbers}::pg_catalog.float4[]::{vector_type}")
    }
}

/// How sessions are shared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// A session is ours alone: statements stay prepared in it.
    #[default]
    Session,
    /// A pooler hands out sessions by the transaction: nothing stays prepared, and every statement has a transaction around it.
    Transaction,
}

impl Statement {
    pub async fn fetch(
        &self,
        connection: &mut PgConnection,
        sharing: Sharing,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        if sharing == Sharing::Session {
            return self.query().fetch_all(connection).await;
        }
        let mut transaction = connection.begin().await?;
        let rows = self.query().fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// Returns how many rows were changed. In a transaction of the caller's.
    pub async fn execute(&self, connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
        Ok(self.query().execute(connection).await?.rows_affected())
    }

    fn query(&self) -> Query<'_, Postgres, PgArguments> {
        let mut query = sqlx::query(composed(self.sql.as_str())).persistent(self.is_kept);
        for argument in &self.arguments {
            query = match argument {
                Argument::Text(text) => query.bind(text),
                Argument::Texts(texts) => query.bind(texts),
                Argument::Numbers(numbers) => query.bind(numbers),
                Argument::Vector(vector) => query.bind(vector),
            };
        }
        query
    }
}
