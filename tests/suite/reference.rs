//! The reference's own data: every row of its tables, its networks, its scores, and what its tables say of single blocks.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rand::RngExt;
use spaceevo::base::Seed;
use spaceevo::lut::{BlockKey, BlockTable, CostMismatch, INT8_MS, LOSS_STDERR, Lut, MFLOPS, MPARAMS, Recovered, read_reference};
use spaceevo::score::{Bins, Drawing, QtMethod, QtMode, QtOptions, qt_score};
use spaceevo::space::{Hyperspace, SearchSpace, StageSample, Subnet};

use crate::toy;

/// A hyperspace of the library with the reference's table for it.
type Known = (Arc<Hyperspace>, Lut);

fn read(hyperspace: &str) -> Option<Known> {
    let folder = toy::reference_data()?.join("block_lut").join(hyperspace);
    if !folder.is_dir() {
        println!("skipped: there are no tables of {hyperspace}");
        return None;
    }
    let hyperspace = toy::stdlib(hyperspace);
    let lut = read_reference(&hyperspace, &folder).unwrap();
    Some((hyperspace, lut))
}

/// `mobilew` with the reference's table, read once; `None`, with a word, where it is not there.
pub fn mobilew() -> Option<&'static Known> {
    static KNOWN: OnceLock<Option<Known>> = OnceLock::new();
    KNOWN.get_or_init(|| read("mobilew")).as_ref()
}

/// What the rows of `mobilew` say of single blocks, solved for once.
fn recovered() -> Option<&'static Recovered> {
    static KNOWN: OnceLock<Option<Recovered>> = OnceLock::new();
    KNOWN.get_or_init(|| mobilew().map(|(hyperspace, lut)| lut.recover_blocks(hyperspace, INT8_MS).unwrap())).as_ref()
}

/// Cost of a stage added up as the reference does it: in single precision, layer after layer, a layer's own numbers (weights,
/// biases, the three scalars of its quantizers) first. In millions: multiply-accumulates, parameters.
fn added_in_single_precision(sample: &StageSample) -> (f64, f64) {
    let (mut macs, mut params) = (0.0_f32, 0.0_f32);
    for part in sample.parts() {
        let graph = part.graph().unwrap();
        // The reference has the shortcut last; a script may build it sooner.
        let (shortcut, main): (Vec<_>, Vec<_>) = graph.nodes.iter().partition(|node| node.name.starts_with("short"));
        for node in main.into_iter().chain(shortcut) {
            let cost = graph.node_cost(node);
            let is_norm = cost.macs == 0;
            let width = node.shape.c() as u64;
            // Weights and biases are told apart by their number: a convolution has a bias of its width or none.
            let numbers = match (is_norm, cost.params) {
                (_, 0) => continue,
                (true, _) => vec![width, width],
                (false, all) => {
                    let biased = all > cost.macs / (node.shape.h * node.shape.w) as u64;
                    if biased { vec![all - width, width, 1, 1, 1] } else { vec![all, 1, 1, 1] }
                }
            };
            macs += cost.macs as f32;
            params += numbers.into_iter().fold(0.0_f32, |sum, number| sum + number as f32);
        }
    }
    (f64::from(macs) / 1e6, f64::from(params) / 1e6)
}

/// How far a table's figure is from that of the layers as printed, in units of the last of four decimals.
fn units(mismatch: &CostMismatch) -> f64 {
    let printed: f64 = format!("{:.4}", mismatch.layers).parse().unwrap();
    ((mismatch.table - printed).abs() * 1e4).round()
}

