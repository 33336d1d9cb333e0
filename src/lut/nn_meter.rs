//! Block tables as nn-Meter keeps them: a JSON map of `Name_hw_cin_cout_kernel_expand_stride_activation` to milliseconds.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::LutFault;
use super::blocks::{BlockKey, BlockTable, operators};
use crate::base::{Fault, Result, did_you_mean, readable, write_json};
use crate::graph::Activation;
use crate::space::{BlockConfig, Choices, Hyperspace, Operator};

/// Operators of the library under the names that the reference gives their blocks.
const NAMES: [(&str, &str); 16] = [
    ("FirstConvBlock", "stem_conv"),
    ("MobileNetV1Block", "mobilenet_v1"),
    ("MobileNetV1DualBlock", "mobilenet_v1_dual"),
    ("MobileNetV2Block", "mobilenet_v2"),
    ("MobileNetV2ResBlock", "inverted_residual"),
    ("MobileNetV2K3ResBlock", "inverted_residual_k3"),
    ("MobileNetV3Block", "mobilenet_v3"),
    ("MobileNetV3ResBlock", "inverted_residual_se"),
    ("MobileNetV3K3ResBlock", "inverted_residual_se_k3"),
    ("ResNetBlock", "resnet_bottleneck"),
    ("ResNetSEBlock", "resnet_bottleneck_se"),
    ("FusedMBConvResBlock", "fused_residual"),
    ("FusedMBConvSEResBlock", "fused_residual_se"),
    ("FinalExpandBlock", "final_expand"),
    ("FeatureMixBlock", "feature_mix"),
    ("LogitsBlock", "classifier"),
];

/// A table that was read, and what of the file is not in it.
#[derive(Debug, Clone)]
pub struct ReadBlocks {
    /// The blocks of the hyperspace's operators.
    pub blocks: BlockTable,
    /// Keys of other operators, or of activations or choices that the hyperspace does not have.
    pub skipped: usize,
}

/// Reads a block table for the operators of `hyperspace`. Fails with `file::io`, or with `lut::block_key` for a key of another
/// form, a latency that is no number, or a file of which nothing fits.
pub fn read_nn_meter(hyperspace: &Hyperspace, path: &Path) -> Result<ReadBlocks> {
    let text = std::fs::read_to_string(readable(path)).map_err(|error| Fault::file("read", path, &error))?;
    let bad = |key: &str, why: String| LutFault::BlockKey {
        key: key.into(),
        why,
        help: "a key is `Name_hw_cin_cout_kernel_expand_stride_activation`, its value milliseconds".into(),
    };
    let map: Map<String, Value> = serde_json::from_str(&text).map_err(|error| bad("", error.to_string()))?;
    let operators = operators(hyperspace);
    let (mut entries, mut skipped) = (Vec::new(), 0);
    for (key, value) in &map {
        let ms = value.as_f64().filter(|ms| ms.is_finite() && *ms >= 0.0);
        let ms = ms.ok_or_else(|| bad(key, format!("its latency is {value}")))?;
        match block_of(key, &operators).map_err(|why| bad(key, why))? {
            Some(block) => entries.push((block, ms)),
            None => skipped += 1,
        }
    }
    if entries.is_empty() {
        let known: Vec<_> = operators.iter().map(Operator::name).collect();
        let name = map.keys().next().and_then(|key| key.split('_').next()).unwrap_or_default();
        let why = format!("none of {} keys is a block of `{}`", map.len(), hyperspace.name);
        return Err(LutFault::BlockKey { key: name.into(), why, help: did_you_mean(name, known) }.into());
    }
    let provenance = BTreeMap::from([("source".to_string(), path.display().to_string())]);
    Ok(ReadBlocks { blocks: BlockTable::new(entries, provenance), skipped })
}

/// Writes a block table in this form; operators that the reference has no name for keep their own. Fails with
/// `lut::block_key` for a block with choices beside kernel and expansion, for which a key has no place.
pub fn write_nn_meter(hyperspace: &Hyperspace, blocks: &BlockTable, path: &Path) -> Result<()> {
    let operators = operators(hyperspace);
    if let Some((key, _)) =
        blocks.entries().iter().find(|(key, _)| key.config.choices.iter().any(|(list, _)| !matches!(list, "kernel" | "expand")))
    {
        let why = "it has choices beside kernel and expansion".into();
        return Err(
            LutFault::BlockKey { key: key.to_string(), why, help: "write the blocks as `.parquet` or `.csv`".into() }.into()
        );
    }
    let entries: Map<String, Value> =
        blocks.entries().iter().map(|(key, ms)| (text_of(key, &operators), Value::from(*ms))).collect();
    write_json(path, &entries)
}

/// The block that a key names; `None` for one that no operator can be.
fn block_of(key: &str, operators: &[Operator]) -> Result<Option<BlockKey>, String> {
    let fields: Vec<&str> = key.rsplitn(8, '_').collect();
    let &[act, stride, expand, kernel, cout, cin, hw, name] = fields.as_slice() else {
        return Err(format!("it has {} parts, not 8", fields.len()));
    };
    let whole = |what: &str, text: &str| text.parse::<usize>().map_err(|_| format!("its {what} is `{text}`, not a whole number"));
    let (hw, cin, cout, stride) = (whole("hw", hw)?, whole("cin", cin)?, whole("cout", cout)?, whole("stride", stride)?.max(1));
    let own = NAMES.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, own)| own);
    let activation = Activation::NAMES.iter().find(|(known, _)| *known == act).map(|(_, act)| *act);
    let fits =
        |operator: &&Operator| operator.name() == own && (operator.activation() == activation || operator.activation().is_none());
    let Some(operator) = operators.iter().find(fits) else { return Ok(None) };
    let mut choices = Choices::default();
    for (list, _) in operator.lists() {
        let text = match list {
            "kernel" => kernel,
            "expand" => expand,
            _ => return Ok(None),
        };
        let Ok(value) = text.parse::<f64>() else { return Ok(None) };
        choices.push(list.into(), value);
    }
    let config = BlockConfig { cin, cout, stride, hw, choices, activation: operator.activation() };
    Ok(Some(BlockKey { operator: own.into(), config }))
}

fn text_of(key: &BlockKey, operators: &[Operator]) -> String {
    let BlockConfig { cin, cout, stride, hw, choices, activation } = &key.config;
    let name = NAMES.iter().find(|(_, own)| *own == &*key.operator).map_or(&*key.operator, |(theirs, _)| theirs);
    let operator = operators.iter().find(|own| own.name() == &*key.operator);
    let choice = |list: &str| match (choices.get(list), operator.and_then(|own| own.list(list))) {
        (Some(value), Some(all)) if all.iter().any(|value| value.fract() != 0.0) => format!("{value:?}"),
        (Some(value), _) => value.to_string(),
        (None, _) => "None".into(),
    };
    let kernel = choices.get("kernel").map_or("0".into(), |value| value.to_string());
    let act = activation.map_or("relu", Activation::name);
    format!("{name}_{hw}_{cin}_{cout}_{kernel}_{}_{stride}_{act}", choice("expand"))
}
