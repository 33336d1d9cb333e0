//! Hyperspaces, search spaces and subnets: their stages and blocks.

use std::ops::Range;

use super::networks::lines;
use super::{Page, Picture};
use crate::base::Result;
use crate::frame::{Table, figure};
use crate::graph::Graph;
use crate::plot::{BlockBar, Drawing, StageRow, chain, stages, widths};
use crate::primitive::operator::explain_graph;
use crate::primitive::space::{Hyper, Space};
use crate::primitive::space_text::{operator_line, space_table, stage_table};
use crate::space::{Hyperspace, Operator, PlacedBlock, Role, SearchSpace, Stage, Subnet};

/// A count with commas between thousands; large ones as powers of ten.
pub(super) fn count(number: f64) -> String {
    if number >= 1e15 {
        return format!("{:.2}·10^{}", number / 10_f64.powf(number.log10().floor()), number.log10().floor());
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `2 to 4 blocks`.
fn depths(stage: &Stage) -> String {
    match (stage.depths.first(), stage.depths.last()) {
        (Some(1), Some(1)) => "1 block".into(),
        (Some(first), Some(last)) if first != last => format!("{first} to {last} blocks"),
        (_, last) => format!("{} blocks", last.copied().unwrap_or(0)),
    }
}

fn note(stage: &Stage) -> String {
    let stride = if stage.stride > 1 { format!(", stride {}", stage.stride) } else { String::new() };
    depths(stage) + stride.as_str()
}

/// The places of the widths that a space may use in a stage.
fn chosen(space: &SearchSpace, stage: usize) -> Range<usize> {
    let (all, own) = (&space.hyperspace.stages[stage].widths, space.widths(stage));
    let first = own.first().and_then(|width| all.iter().position(|other| other == width)).unwrap_or(0);
    first..first + own.len()
}

/// The first window of a stage, as a measure of how many widths a space chooses; all widths of a stage that is fixed.
fn first_window(stage: &Stage) -> Range<usize> {
    0..if stage.is_searched() { stage.window } else { stage.widths.len() }
}

fn resolutions(hyperspace: &Hyperspace) -> String {
    hyperspace.resolutions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn hyperspace(hyperspace: &Hyper) -> Result<Page> {
    let facts = [
        ("search spaces", count(hyperspace.size() as f64)),
        ("input", format!("{} channels, sides {}", hyperspace.input_channels, resolutions(hyperspace))),
        ("classes", hyperspace.classes.to_string()),
    ];
    let operators = hyperspace.operators.iter().enumerate();
    let operators = operators.map(|(at, one)| (format!("operator {}", digit(at)), operator_line(one)));
    let windows: Vec<Drawing> = hyperspace.stages.iter().map(|stage| widths(&stage.widths, first_window(stage))).collect();
    let page = Page::new("hyperspace", &hyperspace.name).facts(facts).facts(operators);
    Ok(page
        .table_beside(&stage_table(hyperspace)?.drop(&["widths"])?, &[("widths", windows)])
        .note("A search space chooses an operator and a window of widths in each searched stage; the first window is filled."))
}

fn digit(at: usize) -> char {
    char::from_digit(at as u32, 36).unwrap_or('?')
}

pub(super) fn hyperspace_picture(hyperspace: &Hyper) -> Result<Picture> {
    let rows: Vec<StageRow> = hyperspace
        .stages
        .iter()
        .enumerate()
        .map(|(at, stage)| StageRow {
            name: stage.name.clone(),
            what: match &stage.role {
                Role::Fixed(operator) => operator.name().to_owned(),
                Role::Searched => format!("one of {} operators", hyperspace.candidates(at).len()),
                Role::SearchedAmong(own) => own.iter().map(Operator::name).collect::<Vec<_>>().join(" | "),
            },
            widths: stage.widths.clone(),
            chosen: first_window(stage),
            note: match stage.windows() {
                1 => note(stage),
                windows => format!("{}, {windows} windows", note(stage)),
            },
        })
        .collect();
    let subtitle = format!("{} search spaces", count(hyperspace.size() as f64));
    Ok(stages(&format!("hyperspace {}", hyperspace.name), &subtitle, &rows).into())
}

pub(super) fn hyperspace_rows(hyperspace: &Hyper) -> Result<Table> {
    stage_table(hyperspace)
}

fn sizes(space: &Space) -> Result<Vec<(&'static str, String)>> {
    let (smallest, largest) = (Subnet::smallest(space).cost()?, Subnet::largest(space).cost()?);
    Ok(vec![
        ("hyperspace", space.hyperspace.name.clone()),
        ("subnets", count(space.size())),
        ("cost", format!("{} to {} MFLOPs", figure(smallest.mflops()), figure(largest.mflops()))),
        ("parameters", format!("{} to {} million", figure(smallest.mparams()), figure(largest.mparams()))),
    ])
}

pub(super) fn space(space: &Space) -> Result<Page> {
    let windows = 0..space.hyperspace.stages.len();
    let windows: Vec<Drawing> = windows.map(|at| widths(&space.hyperspace.stages[at].widths, chosen(space, at))).collect();
    let page = Page::new("search space", &space.encode()).facts(sizes(space)?);
    Ok(page.table_beside(&space_table(space)?.drop(&["widths"])?, &[("widths", windows)]))
}

pub(super) fn space_text(space: &Space, columns: usize) -> Result<String> {
    Ok(format!("search space {}\n{}\n{}", space.encode(), lines(sizes(space)?), space_table(space)?.to_text(columns)))
}

pub(super) fn space_picture(space: &Space) -> Result<Picture> {
    let rows: Vec<StageRow> = space
        .hyperspace
        .stages
        .iter()
        .enumerate()
        .map(|(at, stage)| StageRow {
            name: stage.name.clone(),
            what: space.operator(at).name().to_owned(),
            widths: stage.widths.clone(),
            chosen: chosen(space, at),
            note: note(stage),
        })
        .collect();
    let subtitle = format!("{} subnets", count(space.size()));
    Ok(stages(&format!("search space {}-{}", space.hyperspace.name, space.encode()), &subtitle, &rows).into())
}

pub(super) fn space_rows(space: &Space) -> Result<Table> {
    space_table(space)
}

pub(super) fn subnet(subnet: &Subnet) -> Result<Page> {
    let graph = subnet.graph()?;
    let page = Page::new("subnet", &subnet.encode()).facts(subnet_facts(subnet, &graph)?).picture(subnet_picture(subnet)?)?;
    Ok(page
        .folded("blocks", &subnet_rows(subnet)?)
        .folded("layers, with the script lines they come from", &explain_graph(&graph)?))
}

pub(super) fn subnet_text(subnet: &Subnet, columns: usize) -> Result<String> {
    let facts = lines(subnet_facts(subnet, &subnet.graph()?)?);
    Ok(format!("subnet {}\n{facts}\n{}", subnet.encode(), subnet_rows(subnet)?.to_text(columns)))
}

fn subnet_facts(subnet: &Subnet, graph: &Graph) -> Result<Vec<(&'static str, String)>> {
    let (memory, cost) = (graph.memory(), subnet.cost()?);
    Ok(vec![
        ("search space", format!("{}-{}", subnet.space.hyperspace.name, subnet.space.encode())),
        ("input", graph.input_shape().to_string()),
        ("output", graph.output_shape().to_string()),
        ("cost", format!("{} MFLOPs", figure(cost.mflops()))),
        ("parameters", format!("{} million", figure(cost.mparams()))),
        ("INT8 weights", format!("{} kB", figure(memory.int8.weights as f64 / 1e3))),
        ("INT8 activations", format!("{} kB at most", figure(memory.int8.peak as f64 / 1e3))),
    ])
}

pub(super) fn subnet_picture(subnet: &Subnet) -> Result<Picture> {
    let bars = subnet.parts().into_iter().map(|part| {
        let graph = part.graph()?;
        let output = graph.output_shape();
        Ok(BlockBar {
            stage: subnet.space.hyperspace.stages[part.stage].name.clone(),
            operator: part.operator.name().to_owned(),
            width: output.c(),
            map: output.h,
            mflops: graph.cost().mflops(),
        })
    });
    let cost = subnet.cost()?;
    let subtitle = format!(
        "input {0}×{0}, {1} MFLOPs, {2} million parameters",
        subnet.resolution,
        figure(cost.mflops()),
        figure(cost.mparams())
    );
    Ok(chain(
        &format!("subnet of {}-{}", subnet.space.hyperspace.name, subnet.space.encode()),
        &subtitle,
        &bars.collect::<Result<Vec<_>>>()?,
    )
    .into())
}

/// The blocks of a subnet.
pub(super) fn subnet_rows(subnet: &Subnet) -> Result<Table> {
    let parts = subnet.parts();
    let graphs = parts.iter().map(PlacedBlock::graph).collect::<Result<Vec<_>>>()?;
    let choices = parts
        .iter()
        .map(|part| part.config.choices.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", "));
    Table::builder()
        .text("block", parts.iter().map(|part| part.prefix.clone()))
        .text("operator", parts.iter().map(|part| part.operator.name().to_owned()))
        .text("choices", choices)
        .int("stride", parts.iter().map(|part| part.config.stride as i64))
        .text("output", graphs.iter().map(|graph| graph.output_shape().to_string()))
        .float("mflops", graphs.iter().map(|graph| graph.cost().mflops()))
        .float("kparams", graphs.iter().map(|graph| graph.cost().params as f64 / 1e3))
        .build()
}
