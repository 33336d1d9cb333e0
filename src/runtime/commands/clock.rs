//! `%timeit` and `%prof`: how long something takes, and where.

use std::fmt::Write;
use std::sync::Arc;

use super::{Desk, Shown};
use crate::base::{Fault, Result, stats};
use crate::runtime::engine::assemble;
use crate::runtime::session::Session;
use crate::runtime::watch::Watch;

/// Runs are repeated at least so long, in seconds.
const AT_LEAST_S: f64 = 1.0;
const FEWEST_RUNS: usize = 5;
const MOST_RUNS: usize = 10_000;
/// A single run that takes longer is not repeated as often.
const LONG_S: f64 = 2.0;
/// Lines that a profile lists.
const LINES: usize = 15;

impl Session {
    /// Runs code again and again.
    pub(super) fn time_it(&self, code: &str, desk: &dyn Desk) -> Result<String> {
        let code = code.to_owned();
        let measured = self.with_evaluator(move |evaluator| {
            let mut warm = false;
            let again = |seconds: &[f64]| {
                // The first run is not counted.
                if !warm {
                    warm = true;
                    return true;
                }
                let counted = &seconds[1.min(seconds.len())..];
                let total: f64 = counted.iter().sum();
                let long = seconds.first().is_some_and(|first| *first > LONG_S);
                counted.len() < if long { 2 } else { FEWEST_RUNS } || (total < AT_LEAST_S && counted.len() < MOST_RUNS)
            };
            evaluator.repeat(&code, again).map_err(|error| {
                evaluator.keep_text("[timeit]", &code);
                Box::new(evaluator.trouble(&error, "[timeit]"))
            })
        });
        let seconds = match measured.ok_or_else(ended)? {
            Ok(seconds) => seconds,
            Err(trouble) => {
                desk.show(Shown::Trouble(trouble));
                return Ok(String::new());
            }
        };
        let mut counted = seconds[1..].to_vec();
        counted.sort_by(f64::total_cmp);
        let (low, median, high) =
            (stats::quantile(&counted, 0.25), stats::quantile(&counted, 0.5), stats::quantile(&counted, 0.75));
        Ok(format!(
            "{} a run (half of them between {} and {}, fastest {}; {} runs)",
            duration(median),
            duration(low),
            duration(high),
            duration(counted[0]),
            counted.len()
        ))
    }

    /// Runs code under a watch, and lists the lines that took the time.
    pub(super) fn profile(&self, code: &str, desk: &dyn Desk) -> Result<String> {
        let shared = self.shared().clone();
        let code = code.to_owned();
        let seen = self.with_evaluator(move |evaluator| {
            let watch = Watch::new("[prof]");
            let engine = assemble(&shared.host, &shared.library, &shared.limits, shared.output.clone(), Some(&watch))?;
            evaluator.keep_text("[prof]", &code);
            let result = evaluator.run(&Arc::new(engine), &code, "[prof]");
            let trouble = result.err().map(|error| Box::new(evaluator.trouble(&error, "[prof]")));
            let spent = watch.spent();
            let total: f64 = spent.iter().map(|(_, spent)| spent.time.as_secs_f64()).sum();
            let mut text = format!("{} in all, watched (which slows the script itself, not the primitives)\n", duration(total));
            let _ = writeln!(text, "  share      time     steps  line");
            for ((source, line), spent) in spent.iter().take(LINES) {
                let quoted = evaluator.line_of(source, *line).unwrap_or_default();
                let share = 100.0 * spent.time.as_secs_f64() / total.max(f64::MIN_POSITIVE);
                let _ = writeln!(
                    text,
                    "{share:6.1}%  {:>9}  {:>8}  {source}:{line}  {}",
                    duration(spent.time.as_secs_f64()),
                    spent.steps,
                    quoted.trim()
                );
            }
            if spent.len() > LINES {
                let _ = writeln!(text, "  … {} more lines", spent.len() - LINES);
            }
            Ok::<_, Box<crate::runtime::render::Trouble>>((text, trouble))
        });
        let (text, trouble) = match seen.ok_or_else(ended)? {
            Ok(seen) => seen,
            Err(trouble) => (String::new(), Some(trouble)),
        };
        if let Some(trouble) = trouble {
            desk.show(Shown::Trouble(trouble));
        }
        Ok(text.trim_end().to_owned())
    }
}

pub(super) fn ended() -> Fault {
    Fault::new("session::ended", "the session has ended", "start a new one")
}

/// A time in the unit that suits it, with three digits.
pub(super) fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s if s < 120.0 => (s, "s"),
        s => return format!("{:.0} min {:02.0} s", (s / 60.0).floor(), s % 60.0),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_a_fitting_unit() {
        let texts = [2.5e-8, 3.21e-5, 0.045, 1.5, 200.0].map(super::duration);
        assert_eq!(texts, ["25.0 ns", "32.1 µs", "45.0 ms", "1.50 s", "3 min 20 s"]);
    }
}
