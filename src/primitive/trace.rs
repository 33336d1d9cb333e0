//! Formulas over drawn networks: a closure is called once with figures that stand for all of them, and what it does with
//! these is remembered.

use rhai::plugin::*;
use rhai::{Dynamic, Engine};

use super::cross::{Answer, Cross};
use super::noun::Nouns;
use super::options::number;
use super::values::words;
use crate::base::{Fault, Result, did_you_mean};
use crate::lut::Lut;
use crate::score::{Binary, Formula, Unary};

/// Operators that scripts write between figures.
const OPERATORS: [(&str, Binary); 13] = [
    ("+", Binary::Add),
    ("-", Binary::Subtract),
    ("*", Binary::Multiply),
    ("/", Binary::Divide),
    ("**", Binary::Power),
    ("<", Binary::Less),
    ("<=", Binary::LessEqual),
    (">", Binary::Greater),
    (">=", Binary::GreaterEqual),
    ("==", Binary::Equal),
    ("!=", Binary::NotEqual),
    ("&", Binary::And),
    ("|", Binary::Or),
];

/// All drawn networks at once, as a closure sees them.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Names of the columns of the look-up table.
    pub(super) columns: Vec<String>,
    /// Searched stages.
    pub(super) stages: Vec<String>,
}

impl Drawn {
    /// Networks of a space with these searched stages, drawn from `lut`.
    pub(super) fn new(lut: &Lut, stages: Vec<String>) -> Self {
        Self { columns: lut.columns().map(String::from).collect(), stages }
    }

    /// A column as figures of every stage, or `resolution`.
    fn get(&self, name: &str) -> Result<Traced> {
        if name == "resolution" {
            return Ok(Traced::Number(Formula::Resolution));
        }
        if self.columns.iter().all(|own| own != name) {
            let known: Vec<&str> = self.columns.iter().map(String::as_str).chain(["resolution"]).collect();
            let help = did_you_mean(name, known);
            return Err(Fault::new("lut::column", format!("the look-up table has no column `{name}`"), help));
        }
        let figure = |stage| Formula::Figure(name.into(), stage);
        Ok(Traced::Stages { formulas: (0..self.stages.len()).map(figure).collect(), names: self.stages.clone() })
    }
}

/// What a closure made of the figures of all drawn networks.
#[derive(Debug, Clone)]
pub enum Traced {
    /// One number for each network.
    Number(Formula),
    /// One number for each searched stage of each network.
    Stages {
        /// The numbers.
        formulas: Vec<Formula>,
        /// Names of the stages.
        names: Vec<String>,
    },
}

impl Traced {
    /// The formula of one number for each network.
    pub(super) fn formula(value: &Dynamic) -> Result<Formula> {
        if let Some(plain) = number(value) {
            return Ok(Formula::Constant(plain));
        }
        match value.clone().try_cast::<Traced>() {
            Some(Traced::Number(formula)) => Ok(formula),
            Some(Traced::Stages { .. }) => Err(Fault::new(
                "score::formula",
                "the formula gives a number for each stage, not one for the network",
                "end it in `.sum()`, `.max()`, `.min()` or `.mean()`, or take one stage: `s.loss[0]`, `s.loss.stage3`",
            )),
            None => Err(Fault::new(
                "score::formula",
                format!("the formula gives {}", words(value)),
                "compute it from the figures the closure is given, for example `|s| s.loss.sum()`",
            )),
        }
    }

    fn each(self, change: impl Fn(Formula) -> Formula) -> Self {
        match self {
            Traced::Number(formula) => Traced::Number(change(formula)),
            Traced::Stages { formulas, names } => Traced::Stages { formulas: formulas.into_iter().map(change).collect(), names },
        }
    }

