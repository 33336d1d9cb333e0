//! Column expressions: what `with_column`, `filter` and `agg` compute, as plain data.

use std::fmt;

use super::{Aggregate, Cell, figure};

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
            Expr::Binary(_, inner, _) | Expr::Aggregate(_, inner) => inner.name(),
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
