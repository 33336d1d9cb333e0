//! Losses and quantizers of a user's own: a closure is called once with tensors that stand for all batches, and what it does with these is
//! remembered, so that a trainer evaluates it without scripts.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, FnPtr};

use super::cross::{Answer, Cross, inner_fault};
use super::host::Host;
use super::noun::Nouns;
use super::options::number;
use super::values::words;
use crate::base::{Fault, Result};
use crate::train::{Binary, Expression, Reduce, Unary};

/// Operators that scripts write between tensors.
const OPERATORS: [(&str, Binary); 5] =
    [("+", Binary::Add), ("-", Binary::Subtract), ("*", Binary::Multiply), ("/", Binary::Divide), ("**", Binary::Power)];
/// Axes of maps: sample, channel, row, column.
const MAPS: usize = 4;
/// Axes of logits and labels: sample, class.
const CLASSES: usize = 2;
/// Of values that are looked at one by one.
const EACH: usize = 1;

/// What a closure is given: tensors with so many axes, and what they are called. It may do without those after the first
/// `least`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    axes: usize,
    names: &'static [&'static str],
    least: usize,
}

/// The maps of a block and of its teacher.
pub(super) const OF_MAPS: Given = Given { axes: MAPS, names: &["student", "teacher"], least: 2 };
/// The logits of a network and of the one that it learns from, and labels.
pub(super) const OF_LOGITS: Given = Given { axes: CLASSES, names: &["student", "teacher", "labels"], least: 2 };
/// Logits and labels.
pub(super) const OF_LABELS: Given = Given { axes: CLASSES, names: &["logits", "labels"], least: 2 };
/// A value of a weight or map, its scale, the smallest and the largest code.
pub(super) const OF_VALUES: Given = Given { axes: EACH, names: &["x", "scale", "low", "high"], least: 4 };

/// What there is to do with tensors, for messages.
const LANGUAGE: &str = "what is traced is arithmetic (+ - * / **) and abs, square, sqrt, exp, log, relu, tanh, sigmoid, round, floor, sign, \
                        detach, softmax, log_softmax, min, max, \
                        mean, sum, variance, mean_hw, var_hw on the tensors that it is given";

/// The values of a tensor in every batch, as a closure sees them.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// How they are computed.
    pub(super) expression: Expression,
    /// Its axes; 0 for a number.
    axes: usize,
}

impl Tensor {
    fn then(self, function: Unary) -> Self {
        Self { expression: self.expression.then(function), axes: self.axes }
    }

    fn with(self, operation: Binary, other: Self) -> Self {
        Self { axes: self.axes.max(other.axes), expression: self.expression.with(operation, other.expression) }
    }

    /// One value for each place along the axes that are not among `axes`.
    fn reduce(self, how: Reduce, axes: &[i64]) -> Result<Self> {
        if self.axes == EACH {
            let help = "leave out what looks at several: mean, sum, variance";
            return Err(Fault::new("tensor::axis", "a quantizer sees one value at a time", help));
        }
        let count = self.axes as i64;
        let mut places = Vec::with_capacity(axes.len());
        for &axis in axes {
            let place = if axis < 0 { axis + count } else { axis };
            if !(0..count).contains(&place) {
                let known = if self.axes == MAPS { "0 sample, 1 channel, 2 row, 3 column" } else { "0 sample, 1 class" };
                return Err(Fault::new("tensor::axis", format!("there is no axis {axis}"), format!("axes are {known}")));
            }
            places.push(place);
        }
        places.sort_unstable();
        places.dedup();
        Ok(Self { expression: self.expression.reduce(how, places), axes: self.axes })
    }

    fn reduce_along(self, how: Reduce, axes: &Array) -> Result<Self> {
        let wrong = |item: &Dynamic| {
            Fault::new("tensor::axis", format!("an axis is {}, not an integer", words(item)), "write for example `.mean([2, 3])`")
        };
        let axes: Vec<i64> = axes.iter().map(|item| item.as_int().map_err(|_| wrong(item))).collect::<Result<_>>()?;
        self.reduce(how, &axes)
    }