    fn with(self, operation: Binary, other: Self) -> Result<Self> {
        Ok(match (self, other) {
            (Traced::Number(a), Traced::Number(b)) => Traced::Number(a.with(operation, b)),
            (Traced::Number(a), many) => many.each(|b| a.clone().with(operation, b)),
            (many, Traced::Number(b)) => many.each(|a| a.with(operation, b.clone())),
            (Traced::Stages { formulas, names }, Traced::Stages { formulas: others, .. }) => {
                if formulas.len() != others.len() {
                    let message =
                        format!("{} numbers cannot be combined with the figures of {} stages", others.len(), formulas.len());
                    return Err(Fault::new("score::stages", message, "give one number for each searched stage"));
                }
                Traced::Stages { formulas: formulas.into_iter().zip(others).map(|(a, b)| a.with(operation, b)).collect(), names }
            }
        })
    }

    /// One number out of those of the stages.
    fn fold(self, operation: Binary) -> Result<Formula> {
        let Traced::Stages { formulas, .. } = self else {
            let help = "`.sum()`, `.max()`, `.min()` and `.mean()` take the figures of all stages, such as `s.loss`";
            return Err(Fault::new("score::formula", "this is one number for the network already", help));
        };
        Ok(formulas.into_iter().reduce(|a, b| a.with(operation, b)).unwrap_or(Formula::Constant(0.0)))
    }

    fn stage(&self, place: i64) -> Result<Traced> {
        let Traced::Stages { formulas, .. } = self else {
            return Err(Fault::new("score::formula", "this is one number for the network, not one for each stage", ""));
        };
        let count = formulas.len() as i64;
        let index = if place < 0 { place + count } else { place };
        let found = usize::try_from(index).ok().and_then(|index| formulas.get(index));
        found.cloned().map(Traced::Number).ok_or_else(|| {
            Fault::new("score::formula", format!("there is no stage {place}"), format!("there are 0 to {}", count - 1))
        })
    }

    fn stage_named(&self, name: &str) -> Result<Traced> {
        let names = match self {
            Traced::Stages { names, .. } => names.as_slice(),
            Traced::Number(_) => &[],
        };
        match names.iter().position(|own| own == name) {
            Some(place) => self.stage(place as i64),
            None => {
                let help = did_you_mean(name, names.iter().map(String::as_str));
                Err(Fault::new("score::formula", format!("there is no searched stage `{name}`"), help))
            }
        }
    }
}

/// A script's value beside figures: figures, a number, or an array with a number for each stage.
fn traced(value: &Dynamic) -> Result<Traced> {
    if let Some(traced) = value.clone().try_cast::<Traced>() {
        return Ok(traced);
    }
    if let Some(number) = number(value) {
        return Ok(Traced::Number(Formula::Constant(number)));
    }
    let wrong = || {
        Fault::new(
            "score::formula",
            format!("figures cannot be combined with {}", words(value)),
            "use numbers, or an array of them",
        )
    };
    let array = value.as_array_ref().map_err(|_| wrong())?;
    let formulas = array.iter().map(|item| number(item).map(Formula::Constant).ok_or_else(wrong)).collect::<Result<_>>()?;
    Ok(Traced::Stages { formulas, names: Vec::new() })
}

#[export_module]
mod trace_functions {
    /// A column of the look-up table at every searched stage of the drawn networks (`s.loss`), or `s.resolution`.
    #[rhai_fn(index_get, return_raw, pure)]
    pub fn figures(drawn: &mut Drawn, name: &str) -> Answer<Traced> {
        drawn.get(name).cross()
    }

    /// The figure of one stage, by its place among the searched ones.
    #[rhai_fn(index_get, return_raw, pure)]
    pub fn stage_at(figures: &mut Traced, place: i64) -> Answer<Traced> {
        figures.stage(place).cross()
    }

    /// The figure of one stage, by its name: `s.loss.stage3`.
    #[rhai_fn(index_get, return_raw, pure)]
    pub fn stage_named(figures: &mut Traced, name: &str) -> Answer<Traced> {
        figures.stage_named(name).cross()
    }

