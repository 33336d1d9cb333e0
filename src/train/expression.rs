//! Expressions over tensors: what a loss of a user's own was traced into, and what a trainer evaluates.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Parts of an expression with more characters are not spelled out.
const LONGEST: usize = 500;

/// A function of one tensor, value by value, but `Softmax` and `LogSoftmax` over the second axis (channels, or classes).
/// The gradient of `Round`, `Floor` and `Sign` is that of the values before; `Detach` has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum Unary {
    Negate,
    Abs,
    Square,
    Sqrt,
    Exp,
    Log,
    Relu,
    Tanh,
    Sigmoid,
    Round,
    Floor,
    Sign,
    Detach,
    Softmax,
    LogSoftmax,
}

/// A function of two tensors, value by value; axes of one value fit any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Min,
    Max,
}

impl Unary {
    /// Of one number.
    fn number(self, x: f64) -> f64 {
        match self {
            Self::Negate => -x,
            Self::Abs => x.abs(),
            Self::Square => x * x,
            Self::Sqrt => x.sqrt(),
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Relu => x.max(0.0),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Round => x.round_ties_even(),
            Self::Floor => x.floor(),
            Self::Sign if x == 0.0 => 0.0,
            Self::Sign => x.signum(),
            Self::Detach => x,
            Self::Softmax => 1.0,
            Self::LogSoftmax => 0.0,
        }
    }
}

impl Binary {
    /// Of two numbers.
    fn number(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Power => a.powf(b),
            Self::Min => a.min(b),
            Self::Max => a.max(b),
        }
    }
}

/// What becomes of the values along some axes; these then have one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduce {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// Their variance, unbiased.
    Variance,
}

/// One step of an expression; numbers name earlier steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// One of the tensors that are given, by its place.
    Given(usize),
    /// A number.
    Constant(f64),
    /// A function of one tensor.
    Unary(Unary, usize),
    /// A function of two tensors.
    Binary(Binary, usize, usize),
    /// A reduction along axes, in rising order.
    Reduce(Reduce, Vec<i64>, usize),
}

/// An expression: its steps in order, the last being its value. Equal steps stand in it once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    /// The steps.
    pub steps: Vec<Step>,
    /// What the given tensors are called, for people.
    pub names: Vec<String>,
}

impl Expression {
    /// The given tensor `at` of those called `names`.
    pub fn given(at: usize, names: &[&str]) -> Self {
        Self { steps: vec![Step::Given(at)], names: names.iter().map(|&name| name.into()).collect() }
    }

    /// A number.
    pub fn constant(value: f64) -> Self {
        Self { steps: vec![Step::Constant(value)], names: vec![] }
    }

    /// A function of `self`.
    #[must_use]
    pub fn then(mut self, function: Unary) -> Self {
        let last = self.last();
        self.add(Step::Unary(function, last));
        self
    }

    /// `self` with the values along `axes` put together.
    #[must_use]
    pub fn reduce(mut self, how: Reduce, axes: Vec<i64>) -> Self {
        let last = self.last();
        self.add(Step::Reduce(how, axes, last));
        self
    }

    /// `self` and `other` with an operation between them.
    #[must_use]
    pub fn with(mut self, operation: Binary, other: Self) -> Self {
        let left = self.last();
        let mut places = Vec::with_capacity(other.steps.len());
        for step in other.steps {
            let step = match step {
                Step::Given(_) | Step::Constant(_) => step,
                Step::Unary(function, of) => Step::Unary(function, places[of]),
                Step::Binary(operation, a, b) => Step::Binary(operation, places[a], places[b]),
                Step::Reduce(how, axes, of) => Step::Reduce(how, axes, places[of]),
            };
            places.push(self.put(step));
        }
        if self.names.is_empty() {
            self.names = other.names;
        }
        let right = places.last().copied().unwrap_or(left);
        self.add(Step::Binary(operation, left, right));
        self
    }

