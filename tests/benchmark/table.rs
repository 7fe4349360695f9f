//! The figures as they are printed.

/// The unit of some figures, and what they are multiplied by to be in it.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    pub name: &'static str,
    pub factor: f64,
    pub decimals: usize,
}

pub const SECONDS: Unit = unit("s", 1.0, 2);
pub const MILLISECONDS: Unit = unit("ms", 1e3, 2);
pub const RATIO: Unit = unit("x", 1.0, 2);
pub const SHARE: Unit = unit("", 1.0, 3);
pub const ROWS_A_SECOND: Unit = unit("rows/s", 1.0, 0);
/// Of kilobytes.
pub const MEGABYTES: Unit = unit("MB", 1.0 / 1024.0, 1);

const fn unit(name: &'static str, factor: f64, decimals: usize) -> Unit {
    Unit {
        name,
        factor,
        decimals,
    }
}

pub fn heading() {
    println!(
        "{:<46} {:>10}        {:>10}        {:>16}",
        "what", "minimum", "median", "limit"
    );
}

pub fn row(what: &str, figures: &[f64], unit: Unit, limit: &str) {
    let minimum = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let median = quantile(figures, 0.5);
    let shown = |figure: f64| format!("{:>10.*} {:<6}", unit.decimals, figure * unit.factor, unit.name);
    println!("{what:<46} {} {} {limit:>16}", shown(minimum), shown(median));
}

/// One figure that is the only one.
pub fn single(what: &str, figure: f64, unit: Unit, limit: &str) {
    let shown = format!("{:>10.*} {:<6}", unit.decimals, figure * unit.factor, unit.name);
    println!("{what:<46} {:17} {shown} {limit:>16}", "");
}

pub fn skipped(what: &str, reason: &str) {
    println!("{what}: SKIPPED: {reason}");
}

pub fn quantile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
