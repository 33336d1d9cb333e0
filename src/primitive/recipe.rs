//! How networks are trained and judged, read from options: those of blocks, of look-up tables, of supernets and of teachers alike.

use std::sync::Arc;

use rhai::{FnPtr, NativeCallContext};

use super::host::{BATCH, DRY_BATCH, DRY_REPLICAS, Host, REPLICAS, STEPS};
use super::options::Options;
use super::tensor::{Given, OF_LABELS, OF_LOGITS, OF_MAPS, OF_VALUES, traced};
use crate::base::{Fault, Result};
use crate::graph::{FEWEST_BITS, MOST_BITS};
use crate::train::{
    BlockRecipe, Decay, Distill, Expression, Granularity, Loss, Lsq, Offset, OwnQuantizer, Precision, Recipe, Rule, ScaleInit,
    SupernetRecipe, Targets, Update,
};

/// Options of whatever trains a network: how long, how fast, how parameters move.
const PACE: [&str; 13] = [
    "steps",
    "int8_steps",
    "batch",
    "lr",
    "int8_lr",
    "warmup",
    "int8_warmup",
    "optimizer",
    "weight_decay",
    "decay",
    "gradient_clip",
    "cosine_every",
    "precision",
];
/// Options of whatever trains an elastic network, besides.
const ELASTIC: [&str; 7] = ["random", "weight_bits", "activation_bits", "weights", "scale_init", "offset", "quantizer"];

/// Options of whatever learns from labels: a whole network.
const OF_LABELLED: [&str; 4] = ["loss", "smoothing", "dropout", "replicas"];
/// Fewest images of a part of a batch: of one alone, a map of one cell has no variance to norm by.
const LEAST_PART: usize = 2;

/// Options of whatever judges one.
pub(super) const JUDGING: [&str; 3] = ["quantized", "weight_bits", "activation_bits"];