    fn reduce_all(self, how: Reduce) -> Result<Self> {
        let axes: Vec<i64> = (0..self.axes as i64).collect();
        self.reduce(how, &axes)
    }
}

/// A script's value beside a tensor: a tensor, or a number.
fn tensor(value: &Dynamic) -> Result<Tensor> {
    if let Some(tensor) = value.clone().try_cast::<Tensor>() {
        return Ok(tensor);
    }
    match number(value) {
        Some(value) if value.is_finite() => Ok(Tensor { expression: Expression::constant(value), axes: 0 }),
        Some(value) => {
            Err(Fault::new("tensor::number", format!("a tensor cannot be combined with {value}"), "use finite numbers"))
        }
        None => Err(Fault::new(
            "tensor::number",
            format!("a tensor cannot be combined with {}", words(value)),
            "use tensors or numbers",
        )),
    }
}

/// What the closure given as `what` makes of tensors. Fails with `tensor::trace`.
pub(super) fn traced(context: &NativeCallContext, host: &Host, what: &str, closure: &FnPtr, given: Given) -> Result<Tensor> {
    let Given { axes, names, least } = given;
    let tensor = |at| Dynamic::from(Tensor { expression: Expression::given(at, names), axes });
    let call = |count: usize| closure.call_raw(context, None, (0..count).map(tensor).collect::<Vec<_>>());
    let answer = match call(least) {
        Err(error) if names.len() > least && takes_other(closure, &error) => call(names.len()),
        answer => answer,
    };
    let answer = answer.map_err(|error| {
        let fault = inner_fault(host, &error, context.call_source());
        let line = fault.at.as_ref().map_or_else(String::new, |spot| format!(" (line {})", spot.line));
        let help = fault.help.iter().map(String::as_str).chain([LANGUAGE]).collect::<Vec<_>>().join("\n");
        let message = format!("`{what}` cannot be traced{line}: {}", fault.message);
        Fault { at: fault.at, ..Fault::new("tensor::trace", message, help) }
    })?;
    let unfit = |why: String| Fault::new("tensor::trace", format!("`{what}` {why}"), LANGUAGE);
    let found = answer.clone().try_cast::<Tensor>().ok_or_else(|| unfit(format!("gives {}, not a tensor", words(&answer))))?;
    if !found.expression.reads(0) {
        let first = names[0];
        return Err(unfit(format!("does not depend on its first parameter, {first}: nothing can be learned from it")));
    }
    Ok(found)
}

/// Whether a call failed because the closure has another number of parameters.
fn takes_other(closure: &FnPtr, error: &EvalAltResult) -> bool {
    matches!(error, EvalAltResult::ErrorFunctionNotFound(called, _) if called.starts_with(closure.fn_name()))
}

#[export_module]
mod tensor_functions {
    /// What a loss of one's own is traced into: the expression that a trainer evaluates.
    ///
    /// The closure is called once with student and teacher, which stand for maps with the axes sample, channel, row and column. What
    /// it does with them is remembered; what is left at the end is averaged. It is given as the option `loss` of `train_block` and
    /// `build_lut`; `loss` and `distill` of `train_supernet`, and `metric` of `accuracies`, take one over logits and labels, with the axes sample
    /// and class.
    ///
    /// Fails with `tensor::trace` for a closure that cannot be traced, such as one that compares tensors.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| (s - t).square().mean_hw() / t.var_hw()) //> ((student - teacher).square().mean([2, 3]) / teacher.variance([2, 3]))
    /// trace_loss(|s, t| if s > t { s } else { t }) //> fails tensor::trace
    /// ```
    #[rhai_fn(return_raw)]
    pub fn trace_loss(context: NativeCallContext, loss: FnPtr) -> Answer<Tensor> {
        let host = Host::of(&context)?;
        traced(&context, &host, "loss", &loss, OF_MAPS).cross()
    }

