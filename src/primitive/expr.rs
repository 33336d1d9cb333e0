//! What a script can say about column expressions: `col("ms") > 2.5`, from either side, with any kind of value.

use std::ops::{Range, RangeInclusive};

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine};

use super::cells::{cell, cells};
use super::cross::{Answer, Cross};
use super::noun::Nouns;

use crate::base::Fault;
use crate::frame::{Aggregate, Expr, Function, Operator, col as column, lit as literal};

const OPERATORS: [Operator; 14] = [
    Operator::Add,
    Operator::Subtract,
    Operator::Multiply,
    Operator::Divide,
    Operator::Remainder,
    Operator::Power,
    Operator::Equal,
    Operator::NotEqual,
    Operator::Less,
    Operator::LessEqual,
    Operator::Greater,
    Operator::GreaterEqual,
    Operator::And,
    Operator::Or,
];

/// An expression as it is, any other value as a literal.
fn expr(value: Dynamic) -> Result<Expr, Fault> {
    match value.try_cast_result::<Expr>() {
        Ok(expr) => Ok(expr),
        Err(value) => Ok(Expr::Literal(cell("literal", &value)?)),
    }
}

#[export_module]
mod expressions {
    /// The values of a column, inside an expression for `filter`, `with_column`, `select` or `agg`.
    ///
    /// Operators `+ - * / % ** == != < <= > >=` take expressions and plain values on either side; conditions are joined
    /// with `&` and `|`, and turned with `!`. `&` and `|` bind weaker than comparisons, `|` weaker than `&`, so joined
    /// comparisons need no parentheses; `!` binds strongest: `!(col("a") == 1)`.
    ///
    /// What cannot mean what it says fails: `&&`, `||` and `if` with `script::condition`, `1 < col("a") < 3` with `frame::chain`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// col("fp32_ms") / col("int8_ms") > 2 //> (col("fp32_ms") / col("int8_ms")) > 2
    /// col("ms") < 3.0 & col("op") == "fused" //> (col("ms") < 3) & (col("op") == "fused")
    /// col("ms") < 3.0 && col("op") == "fused" //> fails script::condition
    /// 1 < col("ms") < 3 //> fails frame::chain
    /// ```
    pub fn col(name: &str) -> Expr {
        column(name)
    }