/// Options of a primitive that trains blocks, besides `own`.
pub(super) fn with_block_options(own: &[&'static str]) -> Vec<&'static str> {
    [&PACE[..], &ELASTIC, &["loss", "targets"], own].concat()
}

/// Options of a primitive that trains supernets, besides `own`.
pub(super) fn with_supernet_options(own: &[&'static str]) -> Vec<&'static str> {
    [&PACE[..], &ELASTIC, &["distill"], &OF_LABELLED, own].concat()
}

/// Options of a primitive that trains one subnet further, besides `own`.
pub(super) fn with_tuning_options(own: &[&'static str]) -> Vec<&'static str> {
    [&PACE[..], &OF_LABELLED, own].concat()
}

/// How blocks are trained.
pub(super) fn block_recipe(context: &NativeCallContext, host: &Host, options: &Options) -> Result<BlockRecipe> {
    let default = BlockRecipe::default();
    let named = [("nsr", Loss::Nsr), ("nsr_student", Loss::NsrStudent), ("mse", Loss::Mse)];
    let targets = [("teacher", Targets::Teacher), ("largest", Targets::Largest)];
    Ok(BlockRecipe {
        common: common(context, host, options, default.common)?,
        loss: match own(context, host, options, "loss", OF_MAPS)? {
            Some(expression) => Loss::Own(expression),
            None => options.one_of("loss", &named)?.unwrap_or(default.loss),
        },
        targets: options.one_of("targets", &targets)?.unwrap_or(default.targets),
    })
}

/// How supernets are trained.
pub(super) fn supernet_recipe(context: &NativeCallContext, host: &Host, options: &Options) -> Result<SupernetRecipe> {
    let default = SupernetRecipe::default();
    let named = [
        ("alpha_divergence", Distill::AlphaDivergence),
        ("soft_cross_entropy", Distill::SoftCrossEntropy),
        ("labels", Distill::Labels),
    ];
    Ok(SupernetRecipe {
        common: common(context, host, options, default.common.clone())?,
        distill: match own(context, host, options, "distill", OF_LOGITS)? {
            Some(expression) => Distill::Own(expression),
            None => options.one_of("distill", &named)?.unwrap_or_else(|| default.distill.clone()),
        },
        ..labelled(context, host, options, default)?
    })
}

/// How one subnet is trained further.
pub(super) fn tuning_recipe(
    context: &NativeCallContext,
    host: &Host,
    options: &Options,
    default: SupernetRecipe,
) -> Result<SupernetRecipe> {
    let common = moved(host, options, default.common.clone(), 0)?;
    if common.steps + common.int8_steps == 0 {
        return Err(options.refuse("int8_steps", "no step is left to train", "leave `steps` or `int8_steps` above 0"));
    }
    Ok(SupernetRecipe { common, ..labelled(context, host, options, default)? })
}

/// What is learned from labels.
fn labelled(context: &NativeCallContext, host: &Host, options: &Options, default: SupernetRecipe) -> Result<SupernetRecipe> {
    Ok(SupernetRecipe {
        loss: match own(context, host, options, "loss", OF_LABELS)? {
            Some(expression) => Some(expression),
            None => options.one_of("loss", &[("cross_entropy", None)])?.unwrap_or(default.loss),
        },
        smoothing: share(options, "smoothing")?.unwrap_or(default.smoothing),
        dropout: share(options, "dropout")?.unwrap_or(default.dropout),
        ..default
    })
}

/// How teachers are trained: how long and how fast. One with weights may need no steps.
pub(super) fn teacher_recipe(host: &Host, options: &Options, default: Recipe) -> Result<Recipe> {
    paced(host, options, default, 0)
}

/// How a teacher is to be trained that is defined here, of which a dry run cuts nothing yet.
pub(super) fn teacher_plan(options: &Options, default: Recipe) -> Result<Recipe> {
    asked(options, default, 0)
}

fn common(context: &NativeCallContext, host: &Host, options: &Options, default: Recipe) -> Result<Recipe> {
    Ok(Recipe {
        random: options.count("random", 0)?.unwrap_or(default.random),
        lsq: lsq(context, host, options, default.lsq.clone())?,
        ..moved(host, options, default, 1)?
    })
}

/// `default` at the pace, and with the moves of parameters, that options ask for, and at least so many FP32 steps.
fn moved(host: &Host, options: &Options, default: Recipe, least: i64) -> Result<Recipe> {
    let pace = paced(host, options, default, least)?;
    Ok(Recipe {
        warmup: options.count("warmup", 0)?.or(pace.warmup).map(|warmup| warmup.min(pace.steps)),
        int8_warmup: options.count("int8_warmup", 0)?.unwrap_or(pace.int8_warmup).min(pace.int8_steps),
        update: update(options, pace.update)?,
        ..pace
    })
}

/// [`asked`], or as much of it as a dry run does.
fn paced(host: &Host, options: &Options, default: Recipe, least: i64) -> Result<Recipe> {
    let asked = asked(options, default, least)?;
    Ok(Recipe {
        steps: host.cut(STEPS, asked.steps, 1),
        int8_steps: host.cut(STEPS, asked.int8_steps, 1),
        batch: host.cut(BATCH, asked.batch, DRY_BATCH),
        // What a dry run leaves of any batch that is cut into equal parts makes two.
        replicas: host.cut(REPLICAS, asked.replicas, DRY_REPLICAS),
        ..asked
    })
}

/// `default` with the steps, learning rates, batch and replicas that options ask for, and at least so many FP32 steps.
fn asked(options: &Options, default: Recipe, least: i64) -> Result<Recipe> {
    let batch = options.count("batch", 2)?.unwrap_or(default.batch);
    Ok(Recipe {
        steps: options.count("steps", least)?.unwrap_or(default.steps),
        int8_steps: options.count("int8_steps", 0)?.unwrap_or(default.int8_steps),
        lr: options.positive("lr")?.unwrap_or(default.lr),
        int8_lr: options.positive("int8_lr")?.unwrap_or(default.int8_lr),
        batch,
        replicas: replicas(options, batch)?.unwrap_or(default.replicas),
        precision: precision(options)?.unwrap_or(default.precision),
        ..default
    })
}

/// Into how many equal parts a batch is to be cut.
fn replicas(options: &Options, batch: usize) -> Result<Option<usize>> {
    let fits = |count: &usize| batch.is_multiple_of(*count) && batch / count >= LEAST_PART;
    match options.count("replicas", 1)? {
        Some(count) if !fits(&count) => {
            let fewer = (1..count.min(batch)).rev().find(fits).unwrap_or(1);
            let more = (count.min(batch) + 1..=batch).find(fits).map(|more| format!(" or {more}")).unwrap_or_default();
            let larger = batch.next_multiple_of(count).max(count.saturating_mul(LEAST_PART));
            Err(options.refuse(
                "replicas",
                &format!("{batch} images cannot be cut into so many equal parts of {LEAST_PART} or more"),
                &format!("say {fewer}{more}, or `batch: {larger}`"),
            ))
        }
        count => Ok(count),
    }
}

fn precision(options: &Options) -> Result<Option<Precision>> {
    if options.text("precision")?.is_some_and(|word| word == "float16") {
        let why = "small gradients are 0 in it unless the loss is scaled, which is not done here";
        return Err(options.refuse("precision", why, "use \"bfloat16\": it has the range of float32"));
    }
    options.one_of("precision", &[("float32", Precision::Float32), ("bfloat16", Precision::Bfloat16)])
}

fn update(options: &Options, default: Update) -> Result<Update> {
    Ok(Update {
        rule: options.one_of("optimizer", &[("sgd", Rule::Sgd), ("adam", Rule::Adam)])?.unwrap_or(default.rule),
        weight_decay: not_negative(options, "weight_decay")?.unwrap_or(default.weight_decay),
        decay: options.one_of("decay", &[("weights", Decay::Weights), ("reference", Decay::Reference)])?.unwrap_or(default.decay),
        clip: not_negative(options, "gradient_clip")?.unwrap_or(default.clip),
        cosine_every: options.count("cosine_every", 1)?.unwrap_or(default.cosine_every),
    })
}

fn lsq(context: &NativeCallContext, host: &Host, options: &Options, default: Lsq) -> Result<Lsq> {
    let granularity = [("per_tensor", Granularity::PerTensor), ("per_channel", Granularity::PerChannel)];
    let init = [("min_max", ScaleInit::MinMax), ("lsq", ScaleInit::Lsq), ("reference", ScaleInit::Reference)];
    let offset = [("integer", Offset::Integer), ("real", Offset::Real)];
    Ok(Lsq {
        weights: options.one_of("weights", &granularity)?.unwrap_or(default.weights),
        scale_init: options.one_of("scale_init", &init)?.unwrap_or(default.scale_init),
        offset: options.one_of("offset", &offset)?.unwrap_or(default.offset),
        own: match own(context, host, options, "quantizer", OF_VALUES)? {
            Some(expression) => Some(Arc::new(OwnQuantizer::new(expression))),
            None => options.one_of("quantizer", &[("lsq", None)])?.unwrap_or_default(),
        },
        ..with_bits(options, default)?
    })
}

/// `lsq` with the bits that options ask for.
fn with_bits(options: &Options, lsq: Lsq) -> Result<Lsq> {
    let bits = |key: &str, default: u32| match options.count(key, i64::from(FEWEST_BITS))? {
        None => Ok(default),
        Some(bits) if bits <= MOST_BITS as usize => Ok(bits as u32),
        Some(_) => Err(options.refuse(
            key,
            &format!("LSQ+ has {FEWEST_BITS} to {MOST_BITS} bits here"),
            "32 bits: leave out quantization",
        )),
    };
    let weight_bits = bits("weight_bits", lsq.weight_bits)?;
    Ok(Lsq { weight_bits, activation_bits: bits("activation_bits", lsq.activation_bits)?, ..lsq })
}

/// What networks are judged by in place of top-1.
pub(super) fn metric(context: &NativeCallContext, host: &Host, options: &Options) -> Result<Option<Expression>> {
    let metric = own(context, host, options, "metric", OF_LABELS)?;
    match options.value("metric") {
        Some(_) if metric.is_none() => Err(options.refuse("metric", "it is no closure", "write `|logits, labels| ...`")),
        _ => Ok(metric),
    }
}

/// How networks are judged that were trained so: whether quantized, and how. Bits that are asked for mean quantized.
pub(super) fn judged(options: &Options, quantized: bool, lsq: &Lsq) -> Result<(bool, Lsq)> {
    let asked = options.value("weight_bits").is_some() || options.value("activation_bits").is_some();
    let quantized = match options.flag("quantized")? {
        Some(false) if asked => {
            let why = "`weight_bits` and `activation_bits` only mean something where it is true";
            return Err(options.refuse("quantized", why, "leave them out to judge in FP32"));
        }
        given => given.unwrap_or(quantized || asked),
    };
    Ok((quantized, with_bits(options, lsq.clone())?))
}

/// What the closure under `key`, if it is one, makes of tensors.
fn own(context: &NativeCallContext, host: &Host, options: &Options, key: &str, given: Given) -> Result<Option<Expression>> {
    let closure = options.value(key).and_then(|value| value.clone().try_cast::<FnPtr>());
    closure.map(|closure| Ok(traced(context, host, key, &closure, given)?.expression)).transpose()
}

fn not_negative(options: &Options, key: &str) -> Result<Option<f64>> {
    match options.float(key)? {
        Some(value) if !(value.is_finite() && value >= 0.0) => Err(options.refuse(key, "it may not be negative", "0 for none")),
        value => Ok(value),
    }
}

/// A share of less than 1.
fn share(options: &Options, key: &str) -> Result<Option<f64>> {
    match options.float(key)? {
        Some(value) if !(0.0..1.0).contains(&value) => {
            Err(options.refuse(key, "it is no share from 0 to 1 (not included)", "0 for none"))
        }
        value => Ok(value),
    }
}

/// The fault of an export to INT8 of a network that was quantized as `lsq` says, for other kernels.
pub(super) fn not_int8(lsq: &Lsq) -> Fault {
    let (what, instead) = match lsq.offset {
        Offset::Real => ("real offsets, which INT8 kernels do not have", "`offset: \"integer\"`, the default"),
        Offset::Integer => (
            "a quantizer of its own, whose values are not those of integer codes",
            "the usual quantizer, or one that rounds to codes",
        ),
    };
    Fault::new(
        "supernet::not_int8",
        format!("this supernet was quantized with {what}"),
        format!("train it with {instead}, or export with `precision: \"fp32\"`"),
    )
}