    /// What a quantizer of one's own is traced into: the expression that a trainer evaluates.
    ///
    /// The closure is called once with `x`, the values of a weight or map, `scale`, the learned step between two codes, and `low` and `high`, the
    /// smallest and largest code counted from the zero point. It gives what quantized values stand for. It is the option `quantizer` of
    /// `train_block`, `build_lut` and `train_supernet`; that of LSQ+ is the example below. `round`, `floor` and `sign` pass gradients on as they are;
    /// with `detach` a gradient of one's own is written: `(to_be_seen - to_be_learned).detach() + to_be_learned`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_quantizer(|x, scale, low, high| (x / scale).max(low).min(high).round() * scale)
    /// //> ((x / scale).max(low).min(high).round() * scale)
    /// trace_quantizer(|x, scale, low, high| x - x.mean()) //> fails tensor::trace
    /// ```
    #[rhai_fn(return_raw)]
    pub fn trace_quantizer(context: NativeCallContext, quantizer: FnPtr) -> Answer<Tensor> {
        let host = Host::of(&context)?;
        traced(&context, &host, "quantizer", &quantizer, OF_VALUES).cross()
    }

    /// The values without their signs.
    #[rhai_fn(name = "abs")]
    pub fn tensor_abs(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Abs)
    }

    /// The values times themselves.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| (s - t).square()) //> (student - teacher).square()
    /// ```
    #[rhai_fn(name = "square")]
    pub fn tensor_square(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Square)
    }

    /// The square roots.
    #[rhai_fn(name = "sqrt")]
    pub fn tensor_sqrt(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Sqrt)
    }

    /// The exponentials.
    #[rhai_fn(name = "exp")]
    pub fn tensor_exp(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Exp)
    }

    /// The natural logarithms.
    #[rhai_fn(name = "log")]
    pub fn tensor_log(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Log)
    }

    /// The values, 0 in place of negative ones.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| (s - t).relu()) //> (student - teacher).relu()
    /// ```
    #[rhai_fn(name = "relu")]
    pub fn tensor_relu(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Relu)
    }

    /// The hyperbolic tangents: values between -1 and 1.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| (s.tanh() - t.tanh()).square()) //> (student.tanh() - teacher.tanh()).square()
    /// ```
    #[rhai_fn(name = "tanh")]
    pub fn tensor_tanh(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Tanh)
    }

    /// The logistic function of the values: between 0 and 1.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| s.sigmoid()) //> student.sigmoid()
    /// ```
    #[rhai_fn(name = "sigmoid")]
    pub fn tensor_sigmoid(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Sigmoid)
    }

    /// The nearest whole numbers, with the gradient of the values themselves (straight through).
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_quantizer(|x, scale, low, high| (x / scale).max(low).min(high).round() * scale)
    /// //> ((x / scale).max(low).min(high).round() * scale)
    /// ```
    #[rhai_fn(name = "round")]
    pub fn tensor_round(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Round)
    }

    /// The largest whole numbers that are not above, with the gradient of the values themselves.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| s.floor()) //> student.floor()
    /// ```
    #[rhai_fn(name = "floor")]
    pub fn tensor_floor(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Floor)
    }

    /// -1, 0 or 1 for the sign of the values, with the gradient of the values themselves.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| s.sign()) //> student.sign()
    /// ```
    #[rhai_fn(name = "sign")]
    pub fn tensor_sign(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Sign)
    }

    /// The same values, from which nothing learns.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| (s - t).square() / t.detach().abs()) //> ((student - teacher).square() / teacher.detach().abs())
    /// ```
    #[rhai_fn(name = "detach")]
    pub fn tensor_detach(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Detach)
    }

    /// Probabilities over the second axis: channels, or classes.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| -(t.softmax() * s.log_softmax()).sum([1])) //> -(teacher.softmax() * student.log_softmax()).sum([1])
    /// ```
    #[rhai_fn(name = "softmax")]
    pub fn tensor_softmax(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Softmax)
    }

    /// Logarithms of the probabilities over the second axis: channels, or classes.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| s.log_softmax()) //> student.log_softmax()
    /// ```
    #[rhai_fn(name = "log_softmax")]
    pub fn tensor_log_softmax(tensor: Tensor) -> Tensor {
        tensor.then(Unary::LogSoftmax)
    }

    /// The values with their signs turned.
    #[rhai_fn(name = "-")]
    pub fn tensor_negated(tensor: Tensor) -> Tensor {
        tensor.then(Unary::Negate)
    }

    /// Mean of all values.
    #[rhai_fn(name = "mean", return_raw)]
    pub fn tensor_mean(tensor: Tensor) -> Answer<Tensor> {
        tensor.reduce_all(Reduce::Mean).cross()
    }

    /// Mean along some axes, which then have one value.
    #[rhai_fn(name = "mean", return_raw)]
    pub fn tensor_mean_along(tensor: Tensor, axes: Array) -> Answer<Tensor> {
        tensor.reduce_along(Reduce::Mean, &axes).cross()
    }

    /// Sum of all values.
    #[rhai_fn(name = "sum", return_raw)]
    pub fn tensor_sum(tensor: Tensor) -> Answer<Tensor> {
        tensor.reduce_all(Reduce::Sum).cross()
    }

    /// Sum along some axes, which then have one value.
    #[rhai_fn(name = "sum", return_raw)]
    pub fn tensor_sum_along(tensor: Tensor, axes: Array) -> Answer<Tensor> {
        tensor.reduce_along(Reduce::Sum, &axes).cross()
    }

    /// Unbiased variance along some axes, which then have one value.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| s.variance([1])) //> student.variance([1])
    /// trace_loss(|s, t| s.variance([4])) //> fails tensor::trace
    /// ```
    #[rhai_fn(name = "variance", return_raw)]
    pub fn tensor_variance(tensor: Tensor, axes: Array) -> Answer<Tensor> {
        tensor.reduce_along(Reduce::Variance, &axes).cross()
    }

    /// Mean over the rows and columns of maps: one value for each channel of each sample.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| s.mean_hw()) //> student.mean([2, 3])
    /// ```
    #[rhai_fn(name = "mean_hw", return_raw)]
    pub fn tensor_mean_hw(tensor: Tensor) -> Answer<Tensor> {
        tensor.reduce(Reduce::Mean, &[2, 3]).cross()
    }

    /// Unbiased variance over the rows and columns of maps: one value for each channel of each sample.
    ///
    /// # Example
    ///
    /// ```rhai
    /// trace_loss(|s, t| s.var_hw()) //> student.variance([2, 3])
    /// ```
    #[rhai_fn(name = "var_hw", return_raw)]
    pub fn tensor_var_hw(tensor: Tensor) -> Answer<Tensor> {
        tensor.reduce(Reduce::Variance, &[2, 3]).cross()
    }

    /// The smaller of this and another tensor or number, value by value.
    #[rhai_fn(name = "min", return_raw)]
    pub fn tensor_min(left: Tensor, right: Dynamic) -> Answer<Tensor> {
        tensor(&right).map(|right| left.with(Binary::Min, right)).cross()
    }

    /// The larger of this and another tensor or number, value by value.
    #[rhai_fn(name = "max", return_raw)]
    pub fn tensor_max(left: Tensor, right: Dynamic) -> Answer<Tensor> {
        tensor(&right).map(|right| left.with(Binary::Max, right)).cross()
    }

    /// The tensor as text: how it is computed.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn tensor_text(tensor: &mut Tensor) -> String {
        tensor.expression.to_string()
    }
}

/// Declares traced tensors.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Tensor>("Tensor");
    engine.register_global_module(exported_module!(tensor_functions).into());
    // Exact types come before `Dynamic` when Rhai looks for an operator, so these win over the comparisons of plain values.
    for (symbol, operation) in OPERATORS {
        let join = move |left: Result<Tensor>, right: Result<Tensor>| -> Answer<Tensor> {
            left.and_then(|left| Ok(left.with(operation, right?))).cross()
        };
        engine.register_fn(symbol, move |left: Tensor, right: Dynamic| join(Ok(left), tensor(&right)));
        engine.register_fn(symbol, move |left: Dynamic, right: Tensor| join(tensor(&left), Ok(right)));
    }
}
