//! Ctrl-C and SIGTERM: the first asks for a stop at the next safe point, the second ends the program at once.

use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::Exit;

static REQUESTED: OnceLock<watch::Sender<Option<Exit>>> = OnceLock::new();

fn sender() -> &'static watch::Sender<Option<Exit>> {
    REQUESTED.get_or_init(|| watch::channel(None).0)
}

/// Listens for both signals from now on. `second` is called when a second one arrives, and does not return.
pub fn listen(told: impl Fn() + Send + 'static, second: impl Fn(Exit) + Send + 'static) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::spawn(async move {
        loop {
            let exit = tokio::select! {
                _ = interrupt.recv() => Exit::Interrupted,
                _ = terminate.recv() => Exit::Terminated,
            };
            if requested().is_some() {
                second(exit);
            }
            told();
            sender().send_replace(Some(exit));
        }
    });
}

/// The exit status to end with, once a stop was asked for.
pub fn requested() -> Option<Exit> {
    *sender().borrow()
}

/// Ends when a stop is asked for.
pub async fn wait() -> Exit {
    let mut receiver = sender().subscribe();
    loop {
        if let Some(exit) = *receiver.borrow_and_update() {
            return exit;
        }
        if receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
