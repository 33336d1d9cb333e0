//! Column expressions: what `with_column`, `filter` and `agg` compute, as plain data.

use std::fmt;

use super::{Aggregate, Cell, FrameFault, Kind, figure};

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`, which also joins texts.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`, always a number with a fraction.
    Divide,
    /// `%`, the remainder.
    Remainder,
    /// `**`, the power.
    Power,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `&`, both conditions.
    And,
    /// `|`, either condition.
    Or,
}

impl Operator {
    /// The operator as scripts write it.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
            Operator::Power => "**",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterEqual => ">=",
            Operator::And => "&",
            Operator::Or => "|",
        }
    }

    /// Whether it asks which side is larger.
    fn orders(self) -> bool {
        matches!(self, Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual)
    }

    /// Whether it gives a condition.
    fn gives_condition(self) -> bool {
        self.orders() || matches!(self, Operator::Equal | Operator::NotEqual | Operator::And | Operator::Or)
    }
}

/// A function of the values of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Not: of a condition.
    Not,
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
    /// The number rounded to so many decimals, its second argument.
    Round,
    /// The smaller of two numbers.
    Min,
    /// The larger of two numbers.
    Max,
    /// Whether a text contains another.
    Contains,
    /// Whether a text starts with another.
    StartsWith,
    /// Whether a text ends with another.
    EndsWith,
    /// The second argument where the first, a condition, holds; else the third.
    When,
    /// Whether the number is NaN.
    IsNan,
    /// Whether the value is missing.
    IsNull,
    /// The value, or the second argument where it is missing.
    FillNull,
}

impl Function {
    /// The function as scripts write it.
    pub fn name(self) -> &'static str {
        match self {
            Function::Not => "!",
            Function::Negate => "-",
            Function::Abs => "abs",
            Function::Log => "log",
            Function::Exp => "exp",
            Function::Sqrt => "sqrt",
            Function::Round => "round",
            Function::Min => "min",
            Function::Max => "max",
            Function::Contains => "contains",
            Function::StartsWith => "starts_with",
            Function::EndsWith => "ends_with",
            Function::When => "when",
            Function::IsNan => "is_nan",
            Function::IsNull => "is_null",
            Function::FillNull => "fill_null",
        }
    }
}

/// A column expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// The values of a column.
    Column(String),
    /// The same value in every row.
    Literal(Cell),
    /// An operator between two expressions, row by row.
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// A function of each row.
    Call(Function, Vec<Expr>),
    /// Whether the value is one of a list.
    In(Box<Expr>, Vec<Cell>),
    /// The values as another kind; one that cannot be read so is a fault if strict, else missing.
    Cast(Box<Expr>, Kind, bool),
    /// One value out of all rows, or out of each group in `agg`.
    Aggregate(Aggregate, Box<Expr>),
    /// The same values under another name.
    Alias(Box<Expr>, String),
}

/// The values of column `name`.
pub fn col(name: impl Into<String>) -> Expr {
    Expr::Column(name.into())
}

/// The same value in every row.
pub fn lit(value: impl Into<Cell>) -> Expr {
    Expr::Literal(value.into())
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Cell::Float(value)
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Cell::Int(value)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Cell::Bool(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Cell::Text(value.into())
    }
}

impl Expr {
    /// `self` and `other` with an operator between them.
    #[must_use]
    pub fn with(self, operator: Operator, other: Expr) -> Expr {
        Expr::Binary(operator, Box::new(self), Box::new(other))
    }

    /// As [`with`](Self::with), but not where it asks whether a condition is larger: that is a chain such as `1 < x < 3`,
    /// which would not mean what it says.
    pub fn checked_with(self, operator: Operator, other: Expr) -> Result<Expr, FrameFault> {
        if operator.orders() && (self.is_condition() || other.is_condition()) {
            let help = match &self {
                Expr::Binary(inner, _, middle) if inner.orders() => {
                    format!("write `{self} & {middle} {} {other}`", operator.symbol())
                }
                _ => "join conditions with `&` and `|`".into(),
            };
            return Err(FrameFault::Chain { expr: self.with(operator, other).to_string(), help });
        }
        Ok(self.with(operator, other))
    }

    fn is_condition(&self) -> bool {
        match self {
            Expr::Binary(operator, ..) => operator.gives_condition(),
            Expr::In(..) => true,
            _ => false,
        }
    }

