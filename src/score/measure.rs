//! What is asked of a drawn network: formulas over the figures of its stages, evaluated for many networks at once.
//!
//! A formula is an expression graph. One that is a sum of terms of single stages can be looked up row by row
//! before anything is drawn ([`Formula::terms`]), and has an exact distribution.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::ScoreFault;
use crate::base::Result;
use crate::lut::Lut;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unary {
    /// The number with its sign turned.
    Negate,
    /// The number without its sign.
    Abs,
    /// The natural logarithm.
    Log,
    /// The exponential.
    Exp,
    /// The square root.
    Sqrt,
    /// 1 for 0, 0 for any other number.
    Not,
}

/// A function of two numbers; comparisons give 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Min,
    Max,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

impl Unary {
    /// The value for `x`.
    pub fn of(self, x: f64) -> f64 {
        match self {
            Unary::Negate => -x,
            Unary::Abs => x.abs(),
            Unary::Log => x.ln(),
            Unary::Exp => x.exp(),
            Unary::Sqrt => x.sqrt(),
            Unary::Not => f64::from(x == 0.0),
        }
    }
}

impl Binary {
    /// The value for `a` and `b`.
    pub fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Binary::Add => a + b,
            Binary::Subtract => a - b,
            Binary::Multiply => a * b,
            Binary::Divide => a / b,
            Binary::Power => a.powf(b),
            Binary::Min => a.min(b),
            Binary::Max => a.max(b),
            Binary::Less => f64::from(a < b),
            Binary::LessEqual => f64::from(a <= b),
            Binary::Greater => f64::from(a > b),
            Binary::GreaterEqual => f64::from(a >= b),
            Binary::Equal => f64::from(a.partial_cmp(&b) == Some(Ordering::Equal)),
            Binary::NotEqual => f64::from(a.partial_cmp(&b) != Some(Ordering::Equal)),
            Binary::And => f64::from(a != 0.0 && b != 0.0),
            Binary::Or => f64::from(a != 0.0 || b != 0.0),
        }
    }
}

/// One number for each drawn network.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// The same for all.
    Constant(f64),
    /// Side of its images.
    Resolution,
    /// A figure that depends on the resolution alone; 0 where none is given.
    ByResolution(BTreeMap<usize, f64>),
    /// A column of the look-up table at one of its searched stages, counted from 0.
    Figure(String, usize),
    /// A function of a formula.
    Unary(Unary, Box<Formula>),
    /// A function of two formulas.
    Binary(Binary, Box<Formula>, Box<Formula>),
}

/// What a formula depends on.
enum Depends {
    Nothing,
    Stage(usize),
    Stages,
}

impl Formula {
    /// The sum of a column over all `stages`.
    pub fn sum(column: &str, stages: usize) -> Self {
        (0..stages)
            .map(|stage| Formula::Figure(column.into(), stage))
            .reduce(|a, b| a.with(Binary::Add, b))
            .unwrap_or(Formula::Constant(0.0))
    }

    /// `self` and `other` with an operation between them; constants are computed at once.
    #[must_use]
    pub fn with(self, operation: Binary, other: Self) -> Self {
        match (&self, &other) {
            (Formula::Constant(a), Formula::Constant(b)) => Formula::Constant(operation.of(*a, *b)),
            _ => Formula::Binary(operation, Box::new(self), Box::new(other)),
        }
    }

    /// A function of `self`.
    #[must_use]
    pub fn then(self, function: Unary) -> Self {
        match self {
            Formula::Constant(x) => Formula::Constant(function.of(x)),
            other => Formula::Unary(function, Box::new(other)),
        }
    }

    /// The last stage that it reads.
    fn last_stage(&self) -> Option<usize> {
        match self {
            Formula::Constant(_) | Formula::Resolution | Formula::ByResolution(_) => None,
            Formula::Figure(_, stage) => Some(*stage),
            Formula::Unary(_, a) => a.last_stage(),
            Formula::Binary(_, a, b) => a.last_stage().max(b.last_stage()),
        }
    }

    fn depends(&self) -> Depends {
        match self {
            Formula::Constant(_) | Formula::Resolution | Formula::ByResolution(_) => Depends::Nothing,
            Formula::Figure(_, stage) => Depends::Stage(*stage),
            Formula::Unary(_, a) => a.depends(),
            Formula::Binary(_, a, b) => match (a.depends(), b.depends()) {
                (Depends::Nothing, other) | (other, Depends::Nothing) => other,
                (Depends::Stage(a), Depends::Stage(b)) if a == b => Depends::Stage(a),
                _ => Depends::Stages,
            },
        }
    }

    /// The formula as a sum: one term for each of `stages`, and one that depends on the resolution alone. `None` if it is
    /// no such sum, as a product of two stages' figures.
    pub fn terms(&self, stages: usize) -> Option<Terms> {
        match (self, self.depends()) {
            (_, Depends::Nothing) => Some(Terms { stages: vec![Formula::Constant(0.0); stages], rest: self.clone() }),
            (_, Depends::Stage(stage)) => {
                let mut terms = Terms { stages: vec![Formula::Constant(0.0); stages], rest: Formula::Constant(0.0) };
                *terms.stages.get_mut(stage)? = self.clone();
                Some(terms)
            }
            (Formula::Unary(Unary::Negate, a), _) => Some(a.terms(stages)?.each(|term| term.then(Unary::Negate))),
            (Formula::Binary(operation @ (Binary::Add | Binary::Subtract), a, b), _) => {
                Some(a.terms(stages)?.zip(b.terms(stages)?, *operation))
            }
            (Formula::Binary(Binary::Multiply, a, b), _) => match (a.depends(), b.depends()) {
                (Depends::Nothing, _) => Some(b.terms(stages)?.each(|term| (**a).clone().with(Binary::Multiply, term))),
                (_, Depends::Nothing) => Some(a.terms(stages)?.each(|term| term.with(Binary::Multiply, (**b).clone()))),
                _ => None,
            },
            (Formula::Binary(Binary::Divide, a, b), _) if matches!(b.depends(), Depends::Nothing) => {
                Some(a.terms(stages)?.each(|term| term.with(Binary::Divide, (**b).clone())))
            }
            _ => None,
        }
    }
}

