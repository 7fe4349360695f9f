//! The wizard: its answers fill the same options as the flags; then the plan, one confirmation, and the proof.

use super::options::Options;
use super::question::{DETAILS, QUESTIONS, Question, SERVER_URL, TARGET};
use super::{Address, Ui, prompt, resolve, unattended, up};
use crate::error::{Exit, Explain as _, Result};
use crate::facts::meant::{MeantCluster, meant};
use crate::facts::running;
use crate::host::Host;
use crate::pipeline::{Installation, Plans};
use crate::secret::Secret;
use crate::settings::{Settings, SettingsError, Target};

const GO: &str = "apply";
const CHANGE: &str = "change";
const STOP: &str = "stop";

/// Asks for everything that is wanted, and does it. The flags, the environment and the file give the first defaults.
pub(super) async fn run(options: Options, host: &Host, ui: &Ui) -> Result<Exit> {
    let mut answers = Answers {
        options: resolve::layered(options, host)?,
        host,
        ui,
        has_named_server: false,
    };
    answers.settings()?;
    ui.reply("Enter keeps what is shown. Nothing is changed before you have seen the plan.\n");
    loop {
        answers.customize().await?;
        let settings = answers.settings()?;
        let installation = Installation::new(host, &settings)?;
        let next = match permitted_plan(&installation).await {
            Ok(plans) if plans.is_empty() => {
                let exit = up::nothing_to_do(&installation, &plans, ui).await?;
                show_command(&settings, host, ui);
                return Ok(exit);
            }
            Ok(plans) => {
                ui.reply(format!("\n{}", up::plans_text(&plans)));
                match decision(&[GO, CHANGE, STOP]).await?.as_str() {
                    GO => {
                        let exit = up::apply(&installation, &plans, ui).await?;
                        show_command(&settings, host, ui);
                        return Ok(exit);
                    }
                    other => other.to_owned(),
                }
            }
            Err(error) if error.exit() == Exit::Refused => {
                ui.error(&error, &Address::of(&settings, host));
                decision(&[CHANGE, STOP]).await?
            }
            Err(error) => return Err(error),
        };
        if next == STOP {
            ui.reply("nothing was changed");
            return Ok(Exit::Refused);
        }
    }
}

async fn permitted_plan(installation: &Installation<'_>) -> Result<Plans> {
    let plans = installation.plan().await?;
    installation.permitted(&plans).await?;
    Ok(plans)
}

/// One of the words; the last of them, which stops, for anything else.
async fn decision(words: &[&'static str]) -> Result<String> {
    let meaning = |word: &str| match word {
        GO => "do what the plan says",
        CHANGE => "go through the questions again",
        _ => "change nothing",
    };
    let choices = words.iter().map(|word| prompt::Choice {
        name: (*word).to_owned(),
        meaning: meaning(word).to_owned(),
    });
    let answer = prompt::choice("Go on", choices.collect(), words[0]).await?;
    let known = words.iter().find(|word| **word == answer.trim());
    Ok((*known.unwrap_or(&STOP)).to_owned())
}

fn show_command(settings: &Settings, host: &Host, ui: &Ui) {
    ui.say(format!(
        "\nthe same without questions:\n  {}",
        unattended::command(settings, host)
    ));
}

struct Answers<'a> {
    options: Options,
    host: &'a Host,
    ui: &'a Ui,
    /// The server was asked for together with the target, and need not be again.
    has_named_server: bool,
}

impl Answers<'_> {
    fn settings(&self) -> Result<Settings> {
        Ok(resolve::settings(self.options.clone())?)
    }

    async fn customize(&mut self) -> Result<()> {
        self.has_named_server = false;
        for question in QUESTIONS {
            if !(question.text == SERVER_URL && self.has_named_server) {
                self.ask(question).await?;
            }
            if question.text == TARGET {
                self.ask_server().await?;
            }
        }
        if prompt::confirm("Change details (role, schema, columns, index parameters)?").await? {
            for question in DETAILS {
                self.ask(question).await?;
            }
        }
        Ok(())
    }

    /// Which of several servers of this machine is meant. They are looked for each time: one may have been started since.
    async fn ask_server(&mut self) -> Result<()> {
        let settings = self.settings()?;
        let any = Settings {
            port: None,
            ..settings.clone()
        };
        if settings.target != Target::System {
            return Ok(());
        }
        let MeantCluster::Several(servers) = meant(&running::all(self.host).await?, &any) else {
            return Ok(());
        };
        let ports: Vec<u16> = servers.iter().map(|server| server.port).collect();
        let current = settings.port.filter(|port| ports.contains(port));
        let current = current.unwrap_or(ports[0]).to_string();
        loop {
            let choices = servers.iter().map(|server| prompt::Choice {
                name: server.port.to_string(),
                meaning: server.particulars(),
            });
            let answer = prompt::choice("Server", choices.collect(), &current).await?;
            match answer.trim().parse() {
                Ok(port) if ports.contains(&port) => {
                    self.options.port = Some(port);
                    return Ok(());
                }
                _ => self.ui.reply(format!("no server here has the port {answer}")),
            }
        }
    }

    /// The server, where nothing names one yet.
    async fn ask_url(&mut self) -> Result<()> {
        loop {
            let mut changed = self.options.clone();
            changed.url = Some(Secret::new(prompt::text(SERVER_URL, None).await?.trim()));
            match resolve::settings(changed.clone()) {
                Ok(settings) => {
                    (self.options, self.has_named_server) = (changed, true);
                    return self.ask_password_of(&settings).await;
                }
                Err(error) => self.ui.reply(error.to_string()),
            }
        }
    }

    async fn ask_password(&mut self, settings: &Settings, question: &Question) -> Result<()> {
        if question.text == SERVER_URL {
            self.ask_password_of(settings).await?;
        }
        Ok(())
    }

    /// Where neither the URL nor a file has it.
    async fn ask_password_of(&mut self, settings: &Settings) -> Result<()> {
        let url = settings.server_url.as_ref();
        if url.is_some_and(|url| url.password.is_none()) {
            let typed = prompt::secret("Password (not shown; Enter for none)").await?;
            self.options.read.surroundings.password = typed;
        }
        Ok(())
    }

    /// Asks until the answer can be meant; it is judged by the same function as a flag.
    async fn ask(&mut self, question: &Question) -> Result<()> {
        let settings = self.settings()?;
        if !(question.applies)(&settings) {
            return Ok(());
        }
        let current = (question.current)(&settings);
        loop {
            let choices = (question.choices)();
            let answer = if choices.is_empty() {
                prompt::text(question.text, Some(&current)).await?
            } else {
                prompt::choice(question.text, choices, &current).await?
            };
            if answer == current {
                return Ok(());
            }
            let mut changed = self.options.clone();
            let judged =
                (question.fill)(&mut changed, &answer).and_then(|()| resolve::settings(changed.clone()));
            match judged {
                Ok(settings) => {
                    self.options = changed;
                    return self.ask_password(&settings, question).await;
                }
                // The target is chosen; which server it is comes with the next answer.
                Err(SettingsError::Url { .. })
                    if changed.target == Some(Target::Url) && question.text != SERVER_URL =>
                {
                    self.options = changed;
                    return self.ask_url().await;
                }
                Err(error) => self.ui.reply(error.to_string()),
            }
        }
    }
}
