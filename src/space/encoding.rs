//! Search spaces, subnets and concrete stages as text, and back.
//!
//! | what | text |
//! | --- | --- |
//! | search space | `012-210`: operators, then windows, one character (`0`-`9`, `a`-`z`) for each searched stage; `_` for `-` is read too; missing windows are all 0; the hyperspace's name and `-` may come first |
//! | subnet | `d1#2_k3#3#5_w16#24#32_e0#3.0#6.0_r32`: depths, kernels, widths, expansions, resolution; before `_r` each other choice list as `_name:1#2`. 0 where a block has no such choice. Stages with nothing to choose are left out |
//! | concrete stage | `5#32#6_3#40#3`: kernel, width, expansion of each block, then its other choices; `None` where the operator has none |

use std::sync::Arc;

use super::hyperspace::MOST_CHOICES;
use super::place::BlockChoice;
use super::{Choices, ElasticStage, Operator, SearchSpace, SpaceFault, StageSample, Subnet};
use crate::base::{Fault, Result};
use crate::space::Hyperspace;

const DIGITS: &[u8; MOST_CHOICES] = b"0123456789abcdefghijklmnopqrstuvwxyz";

impl SearchSpace {
    /// The text, for example `012-210`.
    pub fn encode(&self) -> String {
        let digit = |&choice: &usize| DIGITS[choice] as char;
        let mut text: String = self.operators.iter().map(digit).collect();
        text.push('-');
        text.extend(self.windows.iter().map(digit));
        text
    }

    /// The space that `text` names. Fails with `space::encoding` and the position.
    pub fn parse(hyperspace: &Arc<Hyperspace>, text: &str) -> Result<Self> {
        let prefix = format!("{}-", hyperspace.name);
        let skipped = if text.starts_with(&prefix) { prefix.len() } else { 0 };
        let mut reader = Reader { what: "search space", text, at: skipped };
        let searched = hyperspace.searched();
        let names: Vec<_> = searched.iter().map(|&stage| hyperspace.stages[stage].name.as_str()).collect();
        let operators = reader.digits(&names, "operator", |place| hyperspace.candidates(searched[place]).len())?;
        let windows = if reader.rest().is_empty() {
            vec![0; searched.len()]
        } else {
            if !reader.rest().starts_with(['-', '_']) {
                let help = format!("`{}` has {} searched stages: {}", hyperspace.name, names.len(), names.join(", "));
                return Err(reader.fail(reader.at, "`-` and the windows should follow".into(), help));
            }
            reader.at += 1;
            reader.digits(&names, "window", |place| hyperspace.stages[searched[place]].windows())?
        };
        reader.end()?;
        Self::new(hyperspace, operators, windows)
    }
}

impl std::fmt::Display for SearchSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.encode())
    }
}

impl Subnet {
    /// The text, for example `d1#2_k3#3#5_w16#24#32_e0#3.0#6.0_r32`.
    pub fn encode(&self) -> String {
        let stages: Vec<_> = elastic(&self.space).map(|stage| &self.stages[stage]).collect();
        let blocks = || stages.iter().flat_map(|blocks| blocks.iter());
        let list = |show: &dyn Fn(&BlockChoice) -> String| blocks().map(show).collect::<Vec<_>>().join("#");
        let depths = stages.iter().map(|blocks| blocks.len().to_string()).collect::<Vec<_>>().join("#");
        let choice = |block: &BlockChoice, name: &str| block.choices.get(name).unwrap_or(0.0);
        let kernels = list(&|block| choice(block, "kernel").to_string());
        let widths = list(&|block| block.width.to_string());
        let expands = list(&|block| block.choices.get("expand").map_or("0".into(), |value| format!("{value:?}")));
        let mut text = format!("d{depths}_k{kernels}_w{widths}_e{expands}");
        for name in other_lists(&self.space) {
            text.push_str(&format!("_{name}:{}", list(&|block| choice(block, &name).to_string())));
        }
        text.push_str(&format!("_r{}", self.resolution));
        text
    }

