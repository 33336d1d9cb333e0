//! Evaluation of column expressions over a table or over its groups.

use std::collections::BTreeSet;

use super::{Cell, Column, Expr, FrameFault, Function, Kind, Operator, Table};
use crate::base::{Fault, Result};

/// What one value of the result stands for.
pub(super) enum Scope<'a> {
    /// A row of the table.
    Rows,
    /// A group of rows.
    Groups(&'a [Vec<usize>]),
}

impl Scope<'_> {
    fn height(&self, table: &Table) -> usize {
        match self {
            Scope::Rows => table.height(),
            Scope::Groups(groups) => groups.len(),
        }
    }
}

/// The values of `expr`, one for each row or group.
pub(super) fn evaluate(expr: &Expr, table: &Table, scope: &Scope) -> Result<Column> {
    match expr {
        Expr::Column(name) => match scope {
            Scope::Rows => table.column(name),
            Scope::Groups(_) => {
                table.check_columns([name.as_str()])?;
                Err(FrameFault::NotAggregate { expr: expr.to_string() }.into())
            }
        },
        Expr::Literal(cell) => Column::of_cells("literal", vec![cell.clone(); scope.height(table)]),
        Expr::Alias(of, _) => evaluate(of, table, scope),
        Expr::Aggregate(aggregate, of) => {
            let values = evaluate(of, table, &Scope::Rows)?;
            let kind = aggregate.kind_of(values.kind());
            match scope {
                Scope::Rows => {
                    let rows: Vec<usize> = (0..table.height()).collect();
                    let cell = aggregate.of(&values, &rows, of)?;
                    Column::of_cells_or(expr.name(), vec![cell; table.height()], kind)
                }
                Scope::Groups(groups) => {
                    let cells = groups.iter().map(|rows| aggregate.of(&values, rows, of)).collect::<Result<_>>()?;
                    Column::of_cells_or(expr.name(), cells, kind)
                }
            }
        }
        Expr::Binary(operator, left, right) => {
            let (left, right) = (evaluate(left, table, scope)?, evaluate(right, table, scope)?);
            binary(*operator, left, right).ok_or_else(|| Fault::from(type_fault(expr, table, scope)))
        }
        Expr::In(of, list) => {
            is_in(&evaluate(of, table, scope)?, list).ok_or_else(|| Fault::from(type_fault(expr, table, scope)))
        }
        Expr::Cast(of, kind, strict) => evaluate(of, table, scope)?.cast(of.name(), *kind, *strict),
        Expr::Call(function, arguments) => {
            let arguments = arguments.iter().map(|argument| evaluate(argument, table, scope)).collect::<Result<Vec<_>>>()?;
            call(*function, arguments).ok_or_else(|| Fault::from(type_fault(expr, table, scope)))
        }
    }
}

fn type_fault(expr: &Expr, table: &Table, scope: &Scope) -> FrameFault {
    let kind = |part: &Expr| evaluate(part, table, scope).ok().map(|column| column.kind());
    let words = |part: &Expr| kind(part).map_or("a fault", Kind::words);
    let (found, help) = match expr {
        Expr::Binary(operator, left, right) => {
            let found = format!("{} and {}", words(left), words(right));
            let text = [left, right].into_iter().find(|part| kind(part) == Some(Kind::Text));
            let help = match (operator, text) {
                (Operator::And | Operator::Or, _) => "both sides must be conditions, such as `col(\"a\") > 1`".into(),
                (_, Some(text)) => {
                    format!("both sides must be of one kind; `{text}.cast(\"float\")` reads texts as numbers")
                }
                _ => "both sides must be numbers, or for comparisons both texts".into(),
            };
            (found, help)
        }
        Expr::In(of, list) => {
            let found = format!("{} and a list of other values", words(of));
            let first = list.first().map(ToString::to_string).unwrap_or_default();
            (found, format!("the list, from {first} on, must hold values of one kind, that of the column"))
        }
        Expr::Call(function, arguments) => {
            let help = match function {
                Function::Not => {
                    let of: Vec<_> = arguments.iter().map(ToString::to_string).collect();
                    format!(
                        "`!` turns a condition round and binds strongest: write `!({} == ...)`, with parentheses",
                        of.join(", ")
                    )
                }
                Function::Contains | Function::StartsWith | Function::EndsWith => "it takes a column of texts, and a text".into(),
                Function::When => "it takes a condition, and two values of one kind".into(),
                Function::FillNull => "the value must be of the column's kind".into(),
                _ => "it takes columns of numbers".into(),
            };
            (arguments.iter().map(words).collect::<Vec<_>>().join(" and "), help)
        }
        _ => (String::from("these values"), String::new()),
    };
    FrameFault::Type { what: format!("`{expr}`"), found, help }
}

