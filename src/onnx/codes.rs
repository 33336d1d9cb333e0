//! Integer weights of one convolution or dense layer: codes, scales per channel, integer bias.
//!
//! With a layer's weight scale s (one, or one for each output channel), batch norm (gamma, beta, mean, var) and input scale s_x:
//! codes q = clamp(round(w / s)) * sign(gamma), within -127..127 or those of the fewer bits it was trained with, channel scale s_c = s |gamma| / sqrt(var + eps),
//! bias b = round((beta - mean gamma / sqrt(var + eps)) / (s_x s_c)). The codes are those of training, so
//! folding loses nothing but the rounding of the bias.

use super::Int8Weights;
use super::fault::OnnxFault;
use crate::base::Result;
use crate::graph::{MOST_BITS, Weights};

/// Bias codes stay below this, so that they and the products sum up within 32 bits.
const LARGEST_BIAS: f64 = (1 << 30) as f64;

/// Bias code of a channel that holds nothing but its bias.
const ALONE: f32 = (1 << 20) as f32;

/// Batch norm as a factor and a shift per channel: y = x * factor + shift.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affine {
    pub(super) factor: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// Reads batch norm `name` over `channels`; `epsilon` stands inside its square root.
pub(super) fn affine(weights: &Weights, name: &str, channels: usize, epsilon: f64) -> Result<Affine> {
    let shape = [channels];
    let gamma = finite(weights, &format!("{name}.gamma"), &shape)?;
    let beta = finite(weights, &format!("{name}.beta"), &shape)?;
    let mean = finite(weights, &format!("{name}.mean"), &shape)?;
    let var = finite(weights, &format!("{name}.var"), &shape)?;
    let factor: Vec<_> = gamma.iter().zip(var).map(|(g, v)| g / (v.max(0.0) + epsilon as f32).sqrt()).collect();
    let shift = beta.iter().zip(mean).zip(&factor).map(|((b, m), f)| b - m * f).collect();
    Ok(Affine { factor, shift })
}

/// A tensor whose numbers are all finite.
pub(super) fn finite<'a>(weights: &'a Weights, key: &str, shape: &[usize]) -> Result<&'a [f32]> {
    let data = weights.need(key, shape)?;
    if data.iter().any(|v| !v.is_finite()) {
        return Err(OnnxFault::NotFinite { key: key.into() }.into());
    }
    Ok(data)
}

/// A scale, which must be positive.
pub(super) fn scale(weights: &Weights, key: &str) -> Result<f32> {
    let value = weights.scalar(key)?;
    if !(value.is_finite() && value > 0.0) {
        return Err(OnnxFault::Scale { key: key.into(), value }.into());
    }
    Ok(value)
}

/// The scales of a weight with so many output channels, each positive: one, or one for each channel.
pub(super) fn scales<'a>(weights: &'a Weights, key: &str, channels: usize) -> Result<&'a [f32]> {
    let scales = match weights.get(key) {
        Some(([1], data)) => data,
        _ => weights.need(key, &[channels])?,
    };
    match scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
        Some(&value) => Err(OnnxFault::Scale { key: key.into(), value }.into()),
        None => Ok(scales),
    }
}

/// Integer weights, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Codes {
    /// One per weight, in the weight's order.
    pub(super) weight: Vec<i8>,
    /// One per output channel.
    pub(super) scale: Vec<f32>,
    /// One per output channel, in units of input scale times channel scale.
    pub(super) bias: Vec<i32>,
}

/// How the weight of a layer was quantized in training.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trained<'a> {
    /// One, or one for each output channel.
    pub(super) scales: &'a [f32],
    /// Of its codes.
    pub(super) bits: u32,
}

impl Trained<'_> {
    /// Smallest and largest code of fewer than 8 bits; none of those 8 bits may be -128, which has no counterpart.
    fn bounds(&self) -> Option<(f32, f32)> {
        let half = (1 << (self.bits - 1)) as f32;
        (self.bits < MOST_BITS).then_some((-half, half - 1.0))
    }
}

/// Quantizes `weight` (output channels first) as it was in training and folds `affine` into it.
pub(super) fn codes(weight: &[f32], trained: &Trained<'_>, input_scale: f32, affine: &Affine, style: Int8Weights) -> Codes {
    let limit = style.limit();
    let channels = affine.factor.len();
    // Fewer codes for the same range; those of fewer bits are few enough.
    let finer = if style.seven_bits && trained.bounds().is_none() { 127.0 / limit } else { 1.0 };
    let sw: Vec<f32> = trained.scales.iter().cycle().take(channels).map(|sw| sw * finer).collect();
    let bounds = trained.bounds().unwrap_or((-limit, limit));
    if style.per_tensor {
        return codes_of_layer(weight, &sw, input_scale, affine, bounds, limit);
    }
    let per_channel = weight.len() / channels.max(1);
    let mut codes = Codes { weight: Vec::with_capacity(weight.len()), scale: vec![], bias: vec![] };
    for (channel, row) in weight.chunks(per_channel.max(1)).enumerate() {
        let (factor, shift, sw) = (affine.factor[channel], affine.shift[channel], sw[channel]);
        let channel_scale = sw * factor.abs();
        let bias = f64::from(shift) / (f64::from(input_scale) * f64::from(channel_scale));
        // A channel that batch norm switches off: its constant remains, at a scale that holds it exactly enough.
        let off = channel_scale < f32::MIN_POSITIVE || !bias.is_finite() || bias.abs() >= LARGEST_BIAS;
        let alone = shift.abs() / input_scale / ALONE;
        let alone = if alone >= f32::MIN_POSITIVE { alone } else { sw };
        let (channel_scale, sign) = if off { (alone, 0.0) } else { (channel_scale, factor.signum()) };
        let bias = f64::from(shift) / (f64::from(input_scale) * f64::from(channel_scale));
        codes.weight.extend(row.iter().map(|w| ((w / sw).round_ties_even().clamp(bounds.0, bounds.1) * sign) as i8));
        codes.scale.push(channel_scale);
        codes.bias.push(bias.round_ties_even().clamp(-LARGEST_BIAS, LARGEST_BIAS) as i32);
    }
    codes
}

