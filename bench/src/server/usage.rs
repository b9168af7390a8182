//! What a process uses, as Linux's /proc tells; nothing on other systems.

use std::fs;
use std::time::Duration;

/// Linux counts a process's time in hundredths of a second for every reader of /proc.
const TICK: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// User and system time of all its threads so far.
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
    /// The most that was ever resident.
    pub(crate) resident_peak_kib: u64,
}

impl Usage {
    /// `pid` may be `self`.
    pub(crate) fn of(pid: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Self::parse(&stat, &status)
    }

    /// Of both; the peaks need not have been at the same time.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            resident_kib: self.resident_kib + other.resident_kib,
            resident_peak_kib: self.resident_peak_kib + other.resident_peak_kib,
        }
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        Some(Self {
            cpu: Times::parse(stat)?.own,
            resident_kib: kib(status, "VmRSS:")?,
            resident_peak_kib: kib(status, "VmHWM:")?,
        })
    }
}

/// The processor time of a process, of the children it has, and of those that it has waited for.
pub(crate) fn cpu_of_family(pid: &str) -> Option<Duration> {
    let parent = Times::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    let others = fs::read_dir("/proc").ok()?.flatten();
    // A process that ended meanwhile has no file left, and its time is with its parent.
    let others = others.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let children =
        others.filter_map(|stat| Times::parse(&stat)).filter(|times| times.parent == pid);
    Some(children.map(|child| child.own).sum::<Duration>() + parent.own + parent.waited_for)
}

/// The processor time that all processes of this machine have used.
pub(crate) fn cpu_of_machine() -> Option<Duration> {
    busy(&fs::read_to_string("/proc/stat").ok()?)
}

/// All but idle, waiting for disks, and what guests are counted for a second time.
fn busy(stat: &str) -> Option<Duration> {
    let fields: Vec<u32> = stat
        .strip_prefix("cpu ")?
        .lines()
        .next()?
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    let [user, nice, system, _idle, _waiting, interrupts, soft_interrupts, ..] = fields[..] else {
        return None;
    };
    let ticks = [user, nice, system, interrupts, soft_interrupts];
    Some(ticks.into_iter().map(|ticks| TICK * ticks).sum())
}

/// What stands of a process in its `stat`.
#[derive(Debug)]
struct Times {
    parent: String,
    own: Duration,
    waited_for: Duration,
}

impl Times {
    fn parse(stat: &str) -> Option<Self> {
        // The second field is the program's name, which may hold blanks and brackets.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| -> Option<Duration> {
            let ticks: [u32; 2] =
                [fields.get(at)?.parse().ok()?, fields.get(at + 1)?.parse().ok()?];
            Some(TICK * ticks[0].saturating_add(ticks[1]))
        };
        Some(Self { parent: (*fields.get(1)?).to_owned(), own: ticks(11)?, waited_for: ticks(13)? })
    }
}

/// How many files this process may have open.
pub(crate) fn open_files_max() -> Option<u64> {
    soft_limit(&fs::read_to_string("/proc/self/limits").ok()?, "Max open files")
}

/// `None` also for `unlimited`.
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let values = limits.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_whitespace().next()?.parse().ok()
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn usage_is_read_past_a_name_with_blanks_and_brackets() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 9 9 9";
        let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        let usage = Usage::parse(stat, status).unwrap();
        assert_eq!(usage.cpu, Duration::from_secs(3));
        assert_eq!((usage.resident_kib, usage.resident_peak_kib), (1024, 2048));
    }

    #[test]
    fn the_time_of_a_family_holds_a_child_that_ended() {
        let spin = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let mut parent = Command::new("sh")
            .args(["-c", &format!("sh -c '{spin}; :'; echo done; read line")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 4];
        parent.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        let pid = parent.id().to_string();
        let (alone, family) = (Usage::of(&pid).unwrap().cpu, cpu_of_family(&pid).unwrap());
        drop(parent.stdin.take());
        parent.wait().unwrap();
        assert!(family > alone, "{family:?} {alone:?}");
    }

    #[test]
    fn times_are_read_past_a_name_with_brackets() {
        let stat = "7 (a (b) c) S 42 42 42 0 -1 4194304 100 0 0 0 250 50 100 25 20 0 3 0 9 9 9";
        let times = Times::parse(stat).unwrap();
        assert_eq!(times.parent, "42");
        assert_eq!((times.own.as_secs(), times.waited_for.as_millis()), (3, 1250));
    }

    #[test]
    fn a_machine_is_busy_but_when_it_is_idle_or_waits() {
        let stat = "cpu  100 20 30 4000 500 6 7 80 9 1\ncpu0 50 10 15 2000 250 3 3 40 4 0\n";
        assert_eq!(busy(stat), Some(TICK * 163));
        assert_eq!(busy("intr 1"), None);
    }

    #[test]
    fn the_soft_limit_is_the_one_that_counts() {
        let limits = "Limit   Soft Limit   Hard Limit   Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024));
    }

    #[test]
    fn a_process_that_is_gone_has_no_usage() {
        assert_eq!(Usage::of("0"), None);
    }
}