/// Whether each value is one of a list.
fn is_in(values: &Column, list: &[Cell]) -> Option<Column> {
    fn flags<T>(values: &[Option<T>], holds: impl Fn(&T) -> bool) -> Option<Column> {
        Some(Column::Bool(values.iter().map(|value| value.as_ref().map(&holds)).collect()))
    }
    let known =
        Column::of_cells_or("list", list.iter().filter(|cell| **cell != Cell::Null).cloned().collect(), values.kind()).ok()?;
    match (values, &known) {
        (Column::Text(values), Column::Text(known)) => {
            let known: BTreeSet<&String> = known.iter().flatten().collect();
            flags(values, |value| known.contains(value))
        }
        (Column::Int(values), Column::Int(known)) => {
            let known: BTreeSet<i64> = known.iter().flatten().copied().collect();
            flags(values, |value| known.contains(value))
        }
        (Column::Bool(values), Column::Bool(known)) => flags(values, |value| known.contains(&Some(*value))),
        _ => {
            let mut known: Vec<f64> = floats(&known)?.into_iter().flatten().filter(|value| !value.is_nan()).collect();
            known.sort_by(f64::total_cmp);
            let found = |value: &f64| {
                // The first that is not smaller.
                let at = known.partition_point(|other| other < value);
                known.get(at).is_some_and(|other| other <= value)
            };
            flags(&floats(values)?, found)
        }
    }
}

/// Both columns as numbers, if both are.
fn floats(column: &Column) -> Option<Vec<Option<f64>>> {
    match column {
        Column::Float(values) => Some(values.clone()),
        Column::Int(values) => Some(values.iter().map(|value| value.map(|value| value as f64)).collect()),
        // A column of missing values alone is read as whatever is asked for.
        other if (0..other.len()).all(|row| other.cell(row) == Cell::Null) => Some(vec![None; other.len()]),
        _ => None,
    }
}

fn zip<A, B, T>(left: Vec<Option<A>>, right: Vec<Option<B>>, f: impl Fn(A, B) -> T) -> Vec<Option<T>> {
    left.into_iter().zip(right).map(|(left, right)| Some(f(left?, right?))).collect()
}

fn binary(operator: Operator, left: Column, right: Column) -> Option<Column> {
    use Operator::*;
    match operator {
        And | Or => logic(operator, left, right),
        Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => compare(operator, left, right),
        Add if left.kind() == Kind::Text && right.kind() == Kind::Text => match (left, right) {
            (Column::Text(left), Column::Text(right)) => {
                Some(Column::Text(zip(left, right, |left, right| left + right.as_str())))
            }
            _ => None,
        },
        Add | Subtract | Multiply | Remainder => match (&left, &right) {
            (Column::Int(whole), Column::Int(others)) => {
                let exact: Option<Vec<Option<i64>>> = whole
                    .iter()
                    .zip(others)
                    .map(|(left, right)| match (left, right) {
                        (Some(left), Some(right)) => match operator {
                            Add => left.checked_add(*right),
                            Subtract => left.checked_sub(*right),
                            Multiply => left.checked_mul(*right),
                            _ => left.checked_rem(*right),
                        }
                        .map(Some),
                        _ => Some(None),
                    })
                    .collect();
                // Too large for an integer, or a remainder by 0: as numbers.
                exact.map(Column::Int).or_else(|| arithmetic(operator, &left, &right))
            }
            _ => arithmetic(operator, &left, &right),
        },
        Divide | Power => arithmetic(operator, &left, &right),
    }
}

fn arithmetic(operator: Operator, left: &Column, right: &Column) -> Option<Column> {
    let f: fn(f64, f64) -> f64 = match operator {
        Operator::Add => |left, right| left + right,
        Operator::Subtract => |left, right| left - right,
        Operator::Multiply => |left, right| left * right,
        Operator::Divide => |left, right| left / right,
        Operator::Remainder => |left, right| left % right,
        Operator::Power => f64::powf,
        _ => return None,
    };
    Some(Column::Float(zip(floats(left)?, floats(right)?, f)))
}

fn compare(operator: Operator, left: Column, right: Column) -> Option<Column> {
    fn holds<T: PartialOrd>(operator: Operator, left: &T, right: &T) -> bool {
        match operator {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Less => left < right,
            Operator::LessEqual => left <= right,
            Operator::Greater => left > right,
            _ => left >= right,
        }
    }
    let flags = match (left, right) {
        (Column::Text(left), Column::Text(right)) => zip(left, right, |left, right| holds(operator, &left, &right)),
        (Column::Int(left), Column::Int(right)) => zip(left, right, |left, right| holds(operator, &left, &right)),
        (Column::Bool(left), Column::Bool(right)) if matches!(operator, Operator::Equal | Operator::NotEqual) => {
            zip(left, right, |left, right| holds(operator, &left, &right))
        }
        (left, right) => zip(floats(&left)?, floats(&right)?, |left, right| holds(operator, &left, &right)),
    };
    Some(Column::Bool(flags))
}

