//! Joins: rows of two tables side by side where their keys are equal.

use polars::prelude::{DataFrameJoinOps, JoinArgs, JoinCoalesce, JoinType, MaintainOrderJoin};

use super::{Column, FrameFault, Kind, Table};
use crate::base::{Result, did_you_mean};

/// Which rows a join keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Rows whose keys are in both tables.
    Inner,
    /// All rows of the left table.
    Left,
    /// All rows of both.
    Full,
    /// Rows of the left table whose keys are in the right one, without its columns.
    Semi,
    /// Rows of the left table whose keys are not in the right one.
    Anti,
}

impl JoinKind {
    /// The kind named `name`.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "inner" => Ok(JoinKind::Inner),
            "left" => Ok(JoinKind::Left),
            "full" | "outer" => Ok(JoinKind::Full),
            "semi" => Ok(JoinKind::Semi),
            "anti" => Ok(JoinKind::Anti),
            _ => Err(FrameFault::Type {
                what: "a join".into(),
                found: format!("the kind `{name}`"),
                help: did_you_mean(name, ["inner", "left", "full", "outer", "semi", "anti"]),
            }
            .into()),
        }
    }
}

impl Table {
    /// The rows of both tables with equal values in all of `on`, side by side, in the order of this one.
    /// A column that both have besides the keys comes from the other with `suffix` after its name. Missing keys equal nothing.
    pub fn join(&self, other: &Table, on: &[&str], how: JoinKind, suffix: &str) -> Result<Table> {
        self.check_keys(other, on)?;
        let kind = match how {
            JoinKind::Inner => JoinType::Inner,
            JoinKind::Left => JoinType::Left,
            JoinKind::Full => JoinType::Full,
            JoinKind::Semi | JoinKind::Anti => return self.matching(other, on, how == JoinKind::Semi),
        };
        self.check_names(other, on, suffix)?;
        let mut arguments = JoinArgs::new(kind);
        arguments.coalesce = JoinCoalesce::CoalesceColumns;
        arguments.suffix = Some(suffix.into());
        arguments.maintain_order = if how == JoinKind::Full { MaintainOrderJoin::LeftRight } else { MaintainOrderJoin::Left };
        Table::of(self.frame.join(&other.frame, on, on, arguments, None))
    }

    fn check_keys(&self, other: &Table, on: &[&str]) -> Result<()> {
        for table in [self, other] {
            table.check_columns(on.iter().copied())?;
        }
        if on.is_empty() {
            return Err(FrameFault::Type {
                what: "`join`".into(),
                found: "no key".into(),
                help: "name the columns that must be equal".into(),
            }
            .into());
        }
        for name in on {
            let (left, right) = (self.column(name)?.kind(), other.column(name)?.kind());
            if left != right || left == Kind::List {
                return Err(FrameFault::Type {
                    what: format!("a join on `{name}`"),
                    found: format!("{} on the left and {} on the right", left.words(), right.words()),
                    help: format!(
                        "both must hold the same kind of values, and no lists: `.cast(\"{name}\", \"text\")` turns one"
                    ),
                }
                .into());
            }
        }
        Ok(())
    }

    /// Refuses a join in which a name would stand twice even with the suffix.
    fn check_names(&self, other: &Table, on: &[&str], suffix: &str) -> Result<()> {
        let own = self.columns();
        let others: Vec<String> = other.columns().into_iter().filter(|name| !on.contains(&name.as_str())).collect();
        for name in others.iter().filter(|name| own.contains(name)) {
            let made = format!("{name}{suffix}");
            if own.contains(&made) || others.contains(&made) {
                return Err(FrameFault::JoinClash { name: name.clone(), made }.into());
            }
        }
        Ok(())
    }

    /// The rows whose keys are (or are not) in the other table.
    fn matching(&self, other: &Table, on: &[&str], wanted: bool) -> Result<Table> {
        let mut mark = String::from("found");
        while self.frame.get_column_index(&mark).is_some() || on.contains(&mark.as_str()) {
            mark.push('_');
        }
        let keys = other.select(on)?.unique(&[])?;
        let keys = keys.put(&mark, Column::Bool(vec![Some(true); keys.height()]))?;
        let joined = self.join(&keys, on, JoinKind::Left, "_right")?;
        let Column::Bool(found) = joined.column(&mark)? else { return Ok(self.clone()) };
        self.keep(&found.iter().map(|found| found.is_some() == wanted).collect::<Vec<_>>())
    }
}