    /// Sum over the stages.
    #[rhai_fn(name = "sum", return_raw)]
    pub fn figures_sum(figures: Traced) -> Answer<Traced> {
        figures.fold(Binary::Add).map(Traced::Number).cross()
    }

    /// Largest over the stages.
    #[rhai_fn(name = "max", return_raw)]
    pub fn figures_max(figures: Traced) -> Answer<Traced> {
        figures.fold(Binary::Max).map(Traced::Number).cross()
    }

    /// Smallest over the stages.
    #[rhai_fn(name = "min", return_raw)]
    pub fn figures_min(figures: Traced) -> Answer<Traced> {
        figures.fold(Binary::Min).map(Traced::Number).cross()
    }

    /// Mean over the stages.
    #[rhai_fn(name = "mean", return_raw)]
    pub fn figures_mean(figures: Traced) -> Answer<Traced> {
        let count = if let Traced::Stages { formulas, .. } = &figures { formulas.len() as f64 } else { 1.0 };
        let sum = figures.fold(Binary::Add).cross()?;
        Ok(Traced::Number(sum.with(Binary::Divide, Formula::Constant(count))))
    }

    /// The larger of two figures.
    #[rhai_fn(name = "max", return_raw)]
    pub fn larger(left: Traced, right: Dynamic) -> Answer<Traced> {
        traced(&right).and_then(|right| left.with(Binary::Max, right)).cross()
    }

    /// The smaller of two figures.
    #[rhai_fn(name = "min", return_raw)]
    pub fn smaller(left: Traced, right: Dynamic) -> Answer<Traced> {
        traced(&right).and_then(|right| left.with(Binary::Min, right)).cross()
    }

    /// The figures without their signs.
    #[rhai_fn(name = "abs")]
    pub fn figures_abs(figures: Traced) -> Traced {
        figures.each(|formula| formula.then(Unary::Abs))
    }

    /// The natural logarithm.
    #[rhai_fn(name = "log")]
    pub fn figures_log(figures: Traced) -> Traced {
        figures.each(|formula| formula.then(Unary::Log))
    }

    /// The exponential.
    #[rhai_fn(name = "exp")]
    pub fn figures_exp(figures: Traced) -> Traced {
        figures.each(|formula| formula.then(Unary::Exp))
    }

    /// The square root.
    #[rhai_fn(name = "sqrt")]
    pub fn figures_sqrt(figures: Traced) -> Traced {
        figures.each(|formula| formula.then(Unary::Sqrt))
    }

    /// Not: 1 for 0, else 0.
    #[rhai_fn(name = "!")]
    pub fn figures_not(figures: Traced) -> Traced {
        figures.each(|formula| formula.then(Unary::Not))
    }

    /// The figures with their signs turned.
    #[rhai_fn(name = "-")]
    pub fn figures_negated(figures: Traced) -> Traced {
        figures.each(|formula| formula.then(Unary::Negate))
    }

    /// The figures as text.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn figures_text(figures: &mut Traced) -> String {
        match figures {
            Traced::Number(_) => "one number for each drawn network".into(),
            Traced::Stages { formulas, .. } => format!("{} numbers for each drawn network, one for each stage", formulas.len()),
        }
    }
}

/// Declares figures of drawn networks.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Drawn>("DrawnNetworks").noun::<Traced>("Figures");
    engine.register_global_module(exported_module!(trace_functions).into());
    // Exact types come before `Dynamic` when Rhai looks for an operator, so these win over the comparisons of plain values.
    for (symbol, operation) in OPERATORS {
        let join = move |left: Result<Traced>, right: Result<Traced>| -> Answer<Traced> {
            left.and_then(|left| left.with(operation, right?)).cross()
        };
        engine.register_fn(symbol, move |left: Traced, right: Dynamic| join(Ok(left), traced(&right)));
        engine.register_fn(symbol, move |left: Dynamic, right: Traced| join(traced(&left), Ok(right)));
    }
}
