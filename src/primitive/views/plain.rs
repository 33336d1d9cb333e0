//! Tables, figures, and nouns of few words.

use super::Page;
use super::results::intervals;
use crate::base::{Fault, Result};
use crate::frame::{Expr, GroupBy, Table};
use crate::plot::{Drawing, Figure};
use crate::primitive::problem::Problem;
use crate::primitive::random::Random;
use crate::primitive::tensor::Tensor;
use crate::primitive::trace::{Drawn, Traced};

/// The rows of a table; measured ranges are drawn beside them.
pub(in crate::primitive) fn table_html(table: &Table) -> Result<String> {
    let drawn = intervals(table)?;
    let drawn: Vec<(&str, Vec<String>)> =
        drawn.iter().map(|(head, cells)| (head.as_str(), cells.iter().map(Drawing::to_inline_svg).collect())).collect();
    Ok(table.to_html_beside(&drawn))
}

pub(super) fn figure(figure: &Figure) -> Result<Page> {
    Page::untitled().picture(figure.clone())
}

pub(super) fn fault(fault: &Fault) -> Result<Page> {
    let page = Page::new("fault", &fault.code).facts([("what", fault.message.clone())]);
    Ok(page.facts(fault.help.iter().map(|help| ("what to do", help.clone()))))
}

pub(super) fn expression(expr: &Expr) -> Result<Page> {
    Ok(Page::new("column expression", &expr.to_string()))
}

pub(super) fn group_by(groups: &GroupBy) -> Result<Page> {
    Ok(Page::new("groups of rows", "").facts([("by", groups.keys().join(", "))]))
}

pub(super) fn random(_: &Random) -> Result<Page> {
    Ok(Page::new("stream of random numbers", ""))
}

pub(super) fn problem(problem: &Problem) -> Result<Page> {
    Ok(Page::new("search problem", &problem.hyperspace.name))
}

pub(super) fn drawn(drawn: &Drawn) -> Result<Page> {
    let facts = [("columns", drawn.columns.join(", ")), ("stages", drawn.stages.join(", "))];
    Ok(Page::new("all drawn networks", "").facts(facts))
}

pub(super) fn traced(traced: &Traced) -> Result<Page> {
    Ok(match traced {
        Traced::Number(_) => Page::new("one number for each drawn network", ""),
        Traced::Stages { names, .. } => {
            Page::new("numbers for each drawn network", "").facts([("one for each stage", names.join(", "))])
        }
    })
}

pub(super) fn tensor(tensor: &Tensor) -> Result<Page> {
    Ok(Page::new("traced tensor", &tensor.expression.to_string()))
}