#[test]
fn every_row_costs_what_its_layers_cost() {
    let Some((hyperspace, lut)) = mobilew() else { return };
    assert_eq!(lut.height(), 210_000);
    lut.validate(hyperspace).unwrap();
    assert!(lut.columns().all(|name| name != LOSS_STDERR), "the reference gives none");
    let samples = lut.samples(hyperspace).unwrap();
    for (key, sample) in lut.keys().iter().zip(&samples) {
        assert_eq!(sample.encode(), *key.encoding);
        assert_eq!((sample.resolution, key.output_width()), (key.resolution, Some(sample.output_width())));
    }
    let report = lut.check_costs(hyperspace, 4, true).unwrap();
    assert_eq!(report.rows, lut.height());
    let of = |column| report.mismatches.iter().filter(move |one| one.column == column);
    let (mflops, mparams) = (of(MFLOPS).count(), of(MPARAMS).count());
    println!("of {} rows {mflops} print other MFLOPs than their layers, {mparams} other Mparams", report.rows);
    // The reference adds in single precision: large sums lose their last digits, and no others do.
    assert!(mflops <= 910 && mparams <= 266, "{mflops} {mparams}");
    for one in &report.mismatches {
        assert!(units(one) <= if one.column == MFLOPS { 5.0 } else { 1.0 }, "{one:?}");
        assert!(one.layers > 16.7, "single precision counts to 2^24 without a fault: {one:?}");
        let (mflops, mparams) = added_in_single_precision(&samples[one.row]);
        let theirs = if one.column == MFLOPS { mflops } else { mparams };
        assert_eq!(format!("{theirs:.4}"), format!("{:.4}", one.table), "{one:?}");
    }
    // Without the scalars of quantizers hardly any row agrees.
    let plain = lut.filter(|row| row % 100 == 0).unwrap().check_costs(hyperspace, 4, false).unwrap();
    assert!(plain.mismatches.len() > plain.rows / 4, "{} of {}", plain.mismatches.len(), plain.rows);
}

#[test]
fn every_row_of_the_other_table_costs_what_its_layers_cost() {
    let Some((hyperspace, lut)) = read("onnxw") else { return };
    assert_eq!(lut.height(), 132_000);
    lut.validate(&hyperspace).unwrap();
    let report = lut.check_costs(&hyperspace, 4, true).unwrap();
    println!("{} of {} figures differ", report.mismatches.len(), 2 * report.rows);
    assert!(report.mismatches.len() <= 270 && report.mismatches.iter().all(|one| units(one) <= 20.0));
}

#[test]
fn known_rows_are_found_under_their_names() {
    let Some((hyperspace, lut)) = mobilew() else { return };
    // Stage, operator, window, line (from 1): blocks, input width, resolution, MFLOPs, Mparams.
    let rows = [
        ("stage4", 4, 1, 390, "3#120#4_3#120#4_3#120#2_7#128#1", 104, 224, 402.2845, 2.1312),
        ("stage5", 1, 1, 376, "5#208#3_5#208#3_3#200#8", 128, 224, 64.8454, 1.1887),
        ("stage4", 3, 2, 257, "3#136#1.5_5#136#1.5", 64, 224, 309.2598, 1.5804),
        ("stage3", 3, 3, 126, "3#88#1.0_3#80#1.5_3#96#1.5_3#88#0.5_5#80#1.0", 72, 192, 101.3852, 0.6888),
        ("stage2", 4, 5, 455, "3#64#1_7#64#4", 40, 224, 657.5660, 0.8495),
        ("stage3", 2, 3, 306, "7#88#6_7#80#3_3#96#3", 64, 192, 39.4433, 0.3432),
        ("stage6", 4, 3, 922, "3#264#3_7#328#1", 208, 160, 124.5053, 5.0849),
        ("stage4", 5, 0, 639, "5#120#6_5#128#6", 104, 160, 37.5014, 0.8431),
        ("stage3", 6, 4, 292, "3#88#8_7#104#3_3#88#8_5#88#8_5#88#6_7#88#8", 40, 192, 102.3886, 0.6878),
        ("stage6", 4, 0, 15, "5#296#4_7#296#4", 240, 160, f64::NAN, 23.9401),
    ];
    for (stage, operator, window, line, blocks, width, resolution, mflops, mparams) in rows {
        let operator = hyperspace.operators[operator].name();
        let is_of = |row: &usize| {
            let key = &lut.keys()[*row];
            (&*key.stage, &*key.operator, key.window) == (stage, operator, window)
        };
        let row = (0..lut.height()).filter(is_of).nth(line - 1).unwrap();
        let key = &lut.keys()[row];
        assert_eq!((&*key.encoding, key.input_width, key.resolution), (blocks, width, resolution));
        assert!(mflops.is_nan() || lut.column(MFLOPS).unwrap()[row] == mflops, "{blocks}");
        assert_eq!(lut.column(MPARAMS).unwrap()[row], mparams, "{blocks}");
        assert!(lut.group(stage, operator, window, resolution).contains(&(row as u32)));
    }
}

