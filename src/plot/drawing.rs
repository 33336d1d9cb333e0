//! Drawings that are no charts: layer graphs, rows of widths, blocks in order.

use super::canvas::{self, Mark, Scene};
use super::vector::{self, Ground};
use crate::base::Result;

/// Something drawn, ready to be written as SVG or PNG.
#[derive(Debug, Clone)]
pub struct Drawing {
    scene: Scene,
    title: String,
}

impl Drawing {
    /// The drawing of `marks` on a sheet of `width` by `height` points.
    pub(super) fn new(title: impl Into<String>, (width, height): (f64, f64), marks: Vec<Mark>) -> Self {
        let size = (width.ceil().max(1.0) as u32, height.ceil().max(1.0) as u32);
        Self { scene: Scene { size, marks }, title: title.into() }
    }

    /// Width and height in points.
    pub fn size(&self) -> (u32, u32) {
        self.scene.size
    }

    /// As an SVG document on a white sheet, readable wherever it is put.
    pub fn to_svg(&self) -> String {
        vector::svg(&self.scene, &self.title, Ground::Sheet)
    }

    /// As an SVG element to stand inside a page, light or dark, whose ink it takes.
    pub fn to_inline_svg(&self) -> String {
        vector::svg(&self.scene, &self.title, Ground::Page)
    }

    /// As a PNG of at most `pixels` across, and two pixels a point.
    ///
    /// # Errors
    /// `plot::drawing` if the drawing library fails.
    pub fn to_png_wide(&self, pixels: u32) -> Result<Vec<u8>> {
        canvas::png(&self.scene, pixels.clamp(64, 8192).min(2 * self.scene.size.0))
    }
}
