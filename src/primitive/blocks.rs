//! Block tables: what single blocks take, read from files or recovered from a look-up table's sums.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::latency::LatencyModel;
use super::lut::Lookup;
use super::noun::Nouns;
use super::operator::Block;
use super::options::Options;
use super::space::Hyper;
use crate::base::{Fault, Result};
use crate::frame::Table;
use crate::lut::latency::LatencyModel as Model;
use crate::lut::{BlockKey, BlockTable, INT8_MS, Outlier, read_nn_meter, write_nn_meter};
use crate::space::{ElasticStage, StageSample};

/// A block table as scripts hold it.
#[derive(Debug, Clone)]
pub struct Blocks {
    /// The blocks.
    pub table: Arc<BlockTable>,
    hyperspace: Hyper,
    /// What is known of how it came about, for `report`.
    pub(super) report: Map,
}

impl Blocks {
    /// A block table of this hyperspace.
    pub(super) fn new(table: Arc<BlockTable>, hyperspace: Hyper, report: Map) -> Self {
        Self { table, hyperspace, report }
    }

    /// The hyperspace whose operators its blocks are of.
    pub(super) fn hyperspace(&self) -> &Hyper {
        &self.hyperspace
    }
}

#[export_module]
mod block_functions {
    /// What single blocks take, recovered from the INT8 latencies of a look-up table.
    #[rhai_fn(return_raw)]
    pub fn recover_blocks(lut: Lookup) -> Answer<Blocks> {
        recover_blocks_with(lut, Map::new())
    }

    /// What single blocks take, recovered from the sums of a look-up table.
    ///
    /// Where a row's latency is the sum of its blocks', the rows are a sparse linear system, solved by least squares. Blocks that the rows do not decide are
    /// left out; `report` has how many there are, and the residuals, which are large where latencies are no sums.
    ///
    /// Options: `column` ("int8_ms"): which latency.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let lut = sample_lut(hs, #{ samples: 60, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops * 0.3 } });
    /// let blocks = recover_blocks(lut);
    /// blocks.report.largest_residual_ms < 1e-6 //> true
    /// blocks.ms(block("fused_residual", #{ cin: 40, cout: 32, stride: 2, expand: 1, hw: 16 })) //> ~0.325632
    /// ```
    #[rhai_fn(name = "recover_blocks", return_raw)]
    pub fn recover_blocks_with(lut: Lookup, given: Map) -> Answer<Blocks> {
        recover(&lut, given).cross()
    }

    /// A block table from a JSON file with nn-Meter's keys.
    ///
    /// They are `Name_hw_cin_cout_kernel_expand_stride_activation`, with milliseconds.
    /// Keys of operators that the hyperspace does not have are skipped; `report.skipped` says how many. The reference's names are known (`MobileNetV2ResBlock` is `inverted_residual`).
    ///
    /// # Example
    ///
    /// ```rhai
    /// read_blocks(hyperspace("pocket"), "gone.json") //> fails file::io
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read_blocks(context: NativeCallContext, hyperspace: Hyper, path: &str) -> Answer<Blocks> {
        Host::of(&context)?.running.reads(Path::new(path));
        let read = read_nn_meter(&hyperspace, Path::new(path)).cross()?;
        let report = Map::from([("skipped".into(), (read.skipped as i64).into())]);
        Ok(Blocks { table: Arc::new(read.blocks), hyperspace, report })
    }

