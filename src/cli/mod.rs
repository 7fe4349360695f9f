//! The command line: arguments in, a report out.

mod address;
mod arguments;
mod bar;
mod connection;
mod embed;
mod health;
mod import;
mod migrate;
mod options;
mod prompt;
mod question;
mod render;
mod resolve;
mod rollback;
mod server;
mod server_url;
mod site;
mod store;
mod ui;
mod unattended;
mod up;
mod upgrade;
mod usage;
mod wizard;

use std::ffi::OsString;

use address::Address;
pub use arguments::Arguments;
use arguments::{Command, Output, Verify, Waiting};
use clap::Parser as _;
pub use ui::Ui;

use crate::apply::interrupt;
use crate::error::{Exit, Explain as _, Result};
use crate::host::{Environment, Host};
use crate::pipeline::Installation;

/// Parses, runs and reports. The only thing left to the caller is to exit.
pub async fn run(words: impl IntoIterator<Item = OsString>, environment: Environment) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    let host = Host::new(environment);
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return usage::report(&error, &words, &host),
    };
    let ui = Ui::new(arguments.output, &host);
    let exit = carry_out(arguments, &words, &host, &ui).await;
    ui.finish(exit);
    exit
}

async fn carry_out(arguments: Arguments, words: &[OsString], host: &Host, ui: &Ui) -> Exit {
    if let Err(error) = usage::check(&arguments) {
        ui.error(&error.into(), &Address::default());
        return Exit::Usage;
    }
    let told = ui.clone();
    interrupt::listen(
        move || {
            // A question that stands open is the safe point already.
            if !prompt::is_asking() {
                told.remark("stopping at the next safe point; once more to stop at once");
            }
        },
        #[allow(clippy::exit, reason = "a second signal asks for just this")]
        |exit| std::process::exit(exit as i32),
    );
    if server_url::shows_password(words) {
        ui.say("note: every user of this machine can see a password in a command line while it runs; --url-file FILE, PGVECTOR_SETUP_URL and ~/.pgpass keep it private");
    }
    let options = arguments.options.clone();
    let is_of_sites = matches!(arguments.command, Some(Command::Site { .. } | Command::Apply(_)));
    let site = match &arguments.command {
        Some(Command::Site { command }) => command.meant(),
        _ => None,
    };
    match dispatch(arguments, host, ui).await {
        Ok(exit) => exit,
        Err(error) if is_of_sites => {
            ui.error(&error, &site::address(&options, site, host));
            error.exit()
        }
        Err(error) => {
            let settings = resolve::resolve(options, host);
            let address =
                settings.map_or_else(|_| Address::default(), |settings| Address::of(&settings, host));
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
    if let Command::Replace {
        user,
        was,
        remove,
        file,
    } = command
    {
        crate::apply::replace::serve(host, &user, file, was, remove)?;
        return Ok(Exit::Done);
    }
    if let Command::Site { command } = command {
        return site::run(options, command, host, ui).await;
    }
    if matches!(command, Command::Apply(_)) {
        resolve::refuse_undeclared(&options, host)?;
    }
    // A file without sites declares one database: `apply` is `up` for it, and `plan` the plan of that.
    if site::may_be_meant(&command) {
        let given = resolve::layered(options.clone(), host)?;
        match &command {
            Command::Apply(arguments) if site::are_meant(&given, host)? => {
                return site::apply(given, *arguments, host, ui).await;
            }
            Command::Plan { check, .. } if site::are_meant(&given, host)? => {
                return site::plan(given, *check, host, ui).await;
            }
            Command::Doctor(wanted) if site::are_asked(wanted, &given, host)? => {
                return site::doctor(given, wanted, host, ui).await;
            }
            Command::Verify(Verify {
                domain: Some(domain), ..
            }) => return site::verify(given, domain, host, ui).await,
            _ => {}
        }
    }
    let named = match &command {
        Command::Import { .. } => import::Named::of(&options, host)?,
        _ => import::Named::default(),
    };
    let config = options.config.clone();
    let mut options = resolve::layered(options, host)?;
    if matches!(&command, Command::Render { command } if command.is_for_this_machine()) {
        site::default_target(&mut options);
    }
    let settings = resolve::settings(options)?;
    let ui = &ui.addressed(|| Address::of(&settings, host));
    let installation = Installation::new(host, &settings)?;
    match command {
        Command::Up { consent, waiting } => {
            wait(&installation, waiting, ui).await?;
            up::up(&installation, consent, ui).await
        }
        Command::Apply(site::Apply { consent, .. }) => up::up(&installation, consent, ui).await,
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
        Command::Verify(Verify { waiting, .. }) => {
            wait(&installation, waiting, ui).await?;
            health::verify(&installation, ui).await
        }
        Command::Doctor(wanted) => health::doctor(&installation, wanted, ui).await,
        Command::Import { command } => import::run(&installation, command, named, ui).await,
        Command::Search(arguments) => store::search(&installation, arguments, ui).await,
        Command::Similar(arguments) => store::similar(&installation, arguments, ui).await,
        Command::Get(arguments) => store::get(&installation, arguments, ui).await,
        Command::Upsert(arguments) => store::upsert(&installation, arguments, ui).await,
        Command::Embed { command } => embed::run(&installation, command, ui).await,
        Command::Render { command } => render::run(host, &settings, config.as_deref(), command, ui).await,
        Command::Rollback { consent, destruction } => {
            rollback::rollback(&installation, consent, &destruction, ui).await
        }
        Command::Site { .. } | Command::Relay { .. } | Command::Replace { .. } => Ok(Exit::Bug),
    }
}

/// Returns when the server answers; at once where nothing was said of waiting.
async fn wait(installation: &Installation<'_>, waiting: Waiting, ui: &Ui) -> Result<()> {
    match server_url::patience(waiting, installation.settings)? {
        Some(limit) => installation.wait(limit, |text| ui.awaits(text)).await,
        None => Ok(()),
    }
}