    /// Whether the value is one of `list`.
    #[must_use]
    pub fn is_in(self, list: Vec<Cell>) -> Expr {
        Expr::In(Box::new(self), list)
    }

    /// The values as `kind`; one that cannot be read so is a fault if `strict`, else missing.
    #[must_use]
    pub fn cast(self, kind: Kind, strict: bool) -> Expr {
        Expr::Cast(Box::new(self), kind, strict)
    }

    /// A function of this expression alone.
    #[must_use]
    pub fn call(self, function: Function) -> Expr {
        Expr::Call(function, vec![self])
    }

    /// A function of this expression and another.
    #[must_use]
    pub fn call2(self, function: Function, other: Expr) -> Expr {
        Expr::Call(function, vec![self, other])
    }

    /// One value out of many.
    #[must_use]
    pub fn aggregate(self, aggregate: Aggregate) -> Expr {
        Expr::Aggregate(aggregate, Box::new(self))
    }

    /// The same values under the name `name`.
    #[must_use]
    pub fn alias(self, name: impl Into<String>) -> Expr {
        Expr::Alias(Box::new(self), name.into())
    }

    /// The column name of the result: the alias, else the first column that it reads, else `literal`.
    pub fn name(&self) -> &str {
        match self {
            Expr::Column(name) | Expr::Alias(_, name) => name,
            Expr::Literal(_) => "literal",
            Expr::Binary(_, left, right) if matches!(**left, Expr::Literal(_)) => right.name(),
            Expr::Binary(_, inner, _) | Expr::Aggregate(_, inner) | Expr::In(inner, _) | Expr::Cast(inner, ..) => inner.name(),
            Expr::Call(Function::When, arguments) => arguments.get(1).map_or("literal", Expr::name),
            Expr::Call(_, arguments) => arguments.first().map_or("literal", Expr::name),
        }
    }
}

impl fmt::Display for Expr {
    /// The expression as a script writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// With parentheses where the operator inside would otherwise be read differently.
        fn inner(expr: &Expr) -> String {
            match expr {
                Expr::Binary(..) => format!("({expr})"),
                _ => expr.to_string(),
            }
        }
        match self {
            Expr::Column(name) => write!(f, "col({name:?})"),
            Expr::Literal(cell) => write!(f, "{cell}"),
            Expr::Binary(operator, left, right) => {
                write!(f, "{} {} {}", inner(left), operator.symbol(), inner(right))
            }
            Expr::Call(function @ (Function::Not | Function::Negate), arguments) => {
                write!(f, "{}{}", function.name(), arguments.first().map(inner).unwrap_or_default())
            }
            Expr::Call(Function::When, arguments) => {
                let all: Vec<_> = arguments.iter().map(ToString::to_string).collect();
                write!(f, "when({})", all.join(", "))
            }
            Expr::In(of, list) => {
                let shown: Vec<_> = list.iter().map(ToString::to_string).collect();
                write!(f, "{}.is_in([{}])", inner(of), shown.join(", "))
            }
            Expr::Cast(of, kind, _) => write!(f, "{}.cast({:?})", inner(of), kind.name()),
            Expr::Call(function, arguments) => {
                let of = arguments.first().map(inner).unwrap_or_default();
                let rest: Vec<_> = arguments.iter().skip(1).map(ToString::to_string).collect();
                write!(f, "{of}.{}({})", function.name(), rest.join(", "))
            }
            Expr::Aggregate(Aggregate::Quantile(q), of) => write!(f, "{}.quantile({q})", inner(of)),
            Expr::Aggregate(aggregate, of) => write!(f, "{}.{}()", inner(of), aggregate.name()),
            Expr::Alias(of, name) => write!(f, "{}.alias({name:?})", inner(of)),
        }
    }
}

impl fmt::Display for Cell {
    /// The value as a person reads it in a sentence or a script.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Null => f.write_str("()"),
            Cell::Bool(value) => write!(f, "{value}"),
            Cell::Int(value) => write!(f, "{value}"),
            Cell::Float(value) => f.write_str(&figure(*value)),
            Cell::Text(value) => write!(f, "{value:?}"),
            Cell::List(values) => {
                let shown: Vec<_> = values.iter().map(|value| figure(*value)).collect();
                write!(f, "[{}]", shown.join(", "))
            }
        }
    }
}
