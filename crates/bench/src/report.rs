//! The table, and what has to be known to read it.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a figure has to reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Nothing: it is told to be known.
    None,
}

impl Target {
    /// The two last columns: what must be reached, and whether it is.
    fn columns(self, value: f64, unit: Unit) -> String {
        let (sign, target, is_reached) = match self {
            Self::AtLeast(least) => ('≥', least, value >= least),
            Self::AtMost(most) => ('≤', most, value <= most),
            Self::None => return "– | –".to_owned(),
        };
        let reached = if is_reached { "yes" } else { "no" };
        format!("{sign} {} | {reached}", Figure(target, unit))
    }
}

/// In what a figure is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Answers a second.
    PerSecond,
    /// Milliseconds.
    Millis,
    /// Megabytes.
    Megabytes,
    /// One thing divided by another.
    Ratio,
}

/// A figure in its unit.
struct Figure(f64, Unit);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, unit) = self;
        match unit {
            Unit::PerSecond => write!(f, "{value:.0} /s"),
            Unit::Millis => write!(f, "{value:.3} ms"),
            Unit::Megabytes => write!(f, "{value:.1} MB"),
            Unit::Ratio => write!(f, "{value:.2}"),
        }
    }
}

/// A line of the table.
pub(crate) struct Line {
    what: String,
    klatch: f64,
    baseline: Option<(f64, f64)>,
    unit: Unit,
    target: Target,
}

impl Line {
    /// A figure that speaks for itself.
    pub(crate) fn alone(what: &str, klatch: f64, unit: Unit, target: Target) -> Self {
        eprintln!("{what}: {}", Figure(klatch, unit));
        Self { what: what.to_owned(), klatch, baseline: None, unit, target }
    }

    /// A figure beside its baseline, measured in turns: medians of each, and of the ratios of each
    /// turn.
    pub(crate) fn beside(
        what: impl Into<String>,
        turns: &[(f64, f64)],
        unit: Unit,
        target: Target,
    ) -> Self {
        let ratio = median(turns.iter().map(|(klatch, baseline)| klatch / baseline));
        Self {
            what: what.into(),
            klatch: median(turns.iter().map(|turn| turn.0)),
            baseline: Some((median(turns.iter().map(|turn| turn.1)), ratio)),
            unit,
            target,
        }
    }

    fn row(&self) -> String {
        let (baseline, ratio, judged, judged_in) = match self.baseline {
            None => ("–".to_owned(), "–".to_owned(), self.klatch, self.unit),
            Some((baseline, ratio)) => (
                Figure(baseline, self.unit).to_string(),
                Figure(ratio, Unit::Ratio).to_string(),
                ratio,
                Unit::Ratio,
            ),
        };
        format!(
            "| {} | {} | {baseline} | {ratio} | {} |",
            self.what,
            Figure(self.klatch, self.unit),
            self.target.columns(judged, judged_in),
        )
    }
}

/// The one in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The table in Markdown.
pub(crate) fn table(lines: &[Line]) -> String {
    let head = "| what | klatch | baseline | ratio | must reach | reached |\n\
                | --- | ---: | ---: | ---: | ---: | --- |\n";
    lines.iter().fold(head.to_owned(), |mut table, line| {
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "{}", line.row());
        table
    })
}

/// Where and when: cores, kernel, load, date, disk.
pub(crate) fn environment(folder: &Path, date: Option<&str>) -> anyhow::Result<String> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism()?;
    let cpus = read("/proc/cpuinfo");
    let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cpu = cpu.trim_start_matches([' ', '\t', ':']);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let date = date.map(|date| format!("{date}; ")).unwrap_or_default();
    let fsync = fsync_median(folder)?;
    Ok(format!(
        "{date}{cores} cores ({cpu}), Linux {}, load average {load} before the run, \
         an fsync of 4 KB takes {:.3} ms (median)",
        kernel.trim(),
        millis(fsync),
    ))
}

/// What the disk takes to say that 4 KB are on it.
fn fsync_median(folder: &Path) -> anyhow::Result<Duration> {
    let mut file = std::fs::File::create(folder.join("fsync"))?;
    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        took.push(begun.elapsed());
    }
    took.sort();
    Ok(took[took.len() / 2])
}

/// As a figure.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_measured_and_whether_it_is_enough() {
        let turns = [(6.0, 10.0), (90.0, 100.0), (7.0, 10.0)];
        let line = Line::beside("x", &turns, Unit::PerSecond, Target::AtLeast(0.7));
        assert_eq!(line.row(), "| x | 7 /s | 10 /s | 0.70 | ≥ 0.70 | yes |");
        let line = Line::alone("y", 31.0, Unit::Megabytes, Target::AtMost(30.0));
        assert_eq!(line.row(), "| y | 31.0 MB | – | – | ≤ 30.0 MB | no |");
        let line = Line::alone("z", 31.0, Unit::Megabytes, Target::None);
        assert_eq!(line.row(), "| z | 31.0 MB | – | – | – | – |");
    }
}