/// A formula as a sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// What each stage adds.
    pub stages: Vec<Formula>,
    /// What is added at every network of one resolution.
    pub rest: Formula,
}

impl Terms {
    fn each(self, change: impl Fn(Formula) -> Formula) -> Self {
        Self { stages: self.stages.into_iter().map(&change).collect(), rest: change(self.rest) }
    }

    fn zip(self, other: Self, operation: Binary) -> Self {
        let stages = self.stages.into_iter().zip(other.stages).map(|(a, b)| match (a, b) {
            // Adding the nothing of a stage that takes no part costs nothing.
            (a, Formula::Constant(0.0)) => a,
            (Formula::Constant(0.0), b) if operation == Binary::Add => b,
            (a, b) => a.with(operation, b),
        });
        Self { stages: stages.collect(), rest: self.rest.with(operation, other.rest) }
    }
}

/// One step of a [`Tape`].
#[derive(Debug, Clone)]
enum Step<'a> {
    Constant(f64),
    Resolution,
    ByResolution(&'a BTreeMap<usize, f64>),
    Figure { column: &'a [f64], stage: usize },
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
}

/// Formulas made ready to be evaluated for many networks at once; what they have in common is computed once.
pub(super) struct Tape<'a> {
    steps: Vec<Step<'a>>,
    /// The step that gives each formula.
    results: Vec<usize>,
    values: Vec<Vec<f64>>,
}

impl<'a> Tape<'a> {
    /// Fails with `lut::column` for a column that the table has not, `score::stage` for a stage beyond `stages`.
    pub(super) fn new(lut: &'a Lut, stages: usize, formulas: &[&'a Formula]) -> Result<Self> {
        if let Some(stage) = formulas.iter().filter_map(|formula| formula.last_stage()).max().filter(|stage| *stage >= stages) {
            return Err(ScoreFault::Stage { stage, stages }.into());
        }
        let mut tape = Self { steps: Vec::new(), results: Vec::new(), values: Vec::new() };
        let mut known: Vec<(&Formula, usize)> = Vec::new();
        for formula in formulas {
            let result = tape.add(lut, formula, &mut known)?;
            tape.results.push(result);
        }
        tape.values = vec![Vec::new(); tape.steps.len()];
        Ok(tape)
    }

    fn add(&mut self, lut: &'a Lut, formula: &'a Formula, known: &mut Vec<(&'a Formula, usize)>) -> Result<usize> {
        if let Some((_, step)) = known.iter().find(|(other, _)| *other == formula) {
            return Ok(*step);
        }
        let step = match formula {
            Formula::Constant(value) => Step::Constant(*value),
            Formula::Resolution => Step::Resolution,
            Formula::ByResolution(values) => Step::ByResolution(values),
            Formula::Figure(column, stage) => Step::Figure { column: lut.column(column)?, stage: *stage },
            Formula::Unary(function, a) => Step::Unary(*function, self.add(lut, a, known)?),
            Formula::Binary(operation, a, b) => Step::Binary(*operation, self.add(lut, a, known)?, self.add(lut, b, known)?),
        };
        self.steps.push(step);
        known.push((formula, self.steps.len() - 1));
        Ok(self.steps.len() - 1)
    }

    /// Evaluates all formulas for networks of one resolution, `count` of them; `rows[stage]` are their rows of the table, one
    /// for each network (not looked at for stages that no formula reads).
    pub(super) fn run(&mut self, count: usize, resolution: usize, rows: &[&[u32]]) {
        for at in 0..self.steps.len() {
            let (before, rest) = self.values.split_at_mut(at);
            let values = &mut rest[0];
            values.clear();
            match &self.steps[at] {
                Step::Constant(value) => values.resize(count, *value),
                Step::Resolution => values.resize(count, resolution as f64),
                Step::ByResolution(known) => values.resize(count, known.get(&resolution).copied().unwrap_or(0.0)),
                Step::Figure { column, stage } => values.extend(rows[*stage].iter().map(|&row| column[row as usize])),
                Step::Unary(function, a) => values.extend(before[*a].iter().map(|&x| function.of(x))),
                // The usual ones apart, so that the compiler sees a plain loop.
                Step::Binary(Binary::Add, a, b) => values.extend(before[*a].iter().zip(&before[*b]).map(|(x, y)| x + y)),
                Step::Binary(Binary::Multiply, a, b) => values.extend(before[*a].iter().zip(&before[*b]).map(|(x, y)| x * y)),
                Step::Binary(op, a, b) => values.extend(before[*a].iter().zip(&before[*b]).map(|(&x, &y)| op.of(x, y))),
            }
        }
    }

    /// The values of formula `index` in the last run.
    pub(super) fn result(&self, index: usize) -> &[f64] {
        &self.values[self.results[index]]
    }
}
