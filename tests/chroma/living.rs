//! A directory that is being written while it is read.

use std::path::{Path, PathBuf};
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::chroma::reading::{self, Everything};
use crate::environment::program;
use crate::killed::version_of;

const READS: usize = 40;

/// Each read is right, or an error; and the inventory says that somebody writes. For every other read the writer is stopped, wherever
/// it is: in a transaction or between the files of an index, too, where nothing changes while it is read. Beside one that is between two
/// calls each read is right.
pub fn is_noticed(version: &str) {
    let place = tempfile::TempDir::new().unwrap();
    let mut writer = Writer::begun(version, place.path());
    let (mut right, mut refused) = (0, 0);
    for read in 0..READS {
        let is_stopped = read % 2 == 1;
        if is_stopped {
            writer.signal(Signal::STOP);
        }
        let everything = reading::everything(&writer.directory());
        if is_stopped {
            writer.signal(Signal::CONT);
        }
        match everything {
            Ok(read) => {
                right += 1;
                is_right(&read, version);
            }
            Err(_) => refused += 1,
        }
    }
    println!("{version}: {right} reads beside a writer were right, {refused} were refused");
    assert!(refused > 0, "{version}: a writer at work changed nothing");

    writer.rest();
    let read = reading::everything(&writer.directory());
    is_right(
        &read.unwrap_or_else(|error| panic!("{version}, at rest: {error}")),
        version,
    );
}

fn is_right(read: &Everything, version: &str) {
    assert!(
        !read.inventory.oddities.is_empty(),
        "{version}: nobody noticed the writer"
    );
    for record in read.records.values().flatten() {
        version_of(record, version);
    }
}

/// Killed when dropped, with the fork that writes.
struct Writer {
    program: Child,
    place: PathBuf,
}

impl Writer {
    fn begun(version: &str, place: &Path) -> Self {
        // A life that is longer than this test: the writer ends with it.
        let mut program = program(version, "kill.py");
        let mut writer = Self {
            program: program.arg(place).args(["1", "1", "600"]).spawn().unwrap(),
            place: place.join("0"),
        };
        let acknowledged = writer.place.join("acknowledged");
        writer.wait_for(|| std::fs::metadata(&acknowledged).is_ok_and(|file| file.len() >= 2000));
        writer
    }

    fn directory(&self) -> PathBuf {
        self.place.join("chroma")
    }

    /// Comes back once it is between two calls, where it stays.
    fn rest(&mut self) {
        std::fs::write(self.place.join("rest"), "").unwrap();
        let answer = self.place.join("rests");
        self.wait_for(|| answer.exists());
    }

    fn wait_for(&mut self, is_there: impl Fn() -> bool) {
        while !is_there() {
            assert!(self.program.try_wait().unwrap().is_none(), "the writer has ended");
            std::thread::yield_now();
        }
    }

    /// To the fork that writes.
    fn signal(&self, signal: Signal) {
        let number = std::fs::read_to_string(self.place.join("writer")).unwrap();
        kill_process(Pid::from_raw(number.parse().unwrap()).unwrap(), signal).unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.program), Signal::TERM);
        let _ = self.program.wait();
    }
}