type Named<T> = BTreeMap<String, T>;

/// The two maps of the reference's list of results: search spaces by name, subnets by name with the name of their space.
fn published(file: &Path) -> (Named<String>, Named<(String, String)>) {
    let text = std::fs::read_to_string(file).unwrap();
    let (mut spaces, mut nets) = (BTreeMap::new(), BTreeMap::new());
    // Every entry is `name: 'text'` or `name: ['text', 'text']`, over one line or two.
    for (entry, tail) in text.match_indices(": ").map(|(at, _)| text.split_at(at)) {
        let name = entry.rsplit(char::is_whitespace).next().unwrap().to_string();
        let quoted: Vec<&str> = tail.split('\'').skip(1).step_by(2).collect();
        if tail.starts_with(": [") {
            nets.insert(name, (quoted[0].into(), quoted[1].into()));
        } else {
            spaces.insert(name, quoted[0].into());
        }
    }
    (spaces, nets)
}

#[test]
fn published_spaces_and_networks_are_read_and_cost_what_was_published() {
    let Some(data) = toy::reference_data() else { return };
    let (spaces, nets) = published(&data.join("search_result.yaml"));
    assert_eq!((spaces.len(), nets.len()), (5, 10));
    let [mobilew, onnxw] = ["mobilew", "onnxw"].map(toy::stdlib);
    assert_eq!((mobilew.size(), onnxw.size()), (1_185_901_920, 95_551_488));
    let space = |name: &str| {
        let text = &spaces[name];
        let home = if text.starts_with("mobilew-") { &mobilew } else { &onnxw };
        let space = SearchSpace::parse(home, text).unwrap();
        assert_eq!(format!("{}-{space}", home.name), *text);
        Arc::new(space)
    };
    // MFLOPs and Mparams of the smallest and of the largest subnet, and how many there are.
    for (name, least, most, count) in [
        ("spaceevo@pixel4", (112.921, 6.3766), (2495.647, 45.7690), "1.8e49"),
        ("spaceevo@pixel4-medium", (107.669, 6.0450), (2386.334, 40.2244), "2.1e48"),
        ("spaceevo@pixel4-tiny", (79.481, 5.5016), (3278.879, 19.0786), "8.6e46"),
        ("spaceevo@vnni", (163.479, 7.7953), (5837.858, 52.1599), "8.3e38"),
        ("spaceevo@vnni-large", (219.890, 8.1357), (3484.416, 51.8846), "5.4e37"),
    ] {
        let space = space(name);
        assert_eq!(format!("{:.1e}", space.size()), count, "{name}");
        for (net, (mflops, mparams)) in [(Subnet::smallest(&space), least), (Subnet::largest(&space), most)] {
            let cost = net.cost().unwrap();
            assert!((cost.mflops() - mflops).abs() < 6e-4, "{name}, {net}: {} instead of {mflops}", cost.mflops());
            assert!((cost.mparams() - mparams).abs() < 6e-5, "{name}, {net}: {} instead of {mparams}", cost.mparams());
        }
    }
    // MFLOPs, Mparams, Mparams with the scalars of quantizers, quantized layers.
    for (name, mflops, mparams, with_quantizers, layers) in [
        ("SEQnet@pixel4-A0", 112.921, 6.3766, 6.3768, 63),
        ("SEQnet@pixel4-A1", 273.979, 9.7057, 9.7059, 76),
        ("SEQnet@pixel4-A2", 398.938, 10.0082, 10.0085, 84),
        ("SEQnet@pixel4-A3", 591.208, 13.8758, 13.8761, 102),
        ("SEQnet@pixel4-A4", 738.137, 15.3039, 15.3042, 114),
        ("SEQnet@vnni-A0", 163.479, 7.7953, 7.7954, 50),
        ("SEQnet@vnni-A1", 358.172, 11.9646, 11.9648, 62),
        ("SEQnet@vnni-A2", 638.338, 14.5158, 14.5160, 77),
        ("SEQnet@vnni-A3", 981.538, 15.9301, 15.9303, 78),
        ("SEQnet@vnni-A4", 1383.124, 23.3686, 23.3689, 95),
    ] {
        let (home, text) = &nets[name];
        let net = Subnet::parse(&space(home), text).unwrap();
        assert_eq!(net.encode(), *text, "{name}");
        let cost = net.graph().unwrap().cost();
        assert_eq!((cost, cost.weighted), (net.cost().unwrap(), layers), "{name}");
        let quantized = (cost.params + cost.quantizer_params()) as f64 / 1e6;
        assert!((cost.mflops() - mflops).abs() < 6e-4, "{name}: {} instead of {mflops}", cost.mflops());
        assert!((cost.mparams() - mparams).abs() < 6e-5, "{name}: {} instead of {mparams}", cost.mparams());
        assert!((quantized - with_quantizers).abs() < 6e-5, "{name}: {quantized} instead of {with_quantizers}");
    }
    for (least, home) in [("SEQnet@pixel4-A0", "spaceevo@pixel4"), ("SEQnet@vnni-A0", "spaceevo@vnni")] {
        assert_eq!(Subnet::smallest(&space(home)).encode(), nets[least].1);
    }
}