/// The same with one scale for the whole layer: `affine` goes into the weights before they are quantized.
fn codes_of_layer(weight: &[f32], sw: &[f32], input_scale: f32, affine: &Affine, (low, high): (f32, f32), limit: f32) -> Codes {
    let channels = affine.factor.len().max(1);
    let row = (weight.len() / channels).max(1);
    let channels = weight.chunks(row).zip(sw).zip(&affine.factor);
    let trained = |w: &f32, sw: f32| (w / sw).round_ties_even().clamp(low, high) * sw;
    let folded: Vec<f32> = channels.flat_map(|((row, &sw), &f)| row.iter().map(move |w| trained(w, sw) * f)).collect();
    let largest = folded.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
    let scale =
        if largest > f32::MIN_POSITIVE * limit { largest / limit } else { sw.iter().copied().fold(f32::MIN_POSITIVE, f32::max) };
    let unit = f64::from(input_scale) * f64::from(scale);
    let bias = affine.shift.iter().map(|b| (f64::from(*b) / unit).round_ties_even().clamp(-LARGEST_BIAS, LARGEST_BIAS) as i32);
    Codes {
        weight: folded.iter().map(|w| (w / scale).round_ties_even().clamp(-limit, limit) as i8).collect(),
        bias: bias.collect(),
        scale: vec![scale; affine.factor.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eight(scales: &[f32]) -> Trained<'_> {
        Trained { scales, bits: 8 }
    }

    #[test]
    fn seven_bits_keep_the_range_and_one_scale_serves_all_channels() {
        let affine = Affine { factor: vec![2.0, 0.5], shift: vec![0.1, 0.2] };
        let half = codes(
            &[1.27, -1.27, 0.0, 0.64],
            &eight(&[0.01]),
            0.1,
            &affine,
            Int8Weights { seven_bits: true, ..Int8Weights::default() },
        );
        assert_eq!(half.weight, [63, -63, 0, 32]);
        assert!((half.scale[0] * 63.0 - 2.54).abs() < 1e-5);
        let one = codes(
            &[1.27, -1.27, 0.0, 0.64],
            &eight(&[0.01]),
            0.1,
            &affine,
            Int8Weights { per_tensor: true, ..Int8Weights::default() },
        );
        assert_eq!(one.weight, [127, -127, 0, 16]);
        assert!(one.scale.iter().all(|s| (s - 0.02).abs() < 1e-7));
        assert_eq!(one.bias, [50, 100]);
    }

    #[test]
    fn batch_norm_goes_into_scales_and_its_sign_into_the_codes() {
        let affine = Affine { factor: vec![2.0, -0.5, 0.0], shift: vec![0.1, 0.2, 0.3] };
        let made = codes(&[0.1, -0.2, 0.1, -0.2, 0.1, 5.0], &eight(&[0.01]), 0.1, &affine, Int8Weights::default());
        assert_eq!(made.weight, [10, -20, -10, 20, 0, 0]);
        assert_eq!(made.bias, [50, 400, 1 << 20]);
        for (scale, wanted) in made.scale.iter().zip([0.02, 0.005, 3.0 / f32::powi(2.0, 20)]) {
            assert!((scale - wanted).abs() < 1e-7);
        }
    }

    #[test]
    fn each_channel_may_have_a_scale_of_its_own() {
        let affine = Affine { factor: vec![2.0, -0.5], shift: vec![0.0, 0.2] };
        let made = codes(&[0.05, -0.2, 0.1, -0.2], &eight(&[0.01, 0.1]), 0.1, &affine, Int8Weights::default());
        assert_eq!((made.weight, made.bias), (vec![5, -20, -1, 2], vec![0, 40]));
        assert!((made.scale[0] - 0.02).abs() < 1e-7 && (made.scale[1] - 0.05).abs() < 1e-7);
        let one = codes(
            &[0.05, -0.2, 0.1, -0.2],
            &eight(&[0.01, 0.1]),
            0.1,
            &affine,
            Int8Weights { per_tensor: true, ..Default::default() },
        );
        assert_eq!(one.weight, [32, -127, -16, 32]);
    }

    #[test]
    fn fewer_bits_keep_to_their_codes_and_have_room_for_the_other_sign() {
        let affine = Affine { factor: vec![1.0, -1.0], shift: vec![0.0; 2] };
        let made = codes(&[0.9, -0.9, 0.9, -0.9], &Trained { scales: &[0.1], bits: 4 }, 0.1, &affine, Int8Weights::default());
        assert_eq!(made.weight, [7, -8, -7, 8]);
    }

    #[test]
    fn codes_stay_within_127() {
        let made =
            codes(&[9.0, -9.0], &eight(&[0.01]), 0.1, &Affine { factor: vec![1.0], shift: vec![0.0] }, Int8Weights::default());
        assert_eq!(made.weight, [127, -127]);
    }
}