/// Three-valued: a missing condition decides nothing.
fn logic(operator: Operator, left: Column, right: Column) -> Option<Column> {
    let (Column::Bool(left), Column::Bool(right)) = (left, right) else { return None };
    let deciding = operator == Operator::Or;
    let both = left.into_iter().zip(right).map(|pair| match pair {
        (Some(left), _) if left == deciding => Some(deciding),
        (_, Some(right)) if right == deciding => Some(deciding),
        (Some(_), Some(_)) => Some(!deciding),
        _ => None,
    });
    Some(Column::Bool(both.collect()))
}

fn call(function: Function, arguments: Vec<Column>) -> Option<Column> {
    let mut arguments = arguments.into_iter();
    let of = arguments.next()?;
    let map = |of: &Column, f: fn(f64) -> f64| {
        Some(Column::Float(floats(of)?.into_iter().map(|value| value.map(f)).collect::<Vec<_>>()))
    };
    match function {
        Function::Not => match of {
            Column::Bool(values) => Some(Column::Bool(values.into_iter().map(|value| value.map(|value| !value)).collect())),
            _ => None,
        },
        Function::Negate => binary(Operator::Multiply, of.clone(), Column::Int(vec![Some(-1); of.len()])),
        Function::Abs => match of {
            Column::Int(values) => Some(Column::Int(values.into_iter().map(|value| value.map(i64::saturating_abs)).collect())),
            of => map(&of, f64::abs),
        },
        Function::Log => map(&of, f64::ln),
        Function::Exp => map(&of, f64::exp),
        Function::Sqrt => map(&of, f64::sqrt),
        Function::Round => {
            let digits = floats(&arguments.next()?)?;
            Some(Column::Float(zip(floats(&of)?, digits, |value, digits| {
                let scale = 10_f64.powf(digits);
                (value * scale).round() / scale
            })))
        }
        Function::Min | Function::Max => {
            let other = arguments.next()?;
            let smaller = function == Function::Min;
            match (of, other) {
                (Column::Int(left), Column::Int(right)) => {
                    Some(Column::Int(zip(left, right, |left, right| if smaller { left.min(right) } else { left.max(right) })))
                }
                (left, right) => Some(Column::Float(zip(floats(&left)?, floats(&right)?, |left, right| {
                    // `f64::min` would drop a NaN silently.
                    match left.is_nan() || right.is_nan() {
                        true => f64::NAN,
                        false if smaller => left.min(right),
                        false => left.max(right),
                    }
                }))),
            }
        }
        Function::Contains => texts(of, arguments.next()?, |text, part| text.contains(part)),
        Function::StartsWith => texts(of, arguments.next()?, |text, part| text.starts_with(part)),
        Function::EndsWith => texts(of, arguments.next()?, |text, part| text.ends_with(part)),
        Function::IsNan => match of {
            Column::Int(values) => Some(Column::Bool(values.iter().map(|value| value.map(|_| false)).collect())),
            of => Some(Column::Bool(floats(&of)?.into_iter().map(|value| value.map(f64::is_nan)).collect())),
        },
        Function::When => {
            let (Column::Bool(holds), first, second) = (of, arguments.next()?, arguments.next()?) else { return None };
            let kind = first.kind();
            let pairs = holds.into_iter().zip(first.cells().into_iter().zip(second.cells()));
            let chosen = pairs.map(|(holds, (first, second))| if holds == Some(true) { first } else { second });
            Column::of_cells_or("", chosen.collect(), kind).ok()
        }
        Function::IsNull => Some(Column::Bool(of.cells().iter().map(|cell| Some(*cell == Cell::Null)).collect())),
        Function::FillNull => {
            let other = arguments.next()?;
            let kind = of.kind();
            let filled = of.cells().into_iter().zip(other.cells());
            Column::of_cells_or("", filled.map(|(cell, other)| if cell == Cell::Null { other } else { cell }).collect(), kind)
                .ok()
        }
    }
}

fn texts(of: Column, part: Column, holds: fn(&str, &str) -> bool) -> Option<Column> {
    let (Column::Text(of), Column::Text(part)) = (of, part) else { return None };
    Some(Column::Bool(zip(of, part, |of, part| holds(&of, &part))))
}