    /// The subnet of `space` that `text` names. Fails with `space::encoding` and the position.
    pub fn parse(space: &Arc<SearchSpace>, text: &str) -> Result<Self> {
        let mut reader = Reader { what: "subnet", text, at: 0 };
        let stages: Vec<_> = elastic(space).collect();
        let home = &space.hyperspace;

        reader.literal("d")?;
        let given = reader.list();
        reader.count(&given, stages.len(), "depths, one for each stage in which something can be chosen")?;
        let mut depths = Vec::new();
        for (&stage, &(at, word)) in stages.iter().zip(&given) {
            let stage = &home.stages[stage];
            depths.push(reader.one_of(at, word, &stage.depths, &format!("depths of stage `{}`", stage.name))?);
        }
        let owners: Vec<usize> = stages.iter().zip(&depths).flat_map(|(&stage, &depth)| vec![stage; depth]).collect();

        let section = |begin: &str, what: &str, reader: &mut Reader<'_>| -> Result<Vec<(usize, String)>> {
            reader.literal(begin)?;
            let given = reader.list();
            reader.count(&given, owners.len(), &format!("{what}, one for each block"))?;
            Ok(given.into_iter().map(|(at, word)| (at, word.to_string())).collect())
        };
        let kernels = section("_k", "kernels", &mut reader)?;
        let widths = section("_w", "widths", &mut reader)?;
        let mut named = vec![("kernel".to_string(), kernels)];
        named.push(("expand".into(), section("_e", "expansions", &mut reader)?));
        for name in other_lists(space) {
            let values = section(&format!("_{name}:"), &format!("values of `{name}`"), &mut reader)?;
            named.push((name, values));
        }
        reader.literal("_r")?;
        let (at, word) = reader.list()[0];
        let resolution = reader.one_of(at, word, &home.resolutions, "resolutions")?;
        reader.end()?;

        let mut blocks = Vec::new();
        for (place, &stage) in owners.iter().enumerate() {
            let (at, word) = &widths[place];
            let what = format!("widths of stage `{}` in this space", home.stages[stage].name);
            let width = reader.one_of(*at, word, space.widths(stage), &what)?;
            let given: Vec<_> =
                named.iter().map(|(name, words)| (name.as_str(), words[place].0, words[place].1.as_str())).collect();
            blocks.push(BlockChoice { width, choices: reader.choices(space.operator(stage), &given, "0")? });
        }
        let mut blocks = blocks.into_iter();
        let mut net = Self::smallest(space);
        for (stage, depth) in stages.into_iter().zip(depths) {
            net.stages[stage] = blocks.by_ref().take(depth).collect();
        }
        Ok(Self { resolution, ..net })
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.encode())
    }
}

impl StageSample {
    /// The text, for example `5#32#6_3#40#3`; input width and resolution are told apart from it.
    pub fn encode(&self) -> String {
        let show = |name: &str, choices: &Choices| match (self.of.operator.list(name), choices.get(name)) {
            // A list with a fraction prints all its values as fractions: 0.5, 1.0.
            (Some(list), Some(value)) if list.iter().any(|value| value.fract() != 0.0) => format!("{value:?}"),
            (_, Some(value)) => value.to_string(),
            (_, None) => "None".into(),
        };
        let block = |block: &BlockChoice| {
            let mut text = format!("{}#{}#{}", show("kernel", &block.choices), block.width, show("expand", &block.choices));
            for (name, _) in self.of.operator.lists().filter(|(name, _)| !matches!(*name, "kernel" | "expand")) {
                text.push_str(&format!("#{}", show(name, &block.choices)));
            }
            text
        };
        self.blocks.iter().map(block).collect::<Vec<_>>().join("_")
    }
}

impl ElasticStage {
    /// The concrete stage that `text` names, at this input width and resolution. Fails with
    /// `space::encoding` and the position.
    pub fn parse(&self, text: &str, input_width: usize, resolution: usize) -> Result<StageSample> {
        let mut reader = Reader { what: "stage", text, at: 0 };
        let home = &self.hyperspace.stages[self.stage];
        let others = self.operator.lists().map(|(name, _)| name).filter(|name| !matches!(*name, "kernel" | "expand"));
        let names: Vec<_> = ["kernel", "", "expand"].into_iter().chain(others).collect();
        let mut blocks = Vec::new();
        loop {
            let given = reader.list();
            reader.count(&given, names.len(), "values for each block: kernel, width, expansion and any other choice")?;
            let width = reader.one_of(given[1].0, given[1].1, self.widths(), &format!("widths of stage `{}`", home.name))?;
            let mut named = names.iter().zip(&given).map(|(name, (at, word))| (*name, *at, *word)).collect::<Vec<_>>();
            named.remove(1);
            blocks.push(BlockChoice { width, choices: reader.choices(&self.operator, &named, "None")? });
            if reader.rest().is_empty() {
                break;
            }
            reader.literal("_")?;
        }
        if !home.depths.contains(&blocks.len()) {
            let help = format!("depths of stage `{}` are {:?}", home.name, home.depths);
            return Err(reader.fail(reader.at, format!("there are {} blocks", blocks.len()), help));
        }
        Ok(StageSample { of: self.clone(), input_width, resolution, blocks })
    }
}

/// Stages that encodings speak of.
fn elastic(space: &SearchSpace) -> impl Iterator<Item = usize> {
    let stages = &space.hyperspace.stages;
    (0..stages.len()).filter(|&stage| stages[stage].is_elastic())
}