/// The options of the reference's runs, with something for stem and head.
fn as_published(limits: &[f64]) -> QtOptions {
    let other = BTreeMap::from([(INT8_MS.to_string(), BTreeMap::from([(224, 2.0), (192, 1.5), (160, 1.0)]))]);
    QtOptions { share: 0.08, steepness: 0.01, other, mode: QtMode::Reference, ..QtOptions::within_ms(limits) }
}

fn exactly(options: &QtOptions) -> QtOptions {
    QtOptions { method: QtMethod::Exact(Bins::default()), ..options.clone() }
}

#[test]
fn sampled_and_exact_scores_agree_with_the_published_code() {
    let Some((hyperspace, lut)) = mobilew() else { return };
    let options = as_published(&[15.0, 20.0]);
    // The published code's score, how sure it is, and how far the mean of three samples may be from the exact score: of the
    // first space only 65 of 100,000 networks keep 15 ms, so that a sample's best 50 are most of them.
    for (text, wanted, sure, noise) in [
        ("122222-155400", 0.757, 0.003, 0.004),
        ("332160-134200", 0.7355, 0.001, 0.002),
        ("112220-154410", 0.7646, 0.001, 0.003),
        ("000000-000000", 0.5813, 0.0006, 0.002),
    ] {
        let space = SearchSpace::parse(hyperspace, text).unwrap();
        let score = |seed| {
            let drawing = Drawing { seed: Seed(seed), ..Drawing::default() };
            qt_score(&space, lut, &QtOptions { drawing, ..options.clone() }).unwrap().score
        };
        let mean = (0..3).map(score).sum::<f64>() / 3.0;
        assert!((mean - wanted).abs() < sure + 0.0015, "{text}: {mean} instead of {wanted}");
        let found = qt_score(&space, lut, &exactly(&options)).unwrap();
        let (low, high) = found.bracket().unwrap();
        println!("{text}: {mean:.4} from three samples, exactly {:.4} in {low:.4} to {high:.4}", found.score);
        assert!(low <= found.score && found.score <= high && high - low < 0.003, "{text}: {found:?}");
        assert!((found.score - mean).abs() < noise, "{text}: {} and {mean}", found.score);
        assert_eq!(qt_score(&space, lut, &exactly(&options)).unwrap(), found, "{text}: the same question, another answer");
    }
}

#[test]
fn exact_shares_are_known_where_no_sample_sees_a_network() {
    let Some((hyperspace, lut)) = mobilew() else { return };
    let space = SearchSpace::parse(hyperspace, "122222-155400").unwrap();
    let at = |resolution: Option<usize>| {
        let mut options = exactly(&as_published(&[15.0]));
        options.drawing.resolutions = resolution.into_iter().collect();
        qt_score(&space, lut, &options).unwrap().limits.remove(0)
    };
    // Shares from a convolution of the six stages at a ten-thousandth of a millisecond.
    for (resolution, wanted, error) in
        [(None, 0.000_655_5, 0.03), (Some(160), 0.001_961_7, 0.03), (Some(192), 4.901e-6, 0.05), (Some(224), 4.069e-9, 0.2)]
    {
        let found = at(resolution);
        println!("at {resolution:?} a share of {:.4e}, top loss {:.4}", found.share, found.top_loss);
        assert!((found.share / wanted - 1.0).abs() < error, "{resolution:?}: {} instead of {wanted}", found.share);
    }
    let all = at(None);
    assert!((all.top_loss - 2.64).abs() < 0.005, "{}", all.top_loss);
}