    /// The same value in every row.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2] }).with_column("b", lit(7))["b"] //> [7, 7]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn lit(value: Dynamic) -> Answer<Expr> {
        Ok(literal(cell("literal", &value).cross()?))
    }

    /// The same values under another column name.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2] }).select([col("a"), (col("a") * 2).alias("twice")]).columns //> ["a", "twice"]
    /// ```
    pub fn alias(expr: Expr, name: &str) -> Expr {
        expr.alias(name)
    }

    /// Not: the condition turned round.
    #[rhai_fn(name = "!")]
    pub fn not(expr: Expr) -> Expr {
        expr.call(Function::Not)
    }

    /// The numbers with their signs turned.
    #[rhai_fn(name = "-")]
    pub fn negate(expr: Expr) -> Expr {
        expr.call(Function::Negate)
    }

    /// The numbers without their signs.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [-1, 2] }).select([col("a").abs()])["a"] //> [1, 2]
    /// ```
    pub fn abs(expr: Expr) -> Expr {
        expr.call(Function::Abs)
    }

    /// The natural logarithm.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1.0] }).select([col("a").log()])["a"] //> [0.0]
    /// ```
    pub fn log(expr: Expr) -> Expr {
        expr.call(Function::Log)
    }

    /// The exponential.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [0] }).select([col("a").exp()])["a"] //> [1.0]
    /// ```
    pub fn exp(expr: Expr) -> Expr {
        expr.call(Function::Exp)
    }

    /// The square root.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [9] }).select([col("a").sqrt()])["a"] //> [3.0]
    /// ```
    pub fn sqrt(expr: Expr) -> Expr {
        expr.call(Function::Sqrt)
    }

    /// The numbers rounded to so many decimals.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1.26] }).select([col("a").round(1)])["a"] //> [1.3]
    /// ```
    pub fn round(expr: Expr, decimals: i64) -> Expr {
        expr.call2(Function::Round, literal(decimals))
    }

    /// The smaller of this and another expression or number, row by row.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 5] }).select([col("a").min(3)])["a"] //> [1, 3]
    /// ```
    #[rhai_fn(name = "min", return_raw)]
    pub fn min_of(expr: Expr, other: Dynamic) -> Answer<Expr> {
        Ok(expr.call2(Function::Min, super::expr(other).cross()?))
    }

    /// The larger of this and another expression or number, row by row.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 5] }).select([col("a").max(3)])["a"] //> [3, 5]
    /// ```
    #[rhai_fn(name = "max", return_raw)]
    pub fn max_of(expr: Expr, other: Dynamic) -> Answer<Expr> {
        Ok(expr.call2(Function::Max, super::expr(other).cross()?))
    }

    /// Whether the value is missing.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, ()] }).filter(col("a").is_null()).height //> 1
    /// ```
    pub fn is_null(expr: Expr) -> Expr {
        expr.call(Function::IsNull)
    }

    /// The values, with another value where one is missing.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, ()] }).select([col("a").fill_null(0)])["a"] //> [1, 0]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fill_null(expr: Expr, other: Dynamic) -> Answer<Expr> {
        Ok(expr.call2(Function::FillNull, super::expr(other).cross()?))
    }

    /// The mean, of each group in `agg`, else of all rows. Missing values are left out.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 6] }).filter(col("a") > col("a").mean())["a"] //> [6]
    /// ```
    pub fn mean(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::Mean)
    }

    /// The median, of each group in `agg`, else of all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 6] }).group_by([]).agg([col("a").median()])["a"] //> [2.0]
    /// ```
    pub fn median(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::Median)
    }

    /// The smallest value, of each group in `agg`, else of all rows.
    pub fn min(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::Min)
    }

    /// The largest value, of each group in `agg`, else of all rows.
    pub fn max(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::Max)
    }

    /// The standard deviation of a sample (n - 1), of each group in `agg`, else of all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 3] }).group_by([]).agg([col("a").std()]).row(0).a //> ~1.4142
    /// ```
    pub fn std(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::Std)
    }

    /// The sum, of each group in `agg`, else of all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 3] }).with_column("share", col("a") / col("a").sum())["share"] //> [0.25, 0.75]
    /// ```
    pub fn sum(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::Sum)
    }

    /// How many values are not missing, of each group in `agg`, else of all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, ()] }).group_by([]).agg([col("a").count()])["a"] //> [1]
    /// ```
    pub fn count(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::Count)
    }

    /// The first value, of each group in `agg`, else of all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ op: ["a", "a"], ms: [3, 4] }).group_by("op").agg([col("ms").first()])["ms"] //> [3]
    /// ```
    pub fn first(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::First)
    }

    /// The quantile at `share` (0 to 1), linear between values, of each group in `agg`, else of all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1, 2, 3] }).group_by([]).agg([col("a").quantile(0.25)])["a"] //> [1.5]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn quantile(expr: Expr, share: Dynamic) -> Answer<Expr> {
        let share = crate::primitive::values::share("quantile", &share).cross()?;
        Ok(expr.aggregate(Aggregate::Quantile(share)))
    }

    /// The last value, of each group in `agg`, else of all rows.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ step: [1, 2], loss: [0.9, 0.4] }).group_by([]).agg([col("loss").last()])["loss"] //> [0.4]
    /// ```
    pub fn last(expr: Expr) -> Expr {
        expr.aggregate(Aggregate::Last)
    }

    /// One value where a condition holds, another where it does not (or is missing).
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ ms: [1.0, 5.0] }).with_column("speed", when(col("ms") < 3, "fast", "slow"))["speed"] //> ["fast", "slow"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn when(condition: Expr, holds: Dynamic, otherwise: Dynamic) -> Answer<Expr> {
        Ok(Expr::Call(Function::When, vec![condition, expr(holds).cross()?, expr(otherwise).cross()?]))
    }

    /// Whether the number is NaN.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ a: [1.0, 0.0 / 0.0] }).filter(!col("a").is_nan()).height //> 1
    /// ```
    pub fn is_nan(expr: Expr) -> Expr {
        expr.call(Function::IsNan)
    }

    /// The values as another kind: "float", "int", "text" or "bool".
    ///
    /// A value that cannot be read so fails with `frame::cast`; a table's own `cast` can make it missing instead.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ ms: ["1.5", "2"] }).filter(col("ms").cast("float") > 1.7).height //> 1
    /// ```
    #[rhai_fn(return_raw)]
    pub fn cast(expr: Expr, kind: &str) -> Answer<Expr> {
        Ok(expr.cast(crate::frame::Kind::parse(kind).cross()?, true))
    }

    /// Whether the value is one of an array; also written `col("op") in ["a", "b"]`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let t = table(#{ op: ["a", "b", "c"] });
    /// t.filter(col("op").is_in(["a", "c"]))["op"] //> ["a", "c"]
    /// t.filter(col("op") !in ["a", "c"])["op"] //> ["b"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn is_in(expr: Expr, values: Array) -> Answer<Expr> {
        Ok(expr.is_in(cells("the list", &values).cross()?))
    }

    /// What `in` asks of an array: without this it would compare an expression with each item.
    #[rhai_fn(name = "contains", return_raw, pure)]
    pub fn array_contains(values: &mut Array, expr: Expr) -> Answer<Expr> {
        Ok(expr.is_in(cells("the list", values).cross()?))
    }

    /// What `in` asks of a range: the end is not included.
    #[rhai_fn(name = "contains", pure)]
    pub fn range_contains(range: &mut Range<i64>, expr: Expr) -> Expr {
        let above = expr.clone().with(Operator::GreaterEqual, literal(range.start));
        above.with(Operator::And, expr.with(Operator::Less, literal(range.end)))
    }

    /// What `in` asks of a range: both ends are included.
    #[rhai_fn(name = "contains", pure)]
    pub fn whole_range_contains(range: &mut RangeInclusive<i64>, expr: Expr) -> Expr {
        let above = expr.clone().with(Operator::GreaterEqual, literal(*range.start()));
        above.with(Operator::And, expr.with(Operator::LessEqual, literal(*range.end())))
    }

    /// Whether a text contains another; also written `"dw" in col("op")`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ op: ["dwconv", "conv"] }).filter(col("op").contains("dw"))["op"] //> ["dwconv"]
    /// ```
    #[rhai_fn(name = "contains")]
    pub fn text_contains(expr: Expr, part: &str) -> Expr {
        expr.call2(Function::Contains, literal(part))
    }

    /// Whether a text starts with another.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ op: ["dwconv", "conv"] }).filter(col("op").starts_with("conv"))["op"] //> ["conv"]
    /// ```
    #[rhai_fn(name = "starts_with")]
    pub fn text_starts_with(expr: Expr, part: &str) -> Expr {
        expr.call2(Function::StartsWith, literal(part))
    }

    /// Whether a text ends with another.
    ///
    /// # Example
    ///
    /// ```rhai
    /// table(#{ op: ["conv", "conv_se"] }).filter(col("op").ends_with("_se"))["op"] //> ["conv_se"]
    /// ```
    #[rhai_fn(name = "ends_with")]
    pub fn text_ends_with(expr: Expr, part: &str) -> Expr {
        expr.call2(Function::EndsWith, literal(part))
    }

    /// A text before the texts of an expression. Rhai would write the expression itself into one text.
    #[rhai_fn(name = "+")]
    pub fn text_before(text: &str, expr: Expr) -> Expr {
        literal(text).with(Operator::Add, expr)
    }

    /// The expression as a script writes it.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_text(expr: &mut Expr) -> String {
        expr.to_string()
    }
}

/// Declares column expressions.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Expr>("Expression");
    engine.register_global_module(exported_module!(expressions).into());
    // Exact types come before `Dynamic` when Rhai looks for an operator, so these win over the comparisons of plain values.
    for operator in OPERATORS {
        engine.register_fn(operator.symbol(), move |left: Expr, right: Dynamic| -> Answer<Expr> {
            left.checked_with(operator, expr(right).cross()?).cross()
        });
        engine.register_fn(operator.symbol(), move |left: Dynamic, right: Expr| -> Answer<Expr> {
            expr(left).cross()?.checked_with(operator, right).cross()
        });
    }
}
