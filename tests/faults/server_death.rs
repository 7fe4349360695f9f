//! `kill -9` of the server itself.

use super::afterwards;
use super::end_state;
use super::ground::Ground;
use super::instance::{User, kill};

pub fn started_again(ground: &Ground) {
    comes_back_by(ground, "start");
}

pub fn brought_up_again(ground: &Ground) {
    comes_back_by(ground, "up");
}

fn comes_back_by(ground: &Ground, command: &str) {
    let instance = ground.instance(&ground.new_name(), User::Plain);
    let before = afterwards::listing(&instance);
    instance.up().succeeds();
    kill(end_state::Server::of(&instance).process);
    let words: &[&str] = if command == "up" {
        &["up", "--yes"]
    } else {
        &[command]
    };
    instance.run_under(&[], &ground.program, words).succeeds();
    afterwards::is_settled(&instance);
    instance.rollback().succeeds();
    afterwards::is_gone(&instance, &before);
}