/// Names of the choice lists beside kernel and expand, in order of first appearance.
fn other_lists(space: &SearchSpace) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for stage in elastic(space) {
        for (name, _) in space.operator(stage).lists() {
            if !matches!(name, "kernel" | "expand") && names.iter().all(|known| known != name) {
                names.push(name.into());
            }
        }
    }
    names
}

/// A place in a text that is being read.
struct Reader<'a> {
    what: &'static str,
    text: &'a str,
    /// In bytes, always at the start of a character.
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail(&self, at: usize, wrong: String, help: String) -> Fault {
        let at = self.text[..at].chars().count() + 1;
        SpaceFault::Encoding { what: self.what, text: self.text.into(), at, wrong, help }.into()
    }

    /// What stands at the current place, for messages.
    fn here(&self) -> String {
        self.rest().chars().next().map_or("the text ends".into(), |c| format!("`{c}` stands"))
    }

    fn literal(&mut self, wanted: &str) -> Result<()> {
        if !self.rest().starts_with(wanted) {
            let help = format!("a {} is written like this: {}", self.what, Self::example(self.what));
            return Err(self.fail(self.at, format!("{} where `{wanted}` should be", self.here()), help));
        }
        self.at += wanted.len();
        Ok(())
    }

    fn example(what: &str) -> &'static str {
        match what {
            "subnet" => "d1#2_k3#3#5_w16#24#32_e0#3.0#6.0_r32",
            "stage" => "5#32#6_3#40#3",
            _ => "012-210",
        }
    }

    fn end(&self) -> Result<()> {
        match self.rest() {
            "" => Ok(()),
            _ => Err(self.fail(self.at, format!("{} where the text should end", self.here()), "leave the rest out".into())),
        }
    }

    /// One character for each of `stages`.
    fn digits(&mut self, stages: &[&str], what: &str, count: impl Fn(usize) -> usize) -> Result<Vec<usize>> {
        let mut values = Vec::new();
        for (place, stage) in stages.iter().enumerate() {
            let value = self.rest().bytes().next().and_then(|c| DIGITS.iter().position(|&digit| digit == c));
            let count = count(place);
            let Some(value) = value.filter(|&value| value < count) else {
                let wrong = format!("{} where the {what} of stage `{stage}` should be", self.here());
                return Err(self.fail(self.at, wrong, format!("`0` to `{}` are there", DIGITS[count - 1] as char)));
            };
            values.push(value);
            self.at += 1;
        }
        Ok(values)
    }

    /// The words up to the next `_` or the end, with their places; at least one, maybe empty.
    fn list(&mut self) -> Vec<(usize, &'a str)> {
        let rest = self.rest();
        let whole = &rest[..rest.find('_').unwrap_or(rest.len())];
        let start = self.at;
        self.at += whole.len();
        whole.split('#').map(|word| (start + (word.as_ptr() as usize - whole.as_ptr() as usize), word)).collect()
    }

    fn count(&self, given: &[(usize, &str)], wanted: usize, what: &str) -> Result<()> {
        if given.len() == wanted {
            return Ok(());
        }
        let help = format!("{wanted} are needed, with `#` between them");
        Err(self.fail(given[0].0, format!("{} {what} are given", given.len()), help))
    }

    fn one_of(&self, at: usize, word: &str, known: &[usize], what: &str) -> Result<usize> {
        let value = word.parse().ok().filter(|value| known.contains(value));
        value.ok_or_else(|| self.fail(at, format!("`{word}` is not one of the {what}"), format!("there are {known:?}")))
    }

    /// Choices of `operator` from words by name; `none` stands where it has no such list.
    fn choices(&self, operator: &Operator, given: &[(&str, usize, &str)], none: &str) -> Result<Choices> {
        for (name, at, word) in given.iter().filter(|(name, ..)| operator.list(name).is_none()) {
            if *word != none {
                let wrong = format!("`{word}` is given, but operator `{}` has no choice `{name}`", operator.name());
                return Err(self.fail(*at, wrong, format!("write `{none}`")));
            }
        }
        let mut choices = Choices::default();
        for (name, values) in operator.lists() {
            let (_, at, word) = given.iter().find(|(own, ..)| *own == name).copied().unwrap_or((name, self.at, ""));
            let value = word.parse::<f64>().ok().filter(|value| values.contains(value));
            let Some(value) = value else {
                let wrong = format!("`{word}` is not one of the values of `{name}` of operator `{}`", operator.name());
                return Err(self.fail(at, wrong, format!("there are {values:?}")));
            };
            choices.push(name.into(), value);
        }
        Ok(choices)
    }
}