#[test]
fn single_blocks_are_recovered_and_add_up_to_the_rows() {
    let (Some((hyperspace, lut)), Some(found)) = (mobilew(), recovered()) else { return };
    let decided = found.blocks.entries().len();
    println!(
        "{decided} of {} blocks, residuals {:.1e} ms at most, {:.1e} ms usually",
        found.occurring, found.largest_residual_ms, found.rms_residual_ms
    );
    assert!(decided >= 79_000 && decided <= found.occurring, "{decided} of {}", found.occurring);
    // Half a unit of the last of four decimals for the row, and a little for what it must give way to others.
    assert!(found.largest_residual_ms < 1e-4, "{}", found.largest_residual_ms);
    let stage = lut.filter(|row| &*lut.keys()[row].stage == "stage5").unwrap();
    let mut known = 0;
    for (sample, ms) in stage.samples(hyperspace).unwrap().iter().zip(stage.column(INT8_MS).unwrap()) {
        let Ok(sum) = found.blocks.stage_ms(sample) else { continue };
        known += 1;
        assert!((sum - ms).abs() < 1e-3, "{}: {sum} instead of {ms}", sample.encode());
    }
    println!("{known} of {} rows of stage5 have known blocks only", stage.height());
    assert!(known * 10 > stage.height() * 8, "{known} of {}", stage.height());
}

#[test]
fn blocks_measured_wrongly_stand_out_and_are_put_right() {
    let (Some((hyperspace, _)), Some(found)) = (mobilew(), recovered()) else { return };
    let entries = found.blocks.entries();
    // Among so many of their kind that a line through the others is sure.
    let kind = |key: &BlockKey| {
        let config = &key.config;
        format!("{} {} {} {}", key.operator, config.choices, config.stride, config.hw)
    };
    let mut kinds: HashMap<String, usize> = HashMap::new();
    entries.iter().for_each(|(key, _)| *kinds.entry(kind(key)).or_default() += 1);
    let before: Vec<BlockKey> =
        found.blocks.outliers(hyperspace, 3.0).unwrap().into_iter().map(|outlier| outlier.block).collect();
    println!("{} of {} blocks stand out as they are", before.len(), entries.len());
    assert!(before.len() < entries.len() / 100);
    let mut rng = Seed(7).rng();
    let mut wrong: Vec<(BlockKey, f64)> = Vec::new();
    while wrong.len() < 5 {
        let (key, ms) = &entries[rng.random_range(0..entries.len())];
        if kinds[&kind(key)] >= 20 && *ms > 1e-3 && !before.contains(key) && wrong.iter().all(|(other, _)| other != key) {
            wrong.push((key.clone(), *ms));
        }
    }
    let slow = BlockTable::new(wrong.iter().map(|(key, ms)| (key.clone(), ms * 10.0)), BTreeMap::new());
    let slow = found.blocks.merged(&slow);
    assert_eq!(slow.entries().len(), entries.len());
    let outliers = slow.outliers(hyperspace, 3.0).unwrap();
    let repaired = slow.repaired(&outliers);
    println!("{} blocks stand out once five are ten times as slow", outliers.len());
    assert!(outliers.len() <= before.len() + 10, "{}", outliers.len());
    for (key, ms) in &wrong {
        let outlier = outliers.iter().find(|outlier| outlier.block == *key);
        let outlier = outlier.unwrap_or_else(|| panic!("{key} is not found at {} ms instead of {ms}", ms * 10.0));
        assert!((outlier.ms / ms - 10.0).abs() < 1e-6);
        let ratio = repaired.get(key).unwrap() / ms;
        assert!((0.5..2.0).contains(&ratio), "{key}: {ratio} of what it was");
    }
}