    /// Its value for numbers in place of tensors; `None` if it reads more of them.
    pub fn number(&self, given: &[f64]) -> Option<f64> {
        let mut values: Vec<f64> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let at = |place: usize| values.get(place).copied();
            values.push(match step {
                Step::Given(place) => *given.get(*place)?,
                Step::Constant(value) => *value,
                Step::Unary(function, of) => function.number(at(*of)?),
                Step::Binary(operation, a, b) => operation.number(at(*a)?, at(*b)?),
                Step::Reduce(Reduce::Mean | Reduce::Sum, _, of) => at(*of)?,
                Step::Reduce(Reduce::Variance, ..) => f64::NAN,
            });
        }
        values.pop()
    }

    /// Whether its value depends on the given tensor `at`.
    pub fn reads(&self, at: usize) -> bool {
        self.steps.contains(&Step::Given(at))
    }

    fn last(&self) -> usize {
        self.steps.len() - 1
    }

    /// The place of `step`, which is added if it is not there.
    fn put(&mut self, step: Step) -> usize {
        self.steps.iter().position(|own| *own == step).unwrap_or_else(|| {
            self.steps.push(step);
            self.last()
        })
    }

    /// Makes `step` the last one.
    fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The text of a step, given those of earlier ones.
    fn text(&self, step: &Step, texts: &[String]) -> String {
        match step {
            Step::Given(given) => self.names.get(*given).cloned().unwrap_or_else(|| format!("tensor{given}")),
            Step::Constant(value) => value.to_string(),
            Step::Unary(Unary::Negate, of) => format!("-{}", texts[*of]),
            Step::Unary(function, of) => {
                let name = match function {
                    Unary::Negate => "negate",
                    Unary::Abs => "abs",
                    Unary::Square => "square",
                    Unary::Sqrt => "sqrt",
                    Unary::Exp => "exp",
                    Unary::Log => "log",
                    Unary::Relu => "relu",
                    Unary::Tanh => "tanh",
                    Unary::Sigmoid => "sigmoid",
                    Unary::Round => "round",
                    Unary::Floor => "floor",
                    Unary::Sign => "sign",
                    Unary::Detach => "detach",
                    Unary::Softmax => "softmax",
                    Unary::LogSoftmax => "log_softmax",
                };
                format!("{}.{name}()", texts[*of])
            }
            Step::Binary(operation, a, b) => {
                let (a, b) = (&texts[*a], &texts[*b]);
                match operation {
                    Binary::Add => format!("({a} + {b})"),
                    Binary::Subtract => format!("({a} - {b})"),
                    Binary::Multiply => format!("({a} * {b})"),
                    Binary::Divide => format!("({a} / {b})"),
                    Binary::Power => format!("({a} ** {b})"),
                    Binary::Min => format!("{a}.min({b})"),
                    Binary::Max => format!("{a}.max({b})"),
                }
            }
            Step::Reduce(how, axes, of) => {
                let name = match how {
                    Reduce::Mean => "mean",
                    Reduce::Sum => "sum",
                    Reduce::Variance => "variance",
                };
                format!("{}.{name}({axes:?})", texts[*of])
            }
        }
    }
}

impl fmt::Display for Expression {
    /// As a script writes it; of a long one only the outer part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut texts: Vec<String> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let text = self.text(step, &texts);
            texts.push(if text.len() > LONGEST { "(...)".into() } else { text });
        }
        f.write_str(texts.last().map_or("", String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_steps_stand_once_and_the_text_is_that_of_a_script() {
        let [s, t] = [0, 1].map(|at| Expression::given(at, &["s", "t"]));
        let error = s.clone().with(Binary::Subtract, t.clone());
        let squares = error.clone().with(Binary::Multiply, error);
        assert_eq!(squares.steps.len(), 4, "{squares:?}");
        let loss = squares.reduce(Reduce::Mean, vec![2, 3]).with(Binary::Divide, t.reduce(Reduce::Variance, vec![2, 3]));
        assert_eq!(loss.to_string(), "(((s - t) * (s - t)).mean([2, 3]) / t.variance([2, 3]))");
        assert!(loss.reads(0) && loss.reads(1));
        let back: Expression = serde_json::from_str(&serde_json::to_string(&loss).unwrap()).unwrap();
        assert_eq!(back, loss);
    }

    #[test]
    fn a_number_before_a_tensor_takes_its_names() {
        let loss = Expression::constant(2.0).with(Binary::Multiply, Expression::given(0, &["s", "t"]).then(Unary::Abs));
        assert_eq!(loss.to_string(), "(2 * s.abs())");
    }
}
