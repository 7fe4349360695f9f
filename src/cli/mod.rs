//! The command line: arguments in, a report out.

mod address;
mod arguments;
mod bar;
mod connection;
mod health;
mod migrate;
mod options;
mod prompt;
mod question;
mod render;
mod resolve;
mod rollback;
mod server;
mod server_url;
mod ui;
mod unattended;
mod up;
mod upgrade;
mod usage;
mod wizard;

use std::ffi::OsString;

use address::Address;
pub use arguments::Arguments;
use arguments::{Command, Output, Waiting};
use clap::Parser as _;
pub use ui::Ui;

use crate::apply::interrupt;
use crate::error::{Exit, Explain as _, Result};
use crate::host::{Environment, Host};
use crate::pipeline::Installation;

/// Parses, runs and reports. The only thing left to the caller is to exit.
pub async fn run(words: impl IntoIterator<Item = OsString>, environment: Environment) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return usage::report(&error, &words),
    };
    let ui = Ui::new(arguments.output);
    interrupt::listen(
        move || {
            // A question that stands open is the safe point already.
            if !prompt::is_asking() {
                ui.say("stopping at the next safe point; once more to stop at once");
            }
        },
        #[allow(clippy::exit, reason = "a second signal asks for just this")]
        |exit| std::process::exit(exit as i32),
    );
    let host = Host::new(environment);
    if server_url::shows_password(&words) {
        ui.say("note: every user of this machine can see a password in a command line while it runs; --url-file FILE, PGVECTOR_SETUP_URL and ~/.pgpass keep it private");
    }
    let options = arguments.options.clone();
    match dispatch(arguments, &host, &ui).await {
        Ok(exit) => exit,
        Err(error) => {
            let settings = resolve::resolve(options, &host);
            let address =
                settings.map_or_else(|_| Address::default(), |settings| Address::of(&settings, &host));
            ui.error(&error, &address);
            error.exit()
        }
    }
}

async fn dispatch(arguments: Arguments, host: &Host, ui: &Ui) -> Result<Exit> {
    let Arguments {
        command,
        options,
        output: Output { .. },
    } = arguments;
    let Some(command) = command else {
        if ui.can_ask() {
            return wizard::run(options, host, ui).await;
        }
        use clap::CommandFactory as _;
        ui.say(Arguments::command().render_long_help().to_string());
        return Ok(Exit::Usage);
    };
    if let Command::Relay { user, socket } = &command {
        crate::apply::relay::serve(host, socket, user)?;
        return Ok(Exit::Done);
    }
    if let Command::Replace { user, was, file } = command {
        crate::apply::replace::serve(host, &user, file, was)?;
        return Ok(Exit::Done);
    }
    let settings = resolve::resolve(options, host)?;
    let installation = Installation::new(host, &settings)?;
    match command {
        Command::Up { consent, waiting } => {
            wait(&installation, waiting, ui).await?;
            up::up(&installation, consent, ui).await
        }
        Command::Plan { sql: true, .. } => up::sql(&installation, ui).await,
        Command::Plan { check, .. } => up::plan(&installation, check, ui).await,
        Command::Upgrade(arguments) => upgrade::upgrade(&installation, arguments, ui).await,
        Command::Start => server::start(&installation, ui).await,
        Command::Stop => server::stop(&installation, ui).await,
        Command::Status => server::status(&installation, ui).await,
        Command::Destroy(destruction) => server::destroy(&installation, &destruction, ui).await,
        Command::Env { format } => connection::env(&installation, format, ui).await,
        Command::Psql { arguments } => connection::psql(&installation, &arguments).await,
        Command::Migrate { command } => migrate::run(&installation, command, ui).await,
        Command::Verify(waiting) => {
            wait(&installation, waiting, ui).await?;
            health::verify(&installation, ui).await
        }
        Command::Doctor { recall, waiting } => {
            wait(&installation, waiting, ui).await?;
            health::doctor(&installation, recall, ui).await
        }
        Command::Render { command } => render::run(host, &settings, command, ui).await,
        Command::Rollback { consent, destruction } => {
            rollback::rollback(&installation, consent, &destruction, ui).await
        }
        Command::Relay { .. } | Command::Replace { .. } => Ok(Exit::Bug),
    }
}

/// Returns when the server answers; at once where nothing was said of waiting.
async fn wait(installation: &Installation<'_>, waiting: Waiting, ui: &Ui) -> Result<()> {
    match server_url::patience(waiting, installation.settings)? {
        Some(limit) => installation.wait(limit, |text| ui.say(text)).await,
        None => Ok(()),
    }
}