    /// Writes the blocks: `.json` with nn-Meter's keys, `.parquet` or `.csv` as a table.
    ///
    /// # Example
    ///
    /// ```rhai no_run
    /// recover_blocks(import_lut(hyperspace("mobilew"), "block_lut/mobilew")).write("pixel4_blocks.json");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn write(blocks: Blocks, path: &str) -> Answer<()> {
        let path = Path::new(path);
        if path.extension().is_some_and(|ending| ending == "json") {
            return write_nn_meter(&blocks.hyperspace, &blocks.table, path).cross();
        }
        blocks.table.to_table().and_then(|table| table.write(path)).cross()
    }

    /// Number of blocks.
    #[rhai_fn(get = "height", pure)]
    pub fn block_count(blocks: &mut Blocks) -> i64 {
        blocks.table.entries().len() as i64
    }

    /// The blocks as a table: operator, map, widths, choices, stride, activation, `int8_ms`.
    #[rhai_fn(get = "table", pure, return_raw)]
    pub fn block_table(blocks: &mut Blocks) -> Answer<Table> {
        blocks.table.to_table().cross()
    }

    /// How the table came about: a map.
    ///
    /// Recovered: `decided` of `occurring` blocks, `largest_residual_ms`, `rms_residual_ms`. Read: `skipped` keys.
    #[rhai_fn(get = "report", pure)]
    pub fn report(blocks: &mut Blocks) -> Map {
        blocks.report.clone()
    }

    /// Latency of one block in milliseconds. Fails with `lut::block_missing`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 60, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// recover_blocks(lut).ms(block("fused_residual", #{ cin: 8, hw: 16 })) //> fails lut::block_missing
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ms(blocks: Blocks, block: Block) -> Answer<f64> {
        blocks.table.need(&block.key()).cross()
    }

    /// The latency model that sums these blocks, for `search_subnet` and `with_latency`.
    #[rhai_fn(get = "latency", pure)]
    pub fn block_latency(blocks: &mut Blocks) -> LatencyModel {
        LatencyModel(Model::Blocks(blocks.table.clone()))
    }

    /// The blocks of two tables; where both have one, the second counts.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 60, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// let blocks = recover_blocks(lut);
    /// blocks.merge(blocks).height == blocks.height //> true
    /// ```
    pub fn merge(blocks: Blocks, other: Blocks) -> Blocks {
        Blocks { table: Arc::new(blocks.table.merged(&other.table)), ..blocks }
    }

    /// How many of the blocks that each stage and operator can have are in the table.
    ///
    /// Columns: `stage`, `operator`, `resolution`, `blocks`, `known`, `share`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let hs = hyperspace("pocket");
    /// let lut = sample_lut(hs, #{ samples: 60, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// recover_blocks(lut).coverage(hs).filter(col("stage") == "stage1")["share"].min() > 0.5 //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn coverage(context: NativeCallContext, blocks: Blocks, hyperspace: Hyper) -> Answer<Table> {
        let host = Host::of(&context)?;
        covered(&host, &blocks.table, &hyperspace).cross()
    }

    /// Blocks far from what others of their kind take.
    #[rhai_fn(return_raw)]
    pub fn outliers(blocks: Blocks) -> Answer<Table> {
        outliers_of(blocks, Dynamic::from(3.0))
    }

    /// Blocks that take more than `factor` times what others of their kind take, or less than a `factor`th.
    ///
    /// A kind is an operator with its choices, stride and map; what is usual is a line through the logarithms of latency and multiply-accumulates.
    /// Columns: `block`, `int8_ms`, `usual_ms`, `factor`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 60, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// recover_blocks(lut).outliers(3).height //> 0
    /// ```
    #[rhai_fn(name = "outliers", return_raw)]
    pub fn outliers_of(blocks: Blocks, factor: Dynamic) -> Answer<Table> {
        let found = find(&blocks, &factor).cross()?;
        outlier_table(&found).cross()
    }

    /// The same table with what is usual in place of outliers beyond a `factor`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let lut = sample_lut(hyperspace("pocket"), #{ samples: 60, columns: #{ loss: |stage| 1.0, int8_ms: |stage| stage.mflops } });
    /// recover_blocks(lut).repaired(3).outliers(3).height //> 0
    /// ```
    #[rhai_fn(return_raw)]
    pub fn repaired(blocks: Blocks, factor: Dynamic) -> Answer<Blocks> {
        let found = find(&blocks, &factor).cross()?;
        let mut report = blocks.report.clone();
        report.insert("repaired".into(), (found.len() as i64).into());
        Ok(Blocks { table: Arc::new(blocks.table.repaired(&found)), report, ..blocks })
    }

    /// The block table as text.
    #[rhai_fn(name = "to_string", pure)]
    pub fn blocks_text(blocks: &mut Blocks) -> String {
        let report: Vec<_> = blocks.report.iter().map(|(key, value)| format!("{key} {value}")).collect();
        format!("block table of {} blocks ({})", blocks.table.entries().len(), report.join(", "))
    }
}

