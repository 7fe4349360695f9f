//! Templates whose every value is quoted on its way in, for whichever format they are of.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Output, UndefinedBehavior, Value};

use crate::plan::Refusal;

/// Fills a template in which every `{{ value }}` is a number or what `quote` makes of a text, and every `{{ value | safe }}`
/// stays as it is. `context` is plain data.
///
/// # Errors
/// [`Refusal`] for a template that names something unknown: a defect of this program.
pub fn fill(
    template: &str,
    context: Value,
    quote: impl Fn(&str) -> String + Send + Sync + 'static,
) -> Result<String, Refusal> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(whole_lines());
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("quoted".into()));
    environment.set_formatter(move |output, _, value| write_value(output, value, &quote));
    environment
        .render_str(template, context)
        .map_err(|error| Refusal::Blocked {
            fact: format!("a template of this program cannot be filled: {error:#}"),
            hint: "report this as a defect of pgvector-setup".into(),
        })
}

/// A line with a block tag and nothing else leaves no empty line.
fn whole_lines() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true);
    syntax.build().unwrap_or_default()
}

fn write_value(
    output: &mut Output<'_>,
    value: &Value,
    quote: impl Fn(&str) -> String,
) -> Result<(), minijinja::Error> {
    let written = match (value.as_str(), value.kind()) {
        (Some(text), _) if value.is_safe() => output.write_str(text),
        (Some(text), _) => output.write_str(&quote(text)),
        (None, ValueKind::Number) => output.write_str(&value.to_string()),
        _ => {
            let problem = format!("{} is no text and no number", value.kind());
            return Err(minijinja::Error::new(minijinja::ErrorKind::BadEscape, problem));
        }
    };
    written.map_err(minijinja::Error::from)
}