fn recover(lut: &Lookup, given: Map) -> Result<Blocks> {
    let options = Options::new("recover_blocks", given, &["column"])?;
    let column = options.text("column")?.unwrap_or_else(|| INT8_MS.into());
    let found = lut.lut.recover_blocks(&lut.hyperspace, &column)?;
    let report = Map::from([
        ("decided".into(), (found.blocks.entries().len() as i64).into()),
        ("occurring".into(), (found.occurring as i64).into()),
        ("largest_residual_ms".into(), found.largest_residual_ms.into()),
        ("rms_residual_ms".into(), found.rms_residual_ms.into()),
    ]);
    Ok(Blocks { table: Arc::new(found.blocks), hyperspace: lut.hyperspace.clone(), report })
}

fn find(blocks: &Blocks, factor: &Dynamic) -> Result<Vec<Outlier>> {
    let factor = super::values::number("outliers", factor)?;
    if factor.is_nan() || factor <= 1.0 {
        return Err(Fault::new("lut::factor", format!("a factor of {factor} is not above 1"), "3 is usual"));
    }
    blocks.table.outliers(&blocks.hyperspace, factor)
}

fn outlier_table(found: &[Outlier]) -> Result<Table> {
    Table::builder()
        .text("block", found.iter().map(|one| one.block.to_string()))
        .float("int8_ms", found.iter().map(|one| one.ms))
        .float("usual_ms", found.iter().map(|one| one.usual_ms))
        .float("factor", found.iter().map(|one| one.ms / one.usual_ms))
        .build()
}

fn covered(host: &Host, blocks: &BlockTable, hyperspace: &Hyper) -> Result<Table> {
    let (mut stages, mut names, mut sides, mut counts, mut known) = (vec![], vec![], vec![], vec![], vec![]);
    for stage in 0..hyperspace.stages.len() {
        let name = &hyperspace.stages[stage].name;
        for operator in hyperspace.candidates(stage) {
            for &resolution in &hyperspace.resolutions {
                host.cancel.check()?;
                let keys = possible(hyperspace, stage, operator.name(), resolution)?;
                stages.push(name.clone());
                names.push(operator.name().to_string());
                sides.push(resolution as i64);
                counts.push(keys.len() as i64);
                known.push(keys.iter().filter(|key| blocks.get(key).is_some()).count() as i64);
            }
        }
    }
    let shares: Vec<f64> = known.iter().zip(&counts).map(|(known, count)| *known as f64 / (*count).max(1) as f64).collect();
    Table::builder()
        .text("stage", stages)
        .text("operator", names)
        .int("resolution", sides)
        .int("blocks", counts)
        .int("known", known)
        .float("share", shares)
        .build()
}

/// Every block that a stage of some search space can have at a resolution, each once.
fn possible(hyperspace: &Hyper, stage: usize, operator: &str, resolution: usize) -> Result<Vec<BlockKey>> {
    let home = &hyperspace.stages[stage];
    let (mut known, mut keys) = (HashSet::new(), Vec::new());
    for window in 0..home.windows() {
        let elastic = ElasticStage::new(hyperspace, &home.name, operator, Some(window))?;
        // Parts come at the largest resolution; all blocks but the first are alike, so two tell maps and strides.
        let largest = elastic.largest();
        let two = StageSample { resolution, blocks: largest.blocks.into_iter().take(2).collect(), ..largest };
        let sides: Vec<_> = two.parts().iter().map(|block| (block.config.hw, block.config.stride)).collect();
        for mut block in elastic.elastic_parts()? {
            let place = usize::from(!block.prefix.ends_with(".b0"));
            (block.config.hw, block.config.stride) = sides[place.min(sides.len() - 1)];
            let key = BlockKey::of(&block);
            if known.insert(key.clone()) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

/// Declares block tables.
pub(super) fn register(engine: &mut Engine) {
    engine.noun::<Blocks>("BlockTable");
    engine.register_global_module(exported_module!(block_functions).into());
}
